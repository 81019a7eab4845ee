//! The desk: the API in this process, called without HTTP.

use anyhow::ensure;
use khabar_domain::Scope;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_graphql::document::OperationRequest;
use khabar_graphql::limit::Limits;
use khabar_graphql::response::Api;
use khabar_persistence::Db;
use serde_json::Value;

/// The API on a database.
pub(crate) struct Desk {
    api: Api,
    db: Db,
}

/// A response and its cost.
pub(crate) struct Answered {
    /// The response, byte for byte.
    pub(crate) json: Vec<u8>,
    /// Number of SQL statements executed.
    pub(crate) statements: usize,
}

impl Desk {
    pub(crate) fn new(db: Db) -> anyhow::Result<Self> {
        let api = khabar_graphql::api(Limits::default())?;
        Ok(Self { api, db })
    }

    /// Executes the body of a request.
    pub(crate) async fn ask(&self, body: &str) -> anyhow::Result<Answered> {
        let incoming = OperationRequest::from_json(body.as_bytes())
            .map_err(|error| anyhow::anyhow!("the request is refused: {}", error.message))?;
        let reader = self.db.reader(Scope::reader(SystemClock.now()));
        let data = khabar_graphql::context::data(reader.clone());
        let answer = self.api.answer(&incoming, data).await;
        Ok(Answered {
            json: answer.to_json(),
            statements: reader.statements().len(),
        })
    }
}

impl Answered {
    /// Returns the `data` of the response. Fails if the response has errors or a top-level field is
    /// null.
    pub(crate) fn data(&self) -> anyhow::Result<Value> {
        let mut answer: Value = serde_json::from_slice(&self.json)?;
        let data = answer["data"].take();
        let whole = answer.get("errors").is_none()
            && data
                .as_object()
                .is_some_and(|data| data.values().all(|value| !value.is_null()));
        ensure!(whole, "an operation failed: {answer} {data}");
        Ok(data)
    }
}

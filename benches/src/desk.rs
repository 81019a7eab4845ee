//! The desk: the API in this process, asked without HTTP.

use anyhow::ensure;
use khabar_domain::Scope;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_graphql::answer::Api;
use khabar_graphql::document::Incoming;
use khabar_graphql::limit::Limits;
use khabar_persistence::Db;
use serde_json::Value;

/// The API over a database.
pub(crate) struct Desk {
    api: Api,
    db: Db,
}

/// What came back, and what it took.
pub(crate) struct Answered {
    /// The answer, byte for byte.
    pub(crate) json: Vec<u8>,
    /// How many SQL statements it took.
    pub(crate) statements: usize,
}

impl Desk {
    pub(crate) fn new(db: Db) -> anyhow::Result<Self> {
        let api = khabar_graphql::api(Limits::default())?;
        Ok(Self { api, db })
    }

    /// Asks by a request's body.
    pub(crate) async fn ask(&self, body: &str) -> anyhow::Result<Answered> {
        let incoming = Incoming::from_json(body.as_bytes())
            .map_err(|error| anyhow::anyhow!("the request is refused: {}", error.message))?;
        let reader = self.db.reader(Scope::reader(SystemClock.now()));
        let data = khabar_graphql::scope::data(reader.clone());
        let answer = self.api.answer(&incoming, data).await;
        Ok(Answered {
            json: answer.to_json(),
            statements: reader.statements().len(),
        })
    }
}

impl Answered {
    /// The answer's `data`; an answer with errors, or about nothing, is an error.
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

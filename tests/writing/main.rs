//! The newsroom being written: every mutation, on both databases.

mod address;
mod agreement;
mod article;
mod channel;
mod comment;
mod commenting;
mod edition;
mod home;
mod integrity;
mod media;
mod moderation;
mod noun;
mod random;
mod revision;
mod scheduler;
mod section;
mod story;
mod withdrawal;
mod workflow;

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_domain::commenting::Limits;
use khabar_graphql::limit;
use khabar_tests::harness::{Newsroom, TestApp, TestDb, Who, newsroom};
use serde_json::Value;

/// Limits that let everything be looked at in few questions.
pub(crate) fn roomy() -> limit::Limits {
    limit::Limits {
        complexity: 1_000_000,
        ..limit::Limits::default()
    }
}

/// A newsroom that can be written, and an editor.
struct Desk {
    app: TestApp,
    editor: Who,
}

impl Desk {
    /// The small newsroom on each database that this machine has, behind a cache: whatever is read
    /// after a write would show what it should have let go of.
    async fn each() -> anyhow::Result<Vec<Self>> {
        let mut each = Vec::new();
        for db in TestDb::each().await? {
            Newsroom::small()?.save(db.db()).await?;
            let app = TestApp::with_limits(db.caching().await?, roomy())?;
            let editor = app.who("ليلى", Role::Editor).await?;
            each.push(Self { app, editor });
        }
        Ok(each)
    }

    /// The same, where readers may say so much so fast.
    fn saying(self, comments: Limits) -> Self {
        let app = self.app.saying(comments);
        Self { app, ..self }
    }

    /// Asks as somebody; an error of the API is an error.
    async fn ask(&self, who: &Who, document: &str, variables: Value) -> anyhow::Result<Value> {
        let answered = self
            .app
            .ask_as(who, newsroom::now(), document, &variables)
            .await?;
        let mut value = answered.value()?;
        ensure!(value["errors"].is_null(), "{document}\n{}", value["errors"]);
        Ok(value["data"].take())
    }

    /// Writes as somebody: the payload of the document's only field.
    async fn write(&self, who: &Who, document: &str, input: Value) -> anyhow::Result<Value> {
        let variables = serde_json::json!({ "input": input });
        let data = self.ask(who, document, variables).await?;
        let fields = data.as_object().context("no data")?;
        let (_, payload) = fields.iter().next().context("an empty answer")?;
        Ok(payload.clone())
    }

    /// The code of the error of the API with which somebody is refused.
    async fn refused(&self, who: &Who, document: &str, input: Value) -> anyhow::Result<String> {
        let variables = serde_json::json!({ "input": input });
        let answered = self
            .app
            .ask_as(who, newsroom::now(), document, &variables)
            .await?;
        let code = answered.value()?["errors"][0]["extensions"]["code"].take();
        Ok(code.as_str().context("it was not refused")?.to_owned())
    }
}

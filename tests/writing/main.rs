//! Tests of every mutation, on both databases.

mod address;
mod article;
mod channel;
mod comment;
mod comment_settings;
mod edition;
mod home;
mod integrity;
mod invariants;
mod media;
mod moderation;
mod noun;
mod revision;
mod scheduler;
mod section;
mod story;
mod withdrawal;
mod workflow;

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_domain::commenting::CommentLimits;
use khabar_graphql::limit;
use khabar_tests::harness::{Newsroom, TestApp, TestDb, Who, newsroom};
use serde_json::Value;

/// Returns query limits that are high enough to read everything in a few queries.
pub(crate) fn high_limits() -> limit::Limits {
    limit::Limits {
        complexity: 1_000_000,
        ..limit::Limits::default()
    }
}

/// A newsroom open to writes, with an editor.
struct Fixture {
    app: TestApp,
    editor: Who,
}

impl Fixture {
    /// Creates the small newsroom on each database available on this machine. A cache is enabled, so that
    /// reads after a write expose any missed invalidation.
    async fn each() -> anyhow::Result<Vec<Self>> {
        let mut each = Vec::new();
        for db in TestDb::each().await? {
            Newsroom::small()?.save(db.db()).await?;
            let app = TestApp::with_limits(db.caching().await?, high_limits())?;
            let editor = app.who("ليلى", Role::Editor).await?;
            each.push(Self { app, editor });
        }
        Ok(each)
    }

    /// Sets the rate limits and the edit window of comments.
    fn with_comment_limits(self, comments: CommentLimits) -> Self {
        let app = self.app.with_comment_limits(comments);
        Self { app, ..self }
    }

    /// Executes a document and returns its data. Fails on any GraphQL error.
    async fn ask(&self, who: &Who, document: &str, variables: Value) -> anyhow::Result<Value> {
        let answered = self
            .app
            .ask_as(who, newsroom::now(), document, &variables)
            .await?;
        let mut value = answered.value()?;
        ensure!(value["errors"].is_null(), "{document}\n{}", value["errors"]);
        Ok(value["data"].take())
    }

    /// Executes a mutation and returns the payload of the document's only field.
    async fn write(&self, who: &Who, document: &str, input: Value) -> anyhow::Result<Value> {
        let variables = serde_json::json!({ "input": input });
        let data = self.ask(who, document, variables).await?;
        let fields = data.as_object().context("no data")?;
        let (_, payload) = fields.iter().next().context("an empty answer")?;
        Ok(payload.clone())
    }

    /// Executes a mutation that must be refused, and returns the code of the first GraphQL error.
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

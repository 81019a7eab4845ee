//! The editor: publishes an article in one of the stories, corrects its headline a second later,
//! and repeats this.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::reader::{AcknowledgedWrites, WRITE_PREFIX, position};
use crate::load::{self, Connection};

const CREATE: &str = "mutation Create($input: CreateArticleInput!) {
    createArticle(input: $input) { article { id } userErrors { message } } }";
const PUBLISH: &str = "mutation Publish($input: PublishArticleInput!) {
    publishArticle(input: $input) { article { id version } userErrors { message } } }";
const CORRECT: &str = "mutation Correct($input: CorrectArticleInput!) {
    correctArticle(input: $input) { article { id version } userErrors { message } } }";

/// Interval between writes.
const EVERY: Duration = Duration::from_secs(1);

pub(super) struct Editor {
    address: SocketAddr,
    token: String,
    stories: Vec<(String, String)>,
    /// Number of writes so far.
    number: u64,
}

impl Editor {
    pub(super) fn new(address: SocketAddr, token: String, stories: Vec<(String, String)>) -> Self {
        Self {
            address,
            token,
            stories,
            number: 0,
        }
    }

    /// Writes for this time and returns the number of writes.
    pub(super) async fn write(
        &mut self,
        time: Duration,
        truth: &AcknowledgedWrites,
    ) -> anyhow::Result<u64> {
        let before = self.number;
        let mut connection = Connection::open(self.address).await?;
        let end = tokio::time::Instant::now() + time;
        let mut due = tokio::time::interval(EVERY);
        let mut published: Option<(Value, usize)> = None;
        while due.tick().await < end {
            self.number += 1;
            let headline = format!("خبر عاجل {WRITE_PREFIX}{}", self.number);
            let (article, story, seq) = match published.take() {
                None => {
                    let at = usize::try_from(self.number / 2)? % self.stories.len();
                    let (article, seq) = self.publish(&mut connection, &headline, at).await?;
                    published = Some((article.clone(), at));
                    (article, at, seq)
                }
                Some((article, at)) => {
                    let input = json!({
                        "id": article["id"], "version": article["version"],
                        "headline": headline, "silent": true,
                    });
                    let (article, seq) = self.send(&mut connection, CORRECT, input).await?;
                    (article, at, seq)
                }
            };
            ensure!(article["id"].is_string(), "there is no article: {article}");
            truth.written(self.number, story, seq);
        }
        Ok(self.number - before)
    }

    async fn publish(
        &self,
        connection: &mut Connection,
        headline: &str,
        story: usize,
    ) -> anyhow::Result<(Value, i64)> {
        let input = json!({
            "headline": headline,
            "body": [{"paragraph": {"text": "نص الخبر."}}],
            "stories": [self.stories[story].0],
        });
        let (created, _) = self.send(connection, CREATE, input).await?;
        self.send(connection, PUBLISH, json!({"id": created["id"]}))
            .await
    }

    /// Sends a mutation. Returns the resulting article and the position in the change feed after
    /// it.
    async fn send(
        &self,
        connection: &mut Connection,
        document: &str,
        input: Value,
    ) -> anyhow::Result<(Value, i64)> {
        let body = json!({"query": document, "variables": {"input": input}}).to_string();
        let request = load::post_by(&self.token, "/graphql", &body);
        connection.exchange(&request).await?;
        let seq = position(connection.received()).context("no Khabar-Position")?;
        let mut response: Value = serde_json::from_slice(connection.body())?;
        let payload = response["data"].as_object_mut();
        let payload = payload.and_then(|data| data.values_mut().next().map(Value::take));
        let mut payload = payload.with_context(|| format!("the write failed: {response}"))?;
        ensure!(
            payload["userErrors"] == json!([]),
            "the write failed: {payload}"
        );
        Ok((payload["article"].take(), seq))
    }
}

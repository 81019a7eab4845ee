//! Helpers for tests that write: an editor who adds topics and renames sections, and checks of the
//! result.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::TestDb;
use serde_json::{Value, json};

use crate::client::{Client, HttpResponse};
use crate::newsroom;

const CREATE: &str = "mutation ($input: CreateTopicInput!) {
    createTopic(input: $input) { topic { id } userErrors { message } } }";

/// An editor who adds topics with distinct names.
#[derive(Clone)]
pub(crate) struct Editor {
    client: Client,
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acknowledged,
    /// The response has an error code: the write was not carried out, or its outcome is unknown.
    Refused,
}

impl Editor {
    /// Creates an editor in the newsroom and signs them in to the client's server.
    pub(crate) async fn of(db: &TestDb, client: &Client) -> anyhow::Result<Self> {
        let token = newsroom::token(db, "ليلى", Role::Editor).await?;
        Ok(Self::with(client, &token))
    }

    /// Creates an editor with a token that was issued before.
    pub(crate) fn with(client: &Client, token: &str) -> Self {
        Self {
            client: client.with_token(token),
        }
    }

    /// Returns this editor, connected to the server of another client.
    pub(crate) fn at(&self, client: &Client) -> Self {
        Self {
            client: self.client.at(client),
        }
    }

    /// Returns the editor's client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Adds a topic with the given name.
    pub(crate) async fn add(&self, name: &str) -> anyhow::Result<Outcome> {
        let response = self.send(name).await?;
        let payload = &response.json()?["data"]["createTopic"];
        if payload["topic"]["id"].is_string() {
            ensure!(response.code().is_empty(), "{response:?}");
            return Ok(Outcome::Acknowledged);
        }
        ensure!(
            !response.code().is_empty(),
            "a refusal has a code: {response:?}"
        );
        Ok(Outcome::Refused)
    }

    /// Sends the mutation that adds a topic and returns the response.
    pub(crate) async fn send(&self, name: &str) -> anyhow::Result<HttpResponse> {
        let input = json!({"input": {"name": name, "edition": "ar"}});
        self.client.post(CREATE, input).await
    }
}

/// Whether the server finds a topic with this name, looked up by its slug.
pub(crate) async fn has(client: &Client, name: &str) -> anyhow::Result<bool> {
    const FIND: &str = "query ($slug: Slug!) { topic(slug: $slug) { name } }";
    let response = client.post(FIND, json!({ "slug": name })).await?;
    let found = &response.data()?["topic"];
    ensure!(found.is_null() || found["name"] == name, "{response:?}");
    Ok(!found.is_null())
}

/// Returns the given names for which the server finds no topic.
pub(crate) async fn missing_topics<'a>(
    client: &Client,
    names: impl IntoIterator<Item = &'a String>,
) -> anyhow::Result<Vec<&'a String>> {
    let mut missing_topics = Vec::new();
    for name in names {
        if !has(client, name).await? {
            missing_topics.push(name);
        }
    }
    Ok(missing_topics)
}

/// Returns the id and the name of the first section. Readers see the name, and `rename` changes it.
pub(crate) async fn section(client: &Client) -> anyhow::Result<(String, String)> {
    let response = client.post("{ sections { id name } }", Value::Null).await?;
    let data = response.data()?;
    let text = |member: &str| data["sections"][0][member].as_str().map(str::to_owned);
    let found = text("id").zip(text("name"));
    found.with_context(|| format!("{response:?}"))
}

/// Renames a section and returns the response.
pub(crate) async fn rename(editor: &Editor, id: &str, name: &str) -> anyhow::Result<HttpResponse> {
    const RENAME: &str = "mutation ($input: UpdateSectionInput!) {
        updateSection(input: $input) { section { name } userErrors { message } } }";
    let input = json!({"input": {"id": id, "name": name}});
    editor.client().post(RENAME, input).await
}

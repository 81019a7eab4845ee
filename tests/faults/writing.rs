//! Writes for the tests: an editor who corrects names, and what is there afterwards.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::TestDb;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::newsroom;

const CREATE: &str = "mutation ($input: CreateTopicInput!) {
    createTopic(input: $input) { topic { id } userErrors { message } } }";

/// An editor who adds topics, each under a name of its own.
#[derive(Clone)]
pub(crate) struct Editor {
    client: Client,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acknowledged,
    /// The answer says that it was not carried out, or that nobody knows.
    Refused,
}

impl Editor {
    /// An editor of this newsroom at this server.
    pub(crate) async fn of(db: &TestDb, client: &Client) -> anyhow::Result<Self> {
        let token = newsroom::token(db, "ليلى", Role::Editor).await?;
        Ok(Self {
            client: client.with_token(&token),
        })
    }

    /// The same editor at another server.
    pub(crate) fn at(&self, client: &Client) -> Self {
        Self {
            client: self.client.at(client),
        }
    }

    /// Their client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Adds a topic of this name.
    pub(crate) async fn add(&self, name: &str) -> anyhow::Result<Outcome> {
        let answer = self.send(name).await?;
        let payload = &answer.json()?["data"]["createTopic"];
        if payload["topic"]["id"].is_string() {
            ensure!(answer.code().is_empty(), "{answer:?}");
            return Ok(Outcome::Acknowledged);
        }
        ensure!(
            !answer.code().is_empty(),
            "a refusal has a code: {answer:?}"
        );
        Ok(Outcome::Refused)
    }

    /// The answer to adding a topic of this name.
    pub(crate) async fn send(&self, name: &str) -> anyhow::Result<Answer> {
        let input = json!({"input": {"name": name, "edition": "ar"}});
        self.client.post(CREATE, input).await
    }
}

/// Whether the newsroom has a topic of this name, by its slug, as a server answers.
pub(crate) async fn has(client: &Client, name: &str) -> anyhow::Result<bool> {
    const FIND: &str = "query ($slug: Slug!) { topic(slug: $slug) { name } }";
    let answer = client.post(FIND, json!({ "slug": name })).await?;
    let found = &answer.data()?["topic"];
    ensure!(found.is_null() || found["name"] == name, "{answer:?}");
    Ok(!found.is_null())
}

/// The names of these that the newsroom lacks.
pub(crate) async fn lacking<'a>(
    client: &Client,
    names: impl IntoIterator<Item = &'a String>,
) -> anyhow::Result<Vec<&'a String>> {
    let mut lacking = Vec::new();
    for name in names {
        if !has(client, name).await? {
            lacking.push(name);
        }
    }
    Ok(lacking)
}

/// The name of the first section, which readers see and `rename` changes.
pub(crate) async fn section(client: &Client) -> anyhow::Result<(String, String)> {
    let answer = client.post("{ sections { id name } }", Value::Null).await?;
    let data = answer.data()?;
    let text = |member: &str| data["sections"][0][member].as_str().map(str::to_owned);
    let found = text("id").zip(text("name"));
    found.with_context(|| format!("{answer:?}"))
}

/// Renames a section; the answer.
pub(crate) async fn rename(editor: &Editor, id: &str, name: &str) -> anyhow::Result<Answer> {
    const RENAME: &str = "mutation ($input: UpdateSectionInput!) {
        updateSection(input: $input) { section { name } userErrors { message } } }";
    let input = json!({"input": {"id": id, "name": name}});
    editor.client().post(RENAME, input).await
}

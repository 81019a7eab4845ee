//! The API over a test's database, asked as one reader at one hour.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use khabar_domain::Scope;
use khabar_graphql::answer::Api;
use khabar_graphql::document::Incoming;
use khabar_graphql::limit::Limits;
use serde_json::{Value, json};

use super::{TestDb, json, newsroom};

/// The API over a database.
pub struct TestApp {
    db: TestDb,
    api: Api,
}

impl TestApp {
    /// The API with its usual limits.
    pub fn new(db: TestDb) -> anyhow::Result<Self> {
        Self::with_limits(db, Limits::default())
    }

    /// The API with other limits.
    pub fn with_limits(db: TestDb, limits: Limits) -> anyhow::Result<Self> {
        let api = khabar_graphql::api(limits)?;
        Ok(Self::of(db, api))
    }

    /// An API of a test's own; its resolvers find a [`khabar_persistence::Reader`] beside what
    /// resolvers usually find.
    pub fn of(db: TestDb, api: Api) -> Self {
        Self { db, api }
    }

    /// The database below.
    pub fn db(&self) -> &TestDb {
        &self.db
    }

    /// Asks as a reader at [`newsroom::now`].
    pub async fn ask(&self, document: &str) -> anyhow::Result<Answered> {
        self.ask_with(document, &Value::Null).await
    }

    /// Asks as a reader at [`newsroom::now`], with these variables.
    pub async fn ask_with(&self, document: &str, variables: &Value) -> anyhow::Result<Answered> {
        self.ask_at(newsroom::now(), document, variables).await
    }

    /// Asks as a reader at this hour, with these variables.
    pub async fn ask_at(
        &self,
        hour: DateTime<Utc>,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<Answered> {
        let request = json!({"query": document, "variables": variables}).to_string();
        let incoming = Incoming::from_json(request.as_bytes())
            .map_err(|error| anyhow!("the request is refused: {}", error.message))?;
        let reader = self.db.db().reader(Scope::reader(hour));
        let mut data = khabar_graphql::scope::data(reader.clone());
        data.insert(reader.clone());
        let answer = self.api.answer(&incoming, data).await;
        let json = String::from_utf8(answer.to_json()).context("the answer is not UTF-8")?;
        Ok(Answered {
            json,
            statements: reader.statements(),
        })
    }
}

/// What came back, and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer, byte for byte.
    pub json: String,
    /// What each SQL statement was for, in the order in which they were sent.
    pub statements: Vec<&'static str>,
}

impl Answered {
    /// The answer, read.
    pub fn value(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.json).context("the answer is not JSON")
    }

    /// Answer and statements, for a snapshot. Statements of one level race each other to the
    /// database, so they stand by name, not in their order.
    pub fn shown(&self) -> String {
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for statement in &self.statements {
            *counted.entry(statement).or_default() += 1;
        }
        let mut text = json::indented(&self.json);
        let _ = write!(text, "\n\nSQL statements: {}", self.statements.len());
        for (statement, count) in counted {
            let _ = write!(text, "\n{count} × {statement}");
        }
        text
    }
}

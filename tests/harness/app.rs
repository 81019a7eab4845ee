//! The API over a test's database, asked by somebody at some hour.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use khabar_domain::commenting::Limits;
use khabar_domain::{AccountId, Name, Right, Rights, Role, Scope, Viewer, derived};
use khabar_graphql::answer::Api;
use khabar_graphql::document::Incoming;
use khabar_graphql::limit;
use khabar_graphql::write::{Desk, Random};
use khabar_persistence::Reader;
use khabar_persistence::account::{self, Account};
use serde_json::{Value, json};

use super::{TestDb, json, newsroom};

/// The API over a database.
pub struct TestApp {
    db: TestDb,
    api: Api,
    random: Random,
    comments: Limits,
}

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Who they are to the newsroom.
    pub viewer: Viewer,
    /// How they are called.
    pub name: String,
}

impl Who {
    /// A reader who does not say who they are.
    pub fn anonymous() -> Self {
        Self {
            viewer: Viewer::anonymous(),
            name: "anonymous".to_owned(),
        }
    }

    /// The same, with only these of their rights.
    #[must_use]
    pub fn only(mut self, rights: &[Right]) -> Self {
        self.viewer.rights = self.viewer.rights.within(Rights::of(rights));
        self
    }
}

impl TestApp {
    /// The API with its usual limits.
    pub fn new(db: TestDb) -> anyhow::Result<Self> {
        Self::with_limits(db, limit::Limits::default())
    }

    /// The API with other limits.
    pub fn with_limits(db: TestDb, limits: limit::Limits) -> anyhow::Result<Self> {
        let api = khabar_graphql::api(limits)?;
        Ok(Self::of(db, api))
    }

    /// An API of a test's own; its resolvers find a [`khabar_persistence::Reader`] beside what
    /// resolvers usually find.
    pub fn of(db: TestDb, api: Api) -> Self {
        // The same ids in every run, and different ones in one.
        let minted = AtomicU64::new(1);
        let random: Random = Arc::new(move || {
            let number = u128::from(minted.fetch_add(1, Ordering::Relaxed));
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        });
        Self {
            db,
            api,
            random,
            comments: Limits::default(),
        }
    }

    /// The same, where readers may say so much so fast.
    #[must_use]
    pub fn saying(self, comments: Limits) -> Self {
        Self { comments, ..self }
    }

    /// The database below.
    pub fn db(&self) -> &TestDb {
        &self.db
    }

    /// Somebody with an account and a role.
    pub async fn who(&self, name: &str, role: Role) -> anyhow::Result<Who> {
        let id = AccountId::new(derived("account", &[name]));
        let mut writer = self.db.db().writer(newsroom::now()).await?;
        let account = Account {
            id,
            name: Name::parse(name)?,
            subject: None,
        };
        account::add(&mut writer, &account).await?;
        writer.commit().await?;
        Ok(Who {
            viewer: Viewer::of(id, role),
            name: name.to_owned(),
        })
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
        self.ask_as(&Who::anonymous(), hour, document, variables)
            .await
    }

    /// Asks as somebody at this hour, with these variables.
    pub async fn ask_as(
        &self,
        who: &Who,
        hour: DateTime<Utc>,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<Answered> {
        let request = json!({"query": document, "variables": variables}).to_string();
        let incoming = Incoming::from_json(request.as_bytes())
            .map_err(|error| anyhow!("the request is refused: {}", error.message))?;
        let scope = Scope {
            viewer: who.viewer,
            as_of: hour,
        };
        let reader = self.db.db().reader_at(scope, None).await?;
        self.answer(who, &incoming, reader).await
    }

    /// Asks as somebody at [`newsroom::now`], of the database alone: no answer comes from the cache.
    pub async fn ask_uncached(
        &self,
        who: &Who,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<Answered> {
        let request = json!({"query": document, "variables": variables}).to_string();
        let incoming = Incoming::from_json(request.as_bytes())
            .map_err(|error| anyhow!("the request is refused: {}", error.message))?;
        let scope = Scope {
            viewer: who.viewer,
            as_of: newsroom::now(),
        };
        let reader = self.db.db().reader(scope).uncached();
        self.answer(who, &incoming, reader).await
    }

    async fn answer(
        &self,
        who: &Who,
        incoming: &Incoming,
        reader: Reader,
    ) -> anyhow::Result<Answered> {
        let mut data = khabar_graphql::scope::data(reader.clone());
        data.insert(reader.clone());
        data.insert(Desk {
            db: self.db.db().clone(),
            name: who.name.clone(),
            address: Some("192.0.2.7".to_owned()),
            newcomer: None,
            random: Arc::clone(&self.random),
            comments: self.comments,
            // Who asks here is not known by a token.
            revoked: Arc::new(|_| {}),
        });
        let answer = self.api.answer(incoming, data).await;
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

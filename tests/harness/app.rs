//! The GraphQL API over a test database, for requests by any viewer at any time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use khabar_domain::commenting::CommentLimits;
use khabar_domain::{AccountId, Name, Right, Rights, Role, Scope, Viewer, derived};
use khabar_graphql::document::OperationRequest;
use khabar_graphql::limit;
use khabar_graphql::mutate::{Random, WriteContext};
use khabar_graphql::response::Api;
use khabar_persistence::ReadSession;
use khabar_persistence::account::{self, Account};
use serde_json::{Value, json};

use super::{TestDb, json, newsroom};

/// The GraphQL API over a test database.
pub struct TestApp {
    db: TestDb,
    api: Api,
    random: Random,
    comments: CommentLimits,
}

/// The sender of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Account, role and rights.
    pub viewer: Viewer,
    /// Display name.
    pub name: String,
}

impl Who {
    /// Returns an anonymous reader.
    pub fn anonymous() -> Self {
        Self {
            viewer: Viewer::anonymous(),
            name: "anonymous".to_owned(),
        }
    }

    /// Restricts the viewer to these rights. Rights that the viewer lacks are not added.
    #[must_use]
    pub fn only(mut self, rights: &[Right]) -> Self {
        self.viewer.rights = self.viewer.rights.within(Rights::of(rights));
        self
    }
}

impl TestApp {
    /// Creates the API with the default limits.
    pub fn new(db: TestDb) -> anyhow::Result<Self> {
        Self::with_limits(db, limit::Limits::default())
    }

    /// Creates the API with these limits.
    pub fn with_limits(db: TestDb, limits: limit::Limits) -> anyhow::Result<Self> {
        let api = khabar_graphql::api(limits)?;
        Ok(Self::of(db, api))
    }

    /// Wraps an API that the test has built. Its resolvers find a [`khabar_persistence::ReadSession`] in the
    /// context, in addition to the usual data.
    pub fn of(db: TestDb, api: Api) -> Self {
        // Deterministic: IDs are distinct within a run and identical across runs.
        let minted = AtomicU64::new(1);
        let random: Random = Arc::new(move || {
            let number = u128::from(minted.fetch_add(1, Ordering::Relaxed));
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        });
        Self {
            db,
            api,
            random,
            comments: CommentLimits::default(),
        }
    }

    /// Sets the rate limits and the edit window of comments.
    #[must_use]
    pub fn with_comment_limits(self, comments: CommentLimits) -> Self {
        Self { comments, ..self }
    }

    /// Returns the underlying database.
    pub fn db(&self) -> &TestDb {
        &self.db
    }

    /// Creates an account with this name and returns it as a viewer with this role.
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

    /// Sends a request as an anonymous reader at [`newsroom::now`].
    pub async fn ask(&self, document: &str) -> anyhow::Result<TestResponse> {
        self.ask_with(document, &Value::Null).await
    }

    /// Sends a request with these variables as an anonymous reader at [`newsroom::now`].
    pub async fn ask_with(
        &self,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<TestResponse> {
        self.ask_at(newsroom::now(), document, variables).await
    }

    /// Sends a request with these variables as an anonymous reader at this time.
    pub async fn ask_at(
        &self,
        hour: DateTime<Utc>,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<TestResponse> {
        self.ask_as(&Who::anonymous(), hour, document, variables)
            .await
    }

    /// Sends a request with these variables as this viewer at this time.
    pub async fn ask_as(
        &self,
        who: &Who,
        hour: DateTime<Utc>,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<TestResponse> {
        let request = json!({"query": document, "variables": variables}).to_string();
        let incoming = OperationRequest::from_json(request.as_bytes())
            .map_err(|error| anyhow!("the request is refused: {}", error.message))?;
        let scope = Scope {
            viewer: who.viewer,
            as_of: hour,
        };
        let reader = self.db.db().reader_at(scope, None).await?;
        self.respond(who, &incoming, reader).await
    }

    /// Sends a request as this viewer at [`newsroom::now`], bypassing the cache.
    pub async fn ask_uncached(
        &self,
        who: &Who,
        document: &str,
        variables: &Value,
    ) -> anyhow::Result<TestResponse> {
        let request = json!({"query": document, "variables": variables}).to_string();
        let incoming = OperationRequest::from_json(request.as_bytes())
            .map_err(|error| anyhow!("the request is refused: {}", error.message))?;
        let scope = Scope {
            viewer: who.viewer,
            as_of: newsroom::now(),
        };
        let reader = self.db.db().reader(scope).uncached();
        self.respond(who, &incoming, reader).await
    }

    /// Returns an anonymous reader at [`newsroom::now`] that bypasses the cache.
    pub fn uncached_reader(&self) -> ReadSession {
        let scope = Scope::reader(newsroom::now());
        self.db.db().reader(scope).uncached()
    }

    /// Sends a request that is answered from what this anonymous reader reads.
    pub async fn ask_through(
        &self,
        reader: ReadSession,
        document: &str,
    ) -> anyhow::Result<TestResponse> {
        let request = json!({"query": document}).to_string();
        let incoming = OperationRequest::from_json(request.as_bytes())
            .map_err(|error| anyhow!("the request is refused: {}", error.message))?;
        self.respond(&Who::anonymous(), &incoming, reader).await
    }

    async fn respond(
        &self,
        who: &Who,
        incoming: &OperationRequest,
        reader: ReadSession,
    ) -> anyhow::Result<TestResponse> {
        let mut data = khabar_graphql::context::data(reader.clone());
        data.insert(reader.clone());
        data.insert(WriteContext {
            db: self.db.db().clone(),
            name: who.name.clone(),
            address: Some("192.0.2.7".to_owned()),
            newcomer: None,
            random: Arc::clone(&self.random),
            comments: self.comments,
            // No tokens are used here, so there is nothing to invalidate.
            revoked: Arc::new(|_| {}),
        });
        let response = self.api.execute_request(incoming, data).await;
        let json = String::from_utf8(response.to_json()).context("the answer is not UTF-8")?;
        Ok(TestResponse {
            json,
            statements: reader.statements(),
        })
    }
}

/// Returns limits for documents that select everything, which exceed the default limits.
pub fn unlimited() -> limit::Limits {
    let max = u64::from(u32::MAX);
    limit::Limits {
        bytes: max,
        tokens: max,
        selections: max,
        complexity: max,
        aliases: max,
        root_fields: max,
        introspection_lists: max,
        ..limit::Limits::default()
    }
}

/// The response to a request, and the SQL statements that it needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResponse {
    /// The response body, byte for byte.
    pub json: String,
    /// The purpose of each SQL statement, in the order in which they were sent.
    pub statements: Vec<&'static str>,
}

impl TestResponse {
    /// Parses the response body as JSON.
    pub fn value(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.json).context("the answer is not JSON")
    }

    /// Formats the response and its statements for a snapshot. Statements of one level are sent
    /// concurrently in no fixed order, so they are listed by name.
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

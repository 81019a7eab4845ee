//! A reader: one request's view of the newsroom, in one scope, with its statements counted.

use std::sync::{Arc, Mutex, PoisonError};

use khabar_domain::Scope;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};

use crate::sql::{Dialect, Sql};
use crate::{Doing, Result};

/// Reads for one request.
#[derive(Clone)]
pub struct Reader {
    connection: DatabaseConnection,
    dialect: Dialect,
    scope: Scope,
    statements: Arc<Mutex<Vec<&'static str>>>,
    plans: Option<Arc<Mutex<Vec<String>>>>,
}

impl Reader {
    pub(crate) fn new(connection: DatabaseConnection, dialect: Dialect, scope: Scope) -> Self {
        Self {
            connection,
            dialect,
            scope,
            statements: Arc::default(),
            plans: None,
        }
    }

    /// The same reader, reading there.
    pub(crate) fn on(&self, connection: DatabaseConnection) -> Self {
        Self {
            connection,
            ..self.clone()
        }
    }

    /// Who is asking, and as of when.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// What each statement sent so far was for, in order.
    pub fn statements(&self) -> Vec<&'static str> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The same reader, which also asks the database how it will answer each statement.
    #[must_use]
    pub fn explaining(self) -> Self {
        Self {
            plans: Some(Arc::default()),
            ..self
        }
    }

    /// How the database answered each statement so far: what it was for, then its plan. Empty
    /// unless the reader is [`Reader::explaining`].
    pub fn plans(&self) -> Vec<String> {
        let plans = self
            .plans
            .as_ref()
            .map(|plans| plans.lock().unwrap_or_else(PoisonError::into_inner).clone());
        plans.unwrap_or_default()
    }

    pub(crate) fn sql(&self) -> Sql {
        Sql::new(self.dialect)
    }

    /// Sends one statement; `doing` finishes the sentence "could not …".
    pub(crate) async fn rows(
        &self,
        doing: &'static str,
        sql: Sql,
        text: String,
    ) -> Result<Vec<QueryResult>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(doing);
        let statement = sql.statement(text);
        if let Some(plans) = &self.plans {
            let plan = self.plan(statement.clone()).await.doing(doing)?;
            plans
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{doing}\n{plan}"));
        }
        self.connection.query_all_raw(statement).await.doing(doing)
    }

    async fn plan(&self, mut statement: Statement) -> Result<String, DbErr> {
        let (explain, column) = match self.dialect {
            Dialect::Postgres => ("EXPLAIN (COSTS OFF)", "QUERY PLAN"),
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        };
        statement.sql = format!("{explain} {}", statement.sql);
        let rows = self.connection.query_all_raw(statement).await?;
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", column))
            .collect::<Result<_, _>>()?;
        Ok(lines.join("\n"))
    }
}

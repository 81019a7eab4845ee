//! A builder for SQL statements and their bound values, for PostgreSQL and SQLite.

use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

/// The SQL dialect of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    Sqlite,
}

impl Dialect {
    pub(crate) fn backend(self) -> DbBackend {
        match self {
            Self::Postgres => DbBackend::Postgres,
            Self::Sqlite => DbBackend::Sqlite,
        }
    }
}

/// The bound values of a statement. The text refers to each by its numbered placeholder.
pub(crate) struct Sql {
    pub(crate) dialect: Dialect,
    values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            values: Vec::new(),
        }
    }

    /// Binds a value and returns its placeholder (`$1`, a form that SQLite accepts too).
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Returns a condition that matches rows whose `column` is one of these ids. The list is bound as
    /// one value, so the text, and with it the query plan, does not depend on the number of ids.
    pub(crate) fn among(&mut self, column: &str, ids: impl IntoIterator<Item = Uuid>) -> String {
        let list = self.id_list(ids);
        match self.dialect {
            Dialect::Postgres => format!("{column} = ANY({list})"),
            Dialect::Sqlite => format!("{column} IN (SELECT unhex(value) FROM json_each({list}))"),
        }
    }

    /// Returns a condition that matches rows whose `column` is one of these texts.
    pub(crate) fn among_texts(&mut self, column: &str, texts: Vec<String>) -> String {
        match self.dialect {
            Dialect::Postgres => {
                let list = self.bind(texts);
                format!("{column} = ANY({list})")
            }
            Dialect::Sqlite => {
                let list = self.bind(serde_json::Value::from(texts).to_string());
                format!("{column} IN (SELECT value FROM json_each({list}))")
            }
        }
    }

    /// Returns a table expression with one row `p(id, place)` for each id. `place` counts from 1.
    pub(crate) fn parents(&mut self, ids: impl IntoIterator<Item = Uuid>) -> String {
        let list = self.id_list(ids);
        match self.dialect {
            Dialect::Postgres => format!("unnest({list}::uuid[]) WITH ORDINALITY AS p(id, place)"),
            Dialect::Sqlite => {
                format!("(SELECT unhex(value) AS id, key + 1 AS place FROM json_each({list})) p")
            }
        }
    }

    fn id_list(&mut self, ids: impl IntoIterator<Item = Uuid>) -> String {
        match self.dialect {
            Dialect::Postgres => self.bind(ids.into_iter().collect::<Vec<_>>()),
            Dialect::Sqlite => {
                let ids: Vec<_> = ids.into_iter().map(|id| id.simple().to_string()).collect();
                self.bind(serde_json::Value::from(ids).to_string())
            }
        }
    }

    /// Binds a list of ids as the value of a column that holds one: an array on PostgreSQL, and on SQLite
    /// the bytes of each id, one after another.
    pub(crate) fn bind_ids(&mut self, ids: &[Uuid]) -> String {
        match self.dialect {
            Dialect::Postgres => self.bind(ids.to_vec()),
            Dialect::Sqlite => {
                let bytes: Vec<u8> = ids.iter().flat_map(Uuid::as_bytes).copied().collect();
                self.bind(bytes)
            }
        }
    }

    /// Whether a bound text contains U+0000, which PostgreSQL rejects and SQLite treats as the end of
    /// the text.
    pub(crate) fn has_nul(&self) -> bool {
        self.values.iter().any(|value| match value {
            Value::String(text) => text.as_ref().is_some_and(|text| text.contains('\0')),
            _ => false,
        })
    }

    pub(crate) fn statement(self, text: String) -> Statement {
        Statement::from_sql_and_values(self.dialect.backend(), text, self.values)
    }
}

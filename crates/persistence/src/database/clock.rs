//! The clock of the database, which all nodes of a newsroom share.

use chrono::{DateTime, Utc};
use khabar_domain::Scope;
use khabar_domain::clock::{Clock as _, SystemClock};

use crate::query::sql::Dialect;
use crate::{Db, Doing, Result, WriteTx};

const DOING: &str = "ask what time it is";
const NOW: &str = "SELECT clock_timestamp() AS now";

impl Db {
    /// Returns the current time of the database server. Returns `None` on SQLite, where the only clock
    /// is that of this machine.
    pub async fn clock(&self) -> Result<Option<DateTime<Utc>>> {
        match self.dialect() {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => {
                let reader = self.primary(&self.reader(Scope::reader(DateTime::UNIX_EPOCH)));
                let rows = reader.rows("clock", reader.sql(), NOW.to_owned()).await?;
                let now = rows.first().map(|row| row.try_get("", "now"));
                now.transpose().doing(DOING)
            }
        }
    }
}

impl WriteTx {
    /// Returns the current time of the database server, or of this machine on SQLite.
    pub async fn clock(&self) -> Result<DateTime<Utc>> {
        let sql = self.sql();
        if sql.dialect == Dialect::Sqlite {
            return Ok(SystemClock.now());
        }
        let rows = self.rows(DOING, sql, NOW.to_owned()).await?;
        let now = rows.first().map(|row| row.try_get("", "now"));
        Ok(now.transpose().doing(DOING)?.unwrap_or_else(|| self.at()))
    }
}

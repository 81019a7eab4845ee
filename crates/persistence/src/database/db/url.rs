//! Database URLs: the kind of database, and the file of an SQLite database.

use crate::database::masked_url::without_password;
use crate::query::sql::Dialect;
use crate::{Error, Result};

pub(super) fn dialect(url: &str) -> Result<Dialect> {
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "sqlite" => Ok(Dialect::Sqlite),
        "postgres" | "postgresql" => Ok(Dialect::Postgres),
        _ => Err(address(url, "it must start with sqlite: or postgres://")),
    }
}

pub(super) fn address(url: &str, problem: &str) -> Error {
    Error::Address {
        url: without_password(url),
        problem: problem.to_owned(),
    }
}

/// Returns the path of the file that a SQLite address names.
pub(super) fn file(url: &str) -> Result<String> {
    let path = url.strip_prefix("sqlite:").unwrap_or_default();
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() || path.contains(":memory:") {
        return Err(address(url, "it must name a file, as in sqlite:khabar.db"));
    }
    Ok(path.to_owned())
}

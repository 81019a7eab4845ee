//! Values of columns, and the errors for rows that cannot be converted to domain values.

use std::fmt::Display;

use khabar_domain::Invalid;

use crate::query::decode::Row;
use crate::{BrokenRow, Error, Result};

/// Returns a function that creates the error for a broken column of a row.
pub(crate) fn broken(
    table: &'static str,
    column: &'static str,
    row: impl Display,
) -> impl FnOnce(Invalid) -> Error {
    move |invalid| {
        Error::BrokenRow(Box::new(BrokenRow {
            table: table.into(),
            column: column.into(),
            row: row.to_string(),
            problem: invalid.to_string(),
        }))
    }
}

/// Rejects a row that could be written but not read back.
pub(crate) fn readable<R: Row + Clone>(row: &R) -> Result<()> {
    match row.clone().read() {
        Ok(_) => Ok(()),
        Err(Error::BrokenRow(row)) => {
            let BrokenRow {
                column, problem, ..
            } = *row;
            Err(Invalid::new(format!("the {column}"), problem).into())
        }
        Err(error) => Err(error),
    }
}

/// Parses the value of a nullable column, if it has one.
pub(crate) fn maybe<T>(
    value: Option<String>,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    value.map(|text| parse(&text)).transpose()
}

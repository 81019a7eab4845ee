//! Conversion of values between database rows and archive lines, for each column type.

use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use sea_orm::{DbErr, QueryResult, Value};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::query::table::ColumnType;

/// Returns the value of a column as JSON, or `None` if it is null.
pub(super) fn written(
    row: &QueryResult,
    column: &str,
    column_type: ColumnType,
) -> Result<Option<String>, DbErr> {
    fn get<T: sea_orm::TryGetable>(row: &QueryResult, column: &str) -> Result<Option<T>, DbErr> {
        row.try_get::<Option<T>>("", column)
    }
    Ok(match column_type {
        ColumnType::Bool => get::<bool>(row, column)?.map(|value| value.to_string()),
        ColumnType::Id => get::<Uuid>(row, column)?.map(|value| quoted(&value.to_string())),
        ColumnType::Int => get::<i32>(row, column)?.map(|value| value.to_string()),
        ColumnType::Long => get::<i64>(row, column)?.map(|value| value.to_string()),
        ColumnType::Real => {
            get::<f64>(row, column)?.map(|value| serde_json::Value::from(value).to_string())
        }
        ColumnType::Text => get::<String>(row, column)?.map(|value| quoted(&value)),
        ColumnType::Time => get::<DateTime<Utc>>(row, column)?.map(|value| quoted(&time(value))),
        ColumnType::Json => get::<String>(row, column)?
            .map(|value| one_line(&value))
            .transpose()
            .map_err(|error| DbErr::Type(format!("{column} is not JSON: {error}")))?,
    })
}

/// Parses the value of a column from a line. The error describes the expected value.
pub(super) fn read(
    json: Option<&RawValue>,
    column_type: ColumnType,
) -> Result<Value, &'static str> {
    let json = json.map(RawValue::get);
    Ok(match column_type {
        ColumnType::Bool => parsed::<bool>(json, "true or false")?.into(),
        ColumnType::Id => {
            let text = parsed::<String>(json, "an id")?;
            let id = text.map(|text| text.parse::<Uuid>());
            id.transpose().map_err(|_| "an id")?.into()
        }
        ColumnType::Int => parsed::<i32>(json, "a whole number of 32 bits")?.into(),
        ColumnType::Long => parsed::<i64>(json, "a whole number of 64 bits")?.into(),
        ColumnType::Real => {
            // Not parsed with serde_json, which may get the last bit wrong.
            let number = json.map(str::parse::<f64>).transpose();
            let number = number.ok().filter(|value| value.is_none_or(f64::is_finite));
            number.ok_or("a number")?.into()
        }
        ColumnType::Text => parsed::<String>(json, "text")?.into(),
        ColumnType::Time => {
            let text = parsed::<String>(json, "a time (RFC 3339)")?;
            let time = text.map(|text| DateTime::parse_from_rfc3339(&text));
            let time = time.transpose().map_err(|_| "a time (RFC 3339)")?;
            time.map(|time| time.with_timezone(&Utc).trunc_subsecs(6))
                .into()
        }
        ColumnType::Json => json.map(str::to_owned).into(),
    })
}

fn parsed<T: serde::de::DeserializeOwned>(
    json: Option<&str>,
    expected: &'static str,
) -> Result<Option<T>, &'static str> {
    json.map(serde_json::from_str)
        .transpose()
        .map_err(|_| expected)
}

/// Formats a time in RFC 3339, up to microseconds, the finest precision that both databases store.
/// Fractional digits appear only as far as needed.
fn time(time: DateTime<Utc>) -> String {
    time.trunc_subsecs(6)
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Formats text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns JSON unchanged if it is on one line, otherwise serialises it again on one line.
fn one_line(json: &str) -> Result<String, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(json)?;
    if raw.get().contains(['\n', '\r']) {
        let value: serde_json::Value = serde_json::from_str(json)?;
        return Ok(value.to_string());
    }
    Ok(raw.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn what_is_not_of_its_kind_is_refused() {
        for (json, column_type) in [
            ("1", ColumnType::Bool),
            ("\"x\"", ColumnType::Id),
            ("7", ColumnType::Id),
            ("3000000000", ColumnType::Int),
            ("1.5", ColumnType::Int),
            ("99999999999999999999", ColumnType::Long),
            ("\"1\"", ColumnType::Real),
            ("1e999", ColumnType::Real),
            ("1", ColumnType::Text),
            ("\"yesterday\"", ColumnType::Time),
            ("\"2024-02-30T00:00:00Z\"", ColumnType::Time),
        ] {
            assert!(
                read(Some(&raw(json)), column_type).is_err(),
                "{json} {column_type:?}"
            );
        }
    }

    #[test]
    fn numbers_keep_their_last_bit() {
        let number = 0.123_456_789_012_345_67_f64;
        let json = serde_json::Value::from(number).to_string();
        assert_eq!(read(Some(&raw(&json)), ColumnType::Real), Ok(number.into()));
    }

    #[test]
    fn json_keeps_its_keys_in_order_and_one_line() {
        assert_eq!(one_line(r#"{"b":1, "a":2}"#).unwrap(), r#"{"b":1, "a":2}"#);
        assert_eq!(one_line("{\"b\":1,\n\"a\":2}").unwrap(), r#"{"a":2,"b":1}"#);
        assert!(one_line("{").is_err());
    }
}

//! A moment.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, SecondsFormat, SubsecRound, Utc};

/// A moment, in whole microseconds: the finest that both databases keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A moment as RFC 3339 writes it, answered in UTC: `2025-03-09T16:45:00Z`. Any offset is read.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => {
                let moment = chrono::DateTime::parse_from_rfc3339(text)?.to_utc();
                // An offset can carry it out of the years that have four digits; SQLite compares
                // moments by their text.
                if !(0..=9999).contains(&moment.year()) {
                    let message = format!("{text:?} is not of the years 0000 to 9999 in UTC");
                    return Err(InputValueError::custom(message));
                }
                Ok(Self(moment.trunc_subsecs(6)))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_is_read_and_utc_is_answered() {
        let read = DateTime::parse(Value::from("2025-03-09T18:45:00.25+02:00")).unwrap();
        assert_eq!(read.to_value(), Value::from("2025-03-09T16:45:00.250Z"));
        assert!(DateTime::parse(Value::from("2025-03-09")).is_err());
        assert!(DateTime::parse(Value::from("9999-12-31T23:59:59-01:00")).is_err());
        assert!(DateTime::parse(Value::from(5)).is_err());
    }
}

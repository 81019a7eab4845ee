//! The `DateTime` scalar: a point in time.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, SecondsFormat, SubsecRound, Utc};

/// A point in time, in whole microseconds: the finest precision that both databases store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// A point in time in RFC 3339 format. Input may have any UTC offset. Output is always in UTC:
/// `2025-03-09T16:45:00Z`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => {
                let moment = chrono::DateTime::parse_from_rfc3339(text)?.to_utc();
                // Converting to UTC can move the year outside of four digits. SQLite compares points in
                // time as text.
                if !(0..=9999).contains(&moment.year()) {
                    let message = format!("{text:?} is outside the years 0000 to 9999 in UTC");
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
    fn any_offset_is_parsed_and_utc_is_returned() {
        let read = DateTime::parse(Value::from("2025-03-09T18:45:00.25+02:00")).unwrap();
        assert_eq!(read.to_value(), Value::from("2025-03-09T16:45:00.250Z"));
        assert!(DateTime::parse(Value::from("2025-03-09")).is_err());
        assert!(DateTime::parse(Value::from("9999-12-31T23:59:59-01:00")).is_err());
        assert!(DateTime::parse(Value::from(5)).is_err());
    }
}

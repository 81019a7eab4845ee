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

/// Writes a point in time as a JSON string, as [`DateTime::to_value`] formats it.
pub(crate) fn write_time(time: chrono::DateTime<Utc>, text: &mut Vec<u8>) {
    let seconds = time.timestamp();
    // All but a few are whole seconds of the years 1970 to 9999.
    if time.timestamp_subsec_nanos() != 0 || !(0..253_402_300_800).contains(&seconds) {
        let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        return khabar_executor::json::string(&time, text);
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // `civil_from_days` of Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let mut written = *b"\"0000-00-00T00:00:00Z\"";
    for (at, value) in [
        (1, year / 100),
        (3, year % 100),
        (6, month),
        (9, day),
        (12, second / 3_600),
        (15, second / 60 % 60),
        (18, second % 60),
    ] {
        // Each value has two digits.
        let digit = |value: i64| b'0' + u8::try_from(value).unwrap_or_default();
        (written[at], written[at + 1]) = (digit(value / 10), digit(value % 10));
    }
    text.extend_from_slice(&written);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_chrono_formats_them() {
        let last = 253_402_300_799_i64;
        let days = (0..last).step_by(86_400 * 11 + 3_671);
        let seconds = days.chain([-1, 951_782_400, 1_709_164_799, 1_709_251_200, last]);
        for time in seconds.flat_map(|seconds| [(seconds, 0), (seconds, 250_000_000)]) {
            let time = chrono::DateTime::from_timestamp(time.0, time.1).unwrap();
            let mut text = Vec::new();
            write_time(time, &mut text);
            let expected = format!("\"{}\"", time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }

    #[test]
    fn any_offset_is_parsed_and_utc_is_returned() {
        let read = DateTime::parse(Value::from("2025-03-09T18:45:00.25+02:00")).unwrap();
        assert_eq!(read.to_value(), Value::from("2025-03-09T16:45:00.250Z"));
        assert!(DateTime::parse(Value::from("2025-03-09")).is_err());
        assert!(DateTime::parse(Value::from("9999-12-31T23:59:59-01:00")).is_err());
        assert!(DateTime::parse(Value::from(5)).is_err());
    }
}

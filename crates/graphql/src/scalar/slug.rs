//! The part of an address that names one thing in its edition.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// The part of an address that names one thing in its edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(pub khabar_domain::Slug);

/// The part of an address that names one thing in its edition: letters and digits of any script, joined
/// by hyphens, as in `الميناء-الجديد`.
#[Scalar]
impl ScalarType for Slug {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(khabar_domain::Slug::parse(text)?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }
}

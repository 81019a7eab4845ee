//! The `Language` scalar: the language of a text.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// The language of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(pub khabar_domain::Language);

/// A BCP 47 language tag, such as `ar`, `en` or `ar-EG`.
#[Scalar]
impl ScalarType for Language {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(khabar_domain::Language::parse(text)?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }
}

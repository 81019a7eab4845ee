//! The `Url` scalar: a web address.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// A web address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(pub khabar_domain::WebUrl);

/// A web address: an absolute `https` or `http` URL, or a path on this server that starts with `/`.
#[Scalar]
impl ScalarType for Url {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(khabar_domain::WebUrl::parse(text)?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }
}

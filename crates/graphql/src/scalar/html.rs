//! HTML that may go into a page as it is.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// HTML of our own writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html(pub String);

/// HTML that is safe to put into a page: every word escaped, no scripts, no styles.
#[Scalar]
impl ScalarType for Html {
    // No argument is HTML, but a scalar of the engine is always readable.
    fn parse(value: Value) -> InputValueResult<Self> {
        Err(InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

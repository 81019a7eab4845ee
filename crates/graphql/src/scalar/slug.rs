//! The `Slug` scalar: the part of a URL that identifies an object within its edition.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use khabar_persistence::slug::FormerSlugs;
use uuid::Uuid;

use crate::error::Result;
use crate::object::ReadContext;

/// The part of a URL that identifies an object within its edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(pub khabar_domain::Slug);

/// The part of a URL that identifies an object within its edition: letters and digits of any script,
/// joined by hyphens, as in `الميناء-الجديد`.
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

impl Slug {
    /// Loads the former slugs of an object that still resolve to it.
    pub(crate) async fn former(
        context: &ReadContext,
        id: impl Into<Uuid> + Send,
    ) -> Result<Vec<Self>> {
        let found = context.load(FormerSlugs(id.into())).await?;
        let slugs = found.iter().flat_map(|slugs| slugs.iter());
        Ok(slugs.cloned().map(Self).collect())
    }
}

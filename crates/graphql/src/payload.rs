//! Mutation payloads. Each kind of object that can be written has its own payload type.

use async_graphql::{ID, Object};

use crate::mutate::MutationResult;
use crate::node::{self, GlobalId};
use crate::types::UserError;

/// Defines a payload type. The arguments are its name and description, the field that returns the
/// written object, the type of the object, the key that loads it, and the description of the field. For a
/// field that returns a list, pass the id type and the function that loads the list instead of a key.
macro_rules! payload {
    (@payload $payload:ident, $about:literal, $id:ty, $field:ident: $node:ty, $described:literal, |$ctx:ident, $found:ident| $load:expr) => {
        #[doc = $about]
        pub struct $payload($crate::mutate::MutationResult<$id>);

        impl From<$crate::mutate::MutationResult<$id>> for $payload {
            fn from(result: $crate::mutate::MutationResult<$id>) -> Self {
                Self(result)
            }
        }

        #[doc = $about]
        #[async_graphql::Object]
        impl $payload {
            #[doc = $described]
            async fn $field(
                &self,
                $ctx: &async_graphql::Context<'_>,
            ) -> $crate::error::Result<Option<$node>> {
                let Some($found) = self.0.id else {
                    return Ok(None);
                };
                $load
            }

            /// Errors that prevented the mutation from being carried out. Empty on success.
            fn user_errors(&self) -> &[$crate::types::UserError] {
                &self.0.errors
            }

            /// The idempotency key sent with the mutation, if any.
            fn idempotency_key(&self) -> Option<&str> {
                self.0.idempotency_key.as_deref()
            }
        }
    };
    ($payload:ident, $about:literal, $field:ident: $node:ident by $key:path, $described:literal) => {
        $crate::payload::payload! {
            @payload $payload, $about, <$key as $crate::payload::Keyed>::Id,
            $field: $crate::object::EngineObject<$crate::types::$node>, $described,
            |ctx, id| {
                use $crate::context::ContextExt as _;
                Ok(ctx.load($key(id)).await?.map($crate::object::EngineObject::new))
            }
        }
    };
    ($payload:ident, $about:literal, $field:ident: [$node:ident] of $id:ident by $load:path, $described:literal) => {
        $crate::payload::payload! {
            @payload $payload, $about, khabar_domain::$id,
            $field: $crate::object::EngineList<$crate::types::$node>, $described,
            |ctx, id| Ok(Some($crate::object::EngineList::new($load(ctx, id).await?)))
        }
    };
}

pub(crate) use payload;

/// Result of deleting an object.
pub struct DeletedPayload {
    deleted: Option<ID>,
    errors: Vec<UserError>,
    idempotency_key: Option<String>,
}

impl<Id: GlobalId> From<MutationResult<Id>> for DeletedPayload {
    fn from(result: MutationResult<Id>) -> Self {
        Self {
            deleted: result.id.map(node::id),
            errors: result.errors,
            idempotency_key: result.idempotency_key,
        }
    }
}

/// Result of deleting an object.
#[Object]
impl DeletedPayload {
    /// The ID of the deleted object. Null if the mutation failed.
    async fn deleted_id(&self) -> Option<ID> {
        self.deleted.clone()
    }

    /// Errors that prevented the mutation from being carried out. Empty on success.
    async fn user_errors(&self) -> &[UserError] {
        &self.errors
    }

    /// The idempotency key sent with the mutation, if any.
    async fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }
}

/// A loader key that wraps an id.
pub(crate) trait Keyed {
    /// The type of the wrapped id.
    type Id: Copy;
}

impl Keyed for khabar_persistence::comment::JustPosted {
    type Id = khabar_domain::CommentId;
}

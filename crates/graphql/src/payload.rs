//! A payload: what a mutation answers. One type for each kind of thing that can be written.

use async_graphql::{ID, Object};

use crate::node::{self, Global};
use crate::types::UserError;
use crate::write::Written;

/// Defines a payload: its name and description, the field that has what was written, its type, and
/// the key that loads it, with what makes the one of the other where that is not the type itself;
/// or, for a list, of what it is and the function that loads it.
macro_rules! payload {
    ($payload:ident, $about:literal, $field:ident: $node:ident by $key:path, $described:literal) => {
        $crate::payload::payload! {
            $payload, $about, $field: $node by $key as $crate::types::$node, $described
        }
    };
    ($payload:ident, $about:literal, $field:ident: [$node:ident] of $id:ident by $load:path, $described:literal) => {
        #[doc = $about]
        pub struct $payload($crate::write::Written<khabar_domain::$id>);

        impl From<$crate::write::Written<khabar_domain::$id>> for $payload {
            fn from(written: $crate::write::Written<khabar_domain::$id>) -> Self {
                Self(written)
            }
        }

        #[doc = $about]
        #[async_graphql::Object]
        impl $payload {
            #[doc = $described]
            async fn $field(
                &self,
                ctx: &async_graphql::Context<'_>,
            ) -> $crate::error::Result<Option<Vec<$crate::types::$node>>> {
                let Some(id) = self.0.id else {
                    return Ok(None);
                };
                Ok(Some($load(ctx, id).await?))
            }

            /// What kept the mutation from being carried out; empty when it was.
            fn user_errors(&self) -> &[$crate::types::UserError] {
                &self.0.errors
            }

            /// The client's own name for this write, as it was sent.
            fn client_mutation_id(&self) -> Option<&str> {
                self.0.client_mutation_id.as_deref()
            }
        }
    };
    ($payload:ident, $about:literal, $field:ident: $node:ident by $key:path as $make:path, $described:literal) => {
        #[doc = $about]
        pub struct $payload($crate::write::Written<<$key as $crate::payload::Keyed>::Id>);

        impl From<$crate::write::Written<<$key as $crate::payload::Keyed>::Id>> for $payload {
            fn from(written: $crate::write::Written<<$key as $crate::payload::Keyed>::Id>) -> Self {
                Self(written)
            }
        }

        #[doc = $about]
        #[async_graphql::Object]
        impl $payload {
            #[doc = $described]
            async fn $field(
                &self,
                ctx: &async_graphql::Context<'_>,
            ) -> $crate::error::Result<Option<$crate::types::$node>> {
                use $crate::scope::Asked as _;
                let Some(id) = self.0.id else {
                    return Ok(None);
                };
                Ok(ctx.load($key(id)).await?.map($make))
            }

            /// What kept the mutation from being carried out; empty when it was.
            fn user_errors(&self) -> &[$crate::types::UserError] {
                &self.0.errors
            }

            /// The client's own name for this write, as it was sent.
            fn client_mutation_id(&self) -> Option<&str> {
                self.0.client_mutation_id.as_deref()
            }
        }
    };
}

pub(crate) use payload;

/// What came of taking something away.
pub struct DeletedPayload {
    deleted: Option<ID>,
    errors: Vec<UserError>,
    client_mutation_id: Option<String>,
}

impl<Id: Global> From<Written<Id>> for DeletedPayload {
    fn from(written: Written<Id>) -> Self {
        Self {
            deleted: written.id.map(node::id),
            errors: written.errors,
            client_mutation_id: written.client_mutation_id,
        }
    }
}

/// What came of taking something away.
#[Object]
impl DeletedPayload {
    /// The id of what is gone; null when the mutation was not carried out.
    async fn deleted_id(&self) -> Option<ID> {
        self.deleted.clone()
    }

    /// What kept the mutation from being carried out; empty when it was.
    async fn user_errors(&self) -> &[UserError] {
        &self.errors
    }

    /// The client's own name for this write, as it was sent.
    async fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }
}

/// A key that is an id.
pub(crate) trait Keyed {
    /// Of what it is the id.
    type Id: Copy;
}

macro_rules! keyed {
    ($($module:ident: $id:ident),+ $(,)?) => {
        $(impl Keyed for khabar_persistence::$module::ById {
            type Id = khabar_domain::$id;
        })+
    };
}

impl Keyed for khabar_persistence::comment::Sent {
    type Id = khabar_domain::CommentId;
}

keyed! {
    article: ArticleId, comment: CommentId, edition: EditionId, follow_channel: FollowChannelId,
    live_channel: LiveChannelId, media: MediaId, person: PersonId, section: SectionId,
    source: SourceId, story: StoryId, token: TokenId, topic: TopicId,
}

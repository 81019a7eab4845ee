//! Declaration of mutations: what each is called, which rights it requires and how it is carried out.

use async_graphql::{Context, InputType};
use khabar_domain::Right;

use super::{MutationCtx, MutationError, WriteContext};
use crate::node::GlobalId;

/// The declaration of a mutation. Made by [`mutations!`], together with its field in the schema.
pub(crate) trait Mutation: InputType + 'static {
    /// Name of the mutation in the schema and in the audit log.
    const NAME: &'static str;
    /// The rights of which the viewer needs one. Individual objects may require more.
    const RIGHTS: &'static [Right];
}

/// The execution of a mutation, implemented by its input.
pub(crate) trait Mutate: Mutation {
    /// Whether guests may attempt the mutation. Its own checks then decide on their permissions.
    const OPEN_TO_GUESTS: bool = false;
    /// The type of ID of the object that the mutation concerns.
    type Id: GlobalId + Send + 'static;

    /// Refuses early what would be refused anyway, as far as a read can tell. Called only for
    /// guests, before their transaction begins. Guests may then be refused any number of times
    /// without blocking other writers.
    fn check(
        &self,
        _ctx: &Context<'_>,
        _context: &WriteContext,
    ) -> impl Future<Output = Result<(), MutationError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Carries out the mutation and returns the ID of the object that it concerns.
    fn execute(
        &self,
        cx: &mut MutationCtx<'_>,
    ) -> impl Future<Output = Result<Self::Id, MutationError>> + Send;

    /// Performs follow-up work after the commit. Also called when a repeated request is answered
    /// from the stored outcome.
    fn committed(_context: &WriteContext, _id: Self::Id) {}
}

/// Declares the mutations of one file: the field of each in the schema, the rights of which it
/// requires one, and its input, which implements [`Mutate`]. A payload that depends on the input
/// is made by the function after `by`, which also runs the mutation.
///
/// ```ignore
/// mutations! {
///     /// Mutations on topics.
///     TopicMutations;
///
///     /// Creates a topic in an edition. Requires the `arrange` right.
///     "createTopic" create_topic(
///         CreateTopicInput: "Fields of the new topic.",
///     ) -> TopicPayload, requires [Arrange];
/// }
/// ```
macro_rules! mutations {
    (@resolve $ctx:ident, $input:ident) => {
        $crate::mutate::run($ctx, $input).await?.into()
    };
    (@resolve $ctx:ident, $input:ident, $resolve:path) => {
        $resolve($ctx, $input).await?
    };
    (
        $(#[$about:meta])*
        $mutations:ident;
        $(
            $(#[$doc:meta])*
            $name:literal $field:ident(
                $input:ident: $described:literal,
            ) -> $payload:ident $(by $resolve:path)?,
            requires [$($right:ident),+];
        )+
    ) => {
        $(
            impl $crate::mutate::Mutation for $input {
                const NAME: &'static str = $name;
                const RIGHTS: &'static [khabar_domain::Right] = &[$(khabar_domain::Right::$right),+];
            }
        )+

        $(#[$about])*
        #[derive(Default)]
        pub(crate) struct $mutations;

        $(#[$about])*
        #[async_graphql::Object]
        impl $mutations {
            $(
                $(#[$doc])*
                #[graphql(name = $name)]
                async fn $field(
                    &self,
                    ctx: &async_graphql::Context<'_>,
                    #[graphql(desc = $described)] input: $input,
                ) -> $crate::error::Result<Option<$payload>> {
                    Ok(Some($crate::mutate::mutations!(@resolve ctx, input $(, $resolve)?)))
                }
            )+
        }

        #[cfg(test)]
        impl $mutations {
            /// The name of each mutation, with the rights that it requires.
            pub(crate) const DECLARED: &'static [(&'static str, &'static [khabar_domain::Right])] = &[
                $((
                    <$input as $crate::mutate::Mutation>::NAME,
                    <$input as $crate::mutate::Mutation>::RIGHTS,
                )),+
            ];
        }
    };
}

pub(crate) use mutations;

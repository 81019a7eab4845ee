//! The mutation root: the entry point for every write of the API.
//!
//! `mutation/` has a file for each noun. It contains the inputs of the noun's mutations, their
//! implementations, and their resolvers, which are one call each.

mod article;
mod comment;
mod comment_settings;
mod edition;
mod follow_channel;
mod home;
mod input_parse;
mod live_channel;
mod media;
mod moderation;
mod ordering;
mod person;
mod preview;
mod section;
mod source;
mod story;
mod token;
mod topic;

use async_graphql::MergedObject;

pub use crate::payload::DeletedPayload;
pub use article::{
    ArticlePayload, CorrectArticleInput, CreateArticleInput, PublishArticleInput,
    ReopenArticleInput, RestoreRevisionInput, ReturnArticleInput, ScheduleArticleInput,
    SetRelatedInput, SubmitArticleInput, UpdateArticleInput, WithdrawArticleInput,
};
pub use comment::{
    CommentPayload, EditCommentInput, PostCommentInput, PostCommentPayload, ReportCommentInput,
};
pub use comment_settings::{
    SetArticleCommentingInput, SetArticleCommentingPayload, SetEditionCommentingInput,
    SetEditionCommentingPayload,
};
pub use edition::{CreateEditionInput, EditionLabelsInput, EditionPayload, UpdateEditionInput};
pub use follow_channel::{
    CreateFollowChannelInput, DeleteFollowChannelInput, FollowChannelPayload,
    FollowChannelsPayload, ReorderFollowChannelsInput, UpdateFollowChannelInput,
};
pub use home::{HomePayload, SetLeadArticlesInput};
pub use live_channel::{
    CreateLiveChannelInput, DeleteLiveChannelInput, LiveChannelPayload, LiveChannelsPayload,
    ReorderLiveChannelsInput, UpdateLiveChannelInput,
};
pub use media::{AddMediaInput, FocalPointInput, MediaPayload, RenditionInput, UpdateMediaInput};
pub use moderation::{CommentDecision, ModerateCommentsInput, ModerateCommentsPayload};
pub use person::{CreatePersonInput, PersonPayload, UpdatePersonInput};
pub use preview::{CreatePreviewInput, CreatePreviewPayload, RevokePreviewsInput};
pub use section::{
    CreateSectionInput, DeleteSectionInput, MoveSectionInput, ReorderSectionsInput, SectionPayload,
    SectionsPayload, UpdateSectionInput,
};
pub use source::{CreateSourceInput, SourcePayload, UpdateSourceInput};
pub use story::{
    AddToStoryInput, ArchiveStoryInput, CreateStoryInput, MergeStoriesInput, PinStoryInput,
    RemoveFromStoryInput, ReopenStoryInput, ReorderPinnedStoriesInput, StoryPayload,
    UnpinStoryInput, UpdateStoryInput,
};
pub use token::{CreateTokenInput, CreateTokenPayload, RevokeTokenInput, TokenPayload};
pub use topic::{CreateTopicInput, TopicPayload, UpdateTopicInput};

/// Declares the root type from the mutations of each file.
macro_rules! root {
    ($(#[$doc:meta])* $root:ident; $($module:ident::$mutations:ident),+ $(,)?) => {
        $(#[$doc])*
        //
        // Merged from parts, because the engine resolves all fields of one object in one function,
        // and its stack would hold the inputs of all mutations at once.
        #[derive(MergedObject, Default)]
        pub struct $root($($module::$mutations),+);

        /// The name of each mutation, with the rights of which it requires one.
        #[cfg(test)]
        const DECLARED: &[&[(&str, &[khabar_domain::Right])]] = &[$($module::$mutations::DECLARED),+];
    };
}

root! {
    /// The root type of all mutations. Several mutations in one operation are carried out one after
    /// another, each in its own transaction.
    Mutation;

    article::ArticleMutations,
    preview::PreviewMutations,
    section::SectionMutations,
    story::StoryMutations,
    topic::TopicMutations,
    person::PersonMutations,
    source::SourceMutations,
    media::MediaMutations,
    live_channel::LiveChannelMutations,
    follow_channel::FollowChannelMutations,
    home::HomeMutations,
    edition::EditionMutations,
    comment::CommentMutations,
    moderation::ModerationMutations,
    comment_settings::CommentSettingsMutations,
    token::TokenMutations,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::DECLARED;
    use crate::mutate::IDEMPOTENCY_KEY;

    /// Every field of the root is declared, says in its description which right it requires, and has
    /// an idempotency key.
    #[test]
    fn descriptions_match_the_declared_rights() {
        let sdl = crate::sdl();
        let document = async_graphql::parser::parse_schema(&sdl).unwrap();
        let types: BTreeMap<_, _> = document
            .definitions
            .iter()
            .filter_map(|definition| match definition {
                async_graphql::parser::types::TypeSystemDefinition::Type(definition) => {
                    Some((definition.node.name.node.as_str(), &definition.node.kind))
                }
                _ => None,
            })
            .collect();
        let async_graphql::parser::types::TypeKind::Object(root) = types["Mutation"] else {
            panic!("the root of mutations is an object");
        };
        let mut declared: BTreeMap<_, _> = DECLARED.iter().copied().flatten().copied().collect();
        for field in &root.fields {
            let name = field.node.name.node.as_str();
            let rights = declared.remove(name).unwrap();
            assert!(!rights.is_empty(), "{name} requires no right");
            let description = &field.node.description.as_ref().unwrap().node;
            for right in rights {
                let right = format!("`{}`", right.as_str());
                assert!(
                    description.contains(&right),
                    "{name} requires {right}: {description}"
                );
            }
            let [input] = field.node.arguments.as_slice() else {
                panic!("{name} has one argument");
            };
            let input = input.node.ty.node.to_string();
            let input = input.trim_end_matches('!');
            let async_graphql::parser::types::TypeKind::InputObject(input) = types[input] else {
                panic!("{input} is an input object");
            };
            let has_key = |field: &async_graphql::Positioned<
                async_graphql::parser::types::InputValueDefinition,
            >| field.node.name.node == IDEMPOTENCY_KEY;
            assert!(
                input.fields.iter().any(has_key),
                "{name} has no idempotency key"
            );
        }
        assert!(declared.is_empty(), "{declared:?}");
    }
}

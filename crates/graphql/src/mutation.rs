//! The mutation root: the entry point for every write of the API.
//!
//! `mutation/` has a file for each noun. It contains the inputs of the noun's mutations, their
//! implementations, and their resolvers, which are one call each.

mod article;
mod comment;
mod commenting;
mod edition;
mod follow_channel;
mod home;
mod input_parse;
mod live_channel;
mod media;
mod moderation;
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
pub use commenting::{
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

/// The root type of all mutations. Several mutations in one operation are carried out one after
/// another, each in its own transaction.
//
// Merged from parts, because the engine resolves all fields of one object in one function, and its
// stack would hold the inputs of all mutations at once.
#[derive(MergedObject, Default)]
pub struct Mutation(
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
    commenting::CommentingMutations,
    token::TokenMutations,
);

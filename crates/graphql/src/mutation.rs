//! The mutation root: where every write of the API begins.
//!
//! `mutation/` has a file for each noun: the inputs of its mutations, how each is carried out, and
//! their entries, of one call each.

mod article;
mod comment;
mod commenting;
mod edition;
mod follow_channel;
mod home;
mod live_channel;
mod media;
mod moderation;
mod person;
mod preview;
mod read;
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
    ArrangeFollowChannelsInput, CreateFollowChannelInput, DeleteFollowChannelInput,
    FollowChannelPayload, FollowChannelsPayload, UpdateFollowChannelInput,
};
pub use home::{HomePayload, SetLeadArticlesInput};
pub use live_channel::{
    ArrangeLiveChannelsInput, CreateLiveChannelInput, DeleteLiveChannelInput, LiveChannelPayload,
    LiveChannelsPayload, UpdateLiveChannelInput,
};
pub use media::{AddMediaInput, FocalPointInput, MediaPayload, RenditionInput, UpdateMediaInput};
pub use moderation::{CommentDecision, ModerateCommentsInput, ModerateCommentsPayload};
pub use person::{CreatePersonInput, PersonPayload, UpdatePersonInput};
pub use preview::{CreatePreviewInput, CreatePreviewPayload, RevokePreviewsInput};
pub use section::{
    ArrangeSectionsInput, CreateSectionInput, DeleteSectionInput, MoveSectionInput, SectionPayload,
    SectionsPayload, UpdateSectionInput,
};
pub use source::{CreateSourceInput, SourcePayload, UpdateSourceInput};
pub use story::{
    AddToStoryInput, ArchiveStoryInput, ArrangeRailInput, CreateStoryInput, MergeStoriesInput,
    PinStoryInput, RemoveFromStoryInput, ReopenStoryInput, StoryPayload, UnpinStoryInput,
    UpdateStoryInput,
};
pub use token::{CreateTokenInput, CreateTokenPayload, RevokeTokenInput, TokenPayload};
pub use topic::{CreateTopicInput, TopicPayload, UpdateTopicInput};

/// Where every write begins. Several in one operation are made one after another, each in a
/// transaction of its own.
//
// Merged of parts, because the engine resolves all fields of one object in one function, whose stack
// would hold the inputs of all mutations at once.
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

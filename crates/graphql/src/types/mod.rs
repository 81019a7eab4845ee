//! The GraphQL types of the API. Each type has its own file, named after the type in the schema.
//! Enums and nested types that belong to a single type are defined in that type's file.

mod article;
mod article_conflict;
mod article_connection;
mod article_diff;
mod audit_entry;
mod body;
mod broken_row;
mod comment;
mod commenting;
mod correction;
mod edition;
mod follow_channel;
mod home;
mod live_channel;
mod media;
mod person;
mod preview;
mod related_article_connection;
mod revision;
mod section;
mod source;
mod story;
mod story_timeline;
mod token;
mod topic;
mod user_error;
mod viewer;
mod withdrawal;

pub use article::{Article, ArticleKind, ArticleStatus};
pub use article_conflict::ArticleConflict;
pub use article_connection::ArticleConnection;
pub(crate) use article_connection::{ArticleListArguments, Articles};
pub use article_diff::{
    ArticleDiff, ArticlePart, BlockDiff, BlockDiffOp, DiffGranularity, WordsDiff, WordsDiffOp,
};
pub use audit_entry::{AuditEntry, AuditEntryConnection};
pub use body::{
    BodyBlock, EmbedBlock, GalleryBlock, HeadingBlock, ImageBlock, ListBlock, ParagraphBlock,
    QuotationBlock, RichText, TableBlock, VideoBlock,
};
pub use broken_row::BrokenRow;
pub use comment::{Comment, CommentAuthor, CommentConnection, CommentStatus};
pub use commenting::{ArticleCommenting, CommentingMode, EditionCommenting};
pub use correction::Correction;
pub use edition::{Direction, Edition, EditionLabels};
pub use follow_channel::{FollowChannel, FollowPlatform};
pub use home::Home;
pub use live_channel::LiveChannel;
pub use media::{FocalPoint, Media, MediaKind, Rendition};
pub use person::Person;
pub use preview::Preview;
pub use related_article_connection::{
    RelatedArticleConnection, RelatedArticleEdge, RelatedOrigin, RelatedReason,
};
pub use revision::{ArticleStep, Revision, RevisionConnection};
pub use section::Section;
pub use source::{Source, SourceKind};
pub use story::{Story, StoryConnection, StoryKind, StoryStatus};
pub use story_timeline::{StoryDay, StoryTimeline};
pub use token::{Token, TokenConnection};
pub use topic::{Topic, TopicKind};
pub use user_error::{UserError, UserErrorCode};
pub use viewer::{Right, Role, Viewer};
pub use withdrawal::Withdrawal;

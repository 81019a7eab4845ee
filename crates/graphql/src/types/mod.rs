//! The types of the API: one file each, under the name that it has in the schema. What belongs to
//! one type alone (its enums, its parts) stands in that type's file.

mod article;
mod article_connection;
mod body;
mod comment;
mod edition;
mod follow_channel;
mod home;
mod live_channel;
mod media;
mod person;
mod related_article_connection;
mod section;
mod source;
mod story;
mod story_timeline;
mod topic;

pub use article::{Article, ArticleKind, ArticleStatus};
pub use article_connection::ArticleConnection;
pub(crate) use article_connection::{Articles, AskedArticles};
pub use body::{
    BodyBlock, EmbedBlock, GalleryBlock, HeadingBlock, ImageBlock, ListBlock, ParagraphBlock,
    QuotationBlock, RichText, TableBlock, VideoBlock,
};
pub use comment::{Comment, CommentConnection};
pub use edition::{Direction, Edition, EditionLabels};
pub use follow_channel::{FollowChannel, FollowPlatform};
pub use home::Home;
pub use live_channel::LiveChannel;
pub use media::{FocalPoint, Media, MediaKind, Rendition};
pub use person::Person;
pub use related_article_connection::{
    RelatedArticleConnection, RelatedArticleEdge, RelatedOrigin, RelatedReason,
};
pub use section::Section;
pub use source::{Source, SourceKind};
pub use story::{Story, StoryConnection, StoryKind, StoryStatus};
pub use story_timeline::{StoryDay, StoryTimeline};
pub use topic::{Topic, TopicKind};

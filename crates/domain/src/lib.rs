//! What the newsroom talks about, and the rules that its values keep.
//!
//! No I/O, no SQL, no GraphQL: this crate can be read aloud to a journalist.

pub mod article;
pub mod body;
pub mod clock;
pub mod comment;
pub mod commenting;
pub mod credential;
pub mod desk;
pub mod diff;
pub mod edition;
pub mod follow;
pub mod headline;
pub mod id;
pub mod invalid;
pub mod language;
pub mod live;
pub mod media;
pub mod person;
mod plain;
pub mod preview;
pub mod related;
pub mod rights;
pub mod scope;
pub mod section;
pub mod slug;
pub mod source;
pub mod story;
mod token;
pub mod topic;
pub mod web_url;
pub mod workflow;

pub use article::Article;
pub use body::{Block, Body, RichText};
pub use comment::Comment;
pub use credential::Credential;
pub use desk::Desk;
pub use edition::Edition;
pub use follow::FollowChannel;
pub use headline::{Headline, Name};
pub use id::*;
pub use invalid::Invalid;
pub use language::{Direction, Language};
pub use live::LiveChannel;
pub use media::Media;
pub use person::Person;
pub use preview::{Preview, PreviewKey};
pub use related::RelatedLink;
pub use rights::{Right, Rights, Role, Viewer};
pub use scope::Scope;
pub use section::Section;
pub use slug::Slug;
pub use source::Source;
pub use story::Story;
pub use topic::Topic;
pub use web_url::WebUrl;

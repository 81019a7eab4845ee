//! The domain model of the newsroom, and its validation rules. No I/O, no SQL, no GraphQL.
//!
//! Content:
//!
//! - `article`, `body`, `media`: articles, their blocks and their pictures, videos and recordings
//! - `edition`, `section`, `story`, `topic`, `person`, `source`: the structure that articles belong
//!   to
//! - `live_channel`, `follow_channel`: streams, and the newsroom's accounts on other platforms
//! - `related`: recommendations from one article to another
//! - `comment`, `commenting`: comments, and the rules for posting and moderating them
//!
//! Editorial work and access:
//!
//! - `workflow`, `editorial`: the statuses of an article, the transitions between them, and its
//!   editorial state
//! - `diff`: differences between two texts, block by block and word by word
//! - `rights`, `scope`: roles and their rights; the viewer and the time of a request
//! - `credential`, `preview`, `network`: API tokens, preview tokens, and client addresses
//!
//! Values:
//!
//! - `id`, `slug`, `headline`, `web_url`, `language`: validated values
//! - `invalid`: the validation error
//! - `unicode`, `fast_path`: normalization and character checks, and the shortcut for plain text
//! - `clock`: the source of the current time, always passed in
//! - `text_enum`: the names of enum variants in rows and files
//!
//! A value is validated when it is parsed, so every value of its type is valid:
//!
//! ```
//! use khabar_domain::{Headline, Invalid, Slug};
//!
//! let headline = Headline::parse("  Harbour reopens \n")?;
//! assert_eq!(headline.as_str(), "Harbour reopens");
//! assert_eq!(Slug::from_text(headline.as_str())?.as_str(), "harbour-reopens");
//!
//! let error = Headline::parse(" ").unwrap_err();
//! assert_eq!(error.to_string(), "the headline is empty");
//! # Ok::<(), Invalid>(())
//! ```

pub mod article;
pub mod body;
pub mod clock;
pub mod comment;
pub mod commenting;
pub mod credential;
pub mod diff;
pub mod edition;
pub mod editorial;
mod fast_path;
pub mod follow_channel;
pub mod headline;
pub mod id;
pub mod invalid;
pub mod language;
pub mod live_channel;
pub mod media;
pub mod network;
pub mod person;
pub mod preview;
pub mod related;
pub mod rights;
pub mod scope;
pub mod section;
pub mod slug;
pub mod source;
pub mod story;
mod text_enum;
pub mod topic;
pub mod unicode;
pub mod web_url;
pub mod workflow;

pub use article::Article;
pub use body::{Block, Body, RichText};
pub use comment::Comment;
pub use credential::Credential;
pub use edition::Edition;
pub use editorial::EditorialState;
pub use follow_channel::FollowChannel;
pub use headline::{Headline, Name};
pub use id::*;
pub use invalid::Invalid;
pub use language::{Direction, Language};
pub use live_channel::LiveChannel;
pub use media::Media;
pub use network::Network;
pub use person::Person;
pub use preview::{Preview, PreviewKey, PreviewKeys};
pub use related::RelatedLink;
pub use rights::{Right, Rights, Role, Viewer};
pub use scope::Scope;
pub use section::Section;
pub use slug::Slug;
pub use source::Source;
pub use story::Story;
pub use topic::Topic;
pub use web_url::WebUrl;

//! Input: what a client asks with, and what that means to the newsroom.

mod article_filter;
mod article_order;
mod comment_order;
mod look_up;

pub use article_filter::ArticleFilter;
pub(crate) use article_filter::Narrowed;
pub use article_order::ArticleOrder;
pub use comment_order::CommentOrder;
pub(crate) use look_up::{LookUp, edition_slug, exactly_one};

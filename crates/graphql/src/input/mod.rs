//! Filters, sort orders and look-ups that clients pass as arguments, and their translation into
//! queries.

mod article_filter;
mod article_order;
mod comment_order;
mod selector;

pub use article_filter::ArticleFilter;
pub(crate) use article_filter::ResolvedFilter;
pub use article_order::ArticleOrder;
pub use comment_order::CommentOrder;
pub(crate) use selector::{Selector, edition_slug, exactly_one};

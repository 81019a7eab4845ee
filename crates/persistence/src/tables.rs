//! The tables: each file holds the row type of one entity, its conversion to the type of `khabar-domain`,
//! the keys that read it in batches, and its writes.
//!
//! A new table is added to [`ARCHIVED`], or to the list of those left out in `tables/tests.rs`. A test fails while it
//! is in neither.

pub mod account;
pub mod article;
pub mod audit;
pub mod client_address;
pub mod comment;
pub mod commenting;
pub mod correction;
pub mod edition;
pub mod editorial;
pub mod follow_channel;
pub mod home_lead;
pub mod idempotency;
pub mod live_channel;
pub mod media;
pub mod person;
pub mod preview;
pub mod related;
pub mod reserved_name;
pub mod revision;
pub mod secret;
pub mod section;
pub mod source;
pub mod story;
pub mod token;
pub mod topic;
pub mod trusted_document;

#[cfg(test)]
mod tests;

use crate::feed;
use crate::query::decode::Row;
use crate::query::table::{Declared, Table};
use crate::relations::{list_membership, slug};

/// Returns a table whose rows must be readable as values of the domain.
const fn checked<R: Row + Declared>() -> Table {
    R::DECLARATION.read_as::<R>()
}

/// Returns a table whose rows follow no rules.
const fn unchecked<R: Declared>() -> Table {
    R::DECLARATION
}

/// The tables of an archive. Each comes after those that it refers to.
pub(crate) const ARCHIVED: &[Table] = &[
    checked::<account::table::Model>(),
    checked::<media::table::Model>(),
    checked::<edition::table::Model>(),
    checked::<section::table::Model>(),
    section::PATHS,
    checked::<story::table::Model>(),
    checked::<person::table::Model>(),
    checked::<source::table::Model>(),
    checked::<topic::table::Model>(),
    checked::<article::table::Model>().read_by(article::read_normalized),
    checked::<article::body_table::Model>(),
    article::AUTHORS.declaration,
    article::TOPICS.declaration,
    article::STORIES.declaration,
    story::TOPICS.declaration,
    story::MERGES,
    unchecked::<list_membership::table::Model>(),
    checked::<related::table::Model>(),
    checked::<editorial::table::Model>(),
    checked::<revision::table::Model>(),
    correction::TABLE,
    slug::REDIRECTS.read_as::<slug::Redirect>(),
    checked::<comment::table::Model>(),
    checked::<comment::report_table::Model>(),
    checked::<commenting::table::Model>(),
    checked::<live_channel::table::Model>(),
    checked::<follow_channel::table::Model>(),
    home_lead::LEADS.declaration,
    checked::<trusted_document::table::Model>(),
];

/// Tables that are not archived and whose rows must be readable.
pub(crate) const NOT_ARCHIVED: &[Table] = &[
    checked::<token::table::Model>(),
    checked::<audit::table::Model>(),
    checked::<feed::change::table::Model>(),
];

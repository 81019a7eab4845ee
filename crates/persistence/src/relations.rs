//! Relations that several tables share: lists, links, manual order and slugs.

pub(crate) mod join_table;
pub(crate) mod list_membership;
pub(crate) mod ordering;
pub mod slug;

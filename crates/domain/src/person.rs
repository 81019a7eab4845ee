//! A person who writes, films or speaks for the newsroom.

use crate::{EditionId, MediaId, Name, PersonId, Slug};

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Which person.
    pub id: PersonId,
    /// In whose edition they sign.
    pub edition: EditionId,
    /// Their part of an address.
    pub slug: Slug,
    /// How they sign.
    pub name: Name,
    /// What they do: "economy editor".
    pub role: Option<String>,
    /// A few sentences about them.
    pub biography: Option<String>,
    /// Their portrait.
    pub portrait: Option<MediaId>,
    /// How many published articles they signed.
    pub article_count: i64,
}

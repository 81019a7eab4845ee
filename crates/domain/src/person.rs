//! People who write, film or speak for the newsroom.

use crate::{EditionId, MediaId, Name, PersonId, Slug};

/// A person who writes, films or speaks for the newsroom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The ID of the person.
    pub id: PersonId,
    /// The edition to which the person belongs.
    pub edition: EditionId,
    /// The slug used in the person's URL.
    pub slug: Slug,
    /// The name shown in bylines.
    pub name: Name,
    /// The job title, such as "economy editor".
    pub role: Option<String>,
    /// A short biography.
    pub biography: Option<String>,
    /// The portrait of the person.
    pub portrait: Option<MediaId>,
    /// The number of published articles credited to the person.
    pub article_count: i64,
}

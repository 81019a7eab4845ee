//! Sections: the departments of an edition, such as economy or sport. Sections can be nested.

use crate::{EditionId, Name, SectionId, Slug};

/// A section of an edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The ID of the section.
    pub id: SectionId,
    /// The edition that the section belongs to.
    pub edition: EditionId,
    /// The parent section. `None` for a top-level section.
    pub parent: Option<SectionId>,
    /// The slug used in URLs.
    pub slug: Slug,
    /// The display name.
    pub name: Name,
    /// A one-sentence description of what the section covers.
    pub summary: Option<String>,
    /// Zero-based position among the sections with the same parent.
    pub position: i32,
    /// Whether the section is listed among the important sections.
    pub featured: bool,
    /// The number of published articles in the section and its subsections.
    pub article_count: i64,
}

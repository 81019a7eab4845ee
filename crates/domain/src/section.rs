//! A section: a department of an edition, such as economy or sport. Sections nest.

use crate::{EditionId, Name, SectionId, Slug};

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Which section.
    pub id: SectionId,
    /// Whose section.
    pub edition: EditionId,
    /// The section that it is part of.
    pub parent: Option<SectionId>,
    /// Its part of an address.
    pub slug: Slug,
    /// What it is called.
    pub name: Name,
    /// What it covers, in a sentence.
    pub summary: Option<String>,
    /// Its place among its siblings, from 0.
    pub position: i32,
    /// Whether it stands among the important sections.
    pub featured: bool,
    /// How many published articles are filed in it or below it.
    pub article_count: i64,
}

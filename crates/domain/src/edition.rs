//! An edition: the newsroom in one language, with its own sections, stories and front page.

use crate::{Direction, EditionId, Language, Name, Slug};

/// One edition. A database may hold several; `ar` is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Which edition.
    pub id: EditionId,
    /// Its part of an address: `ar`.
    pub slug: Slug,
    /// What it is called.
    pub name: Name,
    /// The language that its articles are in unless they say otherwise.
    pub language: Language,
    /// From which side its pages are read.
    pub direction: Direction,
    /// What the blocks of its pages are called.
    pub labels: Labels,
    /// How many published articles it has.
    pub article_count: i64,
}

/// The headings of the blocks around an article, in the edition's own words; absent ones are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Over the link to live television.
    pub live: Option<String>,
    /// Over "where to follow us".
    pub follow: Option<String>,
    /// Over the important sections.
    pub sections: Option<String>,
    /// Over the rail of stories.
    pub stories: Option<String>,
    /// Over the comments.
    pub comments: Option<String>,
}

//! Editions: the newsroom's output in one language, with its own sections, stories and front page.

use crate::{Direction, EditionId, Language, Name, Slug};

/// An edition. A database may hold several; `ar` is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// The ID of the edition.
    pub id: EditionId,
    /// The slug used in URLs, such as `ar`.
    pub slug: Slug,
    /// The name of the edition.
    pub name: Name,
    /// The default language of the edition's articles.
    pub language: Language,
    /// The reading direction of the edition's pages.
    pub direction: Direction,
    /// The headings of the blocks on the edition's pages.
    pub labels: Labels,
    /// The number of published articles in the edition.
    pub article_count: i64,
}

/// The headings of the blocks around an article, in the edition's language. `None` if a heading is
/// unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The heading of the link to live television.
    pub live: Option<String>,
    /// The heading of the list of follow channels.
    pub follow: Option<String>,
    /// The heading of the list of important sections.
    pub sections: Option<String>,
    /// The heading of the rail of stories.
    pub stories: Option<String>,
    /// The heading of the comments.
    pub comments: Option<String>,
}

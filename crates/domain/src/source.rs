//! Sources: the agencies and outlets that articles come from.

use crate::text_enum::tokens;
use crate::{EditionId, Name, Slug, SourceId, WebUrl};

/// The kind of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A news agency, which syndicates its text.
    Agency,
    /// A newspaper, broadcaster or website.
    Outlet,
}

tokens!(Kind, "the source's kind", { Agency => "agency", Outlet => "outlet" });

/// An agency or outlet cited by an edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The ID of the source.
    pub id: SourceId,
    /// The edition that cites the source.
    pub edition: EditionId,
    /// The kind of the source. `None` if it was imported from a page that gives only its name.
    pub kind: Option<Kind>,
    /// The slug used in URLs.
    pub slug: Slug,
    /// The display name.
    pub name: Name,
    /// The address of the source's website.
    pub url: Option<WebUrl>,
    /// The number of published articles from the source.
    pub article_count: i64,
}

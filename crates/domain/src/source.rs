//! A source: the agency or outlet that an article came from.

use crate::token::tokens;
use crate::{EditionId, Name, Slug, SourceId, WebUrl};

/// What kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A news agency, which sells its text to many.
    Agency,
    /// A newspaper, broadcaster or site.
    Outlet,
}

tokens!(Kind, "the source's kind", { Agency => "agency", Outlet => "outlet" });

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which source.
    pub id: SourceId,
    /// In whose edition it is cited.
    pub edition: EditionId,
    /// What kind; absent where the page only names it.
    pub kind: Option<Kind>,
    /// Its part of an address.
    pub slug: Slug,
    /// What it is called.
    pub name: Name,
    /// Its site.
    pub url: Option<WebUrl>,
    /// How many published articles came from it.
    pub article_count: i64,
}

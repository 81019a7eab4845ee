//! A look-up identifies one object, by its id or by its slug in an edition.

use async_graphql::ID;
use khabar_persistence::SlugKey;

use crate::error::{Error, Result};
use crate::scalar::Slug;

/// The edition used when none is given. The newsroom's first language is Arabic.
const EDITION: &str = "ar";

/// The identifier of an object: a global id, or a slug in an edition.
pub(crate) enum Selector {
    Id(ID),
    Slug(SlugKey),
}

impl Selector {
    /// Reads the identifier from the arguments. Refuses them unless exactly one of `id` and `slug` is
    /// given.
    pub(crate) fn read(id: Option<ID>, slug: Option<Slug>, edition: Option<Slug>) -> Result<Self> {
        match (id, slug) {
            (Some(id), None) => Ok(Self::Id(id)),
            (None, Some(slug)) => Ok(Self::Slug(SlugKey {
                edition: edition_slug(edition)?,
                slug: slug.0,
            })),
            _ => Err(exactly_one("`id` and `slug`")),
        }
    }
}

/// Returns the given edition slug, or the slug of the default edition.
pub(crate) fn edition_slug(edition: Option<Slug>) -> Result<khabar_domain::Slug> {
    match edition {
        Some(slug) => Ok(slug.0),
        None => khabar_domain::Slug::parse(EDITION).map_err(|error| Error::internal(&error)),
    }
}

/// Creates the error for arguments of which exactly one must be given.
pub(crate) fn exactly_one(of: &str) -> Error {
    Error::bad_input(format!("Provide exactly one of {of}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_selector_is_required() {
        let id = || Some(ID("x".to_owned()));
        let slug = || Some(Slug(khabar_domain::Slug::parse("a").unwrap()));
        assert!(matches!(
            Selector::read(id(), None, None),
            Ok(Selector::Id(_))
        ));
        let Ok(Selector::Slug(key)) = Selector::read(None, slug(), None) else {
            panic!("a slug was not taken");
        };
        assert_eq!(key.edition.as_str(), "ar");
        assert!(Selector::read(None, None, None).is_err());
        assert!(Selector::read(id(), slug(), None).is_err());
    }
}

//! A look-up: the one thing that a client names, by its id or by its slug in an edition.

use async_graphql::ID;
use khabar_persistence::SlugKey;

use crate::error::{Error, Result};
use crate::scalar::Slug;

/// The edition that is meant when none is named: the newsroom's first language is Arabic.
const EDITION: &str = "ar";

/// How a thing was named.
pub(crate) enum LookUp {
    Id(ID),
    Slug(SlugKey),
}

impl LookUp {
    /// Takes exactly one of the two names.
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

/// The slug of the edition that is meant.
pub(crate) fn edition_slug(given: Option<Slug>) -> Result<khabar_domain::Slug> {
    match given {
        Some(slug) => Ok(slug.0),
        None => khabar_domain::Slug::parse(EDITION).map_err(|error| Error::internal(&error)),
    }
}

/// What is said when none or several of these arguments were given.
pub(crate) fn exactly_one(of: &str) -> Error {
    Error::bad_input(format!("Give exactly one of {of}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_and_only_one() {
        let id = || Some(ID("x".to_owned()));
        let slug = || Some(Slug(khabar_domain::Slug::parse("a").unwrap()));
        assert!(matches!(LookUp::read(id(), None, None), Ok(LookUp::Id(_))));
        let Ok(LookUp::Slug(key)) = LookUp::read(None, slug(), None) else {
            panic!("a slug was not taken");
        };
        assert_eq!(key.edition.as_str(), "ar");
        assert!(LookUp::read(None, None, None).is_err());
        assert!(LookUp::read(id(), slug(), None).is_err());
    }
}

//! Cache tags: the sources of a cached result, which writes touch.

use std::fmt;

use khabar_domain::Slug;
use uuid::Uuid;

use super::{EntityKind, Facet};

/// A source of a result that a write may touch: an object, a facet of an object, or either of all objects
/// of a kind. Its text form is `story:ID` or `story:ID:articles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheTag {
    entity: EntityKind,
    /// Nil for all objects of the kind.
    id: Uuid,
    facet: Option<Facet>,
}

impl CacheTag {
    /// Creates the tag of one object.
    pub fn one(entity: EntityKind, id: impl Into<Uuid>) -> Self {
        Self {
            entity,
            facet: None,
            id: id.into(),
        }
    }

    /// Creates the tag of a facet of one object, such as one of its lists.
    pub fn part(entity: EntityKind, id: impl Into<Uuid>, facet: Facet) -> Self {
        Self {
            entity,
            facet: Some(facet),
            id: id.into(),
        }
    }

    /// Creates the tag of whatever is found under a slug. Its ID is derived from the slug (UUID version 5),
    /// regardless of the edition.
    pub fn slug(entity: EntityKind, slug: &Slug) -> Self {
        /// The UUID namespace for slugs. The value is arbitrary but must never change.
        const SLUGS: Uuid = Uuid::from_u128(0x6b68_6162_6172_5f73_6c75_6773_0000_0001);
        let id = Uuid::new_v5(&SLUGS, slug.as_str().as_bytes());
        Self::part(entity, id, Facet::Slug)
    }

    /// Creates the tag of all objects of a kind.
    pub fn every(entity: EntityKind) -> Self {
        Self::one(entity, Uuid::nil())
    }

    /// Creates the tag of a facet of all objects of a kind.
    pub fn every_part(entity: EntityKind, facet: Facet) -> Self {
        Self::part(entity, Uuid::nil(), facet)
    }

    /// Returns the tag of all objects of the kind, which every write that touches this tag touches too.
    #[must_use]
    pub fn of_every(self) -> Self {
        Self {
            id: Uuid::nil(),
            ..self
        }
    }

    /// Returns the kind of object.
    pub fn entity(self) -> EntityKind {
        self.entity
    }

    /// Returns the facet of the object, or `None` for the object itself.
    pub fn facet(self) -> Option<Facet> {
        self.facet
    }

    /// Returns the ID of the object, or `None` for all objects of the kind.
    pub fn id(self) -> Option<Uuid> {
        (!self.id.is_nil()).then_some(self.id)
    }

    /// Parses the text form. Returns `None` for a tag that this version does not know.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(':');
        let entity = EntityKind::parse(words.next()?)?;
        let id = Uuid::parse_str(words.next()?).ok()?;
        let facet = match words.next() {
            None => None,
            Some(word) => Some(Facet::parse(word)?),
        };
        words.next().is_none().then_some(Self { entity, id, facet })
    }
}

impl fmt::Display for CacheTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.entity.as_str(), self.id)?;
        match self.facet {
            Some(facet) => write!(f, ":{}", facet.as_str()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_every_tag_is_parsed_again() {
        let facets = || Facet::ALL.iter().copied().map(Some).chain([None]);
        for entity in EntityKind::ALL.iter().copied() {
            for facet in facets() {
                for id in [Uuid::from_u128(7), Uuid::max(), Uuid::nil()] {
                    let tag = CacheTag { entity, id, facet };
                    assert_eq!(CacheTag::parse(&tag.to_string()), Some(tag));
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_no_tag_is_none() {
        let id = Uuid::from_u128(7);
        for text in [
            String::new(),
            "*".to_owned(),
            "story".to_owned(),
            "story:7".to_owned(),
            format!("podcast:{id}"),
            format!("story:{id}:episodes"),
            format!("story:{id}:articles:"),
            format!("story:{id}:articles:more"),
        ] {
            assert_eq!(CacheTag::parse(&text), None, "{text}");
        }
    }
}

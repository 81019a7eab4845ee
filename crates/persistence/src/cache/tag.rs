//! Reading keys in the form that the cache compares: the sources of a cached result.

use uuid::Uuid;

use crate::feed::{Change, EntityKind, Facet, slug_id};
use crate::tables::token;
use khabar_domain::Slug;

/// A source of a result that a write may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheTag {
    noun: EntityKind,
    part: Option<Facet>,
    id: Uuid,
}

impl CacheTag {
    /// Creates the key of one object.
    pub fn one(noun: EntityKind, id: impl Into<Uuid>) -> Self {
        Self {
            noun,
            part: None,
            id: id.into(),
        }
    }

    /// Creates the key of a part of one object, such as one of its lists.
    pub fn part(noun: EntityKind, id: impl Into<Uuid>, part: Facet) -> Self {
        Self {
            noun,
            part: Some(part),
            id: id.into(),
        }
    }

    /// Creates the key of whatever is found under a slug.
    pub fn slug(noun: EntityKind, slug: &Slug) -> Self {
        Self::part(noun, slug_id(slug), Facet::Slug)
    }

    /// Creates the key of all objects of a kind.
    pub fn every(noun: EntityKind) -> Self {
        Self::one(noun, Uuid::nil())
    }

    /// Creates the key of a part of all objects of a kind.
    pub fn every_part(noun: EntityKind, part: Facet) -> Self {
        Self::part(noun, Uuid::nil(), part)
    }

    /// Returns the kind of object.
    pub fn noun(self) -> EntityKind {
        self.noun
    }

    /// Returns the part of the object, or `None` for the object itself.
    pub fn of_part(self) -> Option<Facet> {
        self.part
    }

    /// Returns the ID of the object, or `None` for all objects of the kind.
    pub fn id(self) -> Option<Uuid> {
        (!self.id.is_nil()).then_some(self.id)
    }

    /// Returns the keys that a change touches. Returns `None` if it touches
    /// [`EVERYTHING`](crate::feed::EVERYTHING), or if it contains a key that this version does
    /// not know because a later version has written it.
    pub fn touched_by(change: &Change) -> Option<Vec<Self>> {
        let mut keys = Vec::with_capacity(2 * change.keys.len());
        for text in &change.keys {
            match Self::read(text) {
                Some(touched) => keys.extend(touched),
                // No cached result was read from this key.
                None if text == token::LIST => {}
                None => return None,
            }
        }
        Some(keys)
    }

    /// Parses a reading key of the change feed. Returns it with the key of all objects of its kind,
    /// which every write of the object touches too. Returns `None` for an unknown key.
    pub(super) fn read(text: &str) -> Option<[Self; 2]> {
        let mut words = text.split(':');
        let noun = EntityKind::parse(words.next()?)?;
        let id = Uuid::parse_str(words.next()?).ok()?;
        let part = match words.next() {
            None => None,
            Some(word) => Some(Facet::parse(word)?),
        };
        if words.next().is_some() {
            return None;
        }
        let every = Uuid::nil();
        Some([
            Self { noun, part, id },
            Self {
                noun,
                part,
                id: every,
            },
        ])
    }
}

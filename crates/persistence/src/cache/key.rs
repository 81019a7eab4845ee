//! Reading keys as the cache compares them: what a kept answer was read from.

use uuid::Uuid;

use crate::change::{Change, Noun, Part, slug_id};
use crate::token;
use khabar_domain::Slug;

/// Something that was read, and that a write may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReadingKey {
    noun: Noun,
    part: Option<Part>,
    id: Uuid,
}

impl ReadingKey {
    /// One thing.
    pub fn one(noun: Noun, id: impl Into<Uuid>) -> Self {
        Self {
            noun,
            part: None,
            id: id.into(),
        }
    }

    /// A part of one thing, such as a list that it has.
    pub fn part(noun: Noun, id: impl Into<Uuid>, part: Part) -> Self {
        Self {
            noun,
            part: Some(part),
            id: id.into(),
        }
    }

    /// Whatever is found under a slug.
    pub fn slug(noun: Noun, slug: &Slug) -> Self {
        Self::part(noun, slug_id(slug), Part::Slug)
    }

    /// All things of a kind, whichever there are.
    pub fn every(noun: Noun) -> Self {
        Self::one(noun, Uuid::nil())
    }

    /// A part of all things of a kind.
    pub fn every_part(noun: Noun, part: Part) -> Self {
        Self::part(noun, Uuid::nil(), part)
    }

    /// What kind of thing it is of.
    pub fn noun(self) -> Noun {
        self.noun
    }

    /// Which part of it, if it is not the thing itself.
    pub fn of_part(self) -> Option<Part> {
        self.part
    }

    /// Which one; none for all of the kind.
    pub fn id(self) -> Option<Uuid> {
        (!self.id.is_nil()).then_some(self.id)
    }

    /// The keys that a change touches. None where it touches [`EVERYTHING`](crate::change::EVERYTHING), and
    /// where this program does not know one of its texts: a later one has written it.
    pub fn touched_by(change: &Change) -> Option<Vec<Self>> {
        let mut keys = Vec::with_capacity(2 * change.keys.len());
        for text in &change.keys {
            match Self::read(text) {
                Some(touched) => keys.extend(touched),
                // Nothing that is kept was read from it.
                None if text == token::LIST => {}
                None => return None,
            }
        }
        Some(keys)
    }

    /// The key that this text of the change feed is, and the one for all of its kind, which a write
    /// touches with it. None for a text that this program does not know.
    pub(super) fn read(text: &str) -> Option<[Self; 2]> {
        let mut words = text.split(':');
        let noun = Noun::parse(words.next()?)?;
        let id = Uuid::parse_str(words.next()?).ok()?;
        let part = match words.next() {
            None => None,
            Some(word) => Some(Part::parse(word)?),
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

//! Reading keys as the cache compares them: what a kept answer was read from.

use uuid::Uuid;

use crate::change::{Noun, Part};

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

    /// All things of a kind, whichever there are.
    pub fn every(noun: Noun) -> Self {
        Self::one(noun, Uuid::nil())
    }

    /// A part of all things of a kind.
    pub fn every_part(noun: Noun, part: Part) -> Self {
        Self::part(noun, Uuid::nil(), part)
    }

    pub(crate) fn noun(self) -> Noun {
        self.noun
    }

    /// The part of it that was read; none: itself.
    pub(crate) fn of_part(self) -> Option<Part> {
        self.part
    }

    pub(crate) fn id(self) -> Uuid {
        self.id
    }

    /// The key that this text of the change feed is, and the one for all of its kind, which a write
    /// touches with it. None for a text that this program does not know.
    pub(super) fn touched_by(text: &str) -> Option<[Self; 2]> {
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

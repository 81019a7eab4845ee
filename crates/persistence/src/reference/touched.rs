//! What of the reference data was written, and has to be read anew.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Reference;
use crate::cache::ReadingKey;
use crate::change::{Noun, Part};

/// What has to be read anew.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// All of it.
    pub(super) everything: bool,
    pub(super) editions: Anew,
    pub(super) sections: Anew,
    pub(super) sources: Anew,
    pub(super) live_channels: Anew,
    pub(super) follow_channels: Anew,
    pub(super) stories: Anew,
    pub(super) media: BTreeSet<Uuid>,
}

/// Which rows of a kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Anew {
    pub(super) ids: BTreeSet<Uuid>,
    /// The editions of which all rows are.
    pub(super) of: BTreeSet<Uuid>,
}

impl Anew {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.of.is_empty()
    }

    fn add(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.of.extend(other.of);
    }
}

impl Touched {
    /// All of it.
    pub(crate) fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Remembers what a write has touched, if it can be part of the reference data.
    ///
    /// Whatever becomes a part of it or ceases to be one is named by its own key, or by that of the
    /// list of its edition.
    pub(crate) fn touch(&mut self, key: ReadingKey) {
        let Some(id) = key.id() else {
            // The key of all of a kind comes with that of the one that was written.
            return;
        };
        let counted = matches!(key.of_part(), None | Some(Part::Articles | Part::Rail));
        match (key.noun(), key.of_part()) {
            (Noun::Edition, Some(Part::Sections)) => self.sections.of.insert(id),
            (Noun::Edition, Some(Part::LiveChannels)) => self.live_channels.of.insert(id),
            (Noun::Edition, Some(Part::FollowChannels)) => self.follow_channels.of.insert(id),
            (Noun::Edition, Some(Part::Stories)) => self.stories.of.insert(id),
            (Noun::Edition, _) if counted => self.editions.ids.insert(id),
            (Noun::Section, _) if counted => self.sections.ids.insert(id),
            (Noun::Source, _) if counted => self.sources.ids.insert(id),
            (Noun::Story, _) if counted => self.stories.ids.insert(id),
            (Noun::LiveChannel, None) => self.live_channels.ids.insert(id),
            (Noun::FollowChannel, None) => self.follow_channels.ids.insert(id),
            (Noun::Media, _) => self.media.insert(id),
            _ => false,
        };
    }

    /// Forgets the stories that are not on a rail and the pictures that are not shown: they are no
    /// part of it.
    pub(crate) fn forget_others(&mut self, reference: &Reference) {
        self.stories
            .ids
            .retain(|id| reference.rails.get(*id).is_some() || reference.broken.contains_key(id));
        self.media
            .retain(|id| reference.media.contains_key(id) || reference.broken.contains_key(id));
    }

    /// All that has to be read of either.
    pub(crate) fn add(&mut self, other: Self) {
        self.everything |= other.everything;
        self.editions.add(other.editions);
        self.sections.add(other.sections);
        self.sources.add(other.sources);
        self.live_channels.add(other.live_channels);
        self.follow_channels.add(other.follow_channels);
        self.stories.add(other.stories);
        self.media.extend(other.media);
    }
}

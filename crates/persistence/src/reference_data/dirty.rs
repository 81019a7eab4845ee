//! The parts of the reference data that were written and must be read again.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Reference;
use crate::cache::DirtyParts;

use crate::feed::{CacheTag, EntityKind, Facet};

/// The parts of the reference data that must be read again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DirtyRows {
    /// Whether all of the reference data must be read again.
    pub(super) everything: bool,
    pub(super) editions: DirtySet,
    pub(super) sections: DirtySet,
    pub(super) sources: DirtySet,
    pub(super) live_channels: DirtySet,
    pub(super) follow_channels: DirtySet,
    pub(super) stories: DirtySet,
    pub(super) people: DirtySet,
    pub(super) topics: DirtySet,
    pub(super) media: BTreeSet<Uuid>,
}

/// The rows of one kind that must be read again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DirtySet {
    pub(super) ids: BTreeSet<Uuid>,
    /// The editions whose rows must all be read again.
    pub(super) of: BTreeSet<Uuid>,
}

impl DirtySet {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.of.is_empty()
    }

    fn add(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.of.extend(other.of);
    }
}

impl DirtyParts<Reference> for DirtyRows {
    fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A row that enters or leaves the reference data is identified by its own key, or by that of its
    /// edition's list.
    fn touch(&mut self, tag: CacheTag) {
        let Some(id) = tag.id() else {
            // A key for a whole kind always accompanies the key of the row that was written.
            return;
        };
        let counted = matches!(tag.facet(), None | Some(Facet::Articles | Facet::Rail));
        match (tag.entity(), tag.facet()) {
            (EntityKind::Edition, Some(Facet::Sections)) => self.sections.of.insert(id),
            (EntityKind::Edition, Some(Facet::LiveChannels)) => self.live_channels.of.insert(id),
            (EntityKind::Edition, Some(Facet::FollowChannels)) => {
                self.follow_channels.of.insert(id)
            }
            (EntityKind::Edition, Some(Facet::Stories)) => self.stories.of.insert(id),
            (EntityKind::Edition, _) if counted => self.editions.ids.insert(id),
            (EntityKind::Section, _) if counted => self.sections.ids.insert(id),
            (EntityKind::Source, _) if counted => self.sources.ids.insert(id),
            (EntityKind::Story, _) if counted => self.stories.ids.insert(id),
            (EntityKind::Person, _) if counted => self.people.ids.insert(id),
            (EntityKind::Topic, _) if counted => self.topics.ids.insert(id),
            (EntityKind::LiveChannel, None) => self.live_channels.ids.insert(id),
            (EntityKind::FollowChannel, None) => self.follow_channels.ids.insert(id),
            (EntityKind::Media, _) => self.media.insert(id),
            _ => false,
        };
    }

    /// Drops the stories that are not pinned, the media that are not shown, and people and topics if they
    /// are left out.
    fn retain_known(&mut self, reference: &Reference) {
        if !reference.holds_people() {
            self.people = DirtySet::default();
        }
        if !reference.holds_topics() {
            self.topics = DirtySet::default();
        }
        self.stories
            .ids
            .retain(|id| reference.rails.get(*id).is_some() || reference.broken.contains_key(id));
        self.media
            .retain(|id| reference.media.contains_key(id) || reference.broken.contains_key(id));
    }

    fn add(&mut self, other: Self) {
        self.everything |= other.everything;
        self.editions.add(other.editions);
        self.sections.add(other.sections);
        self.sources.add(other.sources);
        self.live_channels.add(other.live_channels);
        self.follow_channels.add(other.follow_channels);
        self.stories.add(other.stories);
        self.people.add(other.people);
        self.topics.add(other.topics);
        self.media.extend(other.media);
    }
}

//! Lookups in the reference data.

use std::sync::Arc;

use khabar_domain::{
    Edition, EditionId, FollowChannel, FollowChannelId, LiveChannel, LiveChannelId, Media, MediaId,
    Person, PersonId, Section, SectionId, Slug, Source, SourceId, Story, StoryId, Topic, TopicId,
};
use uuid::Uuid;

use super::Reference;
use super::indexed_rows::{Indexed, IndexedRows};
use crate::cache::Lookup;
use crate::tables::section::Which;
use crate::{Page, SlugKey};

impl Reference {
    pub(crate) fn edition(&self, id: EditionId) -> Lookup<Edition> {
        self.by_id(&self.editions, id.into())
    }

    pub(crate) fn edition_under(&self, slug: &Slug) -> Lookup<Edition> {
        match self.editions.under(Uuid::nil(), slug) {
            None if self.lacks_editions => Lookup::Miss,
            edition => Lookup::found(edition),
        }
    }

    pub(crate) fn every_edition(&self) -> Lookup<Vec<Edition>> {
        listed(self.editions.of(Uuid::nil()), usize::MAX)
    }

    pub(crate) fn section(&self, id: SectionId) -> Lookup<Section> {
        self.by_id(&self.sections, id.into())
    }

    pub(crate) fn section_under(&self, key: &SlugKey) -> Lookup<Section> {
        self.under(&self.sections, key)
    }

    pub(crate) fn sections_of(&self, edition: EditionId, which: Which) -> Lookup<Vec<Section>> {
        let sections = self.sections.of(edition).iter();
        listed(
            sections.filter(|section| match which {
                Which::All => true,
                Which::Featured => section.featured,
                Which::Roots => section.parent.is_none(),
            }),
            Page::MAX.into(),
        )
    }

    pub(crate) fn children_of(&self, section: SectionId) -> Lookup<Vec<Section>> {
        let children = self.children.get(&section.into());
        listed(children.into_iter().flatten(), Page::MAX.into())
    }

    pub(crate) fn path_to(&self, section: SectionId) -> Lookup<Vec<Section>> {
        let mut path = Vec::new();
        let mut next = self.sections.get(section);
        while let Some(section) = next {
            path.push(section);
            // A cycle is possible only if the table was edited by hand.
            if path.len() > usize::from(Page::MAX) {
                return Lookup::Miss;
            }
            next = section.parent.and_then(|parent| self.sections.get(parent));
        }
        listed(path.into_iter().rev(), Page::MAX.into())
    }

    pub(crate) fn source(&self, id: SourceId) -> Lookup<Source> {
        self.by_id(&self.sources, id.into())
    }

    pub(crate) fn source_under(&self, key: &SlugKey) -> Lookup<Source> {
        self.under(&self.sources, key)
    }

    pub(crate) fn live_channel(&self, id: LiveChannelId) -> Lookup<LiveChannel> {
        self.by_id(&self.live_channels, id.into())
    }

    pub(crate) fn live_channels_of(&self, edition: EditionId) -> Lookup<Vec<LiveChannel>> {
        listed(self.live_channels.of(edition), Page::MAX.into())
    }

    pub(crate) fn follow_channel(&self, id: FollowChannelId) -> Lookup<FollowChannel> {
        self.by_id(&self.follow_channels, id.into())
    }

    pub(crate) fn follow_channels_of(&self, edition: EditionId) -> Lookup<Vec<FollowChannel>> {
        listed(self.follow_channels.of(edition), Page::MAX.into())
    }

    /// Returns the pinned stories of an edition, in order.
    pub(crate) fn pinned(&self, edition: EditionId) -> &[Arc<Story>] {
        self.rails.of(edition)
    }

    /// Returns a story if it is pinned.
    pub(crate) fn story(&self, id: StoryId) -> Lookup<Story> {
        Lookup::if_found(self.rails.get(id))
    }

    /// Returns a story by its slug if it is pinned.
    pub(crate) fn story_under(&self, key: &SlugKey) -> Lookup<Story> {
        let edition = self.editions.under(Uuid::nil(), &key.edition);
        Lookup::if_found(edition.and_then(|edition| self.rails.under(edition.id.into(), &key.slug)))
    }

    /// Whether all people and their portraits are here.
    pub(crate) fn holds_people(&self) -> bool {
        self.people.is_some()
    }

    pub(crate) fn person(&self, id: PersonId) -> Lookup<Person> {
        let people = self.people.as_deref();
        people.map_or(Lookup::Miss, |people| self.by_id(people, id.into()))
    }

    pub(crate) fn person_under(&self, key: &SlugKey) -> Lookup<Person> {
        let people = self.people.as_deref();
        people.map_or(Lookup::Miss, |people| self.under(people, key))
    }

    /// Returns the people with these IDs, in their order, if all of them are here.
    pub(crate) fn people(&self, ids: &[Uuid]) -> Option<Vec<Person>> {
        every(self.people.as_deref()?, ids)
    }

    /// Whether all topics are here.
    pub(crate) fn holds_topics(&self) -> bool {
        self.topics.is_some()
    }

    pub(crate) fn topic(&self, id: TopicId) -> Lookup<Topic> {
        let topics = self.topics.as_deref();
        topics.map_or(Lookup::Miss, |topics| self.by_id(topics, id.into()))
    }

    pub(crate) fn topic_under(&self, key: &SlugKey) -> Lookup<Topic> {
        let topics = self.topics.as_deref();
        topics.map_or(Lookup::Miss, |topics| self.under(topics, key))
    }

    /// Returns the topics with these IDs, in their order, if all of them are here.
    pub(crate) fn topics(&self, ids: &[Uuid]) -> Option<Vec<Topic>> {
        every(self.topics.as_deref()?, ids)
    }

    /// Returns a media item if a channel, a pinned story or a person shows it.
    pub(crate) fn media(&self, id: MediaId) -> Lookup<Media> {
        Lookup::if_found(self.media.get(&id.into()))
    }

    /// Looks up a row by its current slug. Former slugs are not known here.
    fn under<T: Indexed + Clone>(&self, index: &IndexedRows<T>, key: &SlugKey) -> Lookup<T> {
        match self.editions.under(Uuid::nil(), &key.edition) {
            Some(edition) => Lookup::if_found(index.under(edition.id.into(), &key.slug)),
            None if self.lacks_editions => Lookup::Miss,
            None => Lookup::Hit(None),
        }
    }

    /// Looks up a row by its ID.
    fn by_id<T: Indexed + Clone>(&self, index: &IndexedRows<T>, id: Uuid) -> Lookup<T> {
        match index.get(id) {
            None if self.broken.contains_key(&id) => Lookup::Miss,
            found => Lookup::found(found),
        }
    }
}

/// Returns the rows with these IDs, in their order, at most as many as a page may have. Returns `None` if
/// one is missing.
fn every<T: Clone>(index: &IndexedRows<T>, ids: &[Uuid]) -> Option<Vec<T>> {
    let ids = ids.iter().take(Page::MAX.into());
    ids.map(|id| index.get(*id).map(|row| T::clone(row)))
        .collect()
}

/// Returns at most the first `most` rows.
fn listed<'a, T: Clone + 'a>(
    rows: impl IntoIterator<Item = &'a Arc<T>>,
    most: usize,
) -> Lookup<Vec<T>> {
    let rows = rows.into_iter().take(most);
    Lookup::Hit(Some(Arc::new(rows.map(|row| T::clone(row)).collect())))
}

//! What the reference data answers.

use std::sync::Arc;

use khabar_domain::{
    Edition, EditionId, FollowChannel, FollowChannelId, LiveChannel, LiveChannelId, Media, MediaId,
    Section, SectionId, Slug, Source, SourceId, Story, StoryId,
};
use uuid::Uuid;

use super::shelf::{Filed, Shelf};
use super::{Known, Reference};
use crate::section::Which;
use crate::{Page, SlugKey};

impl Reference {
    pub(crate) fn edition(&self, id: EditionId) -> Known<Edition> {
        self.by_id(&self.editions, id.into())
    }

    pub(crate) fn edition_under(&self, slug: &Slug) -> Known<Edition> {
        match self.editions.under(Uuid::nil(), slug) {
            None if self.lacks_editions => Known::Nothing,
            edition => Known::found(edition),
        }
    }

    pub(crate) fn every_edition(&self) -> Known<Vec<Edition>> {
        listed(self.editions.of(Uuid::nil()), usize::MAX)
    }

    pub(crate) fn section(&self, id: SectionId) -> Known<Section> {
        self.by_id(&self.sections, id.into())
    }

    pub(crate) fn section_under(&self, key: &SlugKey) -> Known<Section> {
        self.under(&self.sections, key)
    }

    pub(crate) fn sections_of(&self, edition: EditionId, which: Which) -> Known<Vec<Section>> {
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

    pub(crate) fn children_of(&self, section: SectionId) -> Known<Vec<Section>> {
        let children = self.children.get(&section.into());
        listed(children.into_iter().flatten(), Page::MAX.into())
    }

    pub(crate) fn path_to(&self, section: SectionId) -> Known<Vec<Section>> {
        let mut path = Vec::new();
        let mut next = self.sections.get(section);
        while let Some(section) = next {
            path.push(section);
            // No section lies in itself, unless somebody has written to the table by hand.
            if path.len() > usize::from(Page::MAX) {
                return Known::Nothing;
            }
            next = section.parent.and_then(|parent| self.sections.get(parent));
        }
        listed(path.into_iter().rev(), Page::MAX.into())
    }

    pub(crate) fn source(&self, id: SourceId) -> Known<Source> {
        self.by_id(&self.sources, id.into())
    }

    pub(crate) fn source_under(&self, key: &SlugKey) -> Known<Source> {
        self.under(&self.sources, key)
    }

    pub(crate) fn live_channel(&self, id: LiveChannelId) -> Known<LiveChannel> {
        self.by_id(&self.live_channels, id.into())
    }

    pub(crate) fn live_channels_of(&self, edition: EditionId) -> Known<Vec<LiveChannel>> {
        listed(self.live_channels.of(edition), Page::MAX.into())
    }

    pub(crate) fn follow_channel(&self, id: FollowChannelId) -> Known<FollowChannel> {
        self.by_id(&self.follow_channels, id.into())
    }

    pub(crate) fn follow_channels_of(&self, edition: EditionId) -> Known<Vec<FollowChannel>> {
        listed(self.follow_channels.of(edition), Page::MAX.into())
    }

    /// The rail of an edition, in order.
    pub(crate) fn rail(&self, edition: EditionId) -> &[Arc<Story>] {
        self.rails.of(edition)
    }

    /// A story, when it is pinned.
    pub(crate) fn story(&self, id: StoryId) -> Known<Story> {
        Known::perhaps(self.rails.get(id))
    }

    /// The same under its slug.
    pub(crate) fn story_under(&self, key: &SlugKey) -> Known<Story> {
        let edition = self.editions.under(Uuid::nil(), &key.edition);
        Known::perhaps(edition.and_then(|edition| self.rails.under(edition.id.into(), &key.slug)))
    }

    /// A picture, when a channel or a pinned story shows it.
    pub(crate) fn media(&self, id: MediaId) -> Known<Media> {
        Known::perhaps(self.media.get(&id.into()))
    }

    /// What has a slug now. Who had it before is not known.
    fn under<T: Filed + Clone>(&self, shelf: &Shelf<T>, key: &SlugKey) -> Known<T> {
        match self.editions.under(Uuid::nil(), &key.edition) {
            Some(edition) => Known::perhaps(shelf.under(edition.id.into(), &key.slug)),
            None if self.lacks_editions => Known::Nothing,
            None => Known::Answer(None),
        }
    }

    /// What has an id.
    fn by_id<T: Filed + Clone>(&self, shelf: &Shelf<T>, id: Uuid) -> Known<T> {
        match shelf.get(id) {
            None if self.broken.contains_key(&id) => Known::Nothing,
            found => Known::found(found),
        }
    }
}

/// The first of these.
fn listed<'a, T: Clone + 'a>(
    rows: impl IntoIterator<Item = &'a Arc<T>>,
    most: usize,
) -> Known<Vec<T>> {
    let rows = rows.into_iter().take(most);
    Known::Answer(Some(rows.map(|row| T::clone(row)).collect()))
}

//! Reference data: the small set of rows that nearly every request needs, held in memory.
//!
//! These are the editions, their sections with their paths, their sources and channels, the pinned
//! stories, the people and the topics, and the media of channels, pinned stories and people. A
//! [`Reference`] is immutable. When the change feed reports a write to a row in it, the cache stops using it
//! until a new one replaces it (`cache/snapshot.rs`). Only the rows that were written are read again.
//!
//! A reference holds at most 20,000 rows of each kind. If there are more people or topics, they are left out.
//! A newsroom with more rows of another kind does without a reference.

mod dirty;
mod indexed_rows;
mod lookup;
mod read;

#[cfg(test)]
mod tests;

use crate::cache::SnapshotData;
use crate::feed::CacheTag;
use std::collections::HashMap;
use std::sync::Arc;

use khabar_domain::{
    Edition, FollowChannel, LiveChannel, Media, Person, Section, Source, Story, Topic,
};
use uuid::Uuid;

use self::indexed_rows::IndexedRows;

pub use self::dirty::DirtyRows;
pub use crate::cache::Lookup;

/// Maximum number of rows of one kind. So many take a few megabytes (people with long biographies and
/// portraits, some tens), and a few milliseconds to sort. Newsrooms typically have some hundreds.
const MOST: usize = 20_000;

/// The reference data at one position in the change feed.
#[derive(Debug, Default)]
pub struct Reference {
    editions: Arc<IndexedRows<Edition>>,
    sections: Arc<IndexedRows<Section>>,
    /// The direct children of each section, in order.
    children: Arc<HashMap<Uuid, Vec<Arc<Section>>>>,
    sources: Arc<IndexedRows<Source>>,
    live_channels: Arc<IndexedRows<LiveChannel>>,
    follow_channels: Arc<IndexedRows<FollowChannel>>,
    /// The pinned stories of each edition.
    rails: Arc<IndexedRows<Story>>,
    /// All people. `None` if there are too many.
    people: Option<Arc<IndexedRows<Person>>>,
    /// All topics. `None` if there are too many.
    topics: Option<Arc<IndexedRows<Topic>>>,
    /// The media shown by live channels, pinned stories and people. May include media that were shown
    /// before.
    media: Arc<HashMap<Uuid, Arc<Media>>>,
    /// The rows that are missing because they are broken. May include rows that have been repaired since.
    /// They are looked up in the database instead, which reports the error if there still is one.
    broken: HashMap<Uuid, Option<CacheTag>>,
    /// Whether a broken row is an edition. Only its ID is known, so no slug can be ruled out.
    lacks_editions: bool,
}

impl SnapshotData for Reference {
    type Dirty = DirtyRows;
}

impl Reference {
    /// Returns the number of rows of the most numerous kind, of those that cannot be left out.
    fn most(&self) -> usize {
        let kinds = [
            self.editions.rows().len(),
            self.sections.rows().len(),
            self.sources.rows().len(),
            self.live_channels.rows().len(),
            self.follow_channels.rows().len(),
            self.rails.rows().len(),
        ];
        kinds.into_iter().fold(0, usize::max)
    }

    /// Returns the cache tags that change when a broken row, missing here, is repaired.
    pub(crate) fn repaired_by(&self) -> impl Iterator<Item = CacheTag> {
        self.broken.values().copied().flatten()
    }

    /// Returns the IDs of the media that the rows show.
    fn shown(&self) -> impl Iterator<Item = Uuid> {
        let posters = self.live_channels.rows().filter_map(|row| row.poster);
        let images = self.rails.rows().filter_map(|row| row.image);
        let people = self.people.iter().flat_map(|people| people.rows());
        let portraits = people.filter_map(|row| row.portrait);
        posters.chain(images).chain(portraits).map(Into::into)
    }
}

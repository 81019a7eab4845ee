//! Reference data: the few rows that nearly every request asks for, all of them in memory.
//!
//! These are the editions, their sections with the paths to them, their sources and channels, the
//! rail of pinned stories, and the pictures of channels and pinned stories. A [`Reference`] never
//! changes; when the feed says that something in it was written, the cache answers by it no longer
//! until another takes its place (`cache/snapshot.rs`), in which only that is read anew.
//!
//! It holds at most 20,000 rows of a kind; a newsroom with more does without it.

mod answers;
mod read;
mod shelf;
mod touched;

use std::collections::HashMap;
use std::sync::Arc;

use khabar_domain::{Edition, FollowChannel, LiveChannel, Media, Section, Source, Story};
use uuid::Uuid;

use crate::cache::ReadingKey;

use self::shelf::Shelf;

pub(crate) use self::read::read;
pub(crate) use self::touched::Touched;

/// How many rows of one kind it holds at most: some megabytes, and some milliseconds to sort.
/// Newsrooms have some hundreds.
const MOST: usize = 20_000;

/// The reference data as it was at one place in the feed.
#[derive(Debug, Default)]
pub struct Reference {
    editions: Arc<Shelf<Edition>>,
    sections: Arc<Shelf<Section>>,
    /// The sections that lie directly in another, in order.
    children: Arc<HashMap<Uuid, Vec<Arc<Section>>>>,
    sources: Arc<Shelf<Source>>,
    live_channels: Arc<Shelf<LiveChannel>>,
    follow_channels: Arc<Shelf<FollowChannel>>,
    /// The pinned stories.
    rails: Arc<Shelf<Story>>,
    /// The pictures of live channels and pinned stories.
    media: HashMap<Uuid, Arc<Media>>,
    /// The rows that are missing here because they are broken, and perhaps some that no longer are.
    /// Of these the database is asked, which tells.
    broken: HashMap<Uuid, Option<ReadingKey>>,
    /// Whether an edition is among them, of which only its id is known.
    lacks_editions: bool,
}

/// What is known of the answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<V> {
    /// Nothing: the database has to be asked.
    Nothing,
    /// This is the answer; none: there is nothing to be found.
    Answer(Option<V>),
}

impl<V: Clone> Known<V> {
    /// An answer when there is one; else nothing is known.
    fn perhaps(found: Option<&Arc<V>>) -> Self {
        found.map_or(Self::Nothing, |found| Self::found(Some(found)))
    }

    /// The whole answer, whether something was found or not.
    fn found(found: Option<&Arc<V>>) -> Self {
        Self::Answer(found.map(|found| V::clone(found)))
    }
}

impl Reference {
    /// How many rows there are of the kind that has most.
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

    /// What changes when a row that is missing here because it is broken is mended.
    pub(crate) fn mended_by(&self) -> impl Iterator<Item = ReadingKey> {
        self.broken.values().copied().flatten()
    }

    /// The pictures that its rows show.
    fn shown(&self) -> impl Iterator<Item = Uuid> {
        let posters = self.live_channels.rows().filter_map(|row| row.poster);
        let images = self.rails.rows().filter_map(|row| row.image);
        posters.chain(images).map(Into::into)
    }
}

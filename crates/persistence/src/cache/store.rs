//! The storage of the cache: entries by key and by cache tag, limited to a number of bytes.
//!
//! One lock protects all of it, because exactness depends on a single question: was anything from
//! which this result was read written since? Adding an entry checks this atomically, and a later
//! write finds the entry by its cache tags.
//!
//! Eviction follows SIEVE (Zhang et al., NSDI 2024): a hand moves from the oldest entry to the
//! newest and evicts the first that has not been accessed since the hand last passed it.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::CacheMeta;
use crate::feed::{CacheTag, EntityKind, Facet};

/// The number of cache tags of recent changes that are retained, to check results that were read
/// before these changes and arrive after them. This takes a few megabytes. A result that is older
/// than all of them is refused.
const REMEMBERED: usize = 65_536;

/// The cost of an entry in bytes, besides its key, its value and what the value holds: the slot,
/// its place in the table, and an allowance for one cache tag. Each cache tag, including
/// the first, adds [`LINK`].
const ENTRY: usize = 256;
/// The cost of a cache tag, in bytes.
const LINK: usize = 64;

/// An index into one of the vectors that refers to nothing.
const NONE: u32 = u32::MAX;

type Erased = Arc<dyn Any + Send + Sync>;

/// A type that can be the key of an entry.
pub(crate) trait Key: Clone + Eq + Hash + Send + Sync + 'static {}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Key for K {}

/// The entries of the cache.
pub(super) struct Store {
    most: usize,
    bytes: usize,
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    links: Vec<Link>,
    free_links: Vec<u32>,
    /// The first link of each cache tag.
    index: HashMap<CacheTag, u32, DefaultHashBuilder>,
    newest: u32,
    oldest: u32,
    hand: u32,
    recent: Recent,
    /// The number of times that everything was cleared. Results read before a clear are not added
    /// after it.
    pub(super) generation: u64,
    /// The number of entries invalidated by writes, by the kind of object and part written.
    pub(super) dropped: HashMap<(EntityKind, Option<Facet>), u64>,
}

struct Slot {
    hash: u64,
    key: Box<dyn Any + Send + Sync>,
    value: Erased,
    links: Box<[u32]>,
    bytes: usize,
    accessed: AtomicBool,
    newer: u32,
    older: u32,
}

/// A cache tag of an entry: a node in the linked list of all entries read from that key.
struct Link {
    key: CacheTag,
    slot: u32,
    before: u32,
    after: u32,
}

/// The most recent changes.
#[derive(Default)]
struct Recent {
    /// The changes with their keys, oldest first.
    changes: VecDeque<(i64, Vec<CacheTag>)>,
    /// The last of these changes for each key.
    last: HashMap<CacheTag, i64, DefaultHashBuilder>,
    keys: usize,
    /// The last change that is no longer included.
    horizon: i64,
}

/// The outcome of adding an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insert {
    /// The entry was added.
    Stored,
    /// Something from which the result was read has been written since.
    Stale,
    /// The entry is larger than the whole cache.
    TooLarge,
}

impl Store {
    /// Creates an empty store of at most `most` bytes, as of a position in the feed.
    pub(super) fn new(most: usize, applied: i64) -> Self {
        Self {
            most,
            bytes: 0,
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            links: Vec::new(),
            free_links: Vec::new(),
            index: HashMap::default(),
            newest: NONE,
            oldest: NONE,
            hand: NONE,
            recent: Recent {
                horizon: applied,
                ..Recent::default()
            },
            generation: 0,
            dropped: HashMap::new(),
        }
    }

    /// Whether the store can hold any entries.
    pub(super) fn holds_entries(&self) -> bool {
        self.most > 0
    }

    /// Returns the approximate size of the entries, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns the value stored under a key. Returns `None` if there is none, or if it is of
    /// another type.
    pub(super) fn get<K: Key, V: Send + Sync + 'static>(&self, key: &K) -> Option<Arc<V>> {
        let slot = self.slot(self.find(key, self.hash(key))?)?;
        slot.accessed.store(true, Ordering::Relaxed);
        Arc::clone(&slot.value).downcast().ok()
    }

    /// Whether there is an entry under a key.
    #[cfg(feature = "failpoints")]
    pub(super) fn has<K: Key>(&self, key: &K) -> bool {
        self.find(key, self.hash(key)).is_some()
    }

    /// Adds a result that was read when the feed was at `position` or later.
    pub(super) fn insert<K: Key, V: Send + Sync + 'static>(
        &mut self,
        position: i64,
        key: &K,
        value: Arc<V>,
        meta: CacheMeta,
    ) -> Insert {
        let CacheMeta {
            mut tags,
            counts,
            bytes,
        } = meta;
        tags.extend(counts);
        if tags.iter().any(|tag| self.recent.touched(*tag, position)) {
            return Insert::Stale;
        }
        tags.sort_unstable_by_key(|tag| self.hasher.hash_one(tag));
        tags.dedup();
        let bytes = bytes + size_of::<K>() + ENTRY + tags.len() * LINK;
        if bytes > self.most {
            return Insert::TooLarge;
        }
        let hash = self.hash(key);
        if let Some(old) = self.find(key, hash) {
            self.remove(old);
        }
        while self.bytes + bytes > self.most {
            let Some(victim) = self.next_to_evict() else {
                break;
            };
            self.remove(victim);
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            place(self.slots.len() - 1)
        });
        let links = tags.into_iter().map(|tag| self.link(tag, at)).collect();
        self.slots[at as usize] = Some(Slot {
            hash,
            key: Box::new(key.clone()),
            value,
            links,
            bytes,
            accessed: AtomicBool::new(false),
            newer: NONE,
            older: self.newest,
        });
        if let Some(older) = self.slot_mut(self.newest) {
            older.newer = at;
        } else {
            self.oldest = at;
        }
        self.newest = at;
        self.bytes += bytes;
        let slots = &self.slots;
        let hash_of = |at: &u32| {
            slots
                .get(*at as usize)
                .and_then(Option::as_ref)
                .map_or(0, |slot| slot.hash)
        };
        self.table.insert_unique(hash, at, hash_of);
        Insert::Stored
    }

    /// Invalidates every entry that was read from a key touched by this change.
    pub(super) fn invalidate(&mut self, seq: i64, tags: Vec<CacheTag>) {
        for tag in &tags {
            let mut dropped = 0;
            while let Some(first) = self.index.get(tag) {
                let slot = self.links[*first as usize].slot;
                self.remove(slot);
                dropped += 1;
            }
            if dropped > 0 {
                let kind = (tag.entity(), tag.facet());
                *self.dropped.entry(kind).or_default() += dropped;
            }
        }
        self.recent.record(seq, tags);
    }

    /// Clears everything. Writes up to `seq` are treated as unknown.
    pub(super) fn clear(&mut self, seq: i64) {
        let generation = self.generation + 1;
        *self = Self {
            generation,
            dropped: std::mem::take(&mut self.dropped),
            ..Self::new(self.most, seq)
        };
    }

    fn hash<K: Key>(&self, key: &K) -> u64 {
        self.hasher.hash_one((TypeId::of::<K>(), key))
    }

    fn find<K: Key>(&self, key: &K, hash: u64) -> Option<u32> {
        let is_it = |at: &u32| {
            let slot = self.slot(*at);
            slot.and_then(|slot| slot.key.downcast_ref::<K>()) == Some(key)
        };
        self.table.find(hash, is_it).copied()
    }

    fn slot(&self, at: u32) -> Option<&Slot> {
        self.slots.get(at as usize)?.as_ref()
    }

    fn slot_mut(&mut self, at: u32) -> Option<&mut Slot> {
        self.slots.get_mut(at as usize)?.as_mut()
    }

    /// Returns the next entry to evict.
    fn next_to_evict(&mut self) -> Option<u32> {
        let mut at = self.hand;
        // Two rounds are needed, because in the first every entry may have been accessed.
        for _ in 0..=2 * self.table.len() {
            if at == NONE {
                at = self.oldest;
            }
            let slot = self.slot(at)?;
            if !slot.accessed.swap(false, Ordering::Relaxed) {
                self.hand = slot.newer;
                return Some(at);
            }
            at = slot.newer;
        }
        None
    }

    fn remove(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize).and_then(Option::take) else {
            return;
        };
        if let Ok(entry) = self.table.find_entry(slot.hash, |other| *other == at) {
            entry.remove();
        }
        for link in &slot.links {
            self.unlink(*link);
        }
        match self.slot_mut(slot.newer) {
            Some(newer) => newer.older = slot.older,
            None => self.newest = slot.older,
        }
        match self.slot_mut(slot.older) {
            Some(older) => older.newer = slot.newer,
            None => self.oldest = slot.newer,
        }
        if self.hand == at {
            self.hand = slot.newer;
        }
        self.bytes -= slot.bytes;
        self.free.push(at);
    }

    fn link(&mut self, key: CacheTag, slot: u32) -> u32 {
        let after = self.index.get(&key).copied().unwrap_or(NONE);
        let link = Link {
            key,
            slot,
            before: NONE,
            after,
        };
        let at = if let Some(at) = self.free_links.pop() {
            self.links[at as usize] = link;
            at
        } else {
            self.links.push(link);
            place(self.links.len() - 1)
        };
        if let Some(after) = self.links.get_mut(after as usize) {
            after.before = at;
        }
        self.index.insert(key, at);
        at
    }

    fn unlink(&mut self, at: u32) {
        let Link {
            key, before, after, ..
        } = self.links[at as usize];
        if let Some(after) = self.links.get_mut(after as usize) {
            after.before = before;
        }
        if let Some(before) = self.links.get_mut(before as usize) {
            before.after = after;
        } else if after == NONE {
            self.index.remove(&key);
        } else {
            self.index.insert(key, after);
        }
        self.free_links.push(at);
    }
}

/// Converts an index into one of the vectors. Each entry takes hundreds of bytes, so there are
/// fewer than 2³².
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

impl Recent {
    /// Whether the key was touched after this position, or may have been.
    fn touched(&self, key: CacheTag, position: i64) -> bool {
        position < self.horizon || self.last.get(&key).is_some_and(|seq| *seq > position)
    }

    fn record(&mut self, seq: i64, keys: Vec<CacheTag>) {
        self.keys += keys.len();
        self.last.extend(keys.iter().map(|key| (*key, seq)));
        self.changes.push_back((seq, keys));
        while self.keys > REMEMBERED {
            let Some((seq, keys)) = self.changes.pop_front() else {
                break;
            };
            self.keys -= keys.len();
            for key in keys {
                if self.last.get(&key) == Some(&seq) {
                    self.last.remove(&key);
                }
            }
            self.horizon = seq;
        }
    }
}

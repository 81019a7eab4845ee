//! Metadata of a cached result: its cache tags and its size.

use uuid::Uuid;

use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::table::Declared;

/// The approximate overhead of an allocation, in bytes.
const ALLOCATION: usize = 16;

/// The cache tags of a result, and its size in bytes beyond the size of its own type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheMeta {
    pub(super) tags: Vec<CacheTag>,
    /// The cache tags of counts and of other parts that only a few fields show. Only answers that
    /// show these fields depend on them.
    pub(super) counts: Vec<CacheTag>,
    pub(super) bytes: usize,
}

impl CacheMeta {
    /// Collects the cache tags and the size of a result.
    pub(crate) fn of<V: Cacheable>(value: Option<&V>) -> Self {
        let mut meta = Self::default();
        meta.bytes += size_of::<V>();
        if let Some(value) = value {
            value.describe(&mut meta);
        }
        meta
    }

    /// Adds an object to the cache tags.
    pub(crate) fn on(mut self, entity: EntityKind, id: impl Into<Uuid>) -> Self {
        self.tags.push(CacheTag::one(entity, id));
        self
    }

    /// Adds a part of an object to the cache tags.
    pub(crate) fn part(mut self, entity: EntityKind, id: impl Into<Uuid>, facet: Facet) -> Self {
        self.tags.push(CacheTag::part(entity, id, facet));
        self
    }

    /// Adds a cache tag.
    pub(crate) fn tag(mut self, tag: CacheTag) -> Self {
        self.tags.push(tag);
        self
    }

    /// Adds an object that is shown, and the facets that the columns of its table belong to. The fields that
    /// show a facet record that they read it. A table without an entity does not compile.
    pub(crate) fn row<R: Declared>(&mut self, id: impl Into<Uuid>) {
        let entity = const { R::DECLARATION.entity() };
        let id = id.into();
        self.tags.push(CacheTag::one(entity, id));
        for facet in R::FACETS {
            self.optional(entity, id, *facet);
        }
    }

    /// Adds an object that shows the number of items in one of its lists.
    pub(crate) fn row_with_list<R: Declared>(&mut self, id: impl Into<Uuid>, list: Facet) {
        let id = id.into();
        self.row::<R>(id);
        self.optional(const { R::DECLARATION.entity() }, id, list);
    }

    /// Adds a size in bytes.
    pub(crate) fn bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Adds the size of a text.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes += text.len();
    }

    /// Adds the size of texts, including the overhead of their allocations.
    pub(crate) fn own_texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        for text in texts {
            self.bytes += text.len() + ALLOCATION;
        }
    }

    /// Adds the size of the items of a vector. Assumes that its capacity has grown by doubling.
    pub(crate) fn vector<T>(&mut self, items: &[T]) {
        self.bytes += 2 * size_of_val(items) + ALLOCATION;
    }

    /// Adds the sizes of those texts that there are.
    pub(crate) fn texts<'a>(&mut self, texts: impl IntoIterator<Item = Option<&'a str>>) {
        for text in texts.into_iter().flatten() {
            self.text(text);
        }
    }

    /// Adds a part of an object that only some fields show. These fields record that they read it.
    pub(crate) fn optional(&mut self, entity: EntityKind, id: impl Into<Uuid>, facet: Facet) {
        self.counts.push(CacheTag::part(entity, id, facet));
    }
}

/// A value whose cache tags and size the cache can determine.
pub trait Cacheable {
    /// Adds the cache tags of the value and its size beyond the size of its type.
    fn describe(&self, meta: &mut CacheMeta);
}

impl<T: Cacheable> Cacheable for Vec<T> {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.bytes(size_of_val(self.as_slice()));
        for item in self {
            item.describe(meta);
        }
    }
}

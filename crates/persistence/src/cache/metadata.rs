//! Metadata of a cached result: its reading keys and its size.

use khabar_domain::commenting::CommentPolicy;
use khabar_domain::{
    Article, Block, Body, Comment, Edition, FollowChannel, LiveChannel, Media, Person, RichText,
    Section, Slug, Source, Story, Topic, WebUrl,
};
use uuid::Uuid;

use super::CacheTag;
use crate::feed::{EntityKind, Facet};
use crate::tables::correction::Correction;
use crate::tables::related::Related;
use crate::{BatchKey, Slice, Tally};

/// The approximate overhead of an allocation, in bytes.
const ALLOCATION: usize = 16;

/// The reading keys of a result, and its size in bytes beyond the size of its own type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheMeta {
    pub(super) keys: Vec<CacheTag>,
    /// The reading keys of counts and of other parts that only a few fields show. Only answers that
    /// show these fields depend on them.
    pub(super) numbers: Vec<CacheTag>,
    pub(super) bytes: usize,
}

impl CacheMeta {
    /// Collects the reading keys and the size of a result.
    pub(crate) fn of<K: BatchKey<Value: Cacheable>>(value: Option<&K::Value>) -> Self {
        let mut kept = Self::default();
        kept.bytes += size_of::<K::Value>();
        if let Some(value) = value {
            value.shown(&mut kept);
        }
        kept
    }

    /// Adds an object to the reading keys.
    pub(crate) fn on(mut self, noun: EntityKind, id: impl Into<Uuid>) -> Self {
        self.keys.push(CacheTag::one(noun, id));
        self
    }

    /// Adds a part of an object to the reading keys.
    pub(crate) fn part(mut self, noun: EntityKind, id: impl Into<Uuid>, part: Facet) -> Self {
        self.keys.push(CacheTag::part(noun, id, part));
        self
    }

    /// Adds a reading key.
    pub(crate) fn key(mut self, key: CacheTag) -> Self {
        self.keys.push(key);
        self
    }

    /// Adds the size of a text.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes += text.len();
    }

    /// Adds the size of texts, including the overhead of their allocations.
    fn own_texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        for text in texts {
            self.bytes += text.len() + ALLOCATION;
        }
    }

    /// Adds the size of the items of a vector. Assumes that its capacity has grown by doubling.
    fn vector<T>(&mut self, items: &[T]) {
        self.bytes += 2 * size_of_val(items) + ALLOCATION;
    }

    fn texts<'a>(&mut self, texts: impl IntoIterator<Item = Option<&'a str>>) {
        for text in texts.into_iter().flatten() {
            self.text(text);
        }
    }

    /// Adds an object that shows the number of items in one of its lists.
    fn lists(&mut self, noun: EntityKind, id: impl Into<Uuid>, list: Facet) {
        let id = id.into();
        self.keys.push(CacheTag::one(noun, id));
        self.depends(noun, id, list);
    }

    /// Adds a part of an object that only some fields show. These fields record that they read it.
    fn depends(&mut self, noun: EntityKind, id: impl Into<Uuid>, part: Facet) {
        self.numbers.push(CacheTag::part(noun, id, part));
    }
}

/// A value whose reading keys and size the cache can determine.
pub trait Cacheable {
    /// Adds the reading keys of the value and its size beyond the size of its type.
    fn shown(&self, kept: &mut CacheMeta);
}

impl Cacheable for Article {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Article, self.id, Facet::Comments);
        kept.depends(EntityKind::Article, self.id, Facet::Details);
        kept.depends(EntityKind::Article, self.id, Facet::Lead);
        kept.depends(EntityKind::Article, self.id, Facet::Text);
        kept.text(self.slug.as_str());
        kept.text(self.headline.as_str());
        kept.text(&self.excerpt);
        kept.texts([
            self.lead.as_deref(),
            self.canonical_url.as_ref().map(WebUrl::as_str),
        ]);
    }
}

impl Cacheable for Related {
    fn shown(&self, kept: &mut CacheMeta) {
        self.article.shown(kept);
    }
}

impl Cacheable for Story {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Story, self.id, Facet::Articles);
        kept.depends(EntityKind::Story, self.id, Facet::Rail);
        kept.text(self.slug.as_str());
        kept.text(self.title.as_str());
        kept.texts([self.summary.as_deref()]);
    }
}

impl Cacheable for Section {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Section, self.id, Facet::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
        kept.texts([self.summary.as_deref()]);
    }
}

impl Cacheable for Edition {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Edition, self.id, Facet::Articles);
        kept.text(self.name.as_str());
        let labels = &self.labels;
        let labels = [
            &labels.live,
            &labels.follow,
            &labels.sections,
            &labels.stories,
            &labels.comments,
        ];
        kept.texts(labels.map(Option::as_deref));
    }
}

impl Cacheable for Topic {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Topic, self.id, Facet::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
        kept.texts([self.summary.as_deref()]);
    }
}

impl Cacheable for Person {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Person, self.id, Facet::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
        kept.texts([self.role.as_deref(), self.biography.as_deref()]);
    }
}

impl Cacheable for Source {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Source, self.id, Facet::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
    }
}

impl Cacheable for Media {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.keys.push(CacheTag::one(EntityKind::Media, self.id));
        kept.depends(EntityKind::Media, self.id, Facet::Caption);
        kept.depends(EntityKind::Media, self.id, Facet::Details);
        kept.texts([
            self.url.as_ref().map(WebUrl::as_str),
            self.alt.as_deref(),
            self.caption.as_deref(),
            self.credit.as_deref(),
            self.placeholder.as_deref(),
        ]);
        for rendition in &self.renditions {
            kept.bytes += size_of_val(rendition);
            kept.text(rendition.url.as_str());
            kept.text(&rendition.mime);
        }
    }
}

impl Cacheable for LiveChannel {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.keys
            .push(CacheTag::one(EntityKind::LiveChannel, self.id));
        kept.text(self.name.as_str());
    }
}

impl Cacheable for FollowChannel {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.keys
            .push(CacheTag::one(EntityKind::FollowChannel, self.id));
        kept.text(self.name.as_str());
    }
}

impl Cacheable for Comment {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.lists(EntityKind::Comment, self.id, Facet::Replies);
        kept.text(self.author_name.as_str());
        kept.text(self.text.as_str());
    }
}

impl Cacheable for Correction {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.text(&self.note);
    }
}

/// A body consists of many small allocations. A text of one letter in a table cell takes as much
/// memory as a whole word.
impl Cacheable for Body {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.bytes += size_of_val(self.blocks());
        for block in self.blocks() {
            block.shown(kept);
        }
    }
}

impl Cacheable for Block {
    fn shown(&self, kept: &mut CacheMeta) {
        match self {
            Self::Paragraph { text } => text.shown(kept),
            Self::Heading { text, .. } => kept.own_texts([text.as_str()]),
            Self::Quotation { text, attribution } => {
                text.shown(kept);
                kept.own_texts(attribution.as_deref());
            }
            Self::List { items, .. } => {
                kept.vector(items);
                for item in items {
                    item.shown(kept);
                }
            }
            Self::Image { .. } | Self::Video { .. } => {}
            Self::Gallery { media } => kept.vector(media),
            Self::Embed {
                provider,
                url,
                title,
            } => {
                kept.own_texts([provider.as_str(), url.as_str()]);
                kept.own_texts(title.as_deref());
            }
            Self::Table {
                caption,
                header,
                rows,
            } => {
                kept.own_texts(caption.as_deref());
                kept.vector(rows);
                for row in rows.iter().chain([header]) {
                    kept.vector(row);
                    kept.own_texts(row.iter().map(String::as_str));
                }
            }
        }
    }
}

impl Cacheable for RichText {
    fn shown(&self, kept: &mut CacheMeta) {
        match self {
            Self::Plain(text) => kept.own_texts([text.as_str()]),
            Self::Runs(runs) => {
                kept.vector(runs);
                for run in runs {
                    kept.own_texts([run.text.as_str()]);
                    kept.own_texts(run.link.as_ref().map(WebUrl::as_str));
                }
            }
        }
    }
}

impl Cacheable for Slug {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.text(self.as_str());
    }
}

impl Cacheable for CommentPolicy {
    fn shown(&self, _: &mut CacheMeta) {}
}

impl Cacheable for Tally {
    fn shown(&self, _: &mut CacheMeta) {}
}

impl<T: Cacheable> Cacheable for Vec<T> {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.bytes += size_of_val(self.as_slice());
        for item in self {
            item.shown(kept);
        }
    }
}

impl<T: Cacheable> Cacheable for Slice<T> {
    fn shown(&self, kept: &mut CacheMeta) {
        kept.bytes += size_of_val(self.items.as_slice());
        for (_, item) in &self.items {
            item.shown(kept);
        }
    }
}

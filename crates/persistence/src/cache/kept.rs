//! What an answer was read from and how much room it takes: what the cache has to know to keep it.

use khabar_domain::commenting::Policy;
use khabar_domain::{
    Article, Block, Body, Comment, Edition, FollowChannel, LiveChannel, Media, Person, RichText,
    Section, Slug, Source, Story, Topic, WebUrl,
};
use uuid::Uuid;

use super::ReadingKey;
use crate::change::{Noun, Part};
use crate::correction::Correction;
use crate::related::Related;
use crate::{BatchKey, Slice, Tally};

/// The bytes that an allocation takes beyond what was asked for, about.
const ALLOCATION: usize = 16;

/// What an answer was read from, and how many bytes it takes beside itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub(super) keys: Vec<ReadingKey>,
    /// What its numbers, and whatever else few fields show, were read from: only who shows them shows
    /// what these say.
    pub(super) numbers: Vec<ReadingKey>,
    pub(super) bytes: usize,
}

impl Kept {
    /// What an answer shows by itself.
    pub(crate) fn of<K: BatchKey<Value: Shown>>(value: Option<&K::Value>) -> Self {
        let mut kept = Self::default();
        kept.bytes += size_of::<K::Value>();
        if let Some(value) = value {
            value.shown(&mut kept);
        }
        kept
    }

    /// The same, and read from one thing.
    pub(crate) fn on(mut self, noun: Noun, id: impl Into<Uuid>) -> Self {
        self.keys.push(ReadingKey::one(noun, id));
        self
    }

    /// The same, and read from a part of one thing.
    pub(crate) fn part(mut self, noun: Noun, id: impl Into<Uuid>, part: Part) -> Self {
        self.keys.push(ReadingKey::part(noun, id, part));
        self
    }

    /// The same, and read from whatever this names.
    pub(crate) fn key(mut self, key: ReadingKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Counts what a text takes.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes += text.len();
    }

    /// Counts texts among many, with what their allocations take.
    fn own_texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        for text in texts {
            self.bytes += text.len() + ALLOCATION;
        }
    }

    /// Counts the items of a vector, which has grown by doubling.
    fn vector<T>(&mut self, items: &[T]) {
        self.bytes += 2 * size_of_val(items) + ALLOCATION;
    }

    fn texts<'a>(&mut self, texts: impl IntoIterator<Item = Option<&'a str>>) {
        for text in texts.into_iter().flatten() {
            self.text(text);
        }
    }

    /// Something with the number of what is listed in it.
    fn lists(&mut self, noun: Noun, id: impl Into<Uuid>, list: Part) {
        let id = id.into();
        self.keys.push(ReadingKey::one(noun, id));
        self.depends(noun, id, list);
    }

    /// Something of which a part is shown by some fields alone, which say so.
    fn depends(&mut self, noun: Noun, id: impl Into<Uuid>, part: Part) {
        self.numbers.push(ReadingKey::part(noun, id, part));
    }
}

/// What an answer is made of, for the cache.
pub trait Shown {
    /// Tells what it was read from, and what it takes beyond its own size.
    fn shown(&self, kept: &mut Kept);
}

impl Shown for Article {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Article, self.id, Part::Comments);
        kept.depends(Noun::Article, self.id, Part::Details);
        kept.depends(Noun::Article, self.id, Part::Lead);
        kept.depends(Noun::Article, self.id, Part::Text);
        kept.text(self.slug.as_str());
        kept.text(self.headline.as_str());
        kept.text(&self.excerpt);
        kept.texts([
            self.lead.as_deref(),
            self.canonical_url.as_ref().map(WebUrl::as_str),
        ]);
    }
}

impl Shown for Related {
    fn shown(&self, kept: &mut Kept) {
        self.article.shown(kept);
    }
}

impl Shown for Story {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Story, self.id, Part::Articles);
        kept.depends(Noun::Story, self.id, Part::Rail);
        kept.text(self.slug.as_str());
        kept.text(self.title.as_str());
        kept.texts([self.summary.as_deref()]);
    }
}

impl Shown for Section {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Section, self.id, Part::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
        kept.texts([self.summary.as_deref()]);
    }
}

impl Shown for Edition {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Edition, self.id, Part::Articles);
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

impl Shown for Topic {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Topic, self.id, Part::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
        kept.texts([self.summary.as_deref()]);
    }
}

impl Shown for Person {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Person, self.id, Part::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
        kept.texts([self.role.as_deref(), self.biography.as_deref()]);
    }
}

impl Shown for Source {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Source, self.id, Part::Articles);
        kept.text(self.slug.as_str());
        kept.text(self.name.as_str());
    }
}

impl Shown for Media {
    fn shown(&self, kept: &mut Kept) {
        kept.keys.push(ReadingKey::one(Noun::Media, self.id));
        kept.depends(Noun::Media, self.id, Part::Caption);
        kept.depends(Noun::Media, self.id, Part::Details);
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

impl Shown for LiveChannel {
    fn shown(&self, kept: &mut Kept) {
        kept.keys.push(ReadingKey::one(Noun::LiveChannel, self.id));
        kept.text(self.name.as_str());
    }
}

impl Shown for FollowChannel {
    fn shown(&self, kept: &mut Kept) {
        kept.keys
            .push(ReadingKey::one(Noun::FollowChannel, self.id));
        kept.text(self.name.as_str());
    }
}

impl Shown for Comment {
    fn shown(&self, kept: &mut Kept) {
        kept.lists(Noun::Comment, self.id, Part::Replies);
        kept.text(self.author_name.as_str());
        kept.text(self.text.as_str());
    }
}

impl Shown for Correction {
    fn shown(&self, kept: &mut Kept) {
        kept.text(&self.note);
    }
}

/// A body is many small allocations: a text of one letter in a table's cell takes as much as a word.
impl Shown for Body {
    fn shown(&self, kept: &mut Kept) {
        kept.bytes += size_of_val(self.blocks());
        for block in self.blocks() {
            block.shown(kept);
        }
    }
}

impl Shown for Block {
    fn shown(&self, kept: &mut Kept) {
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

impl Shown for RichText {
    fn shown(&self, kept: &mut Kept) {
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

impl Shown for Slug {
    fn shown(&self, kept: &mut Kept) {
        kept.text(self.as_str());
    }
}

impl Shown for Policy {
    fn shown(&self, _: &mut Kept) {}
}

impl Shown for Tally {
    fn shown(&self, _: &mut Kept) {}
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self, kept: &mut Kept) {
        kept.bytes += size_of_val(self.as_slice());
        for item in self {
            item.shown(kept);
        }
    }
}

impl<T: Shown> Shown for Slice<T> {
    fn shown(&self, kept: &mut Kept) {
        kept.bytes += size_of_val(self.items.as_slice());
        for (_, item) in &self.items {
            item.shown(kept);
        }
    }
}

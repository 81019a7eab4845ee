//! A diff of two texts of an article, as the API shows it.

use async_graphql::{Enum, Object};
use khabar_domain::Block;
use khabar_domain::diff::{self, Change, Edit, Part, Span};
use khabar_persistence::revision::Content;

use super::BodyBlock;

/// A diff of two texts of an article.
#[derive(Clone, Debug)]
pub struct ArticleDiff {
    /// The version of the one.
    pub(crate) from: i32,
    /// The version of the other, if it has one.
    pub(crate) to: Option<i32>,
    /// The one.
    pub(crate) before: Content,
    /// The other.
    pub(crate) after: Content,
}

/// What changed from one text of an article to another.
#[Object]
impl ArticleDiff {
    /// The version before.
    fn from(&self) -> i32 {
        self.from
    }

    /// The version after; null for what was not saved.
    fn to(&self) -> Option<i32> {
        self.to
    }

    /// The parts that are different; empty when the two are the same.
    fn changed(&self) -> Vec<ArticlePart> {
        let parts = self.before.differs(&self.after);
        parts.into_iter().map(Into::into).collect()
    }

    /// What became of the headline, word by word.
    fn headline(&self) -> Vec<WordsDiff> {
        words(self.before.headline.as_str(), self.after.headline.as_str())
    }

    /// What became of the lead, word by word; empty where neither has one.
    fn lead(&self) -> Vec<WordsDiff> {
        let lead = |content: &Content| content.lead.clone().unwrap_or_default();
        words(&lead(&self.before), &lead(&self.after))
    }

    /// What became of the body, block by block, the blocks that stayed among them.
    fn body(&self) -> Vec<BlockDiff> {
        let (before, after) = (self.before.body.blocks(), self.after.body.blocks());
        let changes = diff::blocks(before, after);
        changes.into_iter().map(BlockDiff).collect()
    }
}

fn words(before: &str, after: &str) -> Vec<WordsDiff> {
    diff::words(before, after)
        .into_iter()
        .map(WordsDiff)
        .collect()
}

/// What became of a block.
pub struct BlockDiff(Change);

/// What became of a block of the body.
#[Object]
impl BlockDiff {
    /// What became of it.
    fn fate(&self) -> BlockFate {
        match self.0 {
            Change::Same(_) => BlockFate::Same,
            Change::Added(_) => BlockFate::Added,
            Change::Removed(_) => BlockFate::Removed,
            Change::Changed { .. } => BlockFate::Changed,
        }
    }

    /// What it was; null for one that was added.
    fn before(&self) -> Option<BodyBlock> {
        let block: &Block = match &self.0 {
            Change::Same(block) | Change::Removed(block) => block,
            Change::Changed { before, .. } => before,
            Change::Added(_) => return None,
        };
        Some(block.clone().into())
    }

    /// What it is; null for one that was removed.
    fn after(&self) -> Option<BodyBlock> {
        let block: &Block = match &self.0 {
            Change::Same(block) | Change::Added(block) => block,
            Change::Changed { after, .. } => after,
            Change::Removed(_) => return None,
        };
        Some(block.clone().into())
    }

    /// What became of its words, where it was changed; otherwise empty.
    fn words(&self) -> Vec<WordsDiff> {
        match &self.0 {
            Change::Changed { words, .. } => words.iter().cloned().map(WordsDiff).collect(),
            _ => Vec::new(),
        }
    }
}

/// What became of some words.
pub struct WordsDiff(Span);

/// Neighbouring words with one fate, with the spaces and signs among them. Those that are the same
/// and those that were removed are, put together, the text before; those that are the same and
/// those that were added, the text after.
#[Object]
impl WordsDiff {
    /// What became of them.
    fn fate(&self) -> WordsFate {
        self.0.edit.into()
    }

    /// The words. In Arabic a word keeps its harakat, its tatweel and its joiners.
    fn text(&self) -> &str {
        &self.0.text
    }
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum BlockFate {
    /// It stayed as it was.
    Same,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is different.
    Changed,
}

/// What became of some words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Edit")]
pub enum WordsFate {
    /// They stayed.
    Same,
    /// They are new.
    Added,
    /// They are gone.
    Removed,
}

/// A part of what an article says and belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Part")]
pub enum ArticlePart {
    /// What kind of article it is.
    Kind,
    /// Its part of an address.
    Slug,
    /// Where it lives on the web.
    CanonicalUrl,
    /// What it is called.
    Headline,
    /// The paragraph that sums it up.
    Lead,
    /// The picture or film at its head.
    Hero,
    /// The agency or outlet that it came from.
    Source,
    /// Where it is filed.
    Section,
    /// The language that it is in.
    Language,
    /// Whether it has pictures, a film or sound.
    Flags,
    /// Who signed it.
    Authors,
    /// What it is about.
    Topics,
    /// The stories that it belongs to.
    Stories,
    /// Its text.
    Body,
}

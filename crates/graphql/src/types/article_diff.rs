//! A diff of two texts of an article, as the API shows it.

use std::sync::Arc;

use async_graphql::{Context, Enum, Object};
use khabar_domain::Block;
use khabar_domain::diff::{self, Change, Edit, Effort, Part, Span};
use khabar_persistence::revision::Content;
use tokio::sync::OnceCell;

use super::BodyBlock;
use crate::compare::compare;
use crate::error::Result;

/// A diff of two texts of an article.
#[derive(Clone, Debug)]
pub struct ArticleDiff {
    from: i32,
    to: Option<i32>,
    before: Arc<Content>,
    after: Arc<Content>,
    compared: Arc<OnceCell<Compared>>,
}

/// The two bodies, compared.
#[derive(Debug)]
struct Compared {
    changes: Arc<[Change]>,
    is_coarse: bool,
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
    async fn changed(&self, ctx: &Context<'_>) -> Result<Vec<ArticlePart>> {
        let (before, after) = (Arc::clone(&self.before), Arc::clone(&self.after));
        let (parts, _) = compare(ctx, move |_| before.differs(&after)).await?;
        Ok(parts.into_iter().map(Into::into).collect())
    }

    /// What became of the headline, word by word.
    fn headline(&self) -> Vec<WordsDiff> {
        words(self.before.headline.as_str(), self.after.headline.as_str())
    }

    /// What became of the lead, word by word; empty where neither has one.
    async fn lead(&self, ctx: &Context<'_>) -> Result<Vec<WordsDiff>> {
        let (before, after) = (Arc::clone(&self.before), Arc::clone(&self.after));
        let lead = |content: &Content| content.lead.clone().unwrap_or_default();
        let compared = compare(ctx, move |effort| {
            diff::words(&lead(&before), &lead(&after), effort)
        });
        let (spans, _) = compared.await?;
        Ok(spans.into_iter().map(WordsDiff).collect())
    }

    /// What became of the body, block by block, the blocks that stayed among them.
    async fn body(&self, ctx: &Context<'_>) -> Result<Vec<BlockDiff>> {
        let changes = &self.compared(ctx).await?.changes;
        let each = (0..changes.len()).map(|at| BlockDiff(Arc::clone(changes), at));
        Ok(each.collect())
    }

    /// How finely `body` was compared.
    async fn granularity(&self, ctx: &Context<'_>) -> Result<DiffGranularity> {
        Ok(if self.compared(ctx).await?.is_coarse {
            DiffGranularity::Block
        } else {
            DiffGranularity::Word
        })
    }
}

impl ArticleDiff {
    /// From one text to another, which has a version if it was saved.
    pub(crate) fn new((from, before): (i32, Content), (to, after): (Option<i32>, Content)) -> Self {
        Self {
            from,
            to,
            before: Arc::new(before),
            after: Arc::new(after),
            compared: Arc::default(),
        }
    }

    async fn compared(&self, ctx: &Context<'_>) -> Result<&Compared> {
        let comparing = self.compared.get_or_try_init(|| async {
            let (before, after) = (self.before.body.clone(), self.after.body.clone());
            let (changes, effort) = compare(ctx, move |effort| {
                diff::blocks(before.blocks(), after.blocks(), effort)
            })
            .await?;
            Ok(Compared {
                changes: changes.into(),
                is_coarse: effort.is_coarse(),
            })
        });
        comparing.await
    }
}

fn words(before: &str, after: &str) -> Vec<WordsDiff> {
    diff::words(before, after, &mut Effort::default())
        .into_iter()
        .map(WordsDiff)
        .collect()
}

/// How finely two texts were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DiffGranularity {
    /// Word by word.
    Word,
    /// Block by block, at least in part: the texts are too large or too different to be compared word
    /// by word in the time that the server allows. What it says is true, but less of it is `SAME`
    /// than could be.
    Block,
}

/// What became of a block.
pub struct BlockDiff(Arc<[Change]>, usize);

/// What became of a block of the body.
#[Object]
impl BlockDiff {
    /// What became of it.
    fn fate(&self) -> BlockFate {
        match self.change() {
            Change::Same(_) => BlockFate::Same,
            Change::Added(_) => BlockFate::Added,
            Change::Removed(_) => BlockFate::Removed,
            Change::Changed { .. } => BlockFate::Changed,
        }
    }

    /// What it was; null for one that was added.
    fn before(&self) -> Option<BodyBlock> {
        let block: &Block = match self.change() {
            Change::Same(block) | Change::Removed(block) => block,
            Change::Changed { before, .. } => before,
            Change::Added(_) => return None,
        };
        Some(block.clone().into())
    }

    /// What it is; null for one that was removed.
    fn after(&self) -> Option<BodyBlock> {
        let block: &Block = match self.change() {
            Change::Same(block) | Change::Added(block) => block,
            Change::Changed { after, .. } => after,
            Change::Removed(_) => return None,
        };
        Some(block.clone().into())
    }

    /// What became of its words, where it was changed; otherwise empty.
    fn words(&self) -> Vec<WordsDiff> {
        match self.change() {
            Change::Changed { words, .. } => words.iter().cloned().map(WordsDiff).collect(),
            _ => Vec::new(),
        }
    }
}

impl BlockDiff {
    fn change(&self) -> &Change {
        &self.0[self.1]
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

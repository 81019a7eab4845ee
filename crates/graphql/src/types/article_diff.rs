//! The `ArticleDiff` type: the differences between two versions of an article.

use std::sync::Arc;

use async_graphql::Enum;
use khabar_domain::Block;
use khabar_domain::diff::{self, Change, Edit, Effort, Part, Span};
use khabar_persistence::revision::Content;
use tokio::sync::OnceCell;

use super::BodyBlock;
use crate::compare::compare;
use crate::error::Result;
use crate::object::{NestedList, NestedOption, OwnedList, ReadContext, enums, object};

/// The differences between two versions of an article.
#[derive(Clone, Debug)]
pub(crate) struct ArticleDiff {
    from: i32,
    to: Option<i32>,
    before: Arc<Content>,
    after: Arc<Content>,
    compared: Arc<OnceCell<Compared>>,
}

/// The result of comparing the two bodies.
#[derive(Debug)]
struct Compared {
    changes: Arc<[Change]>,
    is_coarse: bool,
}

/// The differences between two versions of an article.
#[object]
impl ArticleDiff {
    /// The version number of the old text.
    fn from(&self) -> i32 {
        self.from
    }

    /// The version number of the new text. Null if it was not saved.
    fn to(&self) -> Option<i32> {
        self.to
    }

    /// The parts that differ. Empty if the versions are equal.
    async fn changed(&self, context: &ReadContext) -> Result<Vec<ArticlePart>> {
        let (before, after) = (Arc::clone(&self.before), Arc::clone(&self.after));
        let (parts, _) = compare(context, move |_| before.differs(&after)).await?;
        Ok(parts.into_iter().map(Into::into).collect())
    }

    /// The word-by-word diff of the headline.
    fn headline(&self) -> OwnedList<WordsDiff> {
        let (before, after) = (&self.before.headline, &self.after.headline);
        let mut effort = Effort::default();
        OwnedList(diff::words(before.as_str(), after.as_str(), &mut effort))
    }

    /// The word-by-word diff of the lead. Empty if neither version has a lead.
    async fn lead(&self, context: &ReadContext) -> Result<OwnedList<WordsDiff>> {
        let (before, after) = (Arc::clone(&self.before), Arc::clone(&self.after));
        let lead = |content: &Content| content.lead.clone().unwrap_or_default();
        let compared = compare(context, move |effort| {
            diff::words(&lead(&before), &lead(&after), effort)
        });
        let (spans, _) = compared.await?;
        Ok(OwnedList(spans))
    }

    /// The block-by-block diff of the body, including unchanged blocks.
    async fn body(&self, context: &ReadContext) -> Result<OwnedList<BlockDiff>> {
        let changes = &self.compared(context).await?.changes;
        let each = (0..changes.len()).map(|at| BlockDiff(Arc::clone(changes), at));
        Ok(OwnedList(each.collect()))
    }

    /// The granularity at which `body` was compared.
    async fn granularity(&self, context: &ReadContext) -> Result<DiffGranularity> {
        Ok(if self.compared(context).await?.is_coarse {
            DiffGranularity::Block
        } else {
            DiffGranularity::Word
        })
    }
}

impl ArticleDiff {
    /// Creates a diff between two texts. The new text has no version if it was not saved.
    pub(crate) fn new((from, before): (i32, Content), (to, after): (Option<i32>, Content)) -> Self {
        Self {
            from,
            to,
            before: Arc::new(before),
            after: Arc::new(after),
            compared: Arc::default(),
        }
    }

    async fn compared(&self, context: &ReadContext) -> Result<&Compared> {
        let comparing = self.compared.get_or_try_init(|| async {
            let (before, after) = (self.before.body.clone(), self.after.body.clone());
            let (changes, effort) = compare(context, move |effort| {
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

/// The granularity of a diff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum DiffGranularity {
    /// Compared word by word.
    Word,
    /// Compared block by block, at least in part, because the texts are too large or too different for
    /// a word-by-word comparison in the available time. The diff is correct but may mark less text as
    /// `SAME` than possible.
    Block,
}

/// The diff of one block.
pub(crate) struct BlockDiff(Arc<[Change]>, usize);

/// The diff of one block of the body.
#[object]
impl BlockDiff {
    /// The change made to the block.
    fn op(&self) -> BlockDiffOp {
        match self.change() {
            Change::Same(_) => BlockDiffOp::Same,
            Change::Added(_) => BlockDiffOp::Added,
            Change::Removed(_) => BlockDiffOp::Removed,
            Change::Changed { .. } => BlockDiffOp::Changed,
        }
    }

    /// The old block. Null if the block was added.
    fn before(&self) -> NestedOption<'_, BodyBlock> {
        let block: &Block = match self.change() {
            Change::Same(block) | Change::Removed(block) => block,
            Change::Changed { before, .. } => before,
            Change::Added(_) => return NestedOption(None),
        };
        NestedOption(Some(block))
    }

    /// The new block. Null if the block was removed.
    fn after(&self) -> NestedOption<'_, BodyBlock> {
        let block: &Block = match self.change() {
            Change::Same(block) | Change::Added(block) => block,
            Change::Changed { after, .. } => after,
            Change::Removed(_) => return NestedOption(None),
        };
        NestedOption(Some(block))
    }

    /// The word-by-word diff of a changed block. Empty for other blocks.
    fn words(&self) -> NestedList<'_, WordsDiff> {
        NestedList::new(match self.change() {
            Change::Changed { words, .. } => words.iter(),
            _ => [].iter(),
        })
    }
}

impl BlockDiff {
    fn change(&self) -> &Change {
        &self.0[self.1]
    }
}

/// A run of words in a word-by-word diff.
#[derive(Debug)]
pub(crate) struct WordsDiff;

/// A run of adjacent words with one change status, including the spaces and punctuation between them.
/// The `SAME` and `REMOVED` runs together form the old text. The `SAME` and `ADDED` runs form the new
/// text.
#[object(of = Span)]
impl WordsDiff {
    /// The change made to the words.
    fn op(span: &Span) -> WordsDiffOp {
        span.edit.into()
    }

    /// The text of the run. Arabic words are never separated from their harakat, tatweel and joiners.
    fn text(span: &Span) -> &str {
        &span.text
    }
}

/// The change made to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum BlockDiffOp {
    /// The block is unchanged.
    Same,
    /// The block was added.
    Added,
    /// The block was removed.
    Removed,
    /// The block was changed.
    Changed,
}

/// The change made to a run of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Edit")]
pub enum WordsDiffOp {
    /// The words are unchanged.
    Same,
    /// The words were added.
    Added,
    /// The words were removed.
    Removed,
}

/// A part of an article that can differ between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Part")]
pub enum ArticlePart {
    /// The kind of article.
    Kind,
    /// The URL slug.
    Slug,
    /// The canonical URL.
    CanonicalUrl,
    /// The headline.
    Headline,
    /// The lead.
    Lead,
    /// The main image or video.
    Hero,
    /// The news agency or outlet that the article came from.
    Source,
    /// The section that the article is filed in.
    Section,
    /// The language.
    Language,
    /// The flags for photos, video and audio.
    Flags,
    /// The authors.
    Authors,
    /// The topics.
    Topics,
    /// The stories that the article belongs to.
    Stories,
    /// The body.
    Body,
}

enums!(DiffGranularity, BlockDiffOp, WordsDiffOp, ArticlePart);

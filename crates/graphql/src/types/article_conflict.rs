//! The `ArticleConflict` type: an edit conflict between two writes to one version of an article.

use khabar_persistence::revision::Content;

use super::{ArticleDiff, Revision, UserError, UserErrorCode};
use crate::object::{NestedOption, OwnedOption, object};

/// An edit conflict.
#[derive(Clone, Debug)]
pub(crate) struct ArticleConflict {
    /// The version that the write was based on.
    pub(crate) read: i32,
    /// The current version.
    pub(crate) current: i32,
    /// The revision that the write was based on, if it was stored.
    pub(crate) base: Option<khabar_persistence::revision::Revision>,
    /// The current content.
    pub(crate) theirs: Content,
    /// The content that the write would have produced from its base version.
    pub(crate) yours: Option<Content>,
}

/// An edit conflict: the article has changed since the version that the write was based on. Describes
/// both sets of changes. Nothing was overwritten.
#[object]
impl ArticleConflict {
    /// The current version number. Fetch this version and repeat the write on top of it.
    fn current_version(&self) -> i32 {
        self.current
    }

    /// The version that the write was based on. Null if it came from an import, because imported
    /// versions are not stored.
    fn base(&self) -> NestedOption<'_, Revision> {
        NestedOption(self.base.as_ref())
    }

    /// Changes made by others since the base version. Null if the base version was not stored.
    fn theirs(&self) -> OwnedOption<ArticleDiff> {
        OwnedOption(self.base.as_ref().map(|base| {
            ArticleDiff::new(
                (base.version, base.content.clone()),
                (Some(self.current), self.theirs.clone()),
            )
        }))
    }

    /// Changes that the write would have made to the base version. Null if the base version was not
    /// stored, or if the mutation does not change any text.
    fn yours(&self) -> OwnedOption<ArticleDiff> {
        let (base, yours) = (self.base.as_ref(), self.yours.clone());
        OwnedOption(base.zip(yours).map(|(base, yours)| {
            ArticleDiff::new((base.version, base.content.clone()), (None, yours))
        }))
    }
}

impl ArticleConflict {
    /// Converts the conflict to the user error of the response.
    pub(crate) fn error(&self) -> UserError {
        let message = format!(
            "The article has changed since version {}. Its current version is {}.",
            self.read, self.current
        );
        UserError::new(&["version"], UserErrorCode::Stale, message)
    }
}

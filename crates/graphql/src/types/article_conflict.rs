//! A conflict, as the API shows it: two who wrote the same version of an article.

use async_graphql::Object;
use khabar_persistence::revision::Content;

use super::{ArticleDiff, Revision, UserError, UserErrorCode};

/// A conflict.
#[derive(Clone, Debug)]
pub struct ArticleConflict {
    /// The version that was read.
    pub(crate) read: i32,
    /// The version that there is.
    pub(crate) current: i32,
    /// What was read, where that is kept.
    pub(crate) base: Option<khabar_persistence::revision::Revision>,
    /// What there is.
    pub(crate) theirs: Content,
    /// What was to be written.
    pub(crate) yours: Option<Content>,
}

/// What an article has become since the version that a write was made of, and what the write would
/// have made of that version. Nothing was overwritten.
#[Object]
impl ArticleConflict {
    /// The version that there is now: read it, and write again.
    fn current_version(&self) -> i32 {
        self.current
    }

    /// The version that was read, as it was; null when it was an import's, which are not kept.
    fn base(&self) -> Option<Revision> {
        self.base.clone().map(Revision)
    }

    /// What others have changed since the version that was read; null when that is not kept.
    fn theirs(&self) -> Option<ArticleDiff> {
        let base = self.base.as_ref()?;
        Some(ArticleDiff::new(
            (base.version, base.content.clone()),
            (Some(self.current), self.theirs.clone()),
        ))
    }

    /// What the write was to change in the version that was read; null when that is not kept, and
    /// for a step that changes no text.
    fn yours(&self) -> Option<ArticleDiff> {
        let base = self.base.as_ref()?;
        Some(ArticleDiff::new(
            (base.version, base.content.clone()),
            (None, self.yours.clone()?),
        ))
    }
}

impl ArticleConflict {
    /// What the client is told.
    pub(crate) fn error(&self) -> UserError {
        let message = format!(
            "The article was changed since version {}: it is at version {} now.",
            self.read, self.current
        );
        UserError::new(&["version"], UserErrorCode::Stale, message)
    }
}

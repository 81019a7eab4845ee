//! Editorial changes to an article: its content and the workflow steps that it takes.

use khabar_domain::article::{Status, TextStats};
use khabar_domain::workflow::Transition;
use khabar_domain::{ArticleId, EditorialState};

use super::Manuscript;
use crate::tables::{editorial, revision};
use crate::{Result, WriteTx};

/// An article with all of its editorial data, locked against other writers.
#[derive(Clone, Debug, PartialEq)]
pub struct LockedArticle {
    /// The article with its body and links.
    pub manuscript: Manuscript,
    /// The editorial data stored with the article.
    pub editorial: EditorialState,
}

/// Locks and loads an article. Other writers of the article wait until this writer has finished.
pub async fn lock(writer: &WriteTx, id: ArticleId) -> Result<Option<LockedArticle>> {
    writer.lock_article(id).await?;
    let Some(manuscript) = super::get(writer, id).await? else {
        return Ok(None);
    };
    let editorial = editorial::get(writer, id).await?;
    Ok(Some(LockedArticle {
        manuscript,
        editorial,
    }))
}

impl LockedArticle {
    /// Applies a workflow step that leads to the status `to`, saves the article, and stores the new
    /// revision. `note` explains the change to the newsroom.
    pub async fn take(
        mut self,
        writer: &mut WriteTx,
        step: Transition,
        to: Status,
        note: Option<String>,
    ) -> Result<()> {
        let article = &mut self.manuscript.article;
        // Imports have no revision, so one is stored before the imported text is overwritten.
        revision::ensure(writer, article.id, article.version).await?;
        step.apply(to, writer.at(), article, &mut self.editorial);
        self.save(writer, step, note).await
    }

    /// Saves a new article and stores its first revision.
    pub async fn begin(self, writer: &mut WriteTx) -> Result<()> {
        self.save(writer, Transition::Save, None).await
    }

    async fn save(
        mut self,
        writer: &mut WriteTx,
        step: Transition,
        note: Option<String>,
    ) -> Result<()> {
        let Manuscript { article, body, .. } = &mut self.manuscript;
        let measure = TextStats::of(article.lead.as_deref(), body);
        article.excerpt = measure.excerpt;
        article.reading_minutes = measure.reading_minutes;
        article.is_stub &= body.blocks().is_empty();
        let id = article.id;
        super::save(writer, &self.manuscript).await?;
        editorial::save(writer, id, &self.editorial).await?;
        revision::add(writer, &self.manuscript, step, note).await
    }
}

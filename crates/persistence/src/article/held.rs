//! An article in the newsroom's hands: what is written of it, and the steps that it takes.

use khabar_domain::article::{Measure, Status};
use khabar_domain::workflow::Step;
use khabar_domain::{ArticleId, Desk};

use super::Manuscript;
use crate::{Result, Writer, desk, revision};

/// An article with all that the newsroom keeps of it, while nobody else writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What it says and belongs to.
    pub manuscript: Manuscript,
    /// What is kept of it besides.
    pub desk: Desk,
}

/// Takes an article in hand: other writers of it wait until this one has ended.
pub async fn hold(writer: &Writer, id: ArticleId) -> Result<Option<Held>> {
    writer.lock_article(id).await?;
    let Some(manuscript) = super::get(writer, id).await? else {
        return Ok(None);
    };
    let desk = desk::find(writer, id).await?;
    Ok(Some(Held { manuscript, desk }))
}

impl Held {
    /// Saves it as it is after this step, which leads to this status, and keeps the revision that
    /// the step made. `note` says why, to the newsroom.
    pub async fn take(
        mut self,
        writer: &mut Writer,
        step: Step,
        to: Status,
        note: Option<String>,
    ) -> Result<()> {
        let article = &mut self.manuscript.article;
        // The text of an import is kept once somebody writes over it.
        revision::keep(writer, article.id, article.version).await?;
        step.apply(to, writer.at(), article, &mut self.desk);
        self.save(writer, step, note).await
    }

    /// Saves a new article and keeps its first revision.
    pub async fn begin(self, writer: &mut Writer) -> Result<()> {
        self.save(writer, Step::Save, None).await
    }

    async fn save(mut self, writer: &mut Writer, step: Step, note: Option<String>) -> Result<()> {
        let Manuscript { article, body, .. } = &mut self.manuscript;
        let measure = Measure::of(article.lead.as_deref(), body);
        article.excerpt = measure.excerpt;
        article.reading_minutes = measure.reading_minutes;
        article.is_stub &= body.blocks().is_empty();
        let id = article.id;
        super::save(writer, &self.manuscript).await?;
        desk::save(writer, id, &self.desk).await?;
        revision::add(writer, &self.manuscript, step, note).await
    }
}

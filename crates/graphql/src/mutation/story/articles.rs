//! Adding articles to a story and removing them from it.

use async_graphql::{ID, InputObject};
use khabar_domain::{ArticleId, StoryId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{article, edition};

use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError};
use crate::mutation::{input_parse, ordering};

/// Input for the `addToStory` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct AddToStoryInput {
    /// Global ID of the story.
    id: ID,
    /// Global IDs of the articles to add, published or unpublished. At most 100, all of them
    /// articles of the story's edition.
    articles: Vec<ID>,
    /// Zero-based position of the story in the story list of each article. If omitted, the story is
    /// appended, or retains its position in articles that already belong to it.
    position: Option<i32>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for AddToStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let id: StoryId = input_parse::id(&["id"], &self.id)?;
        let position = input_parse::position(self.position)?;
        for article in articles(cx, id, &self.articles).await? {
            let mut stories = article::stories(cx.writer, article).await?;
            if position.is_none() && stories.contains(&id) {
                continue;
            }
            stories.retain(|story| *story != id);
            ordering::insert(&mut stories, position, id);
            article::set_stories(cx.writer, article, &stories).await?;
        }
        Ok(id)
    }
}

/// Input for the `removeFromStory` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct RemoveFromStoryInput {
    /// Global ID of the story.
    id: ID,
    /// Global IDs of the articles to remove. At most 100. Articles that do not belong to the story
    /// are left unchanged.
    articles: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for RemoveFromStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let id: StoryId = input_parse::id(&["id"], &self.id)?;
        for article in articles(cx, id, &self.articles).await? {
            let mut stories = article::stories(cx.writer, article).await?;
            stories.retain(|story| *story != id);
            article::set_stories(cx.writer, article, &stories).await?;
        }
        Ok(id)
    }
}

/// Parses the articles to add or remove and locks each of them against other writers. The locks are
/// taken in the order of the IDs, so that two writers cannot deadlock.
async fn articles(
    cx: &MutationCtx<'_>,
    story: StoryId,
    ids: &[ID],
) -> Result<Vec<ArticleId>, MutationError> {
    let edition = edition::of(cx.writer, EntityKind::Story, story.uuid()).await?;
    let edition = input_parse::found(&["id"], EntityKind::Story, edition)?;
    let found = input_parse::articles(cx, edition, "articles", ids).await?;
    let mut ids: Vec<_> = found.into_iter().map(|article| article.id).collect();
    ids.sort_unstable();
    for id in &ids {
        cx.writer.lock_article(*id).await?;
    }
    Ok(ids)
}

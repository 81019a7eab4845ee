//! Pinning stories to the rail of an edition, and their order on it.

use async_graphql::{ID, InputObject};
use khabar_domain::{EditionId, StoryId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Page, story};

use super::{check_active, lock};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError};
use crate::mutation::{input_parse, ordering};
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};

/// Input for the `pinStory` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct PinStoryInput {
    /// Global ID of the story to pin. The story must be active.
    id: ID,
    /// Zero-based position on the rail of pinned stories. Stories at and after it move down.
    /// Defaults to the end, which is also used for a larger position.
    position: Option<i32>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for PinStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let (id, edition) = input_parse::lock_order_of(cx, EntityKind::Story, &self.id).await?;
        let story = lock(cx, "id", id).await?;
        check_active(&["id"], &story)?;
        let position = input_parse::position(self.position)?;
        let mut order = story::pinned(cx.writer, edition).await?;
        order.retain(|other| *other != id);
        ordering::insert(&mut order, position, id);
        set_pinned(cx, "id", edition, &order).await?;
        Ok(id)
    }
}

/// Input for the `unpinStory` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct UnpinStoryInput {
    /// Global ID of the story.
    id: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UnpinStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let (id, edition) = input_parse::lock_order_of(cx, EntityKind::Story, &self.id).await?;
        unpin(cx, edition, id).await?;
        Ok(id)
    }
}

/// Input for the `reorderPinnedStories` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ReorderPinnedStoriesInput {
    /// Slug of the edition that the rail belongs to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Global IDs of all stories to pin, in order. At most 100, all of them active stories of the
    /// edition. Stories that are not listed are unpinned.
    stories: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ReorderPinnedStoriesInput {
    type Id = EditionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?.id;
        cx.writer.lock_order(edition).await?;
        let order: Vec<StoryId> =
            input_parse::ids_in(cx, edition, EntityKind::Story, "stories", &self.stories).await?;
        for (position, id) in order.iter().enumerate() {
            let story = lock(cx, "stories", *id).await?;
            check_active(&["stories", &position.to_string()], &story)?;
        }
        set_pinned(cx, "stories", edition, &order).await?;
        Ok(edition)
    }
}

/// Removes a story from the rail.
pub(super) async fn unpin(
    cx: &mut MutationCtx<'_>,
    edition: EditionId,
    id: StoryId,
) -> Result<(), MutationError> {
    let mut order = story::pinned(cx.writer, edition).await?;
    order.retain(|other| *other != id);
    story::set_pinned(cx.writer, edition, &order).await?;
    Ok(())
}

/// Sets the pinned stories and their order. Refuses more stories than fit on one page.
async fn set_pinned(
    cx: &mut MutationCtx<'_>,
    field: &str,
    edition: EditionId,
    order: &[StoryId],
) -> Result<(), MutationError> {
    let max = usize::from(Page::MAX);
    if order.len() > max {
        let message = format!("The rail can hold at most {max} stories.");
        return Err(UserError::new(&[field], UserErrorCode::Invalid, message).into());
    }
    story::set_pinned(cx.writer, edition, order).await?;
    Ok(())
}

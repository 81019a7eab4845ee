//! Mutations on stories and on the rail of pinned stories.

mod articles;
mod pinned;

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::story::{Kind, Status};
use khabar_domain::{Story, StoryId, TopicId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::edition;
use khabar_persistence::story::{self, ById};

use super::HomePayload;
use super::input_parse::{self, SlugTarget};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{StoryKind, UserError, UserErrorCode};

pub use articles::{AddToStoryInput, RemoveFromStoryInput};
pub use pinned::{PinStoryInput, ReorderPinnedStoriesInput, UnpinStoryInput};

payload! {
    StoryPayload, "Result of a mutation on a story.",
    story: Story by ById, "The story in its current state. Null if the mutation failed."
}

/// Input for the `createStory` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreateStoryInput {
    /// Slug of the edition that the story belongs to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Title of the story, as shown to readers.
    title: String,
    /// URL slug, unique among the stories of the edition. Generated from the title if omitted.
    slug: Option<Slug>,
    /// Kind of story. Defaults to `RUNNING`.
    kind: Option<StoryKind>,
    /// Summary of the story in one or two sentences.
    summary: Option<String>,
    /// Global ID of the image shown on the rail of pinned stories.
    image: Option<ID>,
    /// Global IDs of the story's topics, in order. At most 100, all of them topics of the edition.
    topics: Option<Vec<ID>>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        let title = input_parse::name(&["title"], &self.title)?;
        let id: StoryId = cx.mint();
        let target = SlugTarget {
            entity: EntityKind::Story,
            edition: edition.id,
            id: id.uuid(),
            current: None,
        };
        let slug = input_parse::slug(cx, target, self.slug.as_ref(), title.as_str()).await?;
        let image = match &self.image {
            None => None,
            Some(image) => Some(input_parse::media(cx, "image", image).await?),
        };
        let story = Story {
            id,
            edition: edition.id,
            kind: self.kind.map_or(Kind::Running, Into::into),
            status: Status::Active,
            slug,
            title,
            summary: input_parse::new_text("summary", self.summary.as_ref())?,
            image,
            pinned_position: None,
            article_count: 0,
            reported_article_count: None,
            last_article_at: None,
            active_at: cx.writer.at(),
        };
        story::save(cx.writer, &story).await?;
        if let Some(topics) = &self.topics {
            set_topics(cx, &story, topics).await?;
        }
        Ok(id)
    }
}

/// Input for the `updateStory` mutation. Omitted fields are left unchanged. Null clears an optional
/// value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateStoryInput {
    /// Global ID of the story.
    id: ID,
    /// Title of the story, as shown to readers.
    title: Option<String>,
    /// New URL slug. The previous slug keeps resolving to the story.
    slug: Option<Slug>,
    /// Kind of story.
    kind: Option<StoryKind>,
    /// Summary of the story in one or two sentences.
    summary: MaybeUndefined<String>,
    /// Global ID of the image shown on the rail of pinned stories.
    image: MaybeUndefined<ID>,
    /// Global IDs of the story's topics, in order. At most 100, all of them topics of the edition.
    /// The list replaces all existing topics.
    topics: MaybeUndefined<Vec<ID>>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = lock(cx, "id", id).await?;
        let title = input_parse::patched_name("title", self.title.as_deref(), &old.title)?;
        let target = SlugTarget {
            entity: EntityKind::Story,
            edition: old.edition,
            id: id.uuid(),
            current: Some(old.slug.clone()),
        };
        let story = Story {
            slug: input_parse::slug(cx, target, self.slug.as_ref(), title.as_str()).await?,
            title,
            kind: self.kind.map_or(old.kind, Into::into),
            summary: input_parse::patched_text("summary", &self.summary, old.summary.as_ref())?,
            image: input_parse::patched_media(cx, "image", &self.image, old.image).await?,
            ..old
        };
        story::save(cx.writer, &story).await?;
        match &self.topics {
            MaybeUndefined::Undefined => (),
            MaybeUndefined::Null => set_topics(cx, &story, &[]).await?,
            MaybeUndefined::Value(topics) => set_topics(cx, &story, topics).await?,
        }
        Ok(id)
    }
}

/// Input for the `archiveStory` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ArchiveStoryInput {
    /// Global ID of the story to archive. The story is unpinned, and its articles stay readable.
    id: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ArchiveStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let (id, edition) = input_parse::lock_order_of(cx, EntityKind::Story, &self.id).await?;
        check_active(&["id"], &lock(cx, "id", id).await?)?;
        pinned::unpin(cx, edition, id).await?;
        let story = lock(cx, "id", id).await?;
        let status = Status::Archived;
        story::save(cx.writer, &Story { status, ..story }).await?;
        Ok(id)
    }
}

/// Input for the `reopenStory` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ReopenStoryInput {
    /// Global ID of the story.
    id: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ReopenStoryInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let story = lock(cx, "id", id).await?;
        if story.status == Status::Active {
            let message = "This story is already active.";
            return Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into());
        }
        let status = Status::Active;
        story::save(cx.writer, &Story { status, ..story }).await?;
        Ok(id)
    }
}

/// Input for the `mergeStories` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct MergeStoriesInput {
    /// Global ID of the story to merge and delete. All its slugs then resolve to the other story.
    from: ID,
    /// Global ID of the story to merge into, from the same edition. It receives the articles and
    /// topics of the merged story. It also takes over the pinned position, unless it is already
    /// pinned or archived.
    into: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for MergeStoriesInput {
    type Id = StoryId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<StoryId, MutationError> {
        let from: StoryId = input_parse::id(&["from"], &self.from)?;
        let into: StoryId = input_parse::id(&["into"], &self.into)?;
        let refuse = |message: &str| UserError::new(&["into"], UserErrorCode::Invalid, message);
        if from == into {
            return Err(refuse("A story cannot be merged into itself.").into());
        }
        let edition = edition::of(cx.writer, EntityKind::Story, from.uuid()).await?;
        let edition = input_parse::found(&["from"], EntityKind::Story, edition)?;
        cx.writer.lock_order(edition).await?;
        story::lock_both(cx.writer, from, into).await?;
        let from = lock(cx, "from", from).await?;
        let into = lock(cx, "into", into).await?;
        if from.edition != into.edition {
            return Err(refuse("This story belongs to another edition.").into());
        }
        story::merge(cx.writer, &from, &into).await?;
        Ok(into.id)
    }
}

/// Locks the story that this field of the input names.
async fn lock(cx: &MutationCtx<'_>, field: &str, id: StoryId) -> Result<Story, MutationError> {
    input_parse::found(
        &[field],
        EntityKind::Story,
        story::lock(cx.writer, id).await?,
    )
}

/// Refuses an archived story.
fn check_active(field: &[&str], story: &Story) -> Result<(), MutationError> {
    if story.status == Status::Active {
        return Ok(());
    }
    let message = "This story is archived.";
    Err(UserError::new(field, UserErrorCode::WrongStatus, message).into())
}

/// Replaces the topics of a story.
async fn set_topics(
    cx: &mut MutationCtx<'_>,
    story: &Story,
    topics: &[ID],
) -> Result<(), MutationError> {
    let topics: Vec<TopicId> =
        input_parse::ids_in(cx, story.edition, EntityKind::Topic, "topics", topics).await?;
    story::set_topics(cx.writer, story.id, &topics).await?;
    Ok(())
}

mutations! {
    /// Mutations on stories.
    StoryMutations;

    /// Creates a story. Requires the `arrange` right.
    "createStory" create_story(
        CreateStoryInput: "Fields of the new story.",
    ) -> StoryPayload, requires [Arrange];

    /// Updates a story. Omitted fields are left unchanged. Null clears an optional value. Requires
    /// the `arrange` right.
    "updateStory" update_story(
        UpdateStoryInput: "ID of the story and the fields to change.",
    ) -> StoryPayload, requires [Arrange];

    /// Adds articles to a story. Articles that already belong to the story stay in it. Requires the
    /// `arrange` right.
    "addToStory" add_to_story(
        AddToStoryInput: "Story and the articles to add to it.",
    ) -> StoryPayload, requires [Arrange];

    /// Removes articles from a story. Requires the `arrange` right.
    "removeFromStory" remove_from_story(
        RemoveFromStoryInput: "Story and the articles to remove from it.",
    ) -> StoryPayload, requires [Arrange];

    /// Pins a story to the rail, or moves an already pinned story. Requires the `arrange` right.
    "pinStory" pin_story(
        PinStoryInput: "ID of the story and its position on the rail.",
    ) -> StoryPayload, requires [Arrange];

    /// Unpins a story. A story that is not pinned is left unchanged. Requires the `arrange` right.
    "unpinStory" unpin_story(
        UnpinStoryInput: "ID of the story to unpin.",
    ) -> StoryPayload, requires [Arrange];

    /// Sets the pinned stories of an edition and their order. Requires the `arrange` right.
    "reorderPinnedStories" reorder_pinned_stories(
        ReorderPinnedStoriesInput: "Edition and its pinned stories in their new order.",
    ) -> HomePayload, requires [Arrange];

    /// Archives a story. The story is unpinned, and its articles stay readable. Requires the
    /// `arrange` right.
    "archiveStory" archive_story(
        ArchiveStoryInput: "ID of the story to archive.",
    ) -> StoryPayload, requires [Arrange];

    /// Reopens an archived story. Requires the `arrange` right.
    "reopenStory" reopen_story(
        ReopenStoryInput: "ID of the story to reopen.",
    ) -> StoryPayload, requires [Arrange];

    /// Merges one story into another and deletes it. Its articles, topics and slugs pass to the
    /// other story. Requires the `arrange` right.
    "mergeStories" merge_stories(
        MergeStoriesInput: "ID of the story to merge and of the story to merge it into.",
    ) -> StoryPayload, requires [Arrange];
}

//! Mutations on stories and on the rail of pinned stories.

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::story::{Kind, Status};
use khabar_domain::{ArticleId, EditionId, Story, StoryId, TopicId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::story::{self, ById};
use khabar_persistence::{article, edition};

use super::HomePayload;
use super::input_parse::{self, SlugTarget};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{StoryKind, UserError, UserErrorCode};

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
        let of = SlugTarget {
            noun: EntityKind::Story,
            edition: edition.id,
            id: id.uuid(),
            former: None,
        };
        let slug = input_parse::slug(cx, of, self.slug.as_ref(), title.as_str()).await?;
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
        let old = held(cx, "id", id).await?;
        let title = input_parse::renamed("title", self.title.as_deref(), &old.title)?;
        let of = SlugTarget {
            noun: EntityKind::Story,
            edition: old.edition,
            id: id.uuid(),
            former: Some(old.slug.clone()),
        };
        let story = Story {
            slug: input_parse::slug(cx, of, self.slug.as_ref(), title.as_str()).await?,
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
        let at = input_parse::position(self.position)?;
        for article in articles(cx, id, &self.articles).await? {
            let mut stories = article::stories(cx.writer, article).await?;
            if at.is_none() && stories.contains(&id) {
                continue;
            }
            stories.retain(|story| *story != id);
            stories.insert(at.unwrap_or(stories.len()).min(stories.len()), id);
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
        let (id, edition) = input_parse::placed(cx, EntityKind::Story, &self.id).await?;
        let story = held(cx, "id", id).await?;
        goes_on(&["id"], &story)?;
        let at = input_parse::position(self.position)?;
        let mut order = story::pinned(cx.writer, edition).await?;
        order.retain(|other| *other != id);
        order.insert(at.unwrap_or(order.len()).min(order.len()), id);
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
        let (id, edition) = input_parse::placed(cx, EntityKind::Story, &self.id).await?;
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
        for (at, id) in order.iter().enumerate() {
            let story = held(cx, "stories", *id).await?;
            goes_on(&["stories", &at.to_string()], &story)?;
        }
        set_pinned(cx, "stories", edition, &order).await?;
        Ok(edition)
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
        let (id, edition) = input_parse::placed(cx, EntityKind::Story, &self.id).await?;
        goes_on(&["id"], &held(cx, "id", id).await?)?;
        unpin(cx, edition, id).await?;
        let story = held(cx, "id", id).await?;
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
        let story = held(cx, "id", id).await?;
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
        let from = held(cx, "from", from).await?;
        let into = held(cx, "into", into).await?;
        if from.edition != into.edition {
            return Err(refuse("This story belongs to another edition.").into());
        }
        story::merge(cx.writer, &from, &into).await?;
        Ok(into.id)
    }
}

async fn held(cx: &MutationCtx<'_>, field: &str, id: StoryId) -> Result<Story, MutationError> {
    input_parse::found(
        &[field],
        EntityKind::Story,
        story::lock(cx.writer, id).await?,
    )
}

/// Refuses an archived story.
fn goes_on(field: &[&str], story: &Story) -> Result<(), MutationError> {
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

/// Parses the articles to add or remove and locks each of them against other writers. The locks are
/// taken in the order of the IDs, so that two writers cannot deadlock.
async fn articles(
    cx: &MutationCtx<'_>,
    story: StoryId,
    given: &[ID],
) -> Result<Vec<ArticleId>, MutationError> {
    let edition = edition::of(cx.writer, EntityKind::Story, story.uuid()).await?;
    let edition = input_parse::found(&["id"], EntityKind::Story, edition)?;
    let named = input_parse::articles(cx, edition, "articles", given).await?;
    let mut ids: Vec<_> = named.into_iter().map(|article| article.id).collect();
    ids.sort_unstable();
    for id in &ids {
        cx.writer.lock_article(*id).await?;
    }
    Ok(ids)
}

async fn unpin(
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
    let most = usize::from(khabar_persistence::Page::MAX);
    if order.len() > most {
        let message = format!("The rail can hold at most {most} stories.");
        return Err(UserError::new(&[field], UserErrorCode::Invalid, message).into());
    }
    story::set_pinned(cx.writer, edition, order).await?;
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

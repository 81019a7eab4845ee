//! Stories being written, and the rail.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::story::{Kind, Status};
use khabar_domain::{ArticleId, EditionId, Right, Story, StoryId, TopicId};
use khabar_persistence::change::Noun;
use khabar_persistence::story::{self, ById};
use khabar_persistence::{article, edition};

use super::HomePayload;
use super::read::{self, Addressed};
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{StoryKind, UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, run};

payload! {
    StoryPayload, "What came of writing a story.",
    story: Story by ById, "The story as it is now; null when the mutation was not carried out."
}

/// What a new story is to be.
#[derive(Clone, Debug, InputObject)]
pub struct CreateStoryInput {
    /// The slug of the edition that it is to be told in; `ar` when nothing is said.
    edition: Option<Slug>,
    /// What readers are to know it by.
    title: String,
    /// Its part of an address; made from the title when nothing is said.
    slug: Option<Slug>,
    /// What kind of thread it is; running when nothing is said.
    kind: Option<StoryKind>,
    /// What it is about, in a sentence or two.
    summary: Option<String>,
    /// Its picture on the rail.
    image: Option<ID>,
    /// What it is about, in order; at most 100 topics of its edition.
    topics: Option<Vec<ID>>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateStoryInput {
    const NAME: &'static str = "createStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        let title = read::name(&["title"], &self.title)?;
        let id: StoryId = act.mint();
        let of = Addressed {
            noun: Noun::Story,
            edition: edition.id,
            id: id.uuid(),
            former: None,
        };
        let slug = read::slug(act, of, self.slug.as_ref(), title.as_str()).await?;
        let image = match &self.image {
            None => None,
            Some(image) => Some(read::media(act, "image", image).await?),
        };
        let story = Story {
            id,
            edition: edition.id,
            kind: self.kind.map_or(Kind::Running, Into::into),
            status: Status::Active,
            slug,
            title,
            summary: read::new_text("summary", self.summary.as_ref())?,
            image,
            pinned_position: None,
            article_count: 0,
            reported_article_count: None,
            last_article_at: None,
            active_at: act.writer.at(),
        };
        story::save(act.writer, &story).await?;
        if let Some(topics) = &self.topics {
            set_topics(act, &story, topics).await?;
        }
        Ok(id)
    }
}

/// Which story, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateStoryInput {
    /// Which story.
    id: ID,
    /// What readers are to know it by.
    title: Option<String>,
    /// Its part of an address; the old one goes on leading here.
    slug: Option<Slug>,
    /// What kind of thread it is.
    kind: Option<StoryKind>,
    /// What it is about, in a sentence or two.
    summary: MaybeUndefined<String>,
    /// Its picture on the rail.
    image: MaybeUndefined<ID>,
    /// What it is about, in order, in place of what was said before; at most 100 topics of its
    /// edition.
    topics: MaybeUndefined<Vec<ID>>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateStoryInput {
    const NAME: &'static str = "updateStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = held(act, "id", id).await?;
        let title = read::renamed("title", self.title.as_deref(), &old.title)?;
        let of = Addressed {
            noun: Noun::Story,
            edition: old.edition,
            id: id.uuid(),
            former: Some(old.slug.clone()),
        };
        let story = Story {
            slug: read::slug(act, of, self.slug.as_ref(), title.as_str()).await?,
            title,
            kind: self.kind.map_or(old.kind, Into::into),
            summary: read::patched_text("summary", &self.summary, old.summary.as_ref())?,
            image: read::patched_media(act, "image", &self.image, old.image).await?,
            ..old
        };
        story::save(act.writer, &story).await?;
        match &self.topics {
            MaybeUndefined::Undefined => (),
            MaybeUndefined::Null => set_topics(act, &story, &[]).await?,
            MaybeUndefined::Value(topics) => set_topics(act, &story, topics).await?,
        }
        Ok(id)
    }
}

/// Which articles are to belong to which story.
#[derive(Clone, Debug, InputObject)]
pub struct AddToStoryInput {
    /// Which story.
    id: ID,
    /// Which articles of its edition, published or not; at most 100.
    articles: Vec<ID>,
    /// The story's place among the stories of each article, from 0. When nothing is said: the last,
    /// or where it is already.
    position: Option<i32>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for AddToStoryInput {
    const NAME: &'static str = "addToStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let id: StoryId = read::id(&["id"], &self.id)?;
        let at = read::position(self.position)?;
        for article in articles(act, id, &self.articles).await? {
            let mut stories = article::stories(act.writer, article).await?;
            if at.is_none() && stories.contains(&id) {
                continue;
            }
            stories.retain(|story| *story != id);
            stories.insert(at.unwrap_or(stories.len()).min(stories.len()), id);
            article::set_stories(act.writer, article, &stories).await?;
        }
        Ok(id)
    }
}

/// Which articles are no longer to belong to which story.
#[derive(Clone, Debug, InputObject)]
pub struct RemoveFromStoryInput {
    /// Which story.
    id: ID,
    /// Which articles; at most 100. Those that do not belong to it stay as they are.
    articles: Vec<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for RemoveFromStoryInput {
    const NAME: &'static str = "removeFromStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let id: StoryId = read::id(&["id"], &self.id)?;
        for article in articles(act, id, &self.articles).await? {
            let mut stories = article::stories(act.writer, article).await?;
            stories.retain(|story| *story != id);
            article::set_stories(act.writer, article, &stories).await?;
        }
        Ok(id)
    }
}

/// Which story is to stand on the rail.
#[derive(Clone, Debug, InputObject)]
pub struct PinStoryInput {
    /// Which story; it goes on.
    id: ID,
    /// Its place on the rail, from 0: those from there on make room. The last when nothing is said
    /// or there are fewer.
    position: Option<i32>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for PinStoryInput {
    const NAME: &'static str = "pinStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let (id, edition) = read::placed(act, Noun::Story, &self.id).await?;
        let story = held(act, "id", id).await?;
        goes_on(&["id"], &story)?;
        let at = read::position(self.position)?;
        let mut order = story::rail(act.writer, edition).await?;
        order.retain(|other| *other != id);
        order.insert(at.unwrap_or(order.len()).min(order.len()), id);
        set_rail(act, "id", edition, &order).await?;
        Ok(id)
    }
}

/// Which story is to leave the rail.
#[derive(Clone, Debug, InputObject)]
pub struct UnpinStoryInput {
    /// Which story.
    id: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UnpinStoryInput {
    const NAME: &'static str = "unpinStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let (id, edition) = read::placed(act, Noun::Story, &self.id).await?;
        unpin(act, edition, id).await?;
        Ok(id)
    }
}

/// Which stories stand on the rail, in which order.
#[derive(Clone, Debug, InputObject)]
pub struct ArrangeRailInput {
    /// The slug of the edition that it belongs to; `ar` when nothing is said.
    edition: Option<Slug>,
    /// The stories, at most 100: those that are not on the rail come onto it, others leave it.
    stories: Vec<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ArrangeRailInput {
    const NAME: &'static str = "arrangeRail";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<EditionId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let order: Vec<StoryId> =
            read::ids_in(act, edition, Noun::Story, "stories", &self.stories).await?;
        for (at, id) in order.iter().enumerate() {
            let story = held(act, "stories", *id).await?;
            goes_on(&["stories", &at.to_string()], &story)?;
        }
        set_rail(act, "stories", edition, &order).await?;
        Ok(edition)
    }
}

/// Which story has ended.
#[derive(Clone, Debug, InputObject)]
pub struct ArchiveStoryInput {
    /// Which story. It leaves the rail; its articles stay readable.
    id: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ArchiveStoryInput {
    const NAME: &'static str = "archiveStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let (id, edition) = read::placed(act, Noun::Story, &self.id).await?;
        goes_on(&["id"], &held(act, "id", id).await?)?;
        unpin(act, edition, id).await?;
        let story = held(act, "id", id).await?;
        let status = Status::Archived;
        story::save(act.writer, &Story { status, ..story }).await?;
        Ok(id)
    }
}

/// Which story goes on again.
#[derive(Clone, Debug, InputObject)]
pub struct ReopenStoryInput {
    /// Which story.
    id: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ReopenStoryInput {
    const NAME: &'static str = "reopenStory";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let story = held(act, "id", id).await?;
        if story.status == Status::Active {
            let message = "This story goes on already.";
            return Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into());
        }
        let status = Status::Active;
        story::save(act.writer, &Story { status, ..story }).await?;
        Ok(id)
    }
}

/// Which story is to go on in which.
#[derive(Clone, Debug, InputObject)]
pub struct MergeStoriesInput {
    /// The story that is to be gone. Every slug of it leads to the other from then on.
    from: ID,
    /// The story of the same edition that has its articles, its topics and, unless it has one or
    /// has ended, its place on the rail from then on.
    into: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for MergeStoriesInput {
    const NAME: &'static str = "mergeStories";
    const RIGHT: Right = Right::Arrange;
    type Id = StoryId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<StoryId, Refusal> {
        let from: StoryId = read::id(&["from"], &self.from)?;
        let into: StoryId = read::id(&["into"], &self.into)?;
        let refuse = |message: &str| UserError::new(&["into"], UserErrorCode::Invalid, message);
        if from == into {
            return Err(refuse("A story cannot be merged into itself.").into());
        }
        let edition = edition::of(act.writer, Noun::Story, from.uuid()).await?;
        let edition = read::found(&["from"], Noun::Story, edition)?;
        act.writer.lock_order(edition).await?;
        story::hold_both(act.writer, from, into).await?;
        let from = held(act, "from", from).await?;
        let into = held(act, "into", into).await?;
        if from.edition != into.edition {
            return Err(refuse("It is told in another edition.").into());
        }
        story::merge(act.writer, &from, &into).await?;
        Ok(into.id)
    }
}

async fn held(act: &Act<'_>, field: &str, id: StoryId) -> Result<Story, Refusal> {
    read::found(&[field], Noun::Story, story::get(act.writer, id).await?)
}

/// Refuses a story that has ended.
fn goes_on(field: &[&str], story: &Story) -> Result<(), Refusal> {
    if story.status == Status::Active {
        return Ok(());
    }
    let message = "This story is archived.";
    Err(UserError::new(field, UserErrorCode::WrongStatus, message).into())
}

/// What the topics of a story are to be.
async fn set_topics(act: &mut Act<'_>, story: &Story, topics: &[ID]) -> Result<(), Refusal> {
    let topics: Vec<TopicId> =
        read::ids_in(act, story.edition, Noun::Topic, "topics", topics).await?;
    story::set_topics(act.writer, story.id, &topics).await?;
    Ok(())
}

/// The articles that are to come or go, each kept from other writers. In the order of their ids, so
/// that two writers never wait for each other in a circle.
async fn articles(act: &Act<'_>, story: StoryId, given: &[ID]) -> Result<Vec<ArticleId>, Refusal> {
    let edition = edition::of(act.writer, Noun::Story, story.uuid()).await?;
    let edition = read::found(&["id"], Noun::Story, edition)?;
    let named = read::articles(act, edition, "articles", given).await?;
    let mut ids: Vec<_> = named.into_iter().map(|article| article.id).collect();
    ids.sort_unstable();
    for id in &ids {
        act.writer.lock_article(*id).await?;
    }
    Ok(ids)
}

async fn unpin(act: &mut Act<'_>, edition: EditionId, id: StoryId) -> Result<(), Refusal> {
    let mut order = story::rail(act.writer, edition).await?;
    order.retain(|other| *other != id);
    story::set_rail(act.writer, edition, &order).await?;
    Ok(())
}

/// Puts the rail in order, unless it grows longer than a page.
async fn set_rail(
    act: &mut Act<'_>,
    field: &str,
    edition: EditionId,
    order: &[StoryId],
) -> Result<(), Refusal> {
    let most = usize::from(khabar_persistence::Page::MAX);
    if order.len() > most {
        let message = format!("The rail is full: it has room for {most} stories.");
        return Err(UserError::new(&[field], UserErrorCode::Invalid, message).into());
    }
    story::set_rail(act.writer, edition, order).await?;
    Ok(())
}

/// The mutations of stories.
#[derive(Default)]
pub(crate) struct StoryMutations;

#[Object]
impl StoryMutations {
    /// Opens a story. Needs the right `arrange`.
    async fn create_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes a story: what is left out stays, null clears. Needs the right `arrange`.
    async fn update_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which story, and what is to be different.")] input: UpdateStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Lets articles belong to a story; what does already stays. Needs the right `arrange`.
    async fn add_to_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which articles, and which story.")] input: AddToStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Lets articles no longer belong to a story. Needs the right `arrange`.
    async fn remove_from_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which articles, and which story.")] input: RemoveFromStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Puts a story on the rail, or elsewhere on it. Needs the right `arrange`.
    async fn pin_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which story, and its place.")] input: PinStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Takes a story from the rail; one that is not there stays as it is. Needs the right
    /// `arrange`.
    async fn unpin_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which story.")] input: UnpinStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Says which stories stand on the rail, in which order. Needs the right `arrange`.
    async fn arrange_rail(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which stories, and their order.")] input: ArrangeRailInput,
    ) -> Result<HomePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Ends a story: it leaves the rail, and its articles stay readable. Needs the right `arrange`.
    async fn archive_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which story.")] input: ArchiveStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Lets a story that has ended go on. Needs the right `arrange`.
    async fn reopen_story(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which story.")] input: ReopenStoryInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Lets a story go on in another, and be gone: whatever belonged or led to it does so to the
    /// other. Needs the right `arrange`.
    async fn merge_stories(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which story, and in which other.")] input: MergeStoriesInput,
    ) -> Result<StoryPayload> {
        Ok(run(ctx, input).await?.into())
    }
}

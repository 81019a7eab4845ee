//! Topics being written.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::topic::{Kind, MediaTopic};
use khabar_domain::{Right, Topic, TopicId};
use khabar_persistence::change::Noun;
use khabar_persistence::topic::{self, ById};

use super::read::{self, Addressed};
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::TopicKind;
use crate::write::{Act, Refusal, Write, run};

payload! {
    TopicPayload, "What came of writing a topic.",
    topic: Topic by ById, "The topic as it is now; null when the mutation was not carried out."
}

/// What a new topic is to be.
#[derive(Clone, Debug, InputObject)]
pub struct CreateTopicInput {
    /// The slug of the edition that it is to be followed in; `ar` when nothing is said.
    edition: Option<Slug>,
    /// What it is called.
    name: String,
    /// Its part of an address; made from the name when nothing is said.
    slug: Option<Slug>,
    /// What kind of thing it is; a subject when nothing is said.
    kind: Option<TopicKind>,
    /// What it is, in a sentence.
    summary: Option<String>,
    /// Its code in IPTC Media Topics, such as `medtop:04000000`.
    media_topic: Option<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateTopicInput {
    const NAME: &'static str = "createTopic";
    const RIGHT: Right = Right::Arrange;
    type Id = TopicId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<TopicId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        let name = read::name(&["name"], &self.name)?;
        let id: TopicId = act.mint();
        let of = Addressed {
            noun: Noun::Topic,
            edition: edition.id,
            id: id.uuid(),
            former: None,
        };
        let code = self.media_topic.as_deref().map(media_topic);
        let topic = Topic {
            id,
            edition: edition.id,
            kind: self.kind.map_or(Kind::Subject, Into::into),
            slug: read::slug(act, of, self.slug.as_ref(), name.as_str()).await?,
            name,
            summary: read::new_text("summary", self.summary.as_ref())?,
            media_topic: code.transpose()?,
            article_count: 0,
        };
        topic::save(act.writer, &topic).await?;
        Ok(id)
    }
}

/// Which topic, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateTopicInput {
    /// Which topic.
    id: ID,
    /// What it is called.
    name: Option<String>,
    /// Its part of an address; the old one goes on leading here.
    slug: Option<Slug>,
    /// What kind of thing it is.
    kind: Option<TopicKind>,
    /// What it is, in a sentence.
    summary: MaybeUndefined<String>,
    /// Its code in IPTC Media Topics, such as `medtop:04000000`.
    media_topic: MaybeUndefined<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateTopicInput {
    const NAME: &'static str = "updateTopic";
    const RIGHT: Right = Right::Arrange;
    type Id = TopicId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<TopicId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = read::found(&["id"], Noun::Topic, topic::get(act.writer, id).await?)?;
        let name = read::renamed("name", self.name.as_deref(), &old.name)?;
        let of = Addressed {
            noun: Noun::Topic,
            edition: old.edition,
            id: id.uuid(),
            former: Some(old.slug.clone()),
        };
        let topic = Topic {
            kind: self.kind.map_or(old.kind, Into::into),
            slug: read::slug(act, of, self.slug.as_ref(), name.as_str()).await?,
            name,
            summary: read::patched_text("summary", &self.summary, old.summary.as_ref())?,
            media_topic: read::patched(&self.media_topic, old.media_topic.clone(), |code| {
                media_topic(code).map(Some)
            })?,
            ..old
        };
        topic::save(act.writer, &topic).await?;
        Ok(id)
    }
}

fn media_topic(code: &str) -> Result<MediaTopic, Refusal> {
    read::value(&["mediaTopic"], MediaTopic::parse(code))
}

/// The mutations of topics.
#[derive(Default)]
pub(crate) struct TopicMutations;

#[Object]
impl TopicMutations {
    /// Adds a topic to an edition. Needs the right `arrange`.
    async fn create_topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateTopicInput,
    ) -> Result<TopicPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes a topic: what is left out stays, null clears. Needs the right `arrange`.
    async fn update_topic(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which topic, and what is to be different.")] input: UpdateTopicInput,
    ) -> Result<TopicPayload> {
        Ok(run(ctx, input).await?.into())
    }
}

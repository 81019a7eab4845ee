//! Storage of topics.

use std::collections::HashMap;

use khabar_domain::topic::{Kind, MediaTopic};
use khabar_domain::{ArticleId, Name, Scope, Slug, StoryId, Topic, TopicId};
use sea_orm::ColumnTrait;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::include::NoIncludes;
use crate::query::keys::{by_id, by_slug};
use crate::query::lookup::no_more;
use crate::query::page::{KeysetQuery, Order, SortKind};
use crate::query::row::{broken, maybe};
use crate::query::table::table;
use crate::relations::slug::Slugged;
use crate::{BatchKey, ReadSession, Result, Saved, WriteTx};

by_id! {
    /// The key for reading a topic by id.
    TopicId => Topic in "topic", look_up topic
}

by_slug! {
    /// The key for reading a topic by slug.
    Topic in "topic", look_up topic_under
}

/// The key for listing the topics of an article, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle(pub ArticleId);

impl BatchKey for OfArticle {
    type Value = Vec<Topic>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Topic>>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value).on(EntityKind::Article, self.0);
        Some(meta.part(EntityKind::Article, self.0, Facet::Topics))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Topic>>> {
        let lists = KeysetQuery {
            query: "topic.of_article",
            table: "article_topic",
            parent: Some("article_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("a"),
            join: "JOIN topic a ON a.id = t.topic_id",
        };
        lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), no_more, &mut NoIncludes)
            .await
    }
}

/// The key for listing the topics of a story, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfStory(pub StoryId);

impl BatchKey for OfStory {
    type Value = Vec<Topic>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Topic>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Story, self.0, Facet::Topics))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Topic>>> {
        let lists = KeysetQuery {
            query: "topic.of_story",
            table: "story_topic",
            parent: Some("story_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("a"),
            join: "JOIN topic a ON a.id = t.topic_id",
        };
        lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), no_more, &mut NoIncludes)
            .await
    }
}

const IN_ORDER: Order = Order {
    source: Source::Topics,
    column: "position",
    id: "topic_id",
    sorts: SortKind::Places,
    descending: false,
};

/// Loads the topic with this id, for a write that changes only part of it. The row stays locked until
/// the transaction ends.
pub async fn lock(writer: &WriteTx, id: TopicId) -> Result<Option<Topic>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer.lock::<table::Entity, _>("find a topic", by_id).await
}

/// Inserts the topic, or updates the one with the same id. The article count of an existing topic is
/// maintained by the database and left unchanged.
pub async fn save(writer: &mut WriteTx, topic: &Topic) -> Result<Saved> {
    let row = table::Model::from(topic);
    let mut former = None;
    let saved = writer
        .save::<table::Entity, _>("save a topic", row.id, row, |old, new| {
            new.article_count = old.article_count;
            former = Some(old.slug.clone());
        })
        .await?;
    let slugged = Slugged {
        entity: EntityKind::Topic,
        edition: topic.edition,
        id: topic.id.uuid(),
        slug: &topic.slug,
    };
    slugged
        .record_change(writer, saved, former.as_deref())
        .await?;
    writer.note_saved(saved, EntityKind::Topic, topic.id, || {
        vec![CacheTag::slug(EntityKind::Topic, &topic.slug)]
    });
    Ok(saved)
}

impl From<&Topic> for table::Model {
    fn from(topic: &Topic) -> Self {
        Self {
            id: topic.id.uuid(),
            edition_id: topic.edition.uuid(),
            kind: topic.kind.as_str().to_owned(),
            slug: topic.slug.as_str().to_owned(),
            name: topic.name.as_str().to_owned(),
            summary: topic.summary.clone(),
            media_topic: topic.media_topic.clone().map(Into::into),
            article_count: topic.article_count,
        }
    }
}

impl Cacheable for Topic {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Articles);
        meta.text(self.slug.as_str());
        meta.text(self.name.as_str());
        meta.texts([self.summary.as_deref()]);
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "topic";
    type Means = Topic;

    fn read(self) -> Result<Topic> {
        let broken = |column| broken("topic", column, self.id);
        Ok(Topic {
            id: self.id.into(),
            edition: self.edition_id.into(),
            kind: Kind::parse(&self.kind).map_err(broken("kind"))?,
            slug: Slug::parse(&self.slug).map_err(broken("slug"))?,
            name: Name::parse(&self.name).map_err(broken("name"))?,
            summary: self.summary,
            media_topic: maybe(self.media_topic, MediaTopic::parse)
                .map_err(broken("media_topic"))?,
            article_count: self.article_count,
        })
    }
}

table! {
    #[derive(serde::Deserialize)]
    mod table = "topic", entity Topic with lists [Articles];
    key id: Uuid;
    edition_id: Uuid,
    kind: String,
    slug: String,
    name: String,
    summary: Option<String>,
    media_topic: Option<String>,
    article_count: i64,
}

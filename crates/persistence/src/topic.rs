//! Topics as rows.

use std::collections::HashMap;

use khabar_domain::topic::{Kind, MediaTopic};
use khabar_domain::{ArticleId, Name, Scope, Slug, StoryId, Topic, TopicId};
use sea_orm::ColumnTrait;

use crate::batch::lane;
use crate::cache::Kept;
use crate::cells::{columns, stored};
use crate::change::{Noun, Part};
use crate::page::{Lists, Order, Sorts};
use crate::row::{Row, SlugKey, broken, find_by, find_by_slug, maybe, no_more};
use crate::{BatchKey, Page, Reader, Result, Saved, Slice, Writer, slug};

/// The topic with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub TopicId);

impl BatchKey for ById {
    type Value = Topic;

    const FINDS_ONE: bool = true;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Topic>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).on(Noun::Topic, self.0))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Topic>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "find topics",
            |sql| ("topic t".to_owned(), sql.among("t.id", ids)),
            |found: &Topic| Self(found.id),
        )
        .await
    }
}

/// The topic under this slug.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BySlug(pub SlugKey);

impl BatchKey for BySlug {
    type Value = Topic;

    const FINDS_ONE: bool = true;

    fn lane(&self) -> u64 {
        lane(&self.0.edition)
    }

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Topic>) -> Option<Kept> {
        let found = value.map(|found| (found.edition, &found.slug));
        Some(
            self.0
                .read_from(Kept::of::<Self>(value), Noun::Topic, found),
        )
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Topic>> {
        let keys = keys.iter().map(|key| key.0.clone()).collect();
        let slug = |found: &Topic| found.slug.clone();
        let found = find_by_slug::<table::Model>(
            reader,
            "find topics by their slugs",
            "topic",
            no_more,
            keys,
            slug,
            &mut (),
        )
        .await?;
        Ok(found
            .into_iter()
            .map(|(key, found)| (Self(key), found))
            .collect())
    }
}

/// What this article is about, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle(pub ArticleId);

impl BatchKey for OfArticle {
    type Value = Vec<Topic>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<Topic>>) -> Option<Kept> {
        let kept = Kept::of::<Self>(value).on(Noun::Article, self.0);
        Some(kept.part(Noun::Article, self.0, Part::Topics))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<Topic>>> {
        let lists = Lists {
            doing: "find the topics of articles",
            table: "article_topic",
            parent: Some("article_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("a"),
            join: "JOIN topic a ON a.id = t.topic_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let found = lists
            .page::<table::Model>(reader, &parents, Page::first(Page::MAX), |_| String::new())
            .await?;
        Ok(keys
            .iter()
            .copied()
            .zip(found.into_iter().map(Slice::into_items))
            .collect())
    }
}

/// What this story is about, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfStory(pub StoryId);

impl BatchKey for OfStory {
    type Value = Vec<Topic>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<Topic>>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).part(Noun::Story, self.0, Part::Topics))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<Topic>>> {
        let lists = Lists {
            doing: "find the topics of stories",
            table: "story_topic",
            parent: Some("story_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("a"),
            join: "JOIN topic a ON a.id = t.topic_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let found = lists
            .page::<table::Model>(reader, &parents, Page::first(Page::MAX), |_| String::new())
            .await?;
        Ok(keys
            .iter()
            .copied()
            .zip(found.into_iter().map(Slice::into_items))
            .collect())
    }
}

const IN_ORDER: Order = Order {
    tag: 2,
    column: "position",
    id: "topic_id",
    sorts: Sorts::Places,
    descending: false,
};

/// The topic with this id, for a write that keeps a part of it: until that has ended, no other
/// changes it.
pub async fn get(writer: &Writer, id: TopicId) -> Result<Option<Topic>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer.hold::<table::Entity, _>("find a topic", by_id).await
}

/// Adds it, or changes the one with its id; the count is the database's.
pub async fn save(writer: &mut Writer, topic: &Topic) -> Result<Saved> {
    let row = table::Model::from(topic);
    let mut former = None;
    let saved = writer
        .save::<table::Entity, _>("save a topic", row.id, row, |old, new| {
            new.article_count = old.article_count;
            former = Some(old.slug.clone());
        })
        .await?;
    if saved != Saved::Unchanged {
        let (edition, id) = (topic.edition, topic.id.uuid());
        slug::saved(
            writer,
            edition,
            Noun::Topic,
            former.as_deref(),
            &topic.slug,
            id,
        )
        .await?;
    }
    writer.note_saved(saved, Noun::Topic, topic.id, || {
        vec![Noun::Topic.slug_key(&topic.slug)]
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

stored!(table::Model: id, edition_id, kind, slug, name, summary, media_topic, article_count);

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

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Deserialize)]
    #[sea_orm(table_name = "topic")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub edition_id: Uuid,
        pub kind: String,
        pub slug: String,
        pub name: String,
        pub summary: Option<String>,
        pub media_topic: Option<String>,
        pub article_count: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

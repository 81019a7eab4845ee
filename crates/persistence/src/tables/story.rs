//! Storage of stories.

mod includes;
mod merge;
mod pinned;

use std::collections::HashMap;
use std::sync::Arc;

use khabar_domain::story::{Kind, Status};
use khabar_domain::{ArticleId, EditionId, Invalid, Name, Scope, Slug, Story, StoryId, TopicId};
use sea_orm::{ColumnTrait, Condition};

use crate::cache::{CacheMeta, Cacheable, Lookup};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::count::CountQuery;
use crate::query::cursor::{SortKey, Source};
use crate::query::decode::{Row, columns};
use crate::query::include::SideLoad;
use crate::query::keys::{by_id, by_slug};
use crate::query::lookup::no_more;
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::broken;
use crate::query::sql::Sql;
use crate::query::table::table;
use crate::reference_data::Reference;
use crate::relations::join_table::{JoinTable, join_table};
use crate::relations::slug::Slugged;
use crate::session::batch::{group_hash, grouped};
use crate::{BatchKey, Page, ReadSession, Result, Saved, Slice, Tally, WriteTx};

use self::includes::StoryIncludes;

pub(crate) use merge::MERGES;
pub use merge::{lock_both, merge, successors};
pub use pinned::{pinned, set_pinned};

by_id! {
    /// The key for reading a story by id.
    StoryId => Story in "story", look_up story, includes includes::by_id
}

by_slug! {
    /// The key for reading a story by slug.
    Story in "story", look_up story_under, includes includes::of
}

/// The key for listing the stories that an article belongs to, in the article's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle(pub ArticleId);

impl BatchKey for OfArticle {
    type Value = Vec<Story>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Story>>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value).on(EntityKind::Article, self.0);
        Some(meta.part(EntityKind::Article, self.0, Facet::Stories))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Story>>> {
        let lists = KeysetQuery {
            query: "story.of_article",
            table: "article_story",
            parent: Some("article_id"),
            order: &OF_ARTICLE,
            select: &columns::<table::Model>("a"),
            join: "JOIN story a ON a.id = t.story_id",
        };
        let mut includes = StoryIncludes::new(reader, &includes::A);
        let found = lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), no_more, &mut includes)
            .await?;
        includes.side_load(reader);
        Ok(found)
    }
}

/// The filter for an edition's stories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Whether to select only pinned stories (`true`) or only stories that are not pinned (`false`).
    /// Pinned stories are listed in the editors' order.
    pub pinned: Option<bool>,
    /// The kind of story to select. `None` selects every kind.
    pub kind: Option<Kind>,
    /// The status of the stories to select. `None` selects every status.
    pub status: Option<Status>,
}

impl Filter {
    const fn order(self) -> &'static Order {
        match self.pinned {
            Some(true) => &RAIL,
            _ => &LIVELIEST,
        }
    }

    /// Returns a page from the start of the pinned stories that pass the filter. Returns
    /// [`Lookup::Miss`] if the filter is not for pinned stories, or if the page uses a cursor or is
    /// counted from the end.
    fn of_rail(self, rail: &[Arc<Story>], page: Page) -> Lookup<Slice<Story>> {
        let passing = self.passing(rail);
        let key = |value, story: &Story| SortKey {
            value,
            id: story.id.into(),
        };
        let items = passing.map(|(place, story)| (key(place, story), story));
        match page.head(self.order(), items) {
            Some(head) if self.pinned == Some(true) => Lookup::Hit(Some(Arc::new(head))),
            _ => Lookup::Miss,
        }
    }

    fn count_rail(self, rail: &[Arc<Story>]) -> Lookup<Tally> {
        match i64::try_from(self.passing(rail).count()) {
            Ok(count) if self.pinned == Some(true) => {
                Lookup::Hit(Some(Arc::new(Tally::exact(count))))
            }
            _ => Lookup::Miss,
        }
    }

    /// Returns the pinned stories that match the filter's kind and status, each with its position.
    fn passing(self, rail: &[Arc<Story>]) -> impl Iterator<Item = (i64, &Arc<Story>)> {
        rail.iter().filter_map(move |story| {
            let kind = self.kind.is_none_or(|kind| story.kind == kind);
            let status = self.status.is_none_or(|status| story.status == status);
            Some((story.pinned_position?.into(), story)).filter(|_| kind && status)
        })
    }

    fn condition(self, sql: &mut Sql) -> String {
        let mut text = match self.pinned {
            None => String::new(),
            Some(true) => " AND t.pinned_position IS NOT NULL".to_owned(),
            Some(false) => " AND t.pinned_position IS NULL".to_owned(),
        };
        if let Some(kind) = self.kind {
            text.extend([" AND t.kind = ", &sql.bind(kind.as_str())]);
        }
        if let Some(status) = self.status {
            text.extend([" AND t.status = ", &sql.bind(status.as_str())]);
        }
        text
    }
}

/// The key for a page of an edition's stories. Pinned stories are listed in the editors' order, and any
/// other selection by most recent activity first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition {
    /// The edition of the stories.
    pub edition: EditionId,
    /// The filter that the stories must pass.
    pub filter: Filter,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for OfEdition {
    type Value = Slice<Story>;

    fn group_hash(&self) -> u64 {
        group_hash(&(self.filter, self.page))
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Slice<Story>>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value).part(EntityKind::Edition, self.edition, Facet::Stories);
        Some(match self.filter.pinned {
            Some(true) => meta,
            // A story that receives an article moves to the front, from any page of the list.
            _ => meta.tag(CacheTag::every_part(EntityKind::Story, Facet::Articles)),
        })
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Slice<Story>> {
        self.filter
            .of_rail(reference.pinned(self.edition), self.page)
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Story>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((filter, page), keys) in grouped(keys, |key| (key.filter, key.page)) {
            let lists = KeysetQuery {
                query: "story.of_edition",
                table: "story",
                parent: Some("edition_id"),
                order: filter.order(),
                select: &columns::<table::Model>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let condition = |sql: &mut Sql| filter.condition(sql);
            let mut includes = StoryIncludes::new(reader, &includes::T);
            let slices = lists
                .page_with::<table::Model>(reader, &parents, page, condition, &mut includes)
                .await?;
            includes.side_load(reader);
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl PageKey for OfEdition {
    type Item = Story;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(self.filter.order())
    }
}

/// The key for the number of an edition's stories that pass a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOfEdition {
    /// The edition of the stories.
    pub edition: EditionId,
    /// The filter that the stories must pass.
    pub filter: Filter,
}

impl BatchKey for CountOfEdition {
    type Value = Tally;

    fn group_hash(&self) -> u64 {
        group_hash(&self.filter)
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Tally>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Edition, self.edition, Facet::Stories))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Tally> {
        self.filter.count_rail(reference.pinned(self.edition))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (filter, keys) in grouped(keys, |key| key.filter) {
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let counted = CountQuery {
                query: "story.count_of_edition",
                table: "story",
                parent: "edition_id",
            };
            let counts = counted
                .of(reader, &parents, |sql| filter.condition(sql))
                .await?;
            found.extend(keys.into_iter().zip(counts));
        }
        Ok(found)
    }
}

const OF_ARTICLE: Order = Order {
    source: Source::ArticleStories,
    column: "position",
    id: "story_id",
    sorts: SortKind::Places,
    descending: false,
};
const LIVELIEST: Order = Order {
    source: Source::StoriesByActivity,
    column: "active_at",
    id: "id",
    sorts: SortKind::Times,
    descending: true,
};
const RAIL: Order = Order {
    source: Source::PinnedStories,
    column: "pinned_position",
    id: "id",
    sorts: SortKind::Places,
    descending: false,
};

/// Loads the story with this id, for a write that changes only part of it. The row stays locked until
/// the transaction ends.
pub async fn lock(writer: &WriteTx, id: StoryId) -> Result<Option<Story>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer.lock::<table::Entity, _>("find a story", by_id).await
}

/// Loads the story with this id or, if there is none, the edition's story with this slug. The row is read
/// in the writer's transaction, without a lock.
pub async fn find_by_id_or_slug(
    writer: &WriteTx,
    id: StoryId,
    edition: EditionId,
    slug: &Slug,
) -> Result<Option<Story>> {
    const DOING: &str = "find a story";
    let by_id = table::Column::Id.eq(id.uuid());
    if let Some(found) = writer.find::<table::Entity, _>(DOING, by_id).await? {
        return Ok(Some(found));
    }
    let by_slug = Condition::all()
        .add(table::Column::EditionId.eq(edition.uuid()))
        .add(table::Column::Slug.eq(slug.as_str()));
    writer.find::<table::Entity, _>(DOING, by_slug).await
}

/// Inserts the story, or updates the one with the same id. The article count, the time of the last
/// article and the time of the last activity of an existing story are maintained by the database and
/// left unchanged.
pub async fn save(writer: &mut WriteTx, story: &Story) -> Result<Saved> {
    let row = table::Model::from(story);
    let mut former = None;
    let saved = writer
        .save::<table::Entity, _>("save a story", row.id, row, |old, new| {
            new.article_count = old.article_count;
            former = Some(old.slug.clone());
            new.last_article_at = old.last_article_at;
            new.active_at = old.active_at;
        })
        .await?;
    let slugged = Slugged {
        entity: EntityKind::Story,
        edition: story.edition,
        id: story.id.uuid(),
        slug: &story.slug,
    };
    slugged
        .record_change(writer, saved, former.as_deref())
        .await?;
    writer.note_saved(saved, EntityKind::Story, story.id, || {
        vec![
            CacheTag::slug(EntityKind::Story, &story.slug),
            CacheTag::part(EntityKind::Edition, story.edition, Facet::Stories),
        ]
    });
    Ok(saved)
}

/// Sets the topics of a story, in this order.
pub async fn set_topics(writer: &mut WriteTx, story: StoryId, topics: &[TopicId]) -> Result<Saved> {
    let topics: Vec<_> = topics.iter().map(|topic| topic.uuid()).collect();
    let saved = TOPICS.set(writer, story.uuid(), &topics).await?;
    writer.note_saved(saved, EntityKind::Story, story, || {
        vec![CacheTag::part(EntityKind::Story, story, Facet::Topics)]
    });
    Ok(saved)
}

pub(crate) const TOPICS: JoinTable = join_table!("story_topic", story_id -> topic_id);

impl From<&Story> for table::Model {
    fn from(story: &Story) -> Self {
        Self {
            id: story.id.uuid(),
            edition_id: story.edition.uuid(),
            kind: story.kind.as_str().to_owned(),
            status: story.status.as_str().to_owned(),
            slug: story.slug.as_str().to_owned(),
            title: story.title.as_str().to_owned(),
            summary: story.summary.clone(),
            image_id: story.image.map(Into::into),
            pinned_position: story.pinned_position,
            article_count: story.article_count,
            reported_article_count: story.reported_article_count,
            last_article_at: story.last_article_at,
            active_at: story.active_at,
        }
    }
}

impl Cacheable for Story {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Articles);
        meta.optional(EntityKind::Story, self.id, Facet::Rail);
        meta.text(self.slug.as_str());
        meta.text(self.title.as_str());
        meta.texts([self.summary.as_deref()]);
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "story";
    type Means = Story;

    fn read(self) -> Result<Story> {
        let broken = |column| broken("story", column, self.id);
        Ok(Story {
            id: self.id.into(),
            edition: self.edition_id.into(),
            kind: Kind::parse(&self.kind).map_err(broken("kind"))?,
            status: Status::parse(&self.status).map_err(broken("status"))?,
            slug: Slug::parse(&self.slug).map_err(broken("slug"))?,
            title: Name::parse(&self.title).map_err(broken("title"))?,
            summary: self.summary,
            image: self.image_id.map(Into::into),
            pinned_position: self.pinned_position,
            article_count: self.article_count,
            reported_article_count: self.reported_article_count,
            last_article_at: self.last_article_at,
            active_at: self.active_at,
        })
    }
}

table! {
    #[derive(serde::Deserialize)]
    mod table = "story", entity Story with lists [Articles, Topics];
    key id: Uuid;
    edition_id: Uuid,
    kind: String,
    status: String,
    slug: String,
    title: String,
    summary: Option<String>,
    image_id: Option<Uuid>,
    pinned_position: Option<i32>,
    article_count: i64,
    reported_article_count: Option<i64>,
    last_article_at: Option<DateTimeUtc>,
    active_at: DateTimeUtc,
}

//! Database rows of editions.

use std::collections::HashMap;

use khabar_domain::edition::Labels;
use khabar_domain::{Direction, Edition, EditionId, Language, Name, Scope, Slug};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable, Lookup};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::decode::Row;
use crate::query::keys::by_id;
use crate::query::lookup::find_by;
use crate::query::row::broken;
use crate::query::sql::Sql;
use crate::query::table::table;
use crate::reference_data::Reference;
use crate::{BatchKey, Doing, ReadSession, Result, Saved, WriteTx};

by_id! {
    /// The edition with this id.
    EditionId => Edition in "edition", look_up edition
}

/// The edition with this slug.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BySlug(pub Slug);

impl BatchKey for BySlug {
    type Value = Edition;

    const FINDS_ONE: bool = true;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Edition>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value);
        Some(match value {
            Some(_) => meta,
            // Any edition written later may take the slug.
            None => meta.tag(CacheTag::every(EntityKind::Edition)),
        })
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Edition> {
        reference.edition_under(&self.0)
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Edition>> {
        let slugs = keys.iter().map(|key| key.0.as_str().to_owned()).collect();
        find_by::<table::Model, _>(
            reader,
            "edition.by_slug",
            |sql| ("edition t".to_owned(), sql.among_texts("t.slug", slugs)),
            |found: &Edition| Self(found.slug.clone()),
        )
        .await
    }
}

/// All editions, sorted by slug. A newsroom has only a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Every;

impl BatchKey for Every {
    type Value = Vec<Edition>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Edition>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).tag(CacheTag::every(EntityKind::Edition)))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Vec<Edition>> {
        reference.every_edition()
    }

    async fn fetch(reader: &ReadSession, _: &[Self]) -> Result<HashMap<Self, Vec<Edition>>> {
        let every = |_: &mut Sql| ("edition t".to_owned(), "true".to_owned());
        let found =
            find_by::<table::Model, _>(reader, "edition.list", every, |found: &Edition| found.id);
        let mut editions: Vec<_> = found.await?.into_values().collect();
        editions.sort_by(|one, other| one.slug.cmp(&other.slug));
        Ok(HashMap::from([(Self, editions)]))
    }
}

/// Returns the edition with this slug, for a write that depends on it.
pub async fn find_by_slug(writer: &WriteTx, slug: &Slug) -> Result<Option<Edition>> {
    let condition = table::Column::Slug.eq(slug.as_str());
    writer
        .find::<table::Entity, _>("find an edition", condition)
        .await
}

/// Returns the edition with this id, for a write that changes only part of it. Locks it against other
/// writers until the transaction ends.
pub async fn lock(writer: &WriteTx, id: EditionId) -> Result<Option<Edition>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer
        .lock::<table::Entity, _>("find an edition", by_id)
        .await
}

/// Returns the edition that the object of this kind belongs to.
pub async fn of(writer: &WriteTx, entity: EntityKind, id: Uuid) -> Result<Option<EditionId>> {
    const DOING: &str = "find the edition of something";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT edition_id FROM {} WHERE id = {}",
        entity.as_str().replace('-', "_"),
        sql.bind(id)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let found = rows
        .first()
        .map(|row| row.try_get::<Uuid>("", "edition_id"));
    Ok(found.transpose().doing(DOING)?.map(EditionId::new))
}

/// Returns those of the given objects of a kind that belong to the edition, in no particular order.
pub async fn holds(
    writer: &WriteTx,
    edition: EditionId,
    entity: EntityKind,
    ids: &[Uuid],
) -> Result<Vec<Uuid>> {
    const DOING: &str = "find what an edition has";
    let mut sql = writer.sql();
    let among = sql.among("id", ids.iter().copied());
    let text = format!(
        "SELECT id FROM {} WHERE edition_id = {} AND {among}",
        entity.as_str(),
        sql.bind(edition.uuid())
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let ids: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get("", "id")).collect();
    ids.doing(DOING)
}

/// Adds the edition, or updates the one with its id. An update retains the stored article count.
pub async fn save(writer: &mut WriteTx, edition: &Edition) -> Result<Saved> {
    let row = table::Model::from(edition);
    let saved = writer
        .save::<table::Entity, _>("save an edition", row.id, row, |old, new| {
            new.article_count = old.article_count;
        })
        .await?;
    writer.note_saved(saved, EntityKind::Edition, edition.id, Vec::new);
    Ok(saved)
}

impl From<&Edition> for table::Model {
    fn from(edition: &Edition) -> Self {
        let Labels {
            live,
            follow,
            sections,
            stories,
            comments,
        } = edition.labels.clone();
        Self {
            id: edition.id.uuid(),
            slug: edition.slug.as_str().to_owned(),
            name: edition.name.as_str().to_owned(),
            language: edition.language.as_str().to_owned(),
            direction: edition.direction.as_str().to_owned(),
            label_live: live,
            label_follow: follow,
            label_sections: sections,
            label_stories: stories,
            label_comments: comments,
            article_count: edition.article_count,
        }
    }
}

impl Cacheable for Edition {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Articles);
        meta.text(self.name.as_str());
        let labels = &self.labels;
        let labels = [
            &labels.live,
            &labels.follow,
            &labels.sections,
            &labels.stories,
            &labels.comments,
        ];
        meta.texts(labels.map(Option::as_deref));
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "edition";
    type Means = Edition;

    fn read(self) -> Result<Edition> {
        let broken = |column| broken("edition", column, self.id);
        Ok(Edition {
            id: self.id.into(),
            slug: Slug::parse(&self.slug).map_err(broken("slug"))?,
            name: Name::parse(&self.name).map_err(broken("name"))?,
            language: Language::parse(&self.language).map_err(broken("language"))?,
            direction: Direction::parse(&self.direction).map_err(broken("direction"))?,
            labels: Labels {
                live: self.label_live,
                follow: self.label_follow,
                sections: self.label_sections,
                stories: self.label_stories,
                comments: self.label_comments,
            },
            article_count: self.article_count,
        })
    }
}

table! {
    mod table = "edition",
        entity Edition with lists [Articles, Sections, Stories, LiveChannels, FollowChannels, Leads];
    key id: Uuid;
    slug: String,
    name: String,
    language: String,
    direction: String,
    label_live: Option<String>,
    label_follow: Option<String>,
    label_sections: Option<String>,
    label_stories: Option<String>,
    label_comments: Option<String>,
    article_count: i64,
}

//! Sources as rows of the database.

use khabar_domain::source::Kind;
use khabar_domain::{EditionId, Name, Slug, Source, SourceId, WebUrl};
use sea_orm::{ColumnTrait, Condition};

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::decode::Row;
use crate::query::keys::{by_id, by_slug};
use crate::query::row::{broken, maybe};
use crate::query::table::table;
use crate::relations::slug::Slugged;
use crate::{Result, Saved, WriteTx};

by_id! {
    /// Key for a source by its ID.
    SourceId => Source in "source", look_up source
}

by_slug! {
    /// Key for a source by its slug.
    Source in "source", look_up source_under
}

/// Returns the source with this ID and locks it until the transaction ends. For a write that retains part
/// of it.
pub async fn lock(writer: &WriteTx, id: SourceId) -> Result<Option<Source>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer
        .lock::<table::Entity, _>("find a source", by_id)
        .await
}

/// Returns the source with this ID or, if there is none, the one with this slug. For a write that depends
/// on it.
pub async fn find_by_id_or_slug(
    writer: &WriteTx,
    id: SourceId,
    edition: EditionId,
    slug: &Slug,
) -> Result<Option<Source>> {
    const DOING: &str = "find a source";
    let by_id = table::Column::Id.eq(id.uuid());
    if let Some(found) = writer.find::<table::Entity, _>(DOING, by_id).await? {
        return Ok(Some(found));
    }
    let by_slug = Condition::all()
        .add(table::Column::EditionId.eq(edition.uuid()))
        .add(table::Column::Slug.eq(slug.as_str()));
    writer.find::<table::Entity, _>(DOING, by_slug).await
}

/// Inserts a source, or updates the one with its ID. The stored article count is retained.
pub async fn save(writer: &mut WriteTx, source: &Source) -> Result<Saved> {
    let row = table::Model::from(source);
    let mut former = None;
    let saved = writer
        .save::<table::Entity, _>("save a source", row.id, row, |old, new| {
            new.article_count = old.article_count;
            former = Some(old.slug.clone());
        })
        .await?;
    let slugged = Slugged {
        entity: EntityKind::Source,
        edition: source.edition,
        id: source.id.uuid(),
        slug: &source.slug,
    };
    slugged
        .record_change(writer, saved, former.as_deref())
        .await?;
    writer.note_saved(saved, EntityKind::Source, source.id, || {
        vec![CacheTag::slug(EntityKind::Source, &source.slug)]
    });
    Ok(saved)
}

impl From<&Source> for table::Model {
    fn from(source: &Source) -> Self {
        Self {
            id: source.id.uuid(),
            edition_id: source.edition.uuid(),
            kind: source.kind.map(|kind| kind.as_str().to_owned()),
            slug: source.slug.as_str().to_owned(),
            name: source.name.as_str().to_owned(),
            url: source.url.clone().map(Into::into),
            article_count: source.article_count,
        }
    }
}

impl Cacheable for Source {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Articles);
        meta.text(self.slug.as_str());
        meta.text(self.name.as_str());
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "source";
    type Means = Source;

    fn read(self) -> Result<Source> {
        let broken = |column| broken("source", column, self.id);
        Ok(Source {
            id: self.id.into(),
            edition: self.edition_id.into(),
            kind: maybe(self.kind, Kind::parse).map_err(broken("kind"))?,
            slug: Slug::parse(&self.slug).map_err(broken("slug"))?,
            name: Name::parse(&self.name).map_err(broken("name"))?,
            url: maybe(self.url, WebUrl::parse).map_err(broken("url"))?,
            article_count: self.article_count,
        })
    }
}

table! {
    mod table = "source", entity Source with lists [Articles];
    key id: Uuid;
    edition_id: Uuid,
    kind: Option<String>,
    slug: String,
    name: String,
    url: Option<String>,
    article_count: i64,
}

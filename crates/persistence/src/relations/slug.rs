//! Slugs: checks whether a slug is taken, and redirects from former slugs.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{EditionId, Scope, Slug};
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind};
use crate::query::decode::{DecodeRow, Row, RowDecoder, TableRow};
use crate::query::row::broken;
use crate::query::sql::Sql;
use crate::query::table::{Table, declaration};
use crate::{BatchKey, Doing, ReadSession, Result, Saved, WriteTx};

/// The table of redirects from former slugs.
pub(crate) const REDIRECTS: Table = declaration! {
    "redirect";
    key edition_id: Uuid, entity: String, slug: String;
    target_id: Uuid,
    at: DateTime<Utc>,
};

/// A row of the `redirect` table.
pub(crate) struct Redirect {
    slug: String,
}

impl TableRow for Redirect {
    const COLUMNS: &'static [&'static str] = &["slug"];
}

impl DecodeRow for Redirect {
    fn take(cells: &mut RowDecoder<'_>) -> Result<Self> {
        Ok(Self {
            slug: cells.take()?,
        })
    }
}

impl Row for Redirect {
    const TABLE: &'static str = "redirect";
    type Means = Slug;

    fn read(self) -> Result<Slug> {
        Slug::parse(&self.slug).map_err(broken("redirect", "slug", &self.slug))
    }
}

/// Key for the former slugs of an object that still redirect to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormerSlugs(pub Uuid);

impl BatchKey for FormerSlugs {
    type Value = Vec<Slug>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Slug>>) -> Option<CacheMeta> {
        // The redirect ends as soon as any other object takes the slug.
        const SLUGGED: [EntityKind; 6] = [
            EntityKind::Article,
            EntityKind::Person,
            EntityKind::Section,
            EntityKind::Source,
            EntityKind::Story,
            EntityKind::Topic,
        ];
        let meta = CacheMeta::of(value);
        let every = SLUGGED.into_iter().map(CacheTag::every);
        Some(every.fold(meta, CacheMeta::tag))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Slug>>> {
        const QUERY: &str = "slug.former";
        let mut sql = reader.sql();
        let among = sql.among("r.target_id", keys.iter().map(|key| key.0));
        let text = format!(
            "SELECT r.target_id, r.slug FROM redirect r WHERE {among} ORDER BY r.at, r.slug"
        );
        let mut found: HashMap<Self, Vec<Slug>> = HashMap::with_capacity(keys.len());
        for row in reader.rows(QUERY, sql, text).await? {
            let id: Uuid = row.try_get("", "target_id").query(QUERY)?;
            let slug: String = row.try_get("", "slug").query(QUERY)?;
            let slug = Slug::parse(&slug).map_err(broken("redirect", "slug", &slug));
            let slug = reader.met().unless_broken(slug)?;
            found.entry(Self(id)).or_default().extend(slug);
        }
        Ok(found)
    }
}

/// Whether another object of this kind has the slug in an edition.
pub async fn is_taken(
    writer: &WriteTx,
    edition: EditionId,
    entity: EntityKind,
    slug: &Slug,
    except: Uuid,
) -> Result<bool> {
    let mut sql = writer.sql();
    let text = has(&mut sql, edition, entity, slug, except);
    let rows = writer
        .rows("find out whether a slug is taken", sql, text)
        .await?;
    Ok(!rows.is_empty())
}

/// Whether another object of this kind has the slug in an edition, or has a redirect from it. Generated
/// slugs must avoid both.
pub async fn is_known(
    writer: &WriteTx,
    edition: EditionId,
    entity: EntityKind,
    slug: &Slug,
    except: Uuid,
) -> Result<bool> {
    let mut sql = writer.sql();
    let has = has(&mut sql, edition, entity, slug, except);
    let text = format!(
        "{has} UNION ALL SELECT 1 FROM redirect WHERE edition_id = {} AND entity = {} AND slug = {} AND target_id <> {}",
        sql.bind(edition.uuid()),
        sql.bind(entity.as_str()),
        sql.bind(slug.as_str()),
        sql.bind(except)
    );
    let rows = writer
        .rows("find out whether a slug is known", sql, text)
        .await?;
    Ok(!rows.is_empty())
}

fn has(sql: &mut Sql, edition: EditionId, entity: EntityKind, slug: &Slug, except: Uuid) -> String {
    format!(
        "SELECT 1 FROM {} WHERE edition_id = {} AND slug = {} AND id <> {}",
        entity.as_str(),
        sql.bind(edition.uuid()),
        sql.bind(slug.as_str()),
        sql.bind(except)
    )
}

/// Updates the redirects when a published object gets a slug. The former slug redirects to the object,
/// and any redirect from the new slug is removed.
pub async fn record_change(
    writer: &WriteTx,
    edition: EditionId,
    entity: EntityKind,
    former: Option<&Slug>,
    now: &Slug,
    id: Uuid,
) -> Result<()> {
    if former == Some(now) {
        return Ok(());
    }
    if let Some(former) = former {
        add_redirect(writer, edition, entity, former, id).await?;
    }
    remove_redirect(writer, edition, entity, now).await
}

/// An object that is found by its slug, as it is saved.
pub(crate) struct Slugged<'a> {
    pub(crate) entity: EntityKind,
    pub(crate) edition: EditionId,
    pub(crate) id: Uuid,
    pub(crate) slug: &'a Slug,
}

impl Slugged<'_> {
    /// Records the change of the slug if the object was written. `former` is the stored slug that was
    /// replaced, if there was one.
    pub(crate) async fn record_change(
        self,
        writer: &WriteTx,
        saved: Saved,
        former: Option<&str>,
    ) -> Result<()> {
        if saved == Saved::Unchanged {
            return Ok(());
        }
        let (entity, id) = (self.entity, self.id);
        let former = former.map(Slug::parse).transpose();
        let former = former.map_err(broken(entity.as_str(), "slug", id))?;
        record_change(writer, self.edition, entity, former.as_ref(), self.slug, id).await
    }
}

/// Adds a redirect from a former slug to the object that had it. Replaces any redirect from that slug.
pub(crate) async fn add_redirect(
    writer: &WriteTx,
    edition: EditionId,
    entity: EntityKind,
    former: &Slug,
    to: Uuid,
) -> Result<()> {
    const DOING: &str = "leave a redirect";
    let mut sql = writer.sql();
    let values = [
        sql.bind(edition.uuid()),
        sql.bind(entity.as_str()),
        sql.bind(former.as_str()),
        sql.bind(to),
        sql.bind(writer.at()),
    ];
    let text = format!(
        "INSERT INTO redirect (edition_id, entity, slug, target_id, at) VALUES ({}) \
         ON CONFLICT (edition_id, entity, slug) DO UPDATE SET target_id = excluded.target_id, at = excluded.at",
        values.join(", ")
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Returns the former slugs that redirect to an object.
pub(crate) async fn former(writer: &WriteTx, id: Uuid) -> Result<Vec<Slug>> {
    const DOING: &str = "find what leads to something";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT slug FROM redirect WHERE target_id = {}",
        sql.bind(id)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let mut former = Vec::with_capacity(rows.len());
    for row in rows {
        let slug: String = row.try_get("", "slug").doing(DOING)?;
        // A slug that cannot be parsed cannot be requested either, so it is skipped.
        former.extend(Slug::parse(&slug));
    }
    Ok(former)
}

/// Removes the redirect from a slug that an object now has.
pub(crate) async fn remove_redirect(
    writer: &WriteTx,
    edition: EditionId,
    entity: EntityKind,
    slug: &Slug,
) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM redirect WHERE edition_id = {} AND entity = {} AND slug = {}",
        sql.bind(edition.uuid()),
        sql.bind(entity.as_str()),
        sql.bind(slug.as_str())
    );
    writer.run("end a redirect", sql, text).await?;
    Ok(())
}

/// Removes the redirect from a slug if it leads to this object.
pub(crate) async fn remove_redirect_to(
    writer: &WriteTx,
    edition: EditionId,
    entity: EntityKind,
    slug: &Slug,
    to: Uuid,
) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM redirect WHERE edition_id = {} AND entity = {} AND slug = {} AND target_id = {}",
        sql.bind(edition.uuid()),
        sql.bind(entity.as_str()),
        sql.bind(slug.as_str()),
        sql.bind(to)
    );
    writer.run("end a redirect to itself", sql, text).await?;
    Ok(())
}

/// Removes every redirect to a deleted object.
pub(crate) async fn forget(writer: &WriteTx, id: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!("DELETE FROM redirect WHERE target_id = {}", sql.bind(id));
    writer.run("end redirects", sql, text).await?;
    Ok(())
}

/// Retargets every redirect to one object to another.
pub async fn turn(writer: &WriteTx, from: Uuid, to: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE redirect SET target_id = {} WHERE target_id = {}",
        sql.bind(to),
        sql.bind(from)
    );
    writer.run("turn redirects", sql, text).await?;
    Ok(())
}

impl Cacheable for Slug {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.text(self.as_str());
    }
}

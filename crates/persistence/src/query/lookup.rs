//! Lookups: rows of a table by a condition, or by the slugs of their edition and their own.

use std::collections::HashMap;
use std::hash::Hash;

use khabar_domain::{EditionId, Slug};

use crate::cache::CacheMeta;
use crate::feed::{CacheTag, EntityKind};
use crate::query::cooperative::Pace;
use crate::query::decode::{Row, TableRow, columns};
use crate::query::include::{EagerLoad, NoIncludes};
use crate::query::sql::Sql;
use crate::session::batch::grouped;
use crate::{ReadSession, Result};

/// Finds the rows of a table that match a condition, indexed by key. Sends one statement.
pub(crate) async fn find_by<R, K>(
    reader: &ReadSession,
    query: &'static str,
    condition: impl FnOnce(&mut Sql) -> (String, String),
    key: impl Fn(&R::Means) -> K + Send,
) -> Result<HashMap<K, R::Means>>
where
    R: Row + TableRow,
    K: Eq + Hash,
{
    find_with::<R, K>(reader, query, condition, key, &mut NoIncludes).await
}

/// Finds the rows of a table that match a condition, indexed by key, and reads related data with the same
/// statement.
pub(crate) async fn find_with<R, K>(
    reader: &ReadSession,
    query: &'static str,
    condition: impl FnOnce(&mut Sql) -> (String, String),
    key: impl Fn(&R::Means) -> K + Send,
    includes: &mut impl EagerLoad<R::Means>,
) -> Result<HashMap<K, R::Means>>
where
    R: Row + TableRow,
    K: Eq + Hash,
{
    let mut sql = reader.sql();
    let (from, condition) = condition(&mut sql);
    let text = format!(
        "SELECT {}{} FROM {from} WHERE {condition}",
        columns::<R>("t"),
        includes.select(sql.dialect)
    );
    let rows = reader.rows(query, sql, text).await?;
    let mut found = HashMap::with_capacity(rows.len());
    let mut pace = Pace::new();
    for row in &rows {
        pace.step().await;
        let mut cells = reader.cells(row, query)?;
        let Some(meaning) = cells.perhaps::<R>()? else {
            continue;
        };
        includes.read(&mut cells, &meaning)?;
        found.insert(key(&meaning), meaning);
    }
    Ok(found)
}

/// A slug in an edition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlugKey {
    /// The slug of the edition.
    pub edition: Slug,
    /// The slug within the edition.
    pub slug: Slug,
}

impl SlugKey {
    /// Adds to a cache entry the cache tags that a lookup by this key depends on. `found` is the edition
    /// and the current slug of the object that was found.
    pub(crate) fn read_from(
        &self,
        meta: CacheMeta,
        entity: EntityKind,
        found: Option<(EditionId, &Slug)>,
    ) -> CacheMeta {
        match found {
            // No other object can take the slug while this one has it.
            Some((edition, slug)) if *slug == self.slug => meta.on(EntityKind::Edition, edition),
            // A write that takes the slug touches its key. A write that makes an object visible touches the
            // keys of the slugs that redirect to it.
            _ => meta
                .tag(CacheTag::slug(entity, &self.slug))
                .tag(CacheTag::every(EntityKind::Edition)),
        }
    }
}

/// Finds the rows of a table by the edition's slug and their own. Sends one statement for each edition,
/// and another to follow redirects if a slug is not in use. `more` returns a further condition, or an
/// empty string. `includes` is read with the same statements.
pub(crate) async fn find_by_slug<R>(
    reader: &ReadSession,
    query: &'static str,
    table: &str,
    more: impl Fn(&mut Sql) -> String + Sync,
    keys: Vec<SlugKey>,
    slug: fn(&R::Means) -> Slug,
    includes: &mut impl EagerLoad<R::Means>,
) -> Result<HashMap<SlugKey, R::Means>>
where
    R: Row + TableRow,
{
    let mut found = HashMap::with_capacity(keys.len());
    for (edition, keys) in grouped(&keys, |key| key.edition.clone()) {
        let slugs = |keys: &mut dyn Iterator<Item = &SlugKey>| -> Vec<String> {
            keys.map(|key| key.slug.as_str().to_owned()).collect()
        };
        let condition = |sql: &mut Sql| {
            let edition = sql.bind(edition.as_str());
            let among = sql.among_texts("t.slug", slugs(&mut keys.iter()));
            let from = format!("edition e JOIN {table} t ON t.edition_id = e.id");
            let more = more(sql);
            (from, format!("e.slug = {edition} AND {among}{more}"))
        };
        let key = |means: &R::Means| SlugKey {
            edition: edition.clone(),
            slug: slug(means),
        };
        found.extend(find_with::<R, _>(reader, query, condition, key, includes).await?);

        let missing = slugs(&mut keys.iter().filter(|key| !found.contains_key(*key)));
        if missing.is_empty() {
            continue;
        }
        let mut sql = reader.sql();
        let edition_slug = sql.bind(edition.as_str());
        let among = sql.among_texts("r.slug", missing);
        let more = more(&mut sql);
        let text = format!(
            "SELECT r.slug, {}{} FROM edition e \
             JOIN redirect r ON r.edition_id = e.id AND r.entity = '{table}' \
             JOIN {table} t ON t.id = r.target_id WHERE e.slug = {edition_slug} AND {among}{more}",
            columns::<R>("t"),
            includes.select(sql.dialect)
        );
        for row in reader.rows(QUERY, sql, text).await? {
            let mut cells = reader.cells(&row, QUERY)?;
            let key = SlugKey {
                edition: edition.clone(),
                slug: Slug::parse(cells.take()?)?,
            };
            let Some(meaning) = cells.perhaps::<R>()? else {
                continue;
            };
            includes.read(&mut cells, &meaning)?;
            found.insert(key, meaning);
        }
    }
    Ok(found)
}

const QUERY: &str = "redirect.by_slug";

/// Returns no further condition.
pub(crate) fn no_more(_: &mut Sql) -> String {
    String::new()
}

//! The listing: one row for each published article in each list that readers page through. The article
//! counts of those lists are updated in the same transaction.

use std::collections::BTreeMap;

use sea_orm::{EntityTrait, IdenStatic, Iterable, Set};
use uuid::Uuid;

use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::table::table;
use crate::session::write_tx::RowLock;
use crate::tables::article::table as article;
use crate::{Doing, Result, WriteTx};

/// The membership of an article in one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Membership {
    pub(crate) list: Uuid,
    /// 1 in a section's list of the articles filed directly in it, 0 in every other list.
    pub(crate) direct: i32,
    pub(crate) entity: EntityKind,
}

const DOING: &str = "put an article into its lists";

/// Returns the sections that contain the articles filed in this one: the section itself and its
/// ancestors. The section is locked against being moved until the writer ends, because an article that
/// is being filed in it would not move with it.
pub(crate) async fn sections_above(writer: &WriteTx, section: Uuid) -> Result<Vec<Uuid>> {
    let mut sql = writer.sql();
    let text = format!("SELECT 1 FROM section WHERE id = {}", sql.bind(section));
    let strength = RowLock::KeyShare;
    writer.lock_rows(DOING, sql, text, strength).await?;
    let mut sql = writer.sql();
    let text = format!(
        "SELECT ancestor_id FROM section_path WHERE section_id = {}",
        sql.bind(section)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    rows.iter()
        .map(|row| row.try_get("", "ancestor_id"))
        .collect::<Result<_, _>>()
        .doing(DOING)
}

/// Returns the listing rows of an article that is in these lists, sorted and without duplicates.
pub(crate) fn lines(row: &article::Model, mut wanted: Vec<Membership>) -> Vec<table::Model> {
    wanted.sort_unstable();
    wanted.dedup();
    wanted
        .iter()
        .map(|placement| line(row, *placement))
        .collect()
}

impl table::Model {
    /// Returns the tag of a facet of the list. Returns `None` for a list of a kind that this program does not
    /// write, which no result of this program was read from.
    fn tag(&self, facet: Facet) -> Option<CacheTag> {
        let entity = EntityKind::parse(&self.entity)?;
        Some(CacheTag::part(entity, self.list_id, facet))
    }
}

/// Returns the cache tags of the lists that contain these rows.
pub(crate) fn touched<'a>(lines: impl Iterator<Item = &'a table::Model>) -> Vec<CacheTag> {
    let mut keys: Vec<_> = lines.filter_map(|line| line.tag(Facet::Articles)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Returns the cache tags of the lists that changed. Where the article was added, removed or moved, the
/// tag covers the list's articles. Where it keeps its position, the tag covers only the values used by
/// filters.
fn changed(old: &[table::Model], new: &[table::Model]) -> Vec<CacheTag> {
    let place = |line: &table::Model| {
        (
            line.list_id,
            line.direct,
            line.listed_at,
            line.comment_count,
        )
    };
    let both = [(old, new), (new, old)];
    let keys = both.iter().flat_map(|(these, those)| {
        let these = these.iter().filter(|line| !those.contains(line));
        these.filter_map(move |line| {
            let stays = those.iter().any(|other| place(other) == place(line));
            let part = if stays {
                Facet::Details
            } else {
                Facet::Articles
            };
            line.tag(part)
        })
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Puts an article into exactly these lists and updates their counts. Returns the cache tags of the
/// lists that changed, or none if the article's rows are already up to date.
pub(crate) async fn place(
    writer: &WriteTx,
    row: &article::Model,
    wanted: Vec<Membership>,
) -> Result<Vec<CacheTag>> {
    let old = table::Entity::find_of(writer, row.id).await?;
    let new = lines(row, wanted);
    if old == new {
        return Ok(Vec::new());
    }
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM listing WHERE article_id = {}",
        sql.bind(row.id)
    );
    writer.run(DOING, sql, text).await?;
    if !new.is_empty() {
        let rows = new.iter().cloned().map(active);
        table::Entity::insert_many(rows)
            .exec_without_returning(writer.connection())
            .await
            .doing(DOING)?;
    }
    let mut counts = Counts::default();
    counts.add(&old, -1);
    counts.add(&new, 1);
    counts.write(writer).await?;
    Ok(changed(&old, &new))
}

/// Puts a published article into exactly the lists of these stories. Its other lists are left
/// unchanged. Returns the cache tags of the story lists that it entered or left.
pub(crate) async fn place_among_stories(
    writer: &WriteTx,
    row: &article::Model,
    stories: &[Uuid],
) -> Result<Vec<CacheTag>> {
    let old = table::Entity::find_of(writer, row.id).await?;
    let is_story = |line: &&table::Model| line.entity == EntityKind::Story.as_str();
    let story = |list| Membership {
        list,
        direct: 0,
        entity: EntityKind::Story,
    };
    let wanted = lines(row, stories.iter().copied().map(story).collect());
    let stays = |line: &table::Model, among: &[table::Model]| {
        among.iter().any(|other| other.list_id == line.list_id)
    };
    let left: Vec<_> = old
        .iter()
        .filter(is_story)
        .filter(|line| !stays(line, &wanted))
        .cloned()
        .collect();
    let entered: Vec<_> = wanted
        .into_iter()
        .filter(|line| !stays(line, &old))
        .collect();
    let mut sql = writer.sql();
    let among = sql.among("list_id", left.iter().map(|line| line.list_id));
    let text = format!(
        "DELETE FROM listing WHERE article_id = {} AND {among}",
        sql.bind(row.id)
    );
    writer.run(DOING, sql, text).await?;
    if !entered.is_empty() {
        table::Entity::insert_many(entered.iter().cloned().map(active))
            .exec_without_returning(writer.connection())
            .await
            .doing(DOING)?;
    }
    let mut counts = Counts::default();
    counts.add(&left, -1);
    counts.add(&entered, 1);
    counts.write(writer).await?;
    Ok(touched(left.iter().chain(&entered)))
}

/// Adds `added` to the article's comment count in every list that contains it.
pub(crate) async fn recount_comments(writer: &WriteTx, article: Uuid, added: i64) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE listing SET comment_count = comment_count + {} WHERE article_id = {}",
        sql.bind(added),
        sql.bind(article)
    );
    writer.run("count an article's comments", sql, text).await?;
    Ok(())
}

/// Locks the articles in a list against other writers until this one ends. The list and the counts in
/// it therefore do not change while they are copied.
pub(crate) async fn lock(writer: &WriteTx, list: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM article WHERE id IN (SELECT article_id FROM listing WHERE list_id = {} AND direct = 0) ORDER BY id",
        sql.bind(list)
    );
    let strength = RowLock::NoKeyUpdate;
    writer
        .lock_rows("wait for the articles of a list", sql, text, strength)
        .await
}

/// Returns the number of articles in a list.
pub(crate) async fn length(writer: &WriteTx, list: Uuid) -> Result<i64> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT count(*) AS length FROM listing WHERE list_id = {} AND direct = 0",
        sql.bind(list)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let length = rows.first().map(|row| row.try_get("", "length"));
    Ok(length.transpose().doing(DOING)?.unwrap_or(0))
}

/// Removes the articles in one list from all of these lists.
pub(crate) async fn remove_from(writer: &WriteTx, of: Uuid, lists: &[Uuid]) -> Result<()> {
    let mut sql = writer.sql();
    let among = sql.among("list_id", lists.iter().copied());
    let of = sql.bind(of);
    let text = format!(
        "DELETE FROM listing WHERE direct = 0 AND {among} AND article_id IN \
         (SELECT article_id FROM listing WHERE list_id = {of} AND direct = 0)"
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Adds the articles in one list to all of these lists. None of the lists may contain any of them yet.
pub(crate) async fn add_to(writer: &WriteTx, of: Uuid, lists: &[Uuid]) -> Result<()> {
    let mut sql = writer.sql();
    let lists = sql.parents(lists.iter().copied());
    let of = sql.bind(of);
    let others = table::Column::iter()
        .map(|column| column.as_str())
        .filter(|column| *column != "list_id");
    let others: Vec<_> = others.collect();
    let text = format!(
        "INSERT INTO listing (list_id, {}) SELECT p.id, l.{} FROM {lists} CROSS JOIN listing l \
         WHERE l.list_id = {of} AND l.direct = 0",
        others.join(", "),
        others.join(", l."),
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Moves the articles in one list to another, without duplicates. Returns the number of articles that
/// the other list did not contain before.
pub(crate) async fn move_all(writer: &WriteTx, from: Uuid, into: Uuid) -> Result<i64> {
    let mut sql = writer.sql();
    let (from_id, into_id) = (sql.bind(from), sql.bind(into));
    let text = format!(
        "UPDATE listing SET list_id = {into_id} WHERE list_id = {from_id} AND direct = 0 AND article_id NOT IN \
         (SELECT article_id FROM listing WHERE list_id = {into_id})"
    );
    let moved = writer.run(DOING, sql, text).await?;
    let mut sql = writer.sql();
    let text = format!("DELETE FROM listing WHERE list_id = {}", sql.bind(from));
    writer.run(DOING, sql, text).await?;
    Ok(i64::try_from(moved).unwrap_or(i64::MAX))
}

/// Pending changes to the article counts of lists. They are written in the order of the lists' ids, so
/// that two writers cannot deadlock.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<(Uuid, String), i64>);

impl Counts {
    /// Adds `by` to the counts of the lists that contain these rows.
    pub(crate) fn add(&mut self, lines: &[table::Model], by: i64) {
        for line in lines.iter().filter(|line| line.direct == 0) {
            *self
                .0
                .entry((line.list_id, line.entity.clone()))
                .or_default() += by;
        }
    }

    /// Adds `by` to the count of one list.
    pub(crate) fn add_to(&mut self, list: Uuid, entity: EntityKind, by: i64) {
        let list = (list, entity.as_str().to_owned());
        *self.0.entry(list).or_default() += by;
    }

    /// Writes the changes to the database.
    pub(crate) async fn write(self, writer: &WriteTx) -> Result<()> {
        for ((list, entity), by) in self.0 {
            let mut sql = writer.sql();
            let text = format!(
                "UPDATE {entity} SET article_count = article_count + {} WHERE id = {}",
                sql.bind(by),
                sql.bind(list)
            );
            writer
                .run("count the articles of a list", sql, text)
                .await?;
            if entity == EntityKind::Story.as_str() {
                find_newest(writer, list).await?;
            }
        }
        Ok(())
    }
}

/// Updates the time of a story's newest article. This statement must come after the one that updates
/// the count: that one waits for other writers of the story's row, and only a later statement sees the
/// articles that they have listed.
async fn find_newest(writer: &WriteTx, story: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let id = sql.bind(story);
    let newest =
        format!("(SELECT max(listed_at) FROM listing WHERE list_id = {id} AND direct = 0)");
    let text = format!(
        "UPDATE story SET last_article_at = {newest}, active_at = coalesce({newest}, active_at) \
         WHERE id = {id}"
    );
    writer
        .run("find the newest article of a story", sql, text)
        .await?;
    Ok(())
}

fn line(row: &article::Model, placement: Membership) -> table::Model {
    table::Model {
        list_id: placement.list,
        direct: placement.direct,
        article_id: row.id,
        entity: placement.entity.as_str().to_owned(),
        listed_at: row.listed_at,
        comment_count: row.comment_count,
        kind: row.kind.clone(),
        language: row.language.clone(),
        has_photos: row.has_photos,
        has_video: row.has_video,
        has_audio: row.has_audio,
    }
}

fn active(line: table::Model) -> table::ActiveModel {
    table::ActiveModel {
        list_id: Set(line.list_id),
        direct: Set(line.direct),
        article_id: Set(line.article_id),
        entity: Set(line.entity),
        listed_at: Set(line.listed_at),
        comment_count: Set(line.comment_count),
        kind: Set(line.kind),
        language: Set(line.language),
        has_photos: Set(line.has_photos),
        has_video: Set(line.has_video),
        has_audio: Set(line.has_audio),
    }
}

impl table::Entity {
    /// Loads the rows of one article, sorted like [`Membership`]s.
    async fn find_of(writer: &WriteTx, article: Uuid) -> Result<Vec<table::Model>> {
        use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
        Self::find()
            .filter(table::Column::ArticleId.eq(article))
            .order_by_asc(table::Column::ListId)
            .order_by_asc(table::Column::Direct)
            .all(writer.connection())
            .await
            .doing(DOING)
    }
}

table! {
    mod table = "listing";
    key list_id: Uuid, direct: i32, article_id: Uuid;
    entity: String,
    listed_at: DateTimeUtc,
    comment_count: i64,
    kind: String,
    language: String,
    has_photos: bool,
    has_video: bool,
    has_audio: bool,
}

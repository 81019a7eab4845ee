//! The listing: where each published article stands in the lists that readers page through, and
//! the counts of those lists, kept in the same transaction.

use std::collections::BTreeMap;

use sea_orm::{EntityTrait, IdenStatic, Iterable, Set};
use uuid::Uuid;

use crate::article::table as article;
use crate::change::{Noun, Part};
use crate::writer::Strength;
use crate::{Doing, Result, Writer};

/// One list in which an article stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Placement {
    pub(crate) list: Uuid,
    /// 1 in a section's list of what is filed in itself alone.
    pub(crate) own: i32,
    pub(crate) noun: Noun,
}

const DOING: &str = "put an article into its lists";

/// The sections that hold what is filed in this one: itself and those above. It stays where it is
/// until the writer has ended: what is filed in it meanwhile could not follow.
pub(crate) async fn sections_above(writer: &Writer, section: Uuid) -> Result<Vec<Uuid>> {
    let mut sql = writer.sql();
    let text = format!("SELECT 1 FROM section WHERE id = {}", sql.bind(section));
    let strength = Strength::Place;
    writer.hold_rows(DOING, sql, text, strength).await?;
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

/// The lines of an article that stands in these lists, sorted.
pub(crate) fn lines(row: &article::Model, mut wanted: Vec<Placement>) -> Vec<table::Model> {
    wanted.sort_unstable();
    wanted.dedup();
    wanted
        .iter()
        .map(|placement| line(row, *placement))
        .collect()
}

/// The reading keys of the lists that these lines stand in.
pub(crate) fn touched<'a>(lines: impl Iterator<Item = &'a table::Model>) -> Vec<String> {
    let mut keys: Vec<_> = lines
        .map(|line| format!("{}:{}:articles", line.noun, line.list_id))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The reading keys of the lists that are others than they were: where the article came, went or
/// moved; and, of those where it stays, what filters go by.
fn changed(old: &[table::Model], new: &[table::Model]) -> Vec<String> {
    let place = |line: &table::Model| (line.list_id, line.own, line.listed_at, line.comment_count);
    let both = [(old, new), (new, old)];
    let keys = both.iter().flat_map(|(these, those)| {
        let these = these.iter().filter(|line| !those.contains(line));
        these.map(move |line| {
            let stays = those.iter().any(|other| place(other) == place(line));
            let part = if stays { Part::Details } else { Part::Articles };
            format!("{}:{}:{}", line.noun, line.list_id, part.as_str())
        })
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Makes an article stand in exactly these lists, and their counts agree. Gives the reading keys
/// of the lists that changed; none when it stood there already, sorted by the same values.
pub(crate) async fn place(
    writer: &Writer,
    row: &article::Model,
    wanted: Vec<Placement>,
) -> Result<Vec<String>> {
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

/// The same for an article that is published, as far as stories go: it stands in the lists of these,
/// and elsewhere as before.
pub(crate) async fn place_among_stories(
    writer: &Writer,
    row: &article::Model,
    stories: &[Uuid],
) -> Result<Vec<String>> {
    let old = table::Entity::find_of(writer, row.id).await?;
    let is_story = |line: &&table::Model| line.noun == Noun::Story.as_str();
    let story = |list| Placement {
        list,
        own: 0,
        noun: Noun::Story,
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

/// Tells every list that holds the article how many comments it has now.
pub(crate) async fn recount_comments(writer: &Writer, article: Uuid, added: i64) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE listing SET comment_count = comment_count + {} WHERE article_id = {}",
        sql.bind(added),
        sql.bind(article)
    );
    writer.run("count an article's comments", sql, text).await?;
    Ok(())
}

/// Makes other writers of the articles that stand in this list wait: what they would take from it
/// or count in it must not be copied meanwhile.
pub(crate) async fn hold(writer: &Writer, list: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM article WHERE id IN (SELECT article_id FROM listing WHERE list_id = {} AND own = 0) ORDER BY id",
        sql.bind(list)
    );
    let strength = Strength::Values;
    writer
        .hold_rows("wait for the articles of a list", sql, text, strength)
        .await
}

/// How many articles stand in a list.
pub(crate) async fn length(writer: &Writer, list: Uuid) -> Result<i64> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT count(*) AS length FROM listing WHERE list_id = {} AND own = 0",
        sql.bind(list)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let length = rows.first().map(|row| row.try_get("", "length"));
    Ok(length.transpose().doing(DOING)?.unwrap_or(0))
}

/// Takes whatever stands in one list out of these.
pub(crate) async fn take_out(writer: &Writer, of: Uuid, lists: &[Uuid]) -> Result<()> {
    let mut sql = writer.sql();
    let among = sql.among("list_id", lists.iter().copied());
    let of = sql.bind(of);
    let text = format!(
        "DELETE FROM listing WHERE own = 0 AND {among} AND article_id IN \
         (SELECT article_id FROM listing WHERE list_id = {of} AND own = 0)"
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Puts whatever stands in one list into these, where none of it stands yet.
pub(crate) async fn put_in(writer: &Writer, of: Uuid, lists: &[Uuid]) -> Result<()> {
    let mut sql = writer.sql();
    let lists = sql.parents(lists.iter().copied());
    let of = sql.bind(of);
    let others = table::Column::iter()
        .map(|column| column.as_str())
        .filter(|column| *column != "list_id");
    let others: Vec<_> = others.collect();
    let text = format!(
        "INSERT INTO listing (list_id, {}) SELECT p.id, l.{} FROM {lists} CROSS JOIN listing l \
         WHERE l.list_id = {of} AND l.own = 0",
        others.join(", "),
        others.join(", l."),
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Moves whatever stands in one list into another, without doubles; gives how many came new.
pub(crate) async fn pour(writer: &Writer, from: Uuid, into: Uuid) -> Result<i64> {
    let mut sql = writer.sql();
    let (from_id, into_id) = (sql.bind(from), sql.bind(into));
    let text = format!(
        "UPDATE listing SET list_id = {into_id} WHERE list_id = {from_id} AND own = 0 AND article_id NOT IN \
         (SELECT article_id FROM listing WHERE list_id = {into_id})"
    );
    let came = writer.run(DOING, sql, text).await?;
    let mut sql = writer.sql();
    let text = format!("DELETE FROM listing WHERE list_id = {}", sql.bind(from));
    writer.run(DOING, sql, text).await?;
    Ok(i64::try_from(came).unwrap_or(i64::MAX))
}

/// How many articles lists gained or lost. In the order of their ids, so that two writers never
/// wait for each other in a circle.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<(Uuid, String), i64>);

impl Counts {
    /// Counts these lines `by` more.
    pub(crate) fn add(&mut self, lines: &[table::Model], by: i64) {
        for line in lines.iter().filter(|line| line.own == 0) {
            *self.0.entry((line.list_id, line.noun.clone())).or_default() += by;
        }
    }

    /// Counts so many more in one list.
    pub(crate) fn tell(&mut self, list: Uuid, noun: Noun, by: i64) {
        let list = (list, noun.as_str().to_owned());
        *self.0.entry(list).or_default() += by;
    }

    /// Tells the lists.
    pub(crate) async fn write(self, writer: &Writer) -> Result<()> {
        for ((list, noun), by) in self.0 {
            let mut sql = writer.sql();
            let text = format!(
                "UPDATE {noun} SET article_count = article_count + {} WHERE id = {}",
                sql.bind(by),
                sql.bind(list)
            );
            writer
                .run("count the articles of a list", sql, text)
                .await?;
            if noun == Noun::Story.as_str() {
                find_newest(writer, list).await?;
            }
        }
        Ok(())
    }
}

/// Tells a story when its newest article came. By a statement after the one that counts: that one
/// waits for whoever else writes the story's row, and only the next one sees the articles that they
/// have listed.
async fn find_newest(writer: &Writer, story: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let id = sql.bind(story);
    let newest = format!("(SELECT max(listed_at) FROM listing WHERE list_id = {id} AND own = 0)");
    let text = format!(
        "UPDATE story SET last_article_at = {newest}, active_at = coalesce({newest}, active_at) \
         WHERE id = {id}"
    );
    writer
        .run("find the newest article of a story", sql, text)
        .await?;
    Ok(())
}

fn line(row: &article::Model, placement: Placement) -> table::Model {
    table::Model {
        list_id: placement.list,
        own: placement.own,
        article_id: row.id,
        noun: placement.noun.as_str().to_owned(),
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
        own: Set(line.own),
        article_id: Set(line.article_id),
        noun: Set(line.noun),
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
    /// The lines of one article, sorted as [`Placement`]s are.
    async fn find_of(writer: &Writer, article: Uuid) -> Result<Vec<table::Model>> {
        use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
        Self::find()
            .filter(table::Column::ArticleId.eq(article))
            .order_by_asc(table::Column::ListId)
            .order_by_asc(table::Column::Own)
            .all(writer.connection())
            .await
            .doing(DOING)
    }
}

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "listing")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub list_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub own: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub article_id: Uuid,
        pub noun: String,
        pub listed_at: DateTimeUtc,
        pub comment_count: i64,
        pub kind: String,
        pub language: String,
        pub has_photos: bool,
        pub has_video: bool,
        pub has_audio: bool,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

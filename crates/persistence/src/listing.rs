//! The listing: where each published article stands in the lists that readers page through, and
//! the counts of those lists, kept in the same transaction.

use std::collections::BTreeMap;

use sea_orm::{EntityTrait, Set};
use uuid::Uuid;

use crate::article::table as article;
use crate::change::Noun;
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

/// The sections that hold what is filed in this one: itself and those above.
pub(crate) async fn sections_above(writer: &Writer, section: Uuid) -> Result<Vec<Uuid>> {
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
    Ok(touched(old.iter().chain(&new)))
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

    /// Tells the lists.
    pub(crate) async fn write(self, writer: &Writer) -> Result<()> {
        for ((list, noun), by) in self.0 {
            let mut sql = writer.sql();
            let (by, id) = (sql.bind(by), sql.bind(list));
            // A story also knows when its newest article came.
            let times = if noun == Noun::Story.as_str() {
                format!(
                    ", last_article_at = (SELECT max(listed_at) FROM listing WHERE list_id = {id} AND own = 0), \
                     active_at = coalesce((SELECT max(listed_at) FROM listing WHERE list_id = {id} AND own = 0), active_at)"
                )
            } else {
                String::new()
            };
            let text = format!(
                "UPDATE {noun} SET article_count = article_count + {by}{times} WHERE id = {id}"
            );
            writer
                .run("count the articles of a list", sql, text)
                .await?;
        }
        Ok(())
    }
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

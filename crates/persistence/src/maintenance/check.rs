//! The database check: reads every row of every table with the code that serves requests, and reports
//! the rows that cannot be read.

use khabar_domain::{Scope, Slug, WebUrl};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::BrokenRow;
use crate::query::broken::Met;
use crate::query::decode::{DecodeRow, Row, RowDecoder, TableRow, columns, stored};
use crate::query::row::broken;
use crate::query::sql::{Dialect, Sql};
use crate::tables::{
    account, article, audit, comment, commenting, edition, editorial, follow_channel, live_channel,
    media, person, related, revision, section, source, story, token, topic, trusted_document,
};
use crate::{Db, Doing, Error, ReadSession, Result, WriteTx, feed};

/// Number of rows read at once. With bodies of 20 kB each, a page takes a few megabytes.
const PAGE: usize = 200;

const DOING: &str = "check the database";

/// A table whose rows must satisfy rules, and the functions to read them.
struct Table {
    name: &'static str,
    /// The columns of the primary key, by which rows are ordered on PostgreSQL.
    key: &'static [(&'static str, Key)],
    columns: fn(&str) -> String,
    read: fn(&mut RowDecoder<'_>) -> Result<()>,
}

/// The type of a primary key column.
#[derive(Clone, Copy)]
enum Key {
    Id,
    Int,
    Long,
    Text,
}

const ID: &[(&str, Key)] = &[("id", Key::Id)];
const SEQ: &[(&str, Key)] = &[("seq", Key::Long)];
const OF_ARTICLE: &[(&str, Key)] = &[("article_id", Key::Id)];

const fn table<R: Row + TableRow>(key: &'static [(&'static str, Key)]) -> Table {
    Table {
        name: R::TABLE,
        key,
        columns: columns::<R>,
        read: |cells| cells.read::<R>().map(drop),
    }
}

const TABLES: [Table; 23] = [
    table::<account::table::Model>(ID),
    table::<media::table::Model>(ID),
    table::<edition::table::Model>(ID),
    table::<section::table::Model>(ID),
    table::<story::table::Model>(ID),
    table::<person::table::Model>(ID),
    table::<source::table::Model>(ID),
    table::<topic::table::Model>(ID),
    Table {
        read: read_article,
        ..table::<article::table::Model>(ID)
    },
    table::<article::body_table::Model>(OF_ARTICLE),
    table::<editorial::table::Model>(OF_ARTICLE),
    table::<revision::table::Model>(&[("article_id", Key::Id), ("version", Key::Int)]),
    table::<related::table::Model>(&[("from_id", Key::Id), ("to_id", Key::Id)]),
    table::<Redirect>(&[
        ("edition_id", Key::Id),
        ("noun", Key::Text),
        ("slug", Key::Text),
    ]),
    table::<comment::table::Model>(ID),
    table::<comment::report_table::Model>(&[("comment_id", Key::Id), ("account_id", Key::Id)]),
    table::<commenting::table::Model>(&[("of_id", Key::Id)]),
    table::<live_channel::table::Model>(ID),
    table::<follow_channel::table::Model>(ID),
    table::<trusted_document::table::Model>(ID),
    table::<token::table::Model>(ID),
    table::<audit::table::Model>(SEQ),
    table::<feed::change::table::Model>(SEQ),
];

/// A row of the `redirect` table.
struct Redirect {
    slug: String,
}

stored!(Redirect: slug);

impl Row for Redirect {
    const TABLE: &'static str = "redirect";
    type Means = Slug;

    fn read(self) -> Result<Slug> {
        Slug::parse(&self.slug).map_err(broken("redirect", "slug", &self.slug))
    }
}

/// Reads an article and checks that its canonical URL is stored in normal form, because articles are
/// looked up by the stored URL.
fn read_article(cells: &mut RowDecoder<'_>) -> Result<()> {
    let row = article::table::Model::take(cells)?;
    if let Some(url) = &row.canonical_url
        && WebUrl::parse(url).is_ok_and(|read| read.as_str() != url)
    {
        let problem = khabar_domain::Invalid::new("the URL", "is not stored in its normal form");
        return Err(broken("article", "canonical_url", row.id)(problem));
    }
    row.read().map(drop)
}

/// The connection that rows are read from.
#[derive(Clone, Copy)]
pub(crate) enum Database<'a> {
    ReadSession(&'a ReadSession),
    WriteTx(&'a WriteTx),
}

impl Database<'_> {
    fn dialect(self) -> Dialect {
        match self {
            Self::ReadSession(reader) => reader.sql().dialect,
            Self::WriteTx(writer) => writer.dialect(),
        }
    }

    async fn rows(self, sql: Sql, text: String) -> Result<Vec<QueryResult>> {
        match self {
            Self::ReadSession(reader) => reader.rows(DOING, sql, text).await,
            Self::WriteTx(writer) => writer.rows(DOING, sql, text).await,
        }
    }
}

/// Reads every row and calls `tell` with each broken one. Returns the number of rows read.
pub async fn check(db: &Db, scope: Scope, mut tell: impl FnMut(BrokenRow) + Send) -> Result<u64> {
    let reader = db.reader(scope).uncached();
    let mut tell = |row| {
        tell(row);
        true
    };
    read(Database::ReadSession(&reader), &mut tell).await
}

/// Returns the first broken row, if there is one.
pub(crate) async fn first_broken(writer: &WriteTx) -> Result<Option<BrokenRow>> {
    let mut found = None;
    let mut tell = |row| {
        found = Some(row);
        false
    };
    read(Database::WriteTx(writer), &mut tell).await?;
    Ok(found)
}

/// Reads rows and calls `tell` with each broken one, until `tell` returns `false`. Returns the number
/// of rows read.
async fn read(
    database: Database<'_>,
    tell: &mut (dyn FnMut(BrokenRow) -> bool + Send),
) -> Result<u64> {
    let mut count = 0;
    for table in &TABLES {
        let mut last: Option<QueryResult> = None;
        loop {
            let rows = page(database, table, last.as_ref()).await?;
            for row in &rows {
                count += 1;
                let met = Met::default();
                let mut cells = RowDecoder::of(row, DOING, &met)?;
                match (table.read)(&mut cells) {
                    Ok(()) => {}
                    Err(Error::BrokenRow(row)) => {
                        if !tell(*row) {
                            return Ok(count);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            if rows.len() < PAGE {
                break;
            }
            last = rows.into_iter().last();
        }
    }
    Ok(count)
}

/// Returns the rows after `last`. They are ordered by primary key. On SQLite they are ordered by
/// `rowid`, because a stored key may have any type there.
async fn page(
    database: Database<'_>,
    table: &Table,
    last: Option<&QueryResult>,
) -> Result<Vec<QueryResult>> {
    let mut sql = Sql::new(database.dialect());
    let keys: Vec<_> = match sql.dialect {
        Dialect::Sqlite => vec![("rowid", Key::Long)],
        Dialect::Postgres => table.key.to_vec(),
    };
    let order: Vec<_> = keys.iter().map(|(name, _)| format!("t.{name}")).collect();
    let order = order.join(", ");
    let named = keys.iter().enumerate();
    let named: Vec<_> = named
        .map(|(at, (name, _))| format!("t.{name} AS _key{at}"))
        .collect();
    let mut after = String::new();
    if let Some(last) = last {
        let mut values = Vec::new();
        for (at, (_, holds)) in keys.iter().enumerate() {
            let name = format!("_key{at}");
            values.push(match holds {
                Key::Id => sql.bind(last.try_get::<Uuid>("", &name).doing(DOING)?),
                Key::Int => sql.bind(last.try_get::<i32>("", &name).doing(DOING)?),
                Key::Long => sql.bind(last.try_get::<i64>("", &name).doing(DOING)?),
                Key::Text => sql.bind(last.try_get::<String>("", &name).doing(DOING)?),
            });
        }
        after = format!(" WHERE ({order}) > ({})", values.join(", "));
    }
    let text = format!(
        "SELECT {}, {} FROM \"{}\" t{after} ORDER BY {order} LIMIT {PAGE}",
        (table.columns)("t"),
        named.join(", "),
        table.name
    );
    database.rows(sql, text).await
}

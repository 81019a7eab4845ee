//! Checking a database: every row of every table is read by the code that reads it for answers, and
//! those that cannot be are named.

use khabar_domain::{Scope, Slug, WebUrl};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::broken::{BrokenRow, Met};
use crate::cells::{Cells, Stored, Taken, columns, stored};
use crate::row::{Row, broken};
use crate::sql::{Dialect, Sql};
use crate::{
    Db, Doing, Error, Reader, Result, Writer, account, article, audit, change, comment, commenting,
    desk, edition, follow_channel, live_channel, media, person, related, revision, section, source,
    story, token, topic, trusted_document,
};

/// How many rows are read at once: bodies of 20 kB each are then a few megabytes.
const PAGE: usize = 200;

const DOING: &str = "check the database";

/// A table whose rows have rules, and how they are read.
struct Table {
    name: &'static str,
    /// The columns of its primary key, by which PostgreSQL's rows are in order.
    key: &'static [(&'static str, Key)],
    columns: fn(&str) -> String,
    read: fn(&mut Cells<'_>) -> Result<()>,
}

/// What a column of a primary key holds.
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

const fn table<R: Row + Stored>(key: &'static [(&'static str, Key)]) -> Table {
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
    table::<desk::table::Model>(OF_ARTICLE),
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
    table::<change::table::Model>(SEQ),
];

/// A row of `redirect`.
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

/// An article is found by its address as it is stored, so that must be as it is read.
fn read_article(cells: &mut Cells<'_>) -> Result<()> {
    let row = article::table::Model::take(cells)?;
    if let Some(url) = &row.canonical_url
        && WebUrl::parse(url).is_ok_and(|read| read.as_str() != url)
    {
        let problem = khabar_domain::Invalid::new("the URL", "is not stored in its normal form");
        return Err(broken("article", "canonical_url", row.id)(problem));
    }
    row.read().map(drop)
}

/// Where the rows come from.
#[derive(Clone, Copy)]
pub(crate) enum Database<'a> {
    Reader(&'a Reader),
    Writer(&'a Writer),
}

impl Database<'_> {
    fn dialect(self) -> Dialect {
        match self {
            Self::Reader(reader) => reader.sql().dialect,
            Self::Writer(writer) => writer.dialect(),
        }
    }

    async fn rows(self, sql: Sql, text: String) -> Result<Vec<QueryResult>> {
        match self {
            Self::Reader(reader) => reader.rows(DOING, sql, text).await,
            Self::Writer(writer) => writer.rows(DOING, sql, text).await,
        }
    }
}

/// Reads every row; `tell` hears of each that is broken. Gives how many were read.
pub async fn check(db: &Db, scope: Scope, mut tell: impl FnMut(BrokenRow) + Send) -> Result<u64> {
    let reader = db.reader(scope).uncached();
    let mut tell = |row| {
        tell(row);
        true
    };
    read(Database::Reader(&reader), &mut tell).await
}

/// The first row that is broken.
pub(crate) async fn first_broken(writer: &Writer) -> Result<Option<BrokenRow>> {
    let mut found = None;
    let mut tell = |row| {
        found = Some(row);
        false
    };
    read(Database::Writer(writer), &mut tell).await?;
    Ok(found)
}

/// Reads rows for as long as `tell`, which hears of each broken one, wants more.
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
                let mut cells = Cells::of(row, DOING, &met)?;
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

/// The rows after this one: by primary key, or on SQLite, where a key may be anything, by number.
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

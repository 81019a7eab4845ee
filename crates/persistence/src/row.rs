//! A row: how what a table holds becomes what the newsroom talks about, and what is said when it
//! does not.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use khabar_domain::{EditionId, Invalid, Slug};

use crate::batch::grouped;
use crate::broken::BrokenRow;
use crate::cache::{Kept, ReadingKey};
use crate::cells::{Stored, Taken, columns};
use crate::change::Noun;
use crate::pace::Pace;
use crate::sql::Sql;
use crate::with::Company;
use crate::{Error, Reader, Result};

/// A row as it is read, and what it means.
pub(crate) trait Row: Taken {
    /// The table that has it.
    const TABLE: &'static str;
    /// What it means.
    type Means: Clone + Send + Sync + 'static;

    /// Reads a row; an error names table, column and row.
    fn read(self) -> Result<Self::Means>;
}

/// Complains of one column of one row.
pub(crate) fn broken(
    table: &'static str,
    column: &'static str,
    row: impl Display,
) -> impl FnOnce(Invalid) -> Error {
    move |invalid| {
        Error::BrokenRow(Box::new(BrokenRow {
            table: table.into(),
            column: column.into(),
            row: row.to_string(),
            problem: invalid.to_string(),
        }))
    }
}

/// Refuses a row that could be written and not be read again.
pub(crate) fn readable<R: Row + Clone>(row: &R) -> Result<()> {
    match row.clone().read() {
        Ok(_) => Ok(()),
        Err(Error::BrokenRow(row)) => {
            let BrokenRow {
                column, problem, ..
            } = *row;
            Err(Invalid::new(format!("the {column}"), problem).into())
        }
        Err(error) => Err(error),
    }
}

/// The same for a column that may be absent.
pub(crate) fn maybe<T>(
    value: Option<String>,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Invalid> {
    value.map(|text| parse(&text)).transpose()
}

/// The rows of a table for which a condition holds, by key: one statement.
pub(crate) async fn find_by<R, K>(
    reader: &Reader,
    doing: &'static str,
    condition: impl FnOnce(&mut Sql) -> (String, String),
    key: impl Fn(&R::Means) -> K + Send,
) -> Result<HashMap<K, R::Means>>
where
    R: Row + Stored,
    K: Eq + Hash,
{
    find_with::<R, K>(reader, doing, condition, key, &mut ()).await
}

/// The same, and what is read beside them.
pub(crate) async fn find_with<R, K>(
    reader: &Reader,
    doing: &'static str,
    condition: impl FnOnce(&mut Sql) -> (String, String),
    key: impl Fn(&R::Means) -> K + Send,
    company: &mut impl Company<R::Means>,
) -> Result<HashMap<K, R::Means>>
where
    R: Row + Stored,
    K: Eq + Hash,
{
    let mut sql = reader.sql();
    let (from, condition) = condition(&mut sql);
    let text = format!(
        "SELECT {}{} FROM {from} WHERE {condition}",
        columns::<R>("t"),
        company.select(sql.dialect)
    );
    let rows = reader.rows(doing, sql, text).await?;
    let mut found = HashMap::with_capacity(rows.len());
    let mut pace = Pace::new();
    for row in &rows {
        pace.step().await;
        let mut cells = reader.cells(row, doing)?;
        let Some(meaning) = cells.perhaps::<R>()? else {
            continue;
        };
        company.read(&mut cells, &meaning)?;
        found.insert(key(&meaning), meaning);
    }
    Ok(found)
}

/// What stands under a slug in an edition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlugKey {
    /// The edition's slug.
    pub edition: Slug,
    /// Its own.
    pub slug: Slug,
}

impl SlugKey {
    /// The same answer, with what it was read from when it was found under this key: `found` is the
    /// edition and the slug of what was.
    pub(crate) fn read_from(
        &self,
        kept: Kept,
        noun: Noun,
        found: Option<(EditionId, &Slug)>,
    ) -> Kept {
        match found {
            // Nothing else can have the slug while this has it.
            Some((edition, slug)) if *slug == self.slug => kept.on(Noun::Edition, edition),
            // Whatever takes the slug says so, and what comes to be seen says what led to it.
            _ => kept
                .key(ReadingKey::slug(noun, &self.slug))
                .key(ReadingKey::every(Noun::Edition)),
        }
    }
}

/// The rows of a table by their edition's slug and their own: one statement for each edition, and
/// one more when a slug is no longer anybody's, to follow where it leads. `more` writes a further
/// condition, or nothing; `company` is read beside them.
pub(crate) async fn find_by_slug<R>(
    reader: &Reader,
    doing: &'static str,
    table: &str,
    more: impl Fn(&mut Sql) -> String + Sync,
    keys: Vec<SlugKey>,
    slug: fn(&R::Means) -> Slug,
    company: &mut impl Company<R::Means>,
) -> Result<HashMap<SlugKey, R::Means>>
where
    R: Row + Stored,
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
        found.extend(find_with::<R, _>(reader, doing, condition, key, company).await?);

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
             JOIN redirect r ON r.edition_id = e.id AND r.noun = '{table}' \
             JOIN {table} t ON t.id = r.target_id WHERE e.slug = {edition_slug} AND {among}{more}",
            columns::<R>("t"),
            company.select(sql.dialect)
        );
        for row in reader.rows(FOLLOWING, sql, text).await? {
            let mut cells = reader.cells(&row, FOLLOWING)?;
            let key = SlugKey {
                edition: edition.clone(),
                slug: Slug::parse(cells.take()?)?,
            };
            let Some(meaning) = cells.perhaps::<R>()? else {
                continue;
            };
            company.read(&mut cells, &meaning)?;
            found.insert(key, meaning);
        }
    }
    Ok(found)
}

const FOLLOWING: &str = "follow former slugs";

/// No further condition.
pub(crate) fn no_more(_: &mut Sql) -> String {
    String::new()
}

//! Tests of the list of tables: it has every table of the database, with all columns, in an order in which
//! they can be restored.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait as _;

use super::*;
use crate::query::sql::{Dialect, Sql};
use crate::query::table::ColumnType;
use crate::{Db, Options, migration};

/// The tables that are not archived, each with the reason.
const LEFT_OUT: &[(&str, &str)] = &[
    ("token", "who finds an archive is to open nothing with it"),
    ("secret", "who finds an archive is to open nothing with it"),
    ("preview_generation", "previews are signed by a secret"),
    ("change", "restoring fills a feed of its own"),
    ("change_head", "restoring fills a feed of its own"),
    ("audit", "its numbers are those of the feed"),
    (
        "reserved_name",
        "it follows from the names of people and accounts",
    ),
    (
        "idempotency_key",
        "kept for a day, for clients of this installation",
    ),
    (
        "feed_checkpoint",
        "the caches are those of this installation",
    ),
    (
        "seaql_migrations",
        "what the tables are, not what is in them",
    ),
];

/// The columns of archived tables that are not archived, each with the reason.
const COLUMNS_LEFT_OUT: &[(&str, &str, &str)] = &[
    (
        "article",
        "author_ids",
        "they follow from the rows of article_author",
    ),
    (
        "article",
        "topic_ids",
        "they follow from the rows of article_topic",
    ),
];

async fn rows(db: &Db, text: &str) -> Vec<sea_orm::QueryResult> {
    let statement = Sql::new(Dialect::Sqlite).statement(text.to_owned());
    db.connection().query_all_raw(statement).await.unwrap()
}

#[tokio::test]
async fn every_column_of_every_table_is_in_it_or_left_out_for_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("k.db").display());
    let db = Db::open(&Options::new(url).create()).await.unwrap();
    migration::up(&db).await.unwrap();

    let listed: BTreeMap<_, _> = ARCHIVED.iter().map(|table| (table.name, table)).collect();
    let left_out: BTreeMap<_, _> = LEFT_OUT.iter().copied().collect();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let (mut there, mut columns_left_out) = (0, 0);
    for row in rows(&db, sql).await {
        let name: String = row.try_get("", "name").unwrap();
        if left_out.contains_key(name.as_str()) {
            continue;
        }
        there += 1;
        let table = listed.get(name.as_str());
        let table = table.unwrap_or_else(|| panic!("table {name} is missing in ARCHIVED"));
        let sql = format!(
            "SELECT name, type, \"notnull\" = 0 AND pk = 0 AS open, pk FROM pragma_table_info('{name}')"
        );
        let mut key = BTreeMap::new();
        let mut columns = 0;
        for row in rows(&db, &sql).await {
            let column: String = row.try_get("", "name").unwrap();
            let mut left_out = COLUMNS_LEFT_OUT.iter();
            if left_out.any(|(of, left_out, _)| *of == name && *left_out == column) {
                columns_left_out += 1;
                continue;
            }
            columns += 1;
            let stored: String = row.try_get("", "type").unwrap();
            let nullable: bool = row.try_get("", "open").unwrap();
            let place: i64 = row.try_get("", "pk").unwrap();
            let known = table.column(&column);
            let known = known.unwrap_or_else(|| panic!("{name}.{column} is missing in ARCHIVED"));
            assert_eq!(known.nullable, nullable, "{name}.{column}: nullable");
            let fits: &[ColumnType] = match stored.to_ascii_lowercase().as_str() {
                "blob" => &[ColumnType::Id],
                "integer" => &[ColumnType::Int, ColumnType::Long, ColumnType::Bool],
                "real" => &[ColumnType::Real],
                _ => &[ColumnType::Text, ColumnType::Json, ColumnType::Time],
            };
            assert!(fits.contains(&known.data_type), "{name}.{column}: {stored}");
            if place > 0 {
                key.insert(place, column);
            }
        }
        assert_eq!(columns, table.columns.len(), "{name} has no other columns");
        let key: Vec<_> = key.into_values().collect();
        assert_eq!(key, table.key, "{name}: primary key");
        let refers = format!("SELECT \"table\" AS target FROM pragma_foreign_key_list('{name}')");
        for row in rows(&db, &refers).await {
            let target: String = row.try_get("", "target").unwrap();
            let place = |name: &str| ARCHIVED.iter().position(|table| table.name == name);
            let before = place(&target) < place(&name);
            let itself = target == name && table.parent.is_some();
            assert!(before || itself, "{name} must stand after {target}");
        }
    }
    assert_eq!(columns_left_out, COLUMNS_LEFT_OUT.len());
    assert_eq!(
        there,
        ARCHIVED.len(),
        "ARCHIVED has tables that are not there"
    );
}

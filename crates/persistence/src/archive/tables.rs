//! The schema of an archive: every table of the newsroom and every column, by name and type.
//!
//! To add a column, add an entry to the list of its table. To add a table, add an entry to
//! [`TABLES`], after the tables that it refers to. The test below fails while either is missing.

use crate::feed::{EntityKind, Facet};

/// A table of the archive.
pub(super) struct Table {
    /// Name of the table, in the database and in the archive.
    pub(super) name: &'static str,
    /// Columns of the primary key. Rows are archived in the order of this key.
    pub(super) key: &'static [&'static str],
    /// All columns of the table.
    pub(super) columns: &'static [Column],
    /// The self-referencing column, if any. A row may refer to a row that comes later.
    pub(super) parent: Option<&'static str>,
    /// Description of the rows in the change feed, if readers address them individually.
    pub(super) noted: Option<Noted>,
}

/// Description of a table's rows for the change feed.
#[derive(Clone, Copy)]
pub(super) struct Noted {
    pub(super) entity: EntityKind,
    /// Lists that belong to a row, as named in cache tags.
    pub(super) lists: &'static [Facet],
}

/// A column of a table.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) holds: Holds,
    pub(super) nullable: bool,
    /// Whether the column is excluded: it is not exported, and ignored in an archive that has it.
    pub(super) private: bool,
}

/// The type of a column's values. The two databases store some of these types differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Bool,
    Id,
    /// A 32-bit integer.
    Int,
    /// A 64-bit integer.
    Long,
    /// JSON, embedded in the archive as JSON rather than as a string.
    Json,
    Real,
    Text,
    Time,
}

use Holds::{Bool, Id, Int, Json, Long, Real, Text, Time};

const fn table(
    name: &'static str,
    key: &'static [&'static str],
    columns: &'static [Column],
) -> Table {
    Table {
        name,
        key,
        columns,
        parent: None,
        noted: None,
    }
}

impl Table {
    const fn under(self, column: &'static str) -> Self {
        Self {
            parent: Some(column),
            ..self
        }
    }

    const fn noted(self, entity: EntityKind, lists: &'static [Facet]) -> Self {
        Self {
            noted: Some(Noted { entity, lists }),
            ..self
        }
    }

    /// Returns the column with this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Creates a column that is never null.
const fn some(name: &'static str, holds: Holds) -> Column {
    Column {
        name,
        holds,
        nullable: false,
        private: false,
    }
}

/// Creates a column that may be null.
const fn maybe(name: &'static str, holds: Holds) -> Column {
    Column {
        name,
        holds,
        nullable: true,
        private: false,
    }
}

/// Creates a nullable column that is excluded from archives.
const fn private(name: &'static str, holds: Holds) -> Column {
    Column {
        private: true,
        ..maybe(name, holds)
    }
}

/// All tables of the archive. Each table comes after those that it refers to.
pub(super) const TABLES: &[Table] = &[
    table(
        "account",
        &["id"],
        &[
            some("id", Id),
            some("name", Text),
            maybe("issuer", Text),
            maybe("subject", Text),
            some("created_at", Time),
        ],
    ),
    table(
        "media",
        &["id"],
        &[
            some("id", Id),
            some("kind", Text),
            maybe("url", Text),
            maybe("width", Int),
            maybe("height", Int),
            maybe("seconds", Int),
            maybe("alt", Text),
            maybe("caption", Text),
            maybe("credit", Text),
            maybe("placeholder", Text),
            maybe("focal_point", Text),
            some("renditions", Json),
        ],
    )
    .noted(EntityKind::Media, &[]),
    table(
        "edition",
        &["id"],
        &[
            some("id", Id),
            some("slug", Text),
            some("name", Text),
            some("language", Text),
            some("direction", Text),
            maybe("label_live", Text),
            maybe("label_follow", Text),
            maybe("label_sections", Text),
            maybe("label_stories", Text),
            maybe("label_comments", Text),
            some("article_count", Long),
        ],
    )
    .noted(
        EntityKind::Edition,
        &[
            Facet::Articles,
            Facet::Sections,
            Facet::Stories,
            Facet::LiveChannels,
            Facet::FollowChannels,
            Facet::Leads,
        ],
    ),
    table(
        "section",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            maybe("parent_id", Id),
            some("slug", Text),
            some("name", Text),
            maybe("summary", Text),
            some("position", Int),
            some("featured", Bool),
            some("article_count", Long),
        ],
    )
    .under("parent_id")
    .noted(EntityKind::Section, &[Facet::Articles, Facet::Children]),
    table(
        "section_path",
        &["section_id", "ancestor_id"],
        &[
            some("section_id", Id),
            some("ancestor_id", Id),
            some("height", Int),
        ],
    ),
    table(
        "story",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            some("kind", Text),
            some("status", Text),
            some("slug", Text),
            some("title", Text),
            maybe("summary", Text),
            maybe("image_id", Id),
            maybe("pinned_position", Int),
            some("article_count", Long),
            maybe("reported_article_count", Long),
            maybe("last_article_at", Time),
            some("active_at", Time),
        ],
    )
    .noted(EntityKind::Story, &[Facet::Articles, Facet::Topics]),
    table(
        "person",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            some("slug", Text),
            some("name", Text),
            maybe("role", Text),
            maybe("biography", Text),
            maybe("portrait_id", Id),
            some("article_count", Long),
        ],
    )
    .noted(EntityKind::Person, &[Facet::Articles]),
    table(
        "source",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            maybe("kind", Text),
            some("slug", Text),
            some("name", Text),
            maybe("url", Text),
            some("article_count", Long),
        ],
    )
    .noted(EntityKind::Source, &[Facet::Articles]),
    table(
        "topic",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            some("kind", Text),
            some("slug", Text),
            some("name", Text),
            maybe("summary", Text),
            maybe("media_topic", Text),
            some("article_count", Long),
        ],
    )
    .noted(EntityKind::Topic, &[Facet::Articles]),
    table(
        "article",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            some("kind", Text),
            some("status", Text),
            some("slug", Text),
            maybe("canonical_url", Text),
            some("headline", Text),
            maybe("lead", Text),
            some("excerpt", Text),
            maybe("hero_id", Id),
            maybe("source_id", Id),
            maybe("section_id", Id),
            some("language", Text),
            some("direction", Text),
            some("has_photos", Bool),
            some("has_video", Bool),
            some("has_audio", Bool),
            some("is_stub", Bool),
            maybe("first_published_at", Time),
            maybe("published_at", Time),
            maybe("updated_at", Time),
            some("listed_at", Time),
            some("version", Int),
            some("reading_minutes", Int),
            some("comment_count", Long),
            some("read_count", Long),
        ],
    )
    .noted(EntityKind::Article, &[Facet::Comments, Facet::Related]),
    table(
        "article_body",
        &["article_id"],
        &[some("article_id", Id), some("blocks", Json)],
    ),
    table(
        "article_author",
        &["article_id", "person_id"],
        &[
            some("article_id", Id),
            some("person_id", Id),
            some("position", Int),
        ],
    ),
    table(
        "article_topic",
        &["article_id", "topic_id"],
        &[
            some("article_id", Id),
            some("topic_id", Id),
            some("position", Int),
        ],
    ),
    table(
        "article_story",
        &["article_id", "story_id"],
        &[
            some("article_id", Id),
            some("story_id", Id),
            some("position", Int),
        ],
    ),
    table(
        "story_topic",
        &["story_id", "topic_id"],
        &[
            some("story_id", Id),
            some("topic_id", Id),
            some("position", Int),
        ],
    ),
    table(
        "story_merge",
        &["from_id"],
        &[some("from_id", Id), some("into_id", Id), some("at", Time)],
    ),
    table(
        "listing",
        &["list_id", "direct", "article_id"],
        &[
            some("list_id", Id),
            some("direct", Int),
            some("article_id", Id),
            some("noun", Text),
            some("listed_at", Time),
            some("comment_count", Long),
            some("kind", Text),
            some("language", Text),
            some("has_photos", Bool),
            some("has_video", Bool),
            some("has_audio", Bool),
        ],
    ),
    table(
        "related",
        &["from_id", "to_id"],
        &[
            some("from_id", Id),
            some("to_id", Id),
            some("rank", Int),
            some("origin", Text),
            some("reason", Text),
            maybe("score", Real),
        ],
    ),
    table(
        "article_editorial",
        &["article_id"],
        &[
            some("article_id", Id),
            maybe("created_by", Id),
            maybe("scheduled_for", Time),
            maybe("embargo_until", Time),
            maybe("withdrawn_at", Time),
            maybe("withdrawal_reason", Text),
        ],
    ),
    table(
        "revision",
        &["article_id", "version"],
        &[
            some("article_id", Id),
            some("version", Int),
            some("at", Time),
            maybe("account_id", Id),
            some("author_name", Text),
            some("step", Text),
            maybe("note", Text),
            some("content", Json),
        ],
    ),
    table(
        "correction",
        &["article_id", "version"],
        &[
            some("article_id", Id),
            some("version", Int),
            some("at", Time),
            some("note", Text),
        ],
    ),
    table(
        "redirect",
        &["edition_id", "noun", "slug"],
        &[
            some("edition_id", Id),
            some("noun", Text),
            some("slug", Text),
            some("target_id", Id),
            some("at", Time),
        ],
    ),
    table(
        "comment",
        &["id"],
        &[
            some("id", Id),
            some("article_id", Id),
            maybe("parent_id", Id),
            some("author_name", Text),
            some("text", Text),
            some("status", Text),
            some("posted_at", Time),
            some("reply_count", Long),
            maybe("account_id", Id),
            // The sender's network address, used to count the comments sent from it within a day.
            private("address", Text),
            maybe("edited_at", Time),
            maybe("reason", Text),
            some("report_count", Long),
            maybe("edition_id", Id),
            some("depth", Int),
            some("shown", Bool),
            maybe("is_staff", Bool),
        ],
    )
    .under("parent_id")
    .noted(EntityKind::Comment, &[Facet::Replies]),
    table(
        "comment_report",
        &["comment_id", "account_id"],
        &[
            some("comment_id", Id),
            some("account_id", Id),
            some("reason", Text),
            some("at", Time),
        ],
    ),
    table(
        "commenting",
        &["of_id"],
        &[
            some("of_id", Id),
            some("noun", Text),
            maybe("mode", Text),
            maybe("days", Int),
            maybe("depth", Int),
            maybe("guest_comments_allowed", Bool),
        ],
    ),
    table(
        "live_channel",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            some("name", Text),
            maybe("stream_url", Text),
            maybe("poster_id", Id),
            maybe("on_air", Bool),
            some("position", Int),
        ],
    )
    .noted(EntityKind::LiveChannel, &[]),
    table(
        "follow_channel",
        &["id"],
        &[
            some("id", Id),
            some("edition_id", Id),
            some("platform", Text),
            some("name", Text),
            maybe("handle", Text),
            maybe("url", Text),
            some("position", Int),
        ],
    )
    .noted(EntityKind::FollowChannel, &[]),
    table(
        "home_lead",
        &["edition_id", "article_id"],
        &[
            some("edition_id", Id),
            some("article_id", Id),
            some("position", Int),
        ],
    ),
    table(
        "trusted_document",
        &["id"],
        &[
            some("id", Id),
            some("name", Text),
            some("sha256", Text),
            some("text", Text),
            some("registered_at", Time),
        ],
    )
    .noted(EntityKind::TrustedDocument, &[]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sea_orm::ConnectionTrait as _;

    use super::*;
    use crate::query::sql::{Dialect, Sql};
    use crate::{Db, Options, migration};

    /// Tables that an archive leaves out, each with the reason.
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

        let listed: BTreeMap<_, _> = TABLES.iter().map(|table| (table.name, table)).collect();
        let left_out: BTreeMap<_, _> = LEFT_OUT.iter().copied().collect();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
        let mut there = 0;
        for row in rows(&db, sql).await {
            let name: String = row.try_get("", "name").unwrap();
            if left_out.contains_key(name.as_str()) {
                continue;
            }
            there += 1;
            let table = listed.get(name.as_str());
            let table = table.unwrap_or_else(|| panic!("table {name} is missing in TABLES"));
            let sql = format!(
                "SELECT name, type, \"notnull\" = 0 AND pk = 0 AS open, pk FROM pragma_table_info('{name}')"
            );
            let mut key = BTreeMap::new();
            let mut columns = 0;
            for row in rows(&db, &sql).await {
                columns += 1;
                let column: String = row.try_get("", "name").unwrap();
                let stored: String = row.try_get("", "type").unwrap();
                let nullable: bool = row.try_get("", "open").unwrap();
                let place: i64 = row.try_get("", "pk").unwrap();
                let known = table.column(&column);
                let known = known.unwrap_or_else(|| panic!("{name}.{column} is missing in TABLES"));
                assert_eq!(known.nullable, nullable, "{name}.{column}: nullable");
                let fits: &[Holds] = match stored.to_ascii_lowercase().as_str() {
                    "blob" => &[Id],
                    "integer" => &[Int, Long, Bool],
                    "real" => &[Real],
                    _ => &[Text, Json, Time],
                };
                assert!(fits.contains(&known.holds), "{name}.{column}: {stored}");
                if place > 0 {
                    key.insert(place, column);
                }
            }
            assert_eq!(columns, table.columns.len(), "{name} has no other columns");
            let key: Vec<_> = key.into_values().collect();
            assert_eq!(key, table.key, "{name}: primary key");
            let refers =
                format!("SELECT \"table\" AS target FROM pragma_foreign_key_list('{name}')");
            for row in rows(&db, &refers).await {
                let target: String = row.try_get("", "target").unwrap();
                let place = |name: &str| TABLES.iter().position(|table| table.name == name);
                let before = place(&target) < place(&name);
                let itself = target == name && table.parent.is_some();
                assert!(before || itself, "{name} must stand after {target}");
            }
        }
        assert_eq!(there, TABLES.len(), "TABLES has tables that are not there");
    }
}

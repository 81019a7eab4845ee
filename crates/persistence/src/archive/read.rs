//! Restoring an archive into an empty database. The restore is atomic and holds only a few lines in
//! memory at a time.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use khabar_domain::WebUrl;
use sea_orm::ConnectionTrait as _;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::derive::derive;
use super::{Counts, End, Error, Head, Result, VERSION, acyclic, codec, hexadecimal};
use crate::feed::{CacheTag, Operation};
use crate::maintenance::check;
use crate::query::sql::{Dialect, Sql};
use crate::query::table::{FeedObject, Table};
use crate::tables::{ARCHIVED, reserved_name};
use crate::{Doing, WriteTx};

/// Maximum length of a line in bytes (64 MiB), a hundred times the longest article body ever
/// printed. Without a limit, a file without line breaks would be read into memory as a whole.
const LINE: u64 = 64 << 20;
/// Maximum number of values in one INSERT. Well below SQLite's limit of 32,766, and large enough to
/// be fast.
const VALUES: usize = 8_000;
/// Number of bytes of lines to buffer before they are inserted (4 MiB).
const BYTES: usize = 4 << 20;
/// Number of changes to collect before they are written to the change feed.
const NOTES: usize = 5_000;

/// The UTF-8 byte order mark, which some editors write at the start of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const DOING: &str = "restore the newsroom";

/// Restores a newsroom in this writer's transaction and commits it. Returns the number of rows of
/// each kind.
pub async fn restore(mut writer: WriteTx, archive: impl BufRead + Send) -> Result<Counts> {
    let mut lines = Lines {
        archive,
        number: 0,
        digest: Sha256::new(),
    };
    prepare(&writer).await?;
    let counts = fill(&mut writer, &mut lines).await?;
    conclude(&writer).await?;
    acyclic::check(&writer).await?;
    derive(&writer).await?;
    reserved_name::complete(&writer).await?;
    if let Some(row) = check::first_broken(&writer).await? {
        return Err(Error::Broken(row));
    }
    writer.commit().await?;
    Ok(counts)
}

/// Locks out other writers, makes sure that all tables are empty, and defers the foreign keys that
/// let rows refer to later rows.
async fn prepare(writer: &WriteTx) -> Result<()> {
    if writer.dialect() == Dialect::Postgres {
        let tables: Vec<_> = ARCHIVED.iter().map(|table| quoted(table.name)).collect();
        let lock = format!("LOCK TABLE {} IN EXCLUSIVE MODE", tables.join(", "));
        command(writer, &lock).await?;
    }
    for table in ARCHIVED {
        let text = format!("SELECT 1 FROM {} LIMIT 1", quoted(table.name));
        if !writer.rows(DOING, writer.sql(), text).await?.is_empty() {
            return Err(Error::NotEmpty { table: table.name });
        }
    }
    match writer.dialect() {
        Dialect::Sqlite => command(writer, "PRAGMA defer_foreign_keys = ON").await,
        Dialect::Postgres => constraints(writer, "DEFERRABLE INITIALLY DEFERRED").await,
    }
}

/// Checks the deferred constraints and restores the original table definitions (PostgreSQL only).
async fn conclude(writer: &WriteTx) -> Result<()> {
    if writer.dialect() == Dialect::Postgres {
        command(writer, "SET CONSTRAINTS ALL IMMEDIATE").await?;
        constraints(writer, "NOT DEFERRABLE").await?;
    }
    Ok(())
}

/// Sets the deferrability of all self-referencing foreign keys to `so`.
async fn constraints(writer: &WriteTx, so: &str) -> Result<()> {
    for table in ARCHIVED {
        if let Some(parent) = table.parent {
            let name = table.name;
            let text =
                format!("ALTER TABLE \"{name}\" ALTER CONSTRAINT \"{name}_{parent}_fkey\" {so}");
            command(writer, &text).await?;
        }
    }
    Ok(())
}

async fn command(writer: &WriteTx, text: &str) -> Result<()> {
    let done = writer.connection().execute_unprepared(text).await;
    done.doing(DOING)?;
    Ok(())
}

async fn fill<R: BufRead + Send>(writer: &mut WriteTx, lines: &mut Lines<R>) -> Result<Counts> {
    let promised = head(lines)?;
    let mut counts: Counts = promised.keys().map(|kind| (kind.clone(), 0)).collect();
    let mut place = 0;
    let mut batch = Batch::of(&ARCHIVED[0]);
    loop {
        let before = lines.digest.clone();
        let text = lines.next()?.ok_or(Error::Cut {
            after: lines.number,
        })?;
        let (kind, json) = lines.opened(&text)?;
        let kind = current(kind);
        if kind == "end" {
            batch.insert(writer).await?;
            let mut end: End = lines.parsed(json)?;
            end.counts = with_current_names(end.counts);
            seal(lines, &end, before, &promised, &counts)?;
            return Ok(counts);
        }
        let found = ARCHIVED.iter().position(|table| table.name == kind);
        let found =
            found.ok_or_else(|| lines.wrong(format!("has a kind that is not known: {kind:?}")))?;
        let table = &ARCHIVED[found];
        if found < place {
            let after = ARCHIVED[place].name;
            return Err(lines.wrong(format!("has a kind out of order: {kind} after {after}")));
        }
        if found > place {
            batch.insert(writer).await?;
            batch = Batch::of(table);
            place = found;
        }
        let fields = with_current_names(lines.parsed::<BTreeMap<_, _>>(json)?);
        let row = row(table, &fields).map_err(|problem| lines.wrong(problem))?;
        if let Some(object) = table.feed_object {
            note(writer, object, &row).await?;
        }
        if let Some(count) = counts.get_mut(kind.as_str()) {
            *count += 1;
        }
        batch.add(lines.number, text.len(), row);
        if batch.is_full() {
            batch.insert(writer).await?;
        }
    }
}

/// Reads and checks the first line. Returns the row counts that it announces.
fn head<R: BufRead>(lines: &mut Lines<R>) -> Result<Counts> {
    let text = lines.next()?.ok_or(Error::Cut { after: 0 })?;
    let (kind, json) = lines.opened(&text)?;
    if kind != "khabar" {
        return Err(lines.wrong(format!(
            "is not the first of an archive: it has the kind {kind:?} and not \"khabar\""
        )));
    }
    let version: BTreeMap<String, &RawValue> = lines.parsed(json)?;
    let version = version
        .get("version")
        .map_or("none", |version| version.get());
    if !(1..=VERSION).any(|readable| version == readable.to_string()) {
        return Err(lines.wrong(format!(
            "has the version {version}; this program reads versions up to {VERSION}"
        )));
    }
    let mut head: Head = lines.parsed(json)?;
    head.counts = with_current_names(head.counts);
    let known = |kind: &String| ARCHIVED.iter().any(|table| table.name == kind);
    if let Some(kind) = head.counts.keys().find(|kind| !known(kind)) {
        return Err(lines.wrong(format!("counts a kind that is not known: {kind:?}")));
    }
    if let Some(table) = ARCHIVED
        .iter()
        .find(|table| !head.counts.contains_key(table.name))
    {
        return Err(lines.wrong(format!("does not count the kind {:?}", table.name)));
    }
    Ok(head.counts)
}

/// Former names of kinds and fields, and their current names.
const RENAMED: [(&str, &str); 4] = [
    ("article_desk", "article_editorial"),
    ("own", "direct"),
    ("names_allowed", "guest_comments_allowed"),
    ("noun", "entity"),
];

/// Returns the current name of a kind or a field.
fn current(name: String) -> String {
    let renamed = RENAMED.iter().find(|(former, _)| *former == name);
    renamed.map_or(name, |(_, current)| (*current).to_owned())
}

fn with_current_names<V>(named: BTreeMap<String, V>) -> BTreeMap<String, V> {
    named
        .into_iter()
        .map(|(name, value)| (current(name), value))
        .collect()
}

/// Checks that the counts and the digest of the last line match the preceding lines, and that
/// nothing follows it.
fn seal<R: BufRead>(
    lines: &mut Lines<R>,
    end: &End,
    before: Sha256,
    promised: &Counts,
    counts: &Counts,
) -> Result<()> {
    for (kind, count) in counts {
        for (place, told) in [("first", promised), ("last", &end.counts)] {
            let told = told.get(kind).copied().unwrap_or_default();
            if told != *count {
                return Err(lines.wrong(format!(
                    "comes after {count} of the kind {kind}, and the {place} line counts {told}"
                )));
            }
        }
    }
    let digest = hexadecimal(&before.finalize());
    if digest != end.sha256 {
        return Err(lines.wrong(format!(
            "seals other lines than these: their SHA-256 is {digest}, and it says {}",
            end.sha256
        )));
    }
    if lines.next()?.is_some() {
        return Err(lines.wrong("stands after the end".to_owned()));
    }
    Ok(())
}

/// Returns the values of a row in the order of the table's columns, or a description of the problem.
fn row(table: &Table, fields: &BTreeMap<String, &RawValue>) -> Result<Vec<sea_orm::Value>, String> {
    if let Some(name) = fields.keys().find(|name| table.column(name).is_none()) {
        return Err(format!(
            "has a field that {} does not have: {name:?}",
            table.name
        ));
    }
    let mut values = Vec::with_capacity(table.columns.len());
    for column in table.columns {
        let json = fields.get(column.name).copied();
        // Older archives may contain columns that are now private. Their values are ignored.
        let json = json.filter(|json| json.get() != "null" && !column.private);
        if json.is_none() && !column.nullable {
            return Err(format!(
                "lacks the field {:?} of {}",
                column.name, table.name
            ));
        }
        let value = codec::read(json, column.data_type);
        let value = value.map_err(|expected| {
            let name = column.name;
            format!(
                "should have {expected} in the field {name:?} of {}",
                table.name
            )
        })?;
        values.push(match (table.name, column.name) {
            ("article", "canonical_url") => normalized_url(value),
            _ => value,
        });
    }
    Ok(values)
}

/// Converts a URL to the normal form used for lookups. Earlier versions stored a different form.
fn normalized_url(value: sea_orm::Value) -> sea_orm::Value {
    match &value {
        sea_orm::Value::String(Some(url)) => {
            let read = WebUrl::parse(url).map(|url| url.as_str().to_owned().into());
            read.unwrap_or(value)
        }
        _ => value,
    }
}

/// Records a row in the change feed as added, along with all of its lists, which are new as well.
async fn note(writer: &mut WriteTx, object: FeedObject, row: &[sea_orm::Value]) -> Result<()> {
    // The id is the first column of every table that is recorded in the feed.
    let Some(sea_orm::Value::Uuid(Some(id))) = row.first() else {
        return Ok(());
    };
    let id = *id;
    let mut keys = vec![CacheTag::one(object.entity, id)];
    let lists = object.lists.iter();
    keys.extend(lists.map(|list| CacheTag::part(object.entity, id, *list)));
    writer.note(object.entity, id, Operation::Added, keys);
    if writer.pending_changes() >= NOTES {
        writer.flush_changes().await?;
    }
    Ok(())
}

/// Rows of one table to be inserted by one statement.
struct Batch {
    table: &'static Table,
    lines: (u64, u64),
    bytes: usize,
    rows: Vec<Vec<sea_orm::Value>>,
}

impl Batch {
    fn of(table: &'static Table) -> Self {
        Self {
            table,
            lines: (0, 0),
            bytes: 0,
            rows: Vec::new(),
        }
    }

    fn add(&mut self, line: u64, bytes: usize, row: Vec<sea_orm::Value>) {
        if self.rows.is_empty() {
            self.lines.0 = line;
        }
        self.lines.1 = line;
        self.bytes += bytes;
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        (self.rows.len() + 1) * self.table.columns.len() > VALUES || self.bytes > BYTES
    }

    async fn insert(&mut self, writer: &WriteTx) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut sql: Sql = writer.sql();
        let names = self.table.columns.iter().map(|column| quoted(column.name));
        let names: Vec<_> = names.collect();
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in self.rows.drain(..) {
            let values: Vec<_> = row.into_iter().map(|value| sql.bind(value)).collect();
            rows.push(format!("({})", values.join(", ")));
        }
        let text = format!(
            "INSERT INTO {} ({}) VALUES {}",
            quoted(self.table.name),
            names.join(", "),
            rows.join(", ")
        );
        self.bytes = 0;
        let (first, last) = self.lines;
        let done = writer.run(DOING, sql, text).await;
        done.map_err(|source| Error::Lines {
            first,
            last,
            source,
        })?;
        Ok(())
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// A reader of an archive's lines, with the digest of those read so far.
struct Lines<R> {
    archive: R,
    number: u64,
    digest: Sha256,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.archive).take(LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|source| Error::File {
            doing: "read the archive",
            source,
        })?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            if line.len() as u64 == LINE {
                self.number += 1;
                return Err(self.wrong(format!("is longer than {LINE} bytes")));
            }
            return Err(Error::Cut { after: self.number });
        }
        // An editor may have added a byte order mark. The digest does not cover it.
        if self.number == 0 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        self.number += 1;
        self.digest.update(&line);
        let text = String::from_utf8(line);
        Ok(Some(
            text.map_err(|_| self.wrong("is not UTF-8".to_owned()))?,
        ))
    }

    /// Returns the kind of a line and the JSON value under that key.
    fn opened<'a>(&self, line: &'a str) -> Result<(String, &'a RawValue)> {
        let object: BTreeMap<String, &RawValue> = serde_json::from_str(line)
            .map_err(|error| self.wrong(format!("is not a JSON object: {error}")))?;
        let mut entries = object.into_iter();
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(entry),
            _ => Err(self.wrong("does not have one kind".to_owned())),
        }
    }

    fn parsed<'a, T: serde::Deserialize<'a>>(&self, json: &'a RawValue) -> Result<T> {
        serde_json::from_str(json.get())
            .map_err(|error| self.wrong(format!("cannot be understood: {error}")))
    }

    fn wrong(&self, problem: String) -> Error {
        Error::Line {
            line: self.number,
            problem,
        }
    }
}

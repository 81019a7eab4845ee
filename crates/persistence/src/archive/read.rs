//! Restoring an archive: into an empty database, all of it or nothing, a few lines in memory at a
//! time.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use khabar_domain::WebUrl;
use sea_orm::ConnectionTrait as _;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::derive::derive;
use super::tables::{Noted, TABLES, Table};
use super::{Counts, End, Error, Head, Result, VERSION, hexadecimal, tree, value};
use crate::change::Act;
use crate::sql::{Dialect, Sql};
use crate::{Doing, Writer, check, reserved_name};

/// How long a line may be: a body a hundred times as long as any that was ever printed. Without a
/// limit a file without line breaks would be read into memory whole.
const LINE: u64 = 64 << 20;
/// How many values one INSERT carries: under SQLite's 32,766, and enough to be quick.
const VALUES: usize = 8_000;
/// How many bytes of lines are kept until they are inserted.
const BYTES: usize = 4 << 20;
/// How many changes are noted until they go into the feed.
const NOTES: usize = 5_000;

/// UTF-8's, which some editors write at the head of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const DOING: &str = "restore the newsroom";

/// Restores a newsroom in this writer's transaction, and commits it.
pub async fn restore(mut writer: Writer, archive: impl BufRead + Send) -> Result<Counts> {
    let mut lines = Lines {
        archive,
        number: 0,
        digest: Sha256::new(),
    };
    prepare(&writer).await?;
    let counts = fill(&mut writer, &mut lines).await?;
    conclude(&writer).await?;
    tree::check(&writer).await?;
    derive(&writer).await?;
    reserved_name::complete(&writer).await?;
    if let Some(row) = check::first_broken(&writer).await? {
        return Err(Error::Broken(row));
    }
    writer.commit().await?;
    Ok(counts)
}

/// Keeps others out, makes sure that there is nothing, and lets rows refer to later ones.
async fn prepare(writer: &Writer) -> Result<()> {
    if writer.dialect() == Dialect::Postgres {
        let tables: Vec<_> = TABLES.iter().map(|table| quoted(table.name)).collect();
        let lock = format!("LOCK TABLE {} IN EXCLUSIVE MODE", tables.join(", "));
        command(writer, &lock).await?;
    }
    for table in TABLES {
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

/// Checks what was put off, and puts the tables back as they were.
async fn conclude(writer: &Writer) -> Result<()> {
    if writer.dialect() == Dialect::Postgres {
        command(writer, "SET CONSTRAINTS ALL IMMEDIATE").await?;
        constraints(writer, "NOT DEFERRABLE").await?;
    }
    Ok(())
}

/// Makes the constraints by which rows refer to others of their table so.
async fn constraints(writer: &Writer, so: &str) -> Result<()> {
    for table in TABLES {
        if let Some(parent) = table.parent {
            let name = table.name;
            let text =
                format!("ALTER TABLE \"{name}\" ALTER CONSTRAINT \"{name}_{parent}_fkey\" {so}");
            command(writer, &text).await?;
        }
    }
    Ok(())
}

async fn command(writer: &Writer, text: &str) -> Result<()> {
    let done = writer.connection().execute_unprepared(text).await;
    done.doing(DOING)?;
    Ok(())
}

async fn fill<R: BufRead + Send>(writer: &mut Writer, lines: &mut Lines<R>) -> Result<Counts> {
    let promised = head(lines)?;
    let mut counts: Counts = promised.keys().map(|kind| (kind.clone(), 0)).collect();
    let mut place = 0;
    let mut batch = Batch::of(&TABLES[0]);
    loop {
        let before = lines.digest.clone();
        let text = lines.next()?.ok_or(Error::Cut {
            after: lines.number,
        })?;
        let (kind, json) = lines.opened(&text)?;
        if kind == "end" {
            batch.insert(writer).await?;
            let end: End = lines.parsed(json)?;
            seal(lines, &end, before, &promised, &counts)?;
            return Ok(counts);
        }
        let found = TABLES.iter().position(|table| table.name == kind);
        let found =
            found.ok_or_else(|| lines.wrong(format!("has a kind that is not known: {kind:?}")))?;
        let table = &TABLES[found];
        if found < place {
            let after = TABLES[place].name;
            return Err(lines.wrong(format!("has a kind out of order: {kind} after {after}")));
        }
        if found > place {
            batch.insert(writer).await?;
            batch = Batch::of(table);
            place = found;
        }
        let fields: BTreeMap<String, &RawValue> = lines.parsed(json)?;
        let row = row(table, &fields).map_err(|problem| lines.wrong(problem))?;
        if let Some(noted) = table.noted {
            note(writer, noted, &row).await?;
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

/// What the first line promises.
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
    if version != VERSION.to_string() {
        return Err(lines.wrong(format!(
            "has the version {version}; this program reads version {VERSION}"
        )));
    }
    let head: Head = lines.parsed(json)?;
    let known = |kind: &String| TABLES.iter().any(|table| table.name == kind);
    if let Some(kind) = head.counts.keys().find(|kind| !known(kind)) {
        return Err(lines.wrong(format!("counts a kind that is not known: {kind:?}")));
    }
    if let Some(table) = TABLES
        .iter()
        .find(|table| !head.counts.contains_key(table.name))
    {
        return Err(lines.wrong(format!("does not count the kind {:?}", table.name)));
    }
    Ok(head.counts)
}

/// Makes sure that the last line is right about what came before it, and is the last.
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

/// A row's values in the order of its table's columns, or what is wrong with it.
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
        // Older archives have what stays at home now.
        let json = json.filter(|json| json.get() != "null" && !column.private);
        if json.is_none() && !column.nullable {
            return Err(format!(
                "lacks the field {:?} of {}",
                column.name, table.name
            ));
        }
        let value = value::read(json, column.holds);
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

/// An address in its normal form, by which articles are found: earlier versions stored it otherwise.
fn normalized_url(value: sea_orm::Value) -> sea_orm::Value {
    match &value {
        sea_orm::Value::String(Some(url)) => {
            let read = WebUrl::parse(url).map(|url| url.as_str().to_owned().into());
            read.unwrap_or(value)
        }
        _ => value,
    }
}

/// Tells the change feed of a row, and of all lists that it has: there were none.
async fn note(writer: &mut Writer, noted: Noted, row: &[sea_orm::Value]) -> Result<()> {
    // Whatever the feed hears of has its id as its first column.
    let Some(sea_orm::Value::Uuid(Some(id))) = row.first() else {
        return Ok(());
    };
    let id = *id;
    let mut keys = vec![noted.noun.key(id)];
    let lists = noted.lists.iter();
    keys.extend(lists.map(|list| noted.noun.list_key(id, *list)));
    writer.note(noted.noun, id, Act::Added, keys);
    if writer.noted() >= NOTES {
        writer.hand_in().await?;
    }
    Ok(())
}

/// Rows of one table that are inserted together.
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

    async fn insert(&mut self, writer: &Writer) -> Result<()> {
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

/// The lines of an archive, one after another, and the digest of those that were read.
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
        // An editor may have put it there; it is sealed without.
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

    /// A line's kind, and what it holds of it.
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

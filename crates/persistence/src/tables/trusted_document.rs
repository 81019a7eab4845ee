//! Storage of trusted documents: the GraphQL operations of an app's build, which are registered before
//! the app requests them by name.
//!
//! The text of a registered name never changes. A build with a different text uses a different name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use khabar_domain::{Invalid, Scope, derived};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind, Operation};
use crate::query::decode::{Row, columns};
use crate::query::table::table;
use crate::{BatchKey, Doing, ReadSession, Result, WriteTx};

/// The maximum length of a name in bytes. A SHA-256 hash in hexadecimal has 64.
const MOST_NAME: usize = 256;

/// The prefix that marks a name as a SHA-256 hash.
const SHA256: &str = "sha256:";

/// A document and the name by which an app requests it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedDocument {
    name: String,
    sha256: String,
    text: String,
}

impl TrustedDocument {
    /// Creates a document with the name that the app's build gave it: a hash or any other word. Returns
    /// an error if the name is empty, is longer than 256 bytes, or contains whitespace or control
    /// characters. A name of the form `sha256:…` with a hash must match the SHA-256 of the text.
    pub fn new(name: &str, text: impl Into<String>) -> Result<Self, Invalid> {
        const WHAT: &str = "the document's name";
        let text = text.into();
        let sha256 = hash(&text);
        let known = canonical(name);
        if known.is_empty() {
            return Err(Invalid::new(WHAT, "is empty"));
        }
        if known.len() > MOST_NAME {
            let problem = format!("is longer than {MOST_NAME} bytes ({})", known.len());
            return Err(Invalid::new(WHAT, problem));
        }
        if known.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Invalid::new(WHAT, "has a space in it"));
        }
        if known != name && known != sha256 {
            let problem = format!("is not that of its text, whose SHA-256 is {sha256}");
            return Err(Invalid::new(WHAT, problem));
        }
        Ok(Self {
            name: known.to_owned(),
            sha256,
            text,
        })
    }

    /// Returns the name by which the document is requested, without the prefix of a hash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text of the document.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Returns the SHA-256 of a document's text in lower-case hexadecimal.
pub fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// Returns the canonical form of a name: `sha256:…` with a hash becomes the hash alone.
fn canonical(name: &str) -> &str {
    let is_hash = |hash: &&str| {
        hash.len() == 64
            && hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    name.strip_prefix(SHA256).filter(is_hash).unwrap_or(name)
}

fn id_of(name: &str) -> Uuid {
    derived("trusted-document", &[name])
}

/// The key for reading a document by name. If no document has the name, it is looked up as the SHA-256
/// of a document's text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByName(String);

impl ByName {
    /// Creates the key from the name in a request. Returns `None` if the name is too long to be the name
    /// of a document.
    pub fn new(name: &str) -> Option<Self> {
        let name = canonical(name);
        (name.len() <= MOST_NAME).then(|| Self(name.to_owned()))
    }
}

/// The document found for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The text of the document.
    pub text: Arc<str>,
    id: Uuid,
    is_its_name: bool,
}

impl Cacheable for Found {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.text(&self.text);
    }
}

impl BatchKey for ByName {
    type Value = Found;

    const FINDS_ONE: bool = true;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Found>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value);
        Some(match value {
            Some(found) if found.is_its_name => meta.on(EntityKind::TrustedDocument, found.id),
            // A document that is registered later may have this name.
            _ => meta.tag(CacheTag::every(EntityKind::TrustedDocument)),
        })
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Found>> {
        const QUERY: &str = "trusted_document.by_hash";
        let mut sql = reader.sql();
        let names: Vec<_> = keys.iter().map(|key| key.0.clone()).collect();
        let by_name = sql.among_texts("t.name", names.clone());
        let by_hash = sql.among_texts("t.sha256", names);
        // Sorted, so that the choice between documents with equal texts is deterministic.
        let text = format!(
            "SELECT {} FROM trusted_document t WHERE {by_name} OR {by_hash} ORDER BY t.id",
            columns::<table::Model>("t")
        );
        let mut by_name = HashMap::new();
        let mut by_hash = HashMap::new();
        for row in reader.rows(QUERY, sql, text).await? {
            let Some(row) = reader.cells(&row, QUERY)?.perhaps::<table::Model>()? else {
                continue;
            };
            let text: Arc<str> = row.text.into();
            let found = |is_its_name| Found {
                text: Arc::clone(&text),
                id: row.id,
                is_its_name,
            };
            by_name.insert(row.name, found(true));
            by_hash.entry(row.sha256).or_insert_with(|| found(false));
        }
        let found = keys.iter().filter_map(|key| {
            let found = by_name.get(&key.0).or_else(|| by_hash.get(&key.0));
            Some((key.clone(), found?.clone()))
        });
        Ok(found.collect())
    }
}

/// Registers all of these documents or none, and returns the number of new ones. Returns an error if a
/// name already belongs to a document with a different text.
pub async fn register(writer: &mut WriteTx, documents: &[TrustedDocument]) -> Result<usize> {
    const DOING: &str = "register trusted documents";
    // The number of names per query and of rows per INSERT. Both databases allow more.
    const AT_ONCE: usize = 500;
    let mut new: BTreeMap<&str, &TrustedDocument> = BTreeMap::new();
    for document in documents {
        let first = new.entry(&document.name).or_insert(document);
        same(first, &document.text)?;
    }
    let names: Vec<_> = new.keys().copied().collect();
    for names in names.chunks(AT_ONCE) {
        let known = table::Entity::find()
            .filter(table::Column::Name.is_in(names.iter().copied()))
            .all(writer.connection())
            .await
            .doing(DOING)?;
        for row in known {
            if let Some(document) = new.remove(row.name.as_str()) {
                same(document, &row.text)?;
            }
        }
    }
    let added: Vec<_> = new.into_values().collect();
    for documents in added.chunks(AT_ONCE) {
        let rows = documents.iter().map(|document| {
            let row = table::Model {
                id: id_of(&document.name),
                name: document.name.clone(),
                sha256: document.sha256.clone(),
                text: document.text.clone(),
                registered_at: writer.at(),
            };
            row.into_active_model().reset_all()
        });
        table::Entity::insert_many(rows)
            .exec_without_returning(writer.connection())
            .await
            .doing(DOING)?;
    }
    for document in &added {
        let id = id_of(&document.name);
        let keys = vec![CacheTag::one(EntityKind::TrustedDocument, id)];
        writer.note(EntityKind::TrustedDocument, id, Operation::Added, keys);
    }
    Ok(added.len())
}

fn same(document: &TrustedDocument, text: &str) -> Result<(), Invalid> {
    if document.text == text {
        return Ok(());
    }
    Err(Invalid::new(
        format!("the document's name {}", document.name),
        "is that of a document with another text already",
    ))
}

/// Removes the trusted document with this name. Returns whether there was one.
pub async fn remove(writer: &mut WriteTx, name: &str) -> Result<bool> {
    let id = id_of(canonical(name));
    let gone = table::Entity::delete_by_id(id)
        .exec(writer.connection())
        .await
        .doing("remove a trusted document")?;
    if gone.rows_affected == 0 {
        return Ok(false);
    }
    let keys = vec![CacheTag::one(EntityKind::TrustedDocument, id)];
    writer.note(EntityKind::TrustedDocument, id, Operation::Withdrawn, keys);
    Ok(true)
}

/// Returns the name and the registration time of every trusted document, sorted by name.
pub async fn every(reader: &ReadSession) -> Result<Vec<(String, DateTime<Utc>)>> {
    const QUERY: &str = "trusted_document.list";
    let text = "SELECT name, registered_at FROM trusted_document".to_owned();
    let rows = reader.rows(QUERY, reader.sql(), text).await?;
    let rows = rows.iter().map(|row| {
        let name: String = row.try_get("", "name").query(QUERY)?;
        let at: DateTime<Utc> = row.try_get("", "registered_at").query(QUERY)?;
        Ok((name, at))
    });
    let mut every: Vec<_> = rows.collect::<Result<_>>()?;
    // Sorted here rather than by the database, because the collations of the databases differ.
    every.sort();
    Ok(every)
}

impl Row for table::Model {
    const TABLE: &'static str = "trusted_document";
    type Means = Self;

    fn read(self) -> Result<Self> {
        Ok(self)
    }
}

table! {
    mod table = "trusted_document", entity TrustedDocument;
    key id: Uuid;
    #[sea_orm(unique)]
    name: String,
    sha256: String,
    text: String,
    registered_at: DateTimeUtc,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_same_name_with_its_kind_before_it_and_has_to_be_right() {
        let hash = hash("{ a }");
        let plain = TrustedDocument::new(&hash, "{ a }").unwrap();
        let prefixed = TrustedDocument::new(&format!("sha256:{hash}"), "{ a }").unwrap();
        assert_eq!(plain, prefixed);
        assert_eq!(ByName::new(&hash), ByName::new(&format!("sha256:{hash}")));
        let wrong = TrustedDocument::new(&format!("sha256:{hash}"), "{ b }").unwrap_err();
        assert!(wrong.to_string().contains("SHA-256"), "{wrong}");
        // A name without the prefix may have been made in any way, so it is not checked.
        assert!(TrustedDocument::new(&hash, "{ b }").is_ok());
        assert_eq!(
            TrustedDocument::new("sha256:x", "").unwrap().name(),
            "sha256:x"
        );
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for name in ["", "a b", "a\n", "\u{0}", &"a".repeat(MOST_NAME + 1)] {
            assert!(TrustedDocument::new(name, "{ a }").is_err(), "{name:?}");
        }
        assert!(TrustedDocument::new(&"a".repeat(MOST_NAME), "{ a }").is_ok());
        assert_eq!(ByName::new(&"a".repeat(MOST_NAME + 1)), None);
    }
}

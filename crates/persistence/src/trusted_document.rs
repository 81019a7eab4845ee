//! Trusted documents as rows: the operations of an app's build, registered before it asks for them
//! by name.
//!
//! What a document says under its name never changes: a build that says something else calls it
//! differently.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use khabar_domain::{Invalid, Scope, derived};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::cache::{Kept, ReadingKey, Shown};
use crate::cells::{columns, stored};
use crate::change::{Act, Noun};
use crate::row::Row;
use crate::{BatchKey, Doing, Reader, Result, Writer};

/// How many bytes a name may have: a hash has 64.
const MOST_NAME: usize = 256;

/// What stands before a hash that says which kind it is.
const SHA256: &str = "sha256:";

/// A document and the name under which an app asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedDocument {
    name: String,
    sha256: String,
    text: String,
}

impl TrustedDocument {
    /// A document under its name, which is what the app's build made of it: a hash, or any word.
    /// Refused: a name that says that it is the SHA-256 of the text, and is not.
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

    /// The name under which it is asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The SHA-256 of a document's text in lower-case hexadecimal.
pub fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// `sha256:…` and the hash by itself are the same name.
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

/// The document of this name or, if none has it, of this hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByName(String);

impl ByName {
    /// As a request names it; none where no document can be called so.
    pub fn new(name: &str) -> Option<Self> {
        let name = canonical(name);
        (name.len() <= MOST_NAME).then(|| Self(name.to_owned()))
    }
}

/// What was found under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The document.
    pub text: Arc<str>,
    id: Uuid,
    is_its_name: bool,
}

impl Shown for Found {
    fn shown(&self, kept: &mut Kept) {
        kept.text(&self.text);
    }
}

impl BatchKey for ByName {
    type Value = Found;

    const FINDS_ONE: bool = true;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Found>) -> Option<Kept> {
        let kept = Kept::of::<Self>(value);
        Some(match value {
            Some(found) if found.is_its_name => kept.on(Noun::TrustedDocument, found.id),
            // One that is registered later may be called so.
            _ => kept.key(ReadingKey::every(Noun::TrustedDocument)),
        })
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Found>> {
        const DOING: &str = "find trusted documents";
        let mut sql = reader.sql();
        let names: Vec<_> = keys.iter().map(|key| key.0.clone()).collect();
        let by_name = sql.among_texts("t.name", names.clone());
        let by_hash = sql.among_texts("t.sha256", names);
        // Of several that say the same, always the same one.
        let text = format!(
            "SELECT {} FROM trusted_document t WHERE {by_name} OR {by_hash} ORDER BY t.id",
            columns::<table::Model>("t")
        );
        let mut by_name = HashMap::new();
        let mut by_hash = HashMap::new();
        for row in reader.rows(DOING, sql, text).await? {
            let Some(row) = reader.cells(&row, DOING)?.perhaps::<table::Model>()? else {
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

/// Registers documents, all or none; gives how many were not there yet. Refused: a name that is
/// another document's already.
pub async fn register(writer: &mut Writer, documents: &[TrustedDocument]) -> Result<usize> {
    const DOING: &str = "register trusted documents";
    // How many names one statement asks for, and how many rows one writes: both databases take more.
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
        let keys = vec![Noun::TrustedDocument.key(id)];
        writer.note(Noun::TrustedDocument, id, Act::Added, keys);
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

/// Trusts the document of this name no longer; tells whether there was one.
pub async fn remove(writer: &mut Writer, name: &str) -> Result<bool> {
    let id = id_of(canonical(name));
    let gone = table::Entity::delete_by_id(id)
        .exec(writer.connection())
        .await
        .doing("remove a trusted document")?;
    if gone.rows_affected == 0 {
        return Ok(false);
    }
    let keys = vec![Noun::TrustedDocument.key(id)];
    writer.note(Noun::TrustedDocument, id, Act::Withdrawn, keys);
    Ok(true)
}

/// The name of every trusted document and when it was registered, in the order of names.
pub async fn every(reader: &Reader) -> Result<Vec<(String, DateTime<Utc>)>> {
    const DOING: &str = "list the trusted documents";
    let text = "SELECT name, registered_at FROM trusted_document".to_owned();
    let rows = reader.rows(DOING, reader.sql(), text).await?;
    let rows = rows.iter().map(|row| {
        let name: String = row.try_get("", "name").doing(DOING)?;
        let at: DateTime<Utc> = row.try_get("", "registered_at").doing(DOING)?;
        Ok((name, at))
    });
    let mut every: Vec<_> = rows.collect::<Result<_>>()?;
    // Not by the database: each has an order of its own.
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

stored!(table::Model: id, name, sha256, text, registered_at);

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "trusted_document")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        #[sea_orm(unique)]
        pub name: String,
        pub sha256: String,
        pub text: String,
        pub registered_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
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
        // Of a name alone nobody knows how it was made.
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

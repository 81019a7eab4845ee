//! Names: the keys of the demo's entries and the id of each.
//!
//! Ids are derived from keys, so they are identical in every database that is filled.

use std::collections::HashSet;

use anyhow::{Context, ensure};
use khabar_domain::{EditionId, derived};
use uuid::Uuid;

use super::content::{Content, Entry, Located};

/// All names that an entry may refer to.
#[derive(Default)]
pub(super) struct KnownKeys(HashSet<Name>);

/// A noun, the edition within which the key is unique (if any), and the key.
type Name = (&'static str, Option<String>, String);

impl KnownKeys {
    /// Collects the names of all entries. An error names the entry whose key is already in use.
    pub(super) fn of(content: &Content) -> anyhow::Result<Self> {
        let mut names = Self::default();
        names.add(&content.editions)?;
        names.add(&content.sections)?;
        names.add(&content.people)?;
        names.add(&content.sources)?;
        names.add(&content.topics)?;
        names.add(&content.stories)?;
        names.add(&content.live)?;
        names.add(&content.follow)?;
        names.add(&content.media)?;
        names.add(&content.articles)?;
        Ok(names)
    }

    fn add<T: Entry>(&mut self, entries: &[Located<T>]) -> anyhow::Result<()> {
        for entry in entries {
            if let Some(edition) = entry.entry.edition() {
                self.edition(edition).with_context(|| entry.place())?;
            }
            let name = (
                T::NOUN,
                entry.entry.edition().map(str::to_owned),
                entry.entry.key().to_owned(),
            );
            ensure!(self.0.insert(name), "{}: the key is taken", entry.place());
        }
        Ok(())
    }

    /// Returns the id of an edition. An import derives an identical id, so it finds the existing edition.
    pub(super) fn edition(&self, key: &str) -> anyhow::Result<EditionId> {
        self.check("edition", None, key)?;
        Ok(derived("edition", &[key]).into())
    }

    /// Returns the id of an entry that all editions share.
    pub(super) fn shared<I: From<Uuid>>(&self, noun: &'static str, key: &str) -> anyhow::Result<I> {
        self.check(noun, None, key)?;
        Ok(derived(noun, &["demo", key]).into())
    }

    /// Returns the id of an entry in an edition.
    pub(super) fn find<I: From<Uuid>>(
        &self,
        noun: &'static str,
        edition: &str,
        key: &str,
    ) -> anyhow::Result<I> {
        self.check(noun, Some(edition), key)?;
        Ok(derived(noun, &["demo", edition, key]).into())
    }

    /// Returns the ids of several entries of one kind in an edition.
    pub(super) fn list<I: From<Uuid>>(
        &self,
        noun: &'static str,
        edition: &str,
        keys: &[String],
    ) -> anyhow::Result<Vec<I>> {
        keys.iter()
            .map(|key| self.find(noun, edition, key))
            .collect()
    }

    fn check(&self, noun: &'static str, edition: Option<&str>, key: &str) -> anyhow::Result<()> {
        let name = (noun, edition.map(str::to_owned), key.to_owned());
        let whose = edition.map_or_else(String::new, |edition| {
            format!(" in the edition {edition:?}")
        });
        ensure!(self.0.contains(&name), "there is no {noun} {key:?}{whose}");
        Ok(())
    }
}

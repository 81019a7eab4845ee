//! Names: which keys the demo's entries have, and the id that each stands for.
//!
//! An id is derived from its key, so filling another database gives the same ids.

use std::collections::HashSet;

use anyhow::{Context, ensure};
use khabar_domain::{EditionId, derived};
use uuid::Uuid;

use super::content::{Content, Entry, In};

/// Every name that an entry may use.
#[derive(Default)]
pub(super) struct Names(HashSet<Name>);

/// A noun, the edition that the key counts in, and the key.
type Name = (&'static str, Option<String>, String);

impl Names {
    /// Collects the names; an error names the entry whose key is taken.
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

    fn add<T: Entry>(&mut self, entries: &[In<T>]) -> anyhow::Result<()> {
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

    /// The id of an edition. It is the one that an import derives, which then finds the edition there.
    pub(super) fn edition(&self, key: &str) -> anyhow::Result<EditionId> {
        self.check("edition", None, key)?;
        Ok(derived("edition", &[key]).into())
    }

    /// The id of something that all editions share.
    pub(super) fn shared<I: From<Uuid>>(&self, noun: &'static str, key: &str) -> anyhow::Result<I> {
        self.check(noun, None, key)?;
        Ok(derived(noun, &["demo", key]).into())
    }

    /// The id of something in an edition.
    pub(super) fn find<I: From<Uuid>>(
        &self,
        noun: &'static str,
        edition: &str,
        key: &str,
    ) -> anyhow::Result<I> {
        self.check(noun, Some(edition), key)?;
        Ok(derived(noun, &["demo", edition, key]).into())
    }

    /// The ids of several things of one kind.
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

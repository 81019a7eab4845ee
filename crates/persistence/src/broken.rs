//! Broken rows: rows that do not hold what their table promises. Somebody has written them by hand,
//! or a version of this program whose rules were others.
//!
//! A list leaves them out and goes on; whoever asks for one by itself is told that it is broken. A
//! node remembers which it has met, so that each is logged once and editors can be shown them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::cache::ReadingKey;
use crate::change::Noun;
use crate::{Error, Result};

/// A row that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRow {
    /// The table that has it.
    pub table: Cow<'static, str>,
    /// The column that breaks a rule.
    pub column: Cow<'static, str>,
    /// Its primary key.
    pub row: String,
    /// The rule that it breaks.
    pub problem: String,
}

impl fmt::Display for BrokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            column,
            row,
            problem,
        } = self;
        write!(f, "table {table}, column {column}, row {row}: {problem}")
    }
}

impl BrokenRow {
    /// The key that a write touches which mends it; none where no write of this program does.
    pub(crate) fn key(&self) -> Option<ReadingKey> {
        let table = match self.table.as_ref() {
            "article_body" | "article_desk" => "article",
            table => table,
        };
        let noun = Noun::ALL
            .into_iter()
            .find(|noun| noun.as_str().replace('-', "_") == table)?;
        let id: Uuid = self.row.parse().ok()?;
        Some(ReadingKey::one(noun, id))
    }
}

/// How many broken rows a node remembers: an editor reads no longer list, and `khabar check` names
/// all. Those beyond it are counted only.
const MOST: usize = 1_000;

/// The broken rows that a node has met since it started.
#[derive(Debug, Default)]
pub struct BrokenRows {
    known: Mutex<Known>,
    left_out: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    rows: Vec<BrokenRow>,
    seen: HashSet<(Cow<'static, str>, String)>,
}

impl BrokenRows {
    /// The rows, in the order in which they were met; at most a thousand.
    pub fn known(&self) -> Vec<BrokenRow> {
        self.lock().rows.clone()
    }

    /// How often a row was left out of an answer.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    fn met(&self, row: &BrokenRow) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
        let mut known = self.lock();
        if known.rows.len() >= MOST {
            return;
        }
        if !known.seen.insert((row.table.clone(), row.row.clone())) {
            return;
        }
        known.rows.push(row.clone());
        let is_last = known.rows.len() == MOST;
        drop(known);
        let BrokenRow {
            table,
            column,
            row,
            problem,
        } = row;
        tracing::error!(%table, %column, %row, %problem, "a broken row is left out of answers");
        if is_last {
            tracing::error!("further broken rows are not logged: `khabar check` names all");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The broken rows that one reader meets, for whoever asked and for the node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    node: Arc<BrokenRows>,
    here: Arc<Mutex<Vec<BrokenRow>>>,
}

impl Met {
    /// Nothing yet, by this node.
    pub(crate) fn by(node: Arc<BrokenRows>) -> Self {
        Self {
            node,
            here: Arc::default(),
        }
    }

    /// Nothing yet, by the same node.
    pub(crate) fn anew(&self) -> Self {
        Self::by(Arc::clone(&self.node))
    }

    /// What was read; none where the row is broken.
    pub(crate) fn unless_broken<T>(&self, read: Result<T>) -> Result<Option<T>> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Error::BrokenRow(row)) => {
                self.node.met(&row);
                self.lock().push(*row);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The rows that were met, each once.
    pub(crate) fn rows(&self) -> Vec<BrokenRow> {
        let rows = self.lock();
        let by_key: HashMap<_, _> = rows
            .iter()
            .map(|row| ((row.table.clone(), row.row.clone()), row.clone()))
            .collect();
        by_key.into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<BrokenRow>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128) -> BrokenRow {
        BrokenRow {
            table: "article".into(),
            column: "canonical_url".into(),
            row: Uuid::from_u128(id).to_string(),
            problem: "the URL is longer than 2000 bytes (4226)".to_owned(),
        }
    }

    #[test]
    fn a_row_is_known_once_and_counted_each_time() {
        let node = Arc::new(BrokenRows::default());
        for _ in 0..3 {
            let met = Met::by(Arc::clone(&node));
            for id in [7, 7, 8] {
                let read = met.unless_broken::<()>(Err(Error::BrokenRow(Box::new(row(id)))));
                assert!(matches!(read, Ok(None)));
            }
            assert_eq!(met.rows().len(), 2);
        }
        assert_eq!(node.known(), [row(7), row(8)]);
        assert_eq!(node.left_out(), 9);
        for id in 0..2_000 {
            node.met(&row(id));
        }
        assert_eq!(node.known().len(), MOST);
    }

    #[test]
    fn what_mends_a_row_is_known_by_its_table() {
        let article = Uuid::from_u128(7);
        assert_eq!(row(7).key(), Some(ReadingKey::one(Noun::Article, article)));
        let body = BrokenRow {
            table: "article_body".into(),
            ..row(7)
        };
        assert_eq!(body.key(), Some(ReadingKey::one(Noun::Article, article)));
        let channel = BrokenRow {
            table: "live_channel".into(),
            ..row(7)
        };
        assert_eq!(
            channel.key(),
            Some(ReadingKey::one(Noun::LiveChannel, article))
        );
        let none = BrokenRow {
            table: "redirect".into(),
            ..row(7)
        };
        assert_eq!(none.key(), None);
    }
}

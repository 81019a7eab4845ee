//! Broken rows: rows that violate the rules of their table. They were written by hand, or by a
//! version of this program with other rules.
//!
//! Lists leave broken rows out and continue. Looking up a single broken row is an error. Each node
//! records the broken rows that it encounters, so that each is logged once and editors can list
//! them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{BrokenRow, Error, Result};

/// Maximum number of broken rows that a node records. Editors do not need a longer list,
/// and `khabar check` names all broken rows. Further rows are only counted.
const MOST: usize = 1_000;

/// The broken rows that a node has encountered since it started.
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
    /// Returns the recorded rows in the order in which they were first encountered. At most 1,000.
    pub fn known(&self) -> Vec<BrokenRow> {
        self.lock().rows.clone()
    }

    /// Returns the number of times that a row was left out of an answer.
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
        tracing::error!(%table, %column, %row, %problem, "broken_row");
        if is_last {
            tracing::error!("broken_rows_log_limit");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The broken rows that one reader encounters. They are reported to its caller and to the node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    node: Arc<BrokenRows>,
    here: Arc<Mutex<Vec<BrokenRow>>>,
}

impl Met {
    /// Creates an empty list that reports to this node.
    pub(crate) fn by(node: Arc<BrokenRows>) -> Self {
        Self {
            node,
            here: Arc::default(),
        }
    }

    /// Creates an empty list that reports to the same node.
    pub(crate) fn anew(&self) -> Self {
        Self::by(Arc::clone(&self.node))
    }

    /// Returns the value that was read. Records the row and returns `None` if it is broken.
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

    /// Whether no broken row was encountered.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Returns the rows that were encountered, without duplicates.
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
    use uuid::Uuid;

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
}

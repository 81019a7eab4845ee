//! The cache as one request sees it: what it may be given, and what of its own may be kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::seam::Step;
use super::store::Filled;
use super::{Cache, Kept, ReadingKey};
use crate::BatchKey;
use crate::change::Position;
use crate::reference::{Known, Reference};

/// The cache as one request sees it.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(super) cache: Cache,
    /// What the request reads has this much of the feed in it.
    pub(super) position: i64,
    /// The feed's epoch, in which that place is.
    pub(super) epoch: i64,
    pub(super) generation: u64,
    pub(super) reference: Option<Arc<Reference>>,
}

impl View {
    /// What the reference data answers. It costs no lock: it was exact when the view was taken.
    pub(crate) fn known<K: BatchKey>(&self, key: &K) -> Known<K::Value> {
        let reference = self.reference.as_deref();
        let known = reference.map_or(Known::Nothing, |reference| key.known(reference));
        if matches!(known, Known::Answer(_)) {
            let counts = &self.cache.0.counts;
            counts.referred.fetch_add(1, Ordering::Relaxed);
        }
        known
    }

    /// What changes when something that the reference data lacks is mended.
    pub(crate) fn mended_by(&self) -> impl Iterator<Item = ReadingKey> {
        let reference = self.reference.iter();
        reference.flat_map(|reference| reference.mended_by())
    }

    /// Waits at a step for as long as a test wants.
    pub(crate) async fn at(&self, step: Step) {
        self.cache.0.seam.at(step).await;
    }

    /// Whether anything else is ever kept.
    pub(crate) fn keeps(&self) -> bool {
        self.cache.0.read().store.keeps()
    }

    /// The place of which everything that is read under it must know.
    pub(crate) fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.position,
        }
    }

    /// Those of the answers that are kept, and the keys of the others.
    pub(crate) fn get<K: BatchKey>(&self, keys: &[K]) -> (HashMap<K, K::Value>, Vec<K>) {
        let mut kept = Vec::with_capacity(keys.len());
        let mut missing = Vec::new();
        {
            let store = &self.cache.0.read().store;
            for key in keys {
                match store.get::<_, Option<K::Value>>(key) {
                    Some(value) => kept.push((key, value)),
                    None => missing.push(key.clone()),
                }
            }
        }
        let counts = &self.cache.0.counts;
        counts.entities.asked(kept.len(), missing.len());
        let found = kept
            .into_iter()
            .filter_map(|(key, value)| Some((key.clone(), Option::clone(&value)?)))
            .collect();
        (found, missing)
    }

    /// Keeps the answers to these keys; none: nothing is to be found.
    pub(crate) fn fill<'a, K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
    ) {
        self.fill_until(answers, &[]);
    }

    /// The same, until one of these keys is touched, too.
    pub(crate) fn fill_until<'a, K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
        keys: &[ReadingKey],
    ) {
        let fills = answers.into_iter();
        let mut fills: Vec<_> = fills
            .filter_map(|(key, value)| {
                let kept = key.keep(value)?;
                let kept = keys.iter().copied().fold(kept, Kept::key);
                Some((key, Arc::new(value.cloned()), kept))
            })
            .collect();
        if fills.is_empty() {
            return;
        }
        let mut refused = 0;
        let mut known = self.cache.0.write();
        let store = &mut known.store;
        if store.generation != self.generation {
            return;
        }
        for (key, value, kept) in fills.drain(..) {
            if store.fill(self.cache.0.seam.position(self.position), key, value, kept)
                == Filled::Refused
            {
                refused += 1;
            }
        }
        drop(known);
        let counts = &self.cache.0.counts.entities;
        counts.refused.fetch_add(refused, Ordering::Relaxed);
    }

    /// The whole answer that is kept under a name, if it still counts.
    pub(crate) fn answer<V: Send + Sync + 'static>(
        &self,
        name: &AnswerName,
        counts: impl FnOnce(&V) -> bool,
    ) -> Option<Arc<V>> {
        let kept = self.cache.0.read().store.get::<_, V>(name);
        let kept = kept.filter(|answer| counts(answer));
        let found = usize::from(kept.is_some());
        self.cache.0.counts.answers.asked(found, 1 - found);
        kept
    }

    /// Keeps a whole answer of so many bytes that was made under this view. Tells whether it is what
    /// would be answered now; if it is not, it is not kept.
    pub(crate) fn keep<V: Send + Sync + 'static>(
        &self,
        name: AnswerName,
        answer: Arc<V>,
        bytes: usize,
        keys: Vec<ReadingKey>,
    ) -> bool {
        let kept = Kept {
            keys,
            numbers: Vec::new(),
            bytes,
        };
        let mut known = self.cache.0.write();
        let filled = if known.store.generation == self.generation {
            known.store.fill(
                self.cache.0.seam.position(self.position),
                &name,
                answer,
                kept,
            )
        } else {
            Filled::Refused
        };
        drop(known);
        let is_true = filled != Filled::Refused;
        if !is_true {
            let counts = &self.cache.0.counts.answers;
            counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_true
    }
}

/// What a whole answer is kept under: a digest of all that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnswerName(pub [u8; 32]);

//! A batch: many keys of one kind, answered together.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use khabar_domain::Scope;

use crate::cache::Kept;
use crate::reference::{Known, Reference};
use crate::{Reader, Result};

/// A question that can be answered together with others of its kind.
///
/// However many keys a batch holds, answering it costs one statement for each set of arguments
/// that the keys differ in (such as the page asked for), never one for each key.
pub trait BatchKey: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// The answer.
    type Value: Clone + Send + Sync + 'static;

    /// Whether it asks for one thing, so that whoever asks is told when the row of that is broken. A
    /// list leaves such rows out.
    const FINDS_ONE: bool = false;

    /// Whether what this scope is answered may be kept for others: all for whom it holds are
    /// answered alike.
    fn is_kept(_scope: Scope) -> bool {
        false
    }

    /// What the answer was read from, so that it can be kept until that changes; none when it cannot
    /// be known what would change it. `value` is none where nothing was found.
    fn keep(&self, _value: Option<&Self::Value>) -> Option<Kept> {
        None
    }

    /// Where it waits for company: keys in different lanes are never answered by one statement, so
    /// they are asked for side by side. A hash of all that keys have to share.
    fn lane(&self) -> u64 {
        0
    }

    /// What the reference data answers, if it does. Asked only where the answer [is kept](Self::is_kept).
    fn known(&self, _reference: &Reference) -> Known<Self::Value> {
        Known::Nothing
    }

    /// Answers a batch. A key that is not in the map has no answer: nothing was found.
    fn fetch(
        reader: &Reader,
        keys: &[Self],
    ) -> impl Future<Output = Result<HashMap<Self, Self::Value>>> + Send;
}

/// The lane of keys that share these arguments.
pub(crate) fn lane(arguments: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    arguments.hash(&mut hasher);
    hasher.finish()
}

/// Sorts keys into groups that one statement can answer: those with equal arguments.
pub(crate) fn grouped<K: Clone, A: Eq + Hash>(
    keys: &[K],
    argument: impl Fn(&K) -> A,
) -> HashMap<A, Vec<K>> {
    let mut groups: HashMap<A, Vec<K>> = HashMap::new();
    for key in keys {
        groups.entry(argument(key)).or_default().push(key.clone());
    }
    groups
}

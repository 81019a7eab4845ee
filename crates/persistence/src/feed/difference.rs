//! The facets in which two rows of an object differ.

use super::Facet;

/// A part of a row, and a function that copies it from the second row to the first.
pub(crate) type Copies<M> = (Facet, fn(&mut M, &M));

/// Returns the parts in which two rows differ, and whether they also differ outside these parts.
pub(crate) fn differing<M: Clone + PartialEq>(
    old: &M,
    new: &M,
    parts: &[Copies<M>],
) -> (Vec<Facet>, bool) {
    let mut rest = old.clone();
    let mut differing = Vec::new();
    for (part, copy) in parts {
        let before = rest.clone();
        copy(&mut rest, new);
        if rest != before {
            differing.push(*part);
        }
    }
    (differing, rest != *new)
}

//! The facets in which two rows of an object differ.

use super::Facet;

/// The facets in which two rows of an object differ.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// The facets that differ, each once.
    pub(crate) facets: Vec<Facet>,
    /// Whether the rows also differ outside of facets.
    pub(crate) is_whole: bool,
}

impl Difference {
    /// Creates the difference of an object that is new.
    pub(crate) fn whole() -> Self {
        Self {
            facets: Vec::new(),
            is_whole: true,
        }
    }

    /// Adds the comparison of a column. `facet` is `None` if it belongs to the object itself.
    pub(crate) fn of(&mut self, facet: Option<Facet>, is_equal: bool) {
        match facet {
            _ if is_equal => {}
            None => self.is_whole = true,
            Some(facet) if self.facets.contains(&facet) => {}
            Some(facet) => self.facets.push(facet),
        }
    }
}

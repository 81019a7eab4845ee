//! An index: all rows of one kind, indexed by ID and slug, and in list order.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use khabar_domain::{
    Edition, FollowChannel, LiveChannel, Person, Section, Slug, Source, Story, Topic,
};
use uuid::Uuid;

/// A row that can be indexed.
pub(super) trait Indexed {
    /// Returns the ID.
    fn id(&self) -> Uuid;

    /// Returns the edition of the row. Nil for the editions themselves.
    fn edition(&self) -> Uuid;

    /// Returns the slug, if the row has one.
    fn slug(&self) -> Option<&Slug> {
        None
    }

    /// Compares the list order of two rows of one edition. Ties are broken by ID.
    fn order(&self, other: &Self) -> Ordering;
}

#[derive(Debug)]
pub(super) struct IndexedRows<T> {
    rows: Vec<Arc<T>>,
    places: Arc<Places>,
}

/// The places of rows in their order.
#[derive(Debug, Default)]
struct Places {
    by_id: HashMap<Uuid, usize>,
    by_slug: HashMap<Uuid, HashMap<Slug, usize>>,
    of: HashMap<Uuid, Range<usize>>,
}

impl<T> Default for IndexedRows<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            places: Arc::default(),
        }
    }
}

impl<T: Indexed> FromIterator<Arc<T>> for IndexedRows<T> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(rows: I) -> Self {
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_unstable_by(|one, other| {
            let editions = one.edition().cmp(&other.edition());
            let order = editions.then_with(|| one.order(other));
            order.then_with(|| one.id().cmp(&other.id()))
        });
        let mut places = Places {
            by_id: HashMap::with_capacity(rows.len()),
            ..Places::default()
        };
        for (place, row) in rows.iter().enumerate() {
            places.by_id.insert(row.id(), place);
            let end = places.of.entry(row.edition()).or_insert(place..place);
            end.end = place + 1;
            if let Some(slug) = row.slug() {
                let slugs = places.by_slug.entry(row.edition()).or_default();
                slugs.insert(slug.clone(), place);
            }
        }
        Self {
            rows,
            places: Arc::new(places),
        }
    }
}

impl<T: Indexed> IndexedRows<T> {
    /// Returns an index in which these rows are read again. `None` if one of them is new, gone or moved, so
    /// that all rows must be sorted anew. Mostly only a count was written, and nothing moves.
    pub(super) fn replacing(
        &self,
        anew: &BTreeSet<Uuid>,
        read: &HashMap<Uuid, Arc<T>>,
    ) -> Option<Self> {
        let mut rows = self.rows.clone();
        for id in anew {
            let place = *self.places.by_id.get(id)?;
            let (old, new) = (rows.get_mut(place)?, read.get(id)?);
            let stays = old.edition() == new.edition()
                && old.slug() == new.slug()
                && old.order(new) == Ordering::Equal;
            if !stays {
                return None;
            }
            *old = Arc::clone(new);
        }
        Some(Self {
            rows,
            places: Arc::clone(&self.places),
        })
    }
}

impl<T> IndexedRows<T> {
    pub(super) fn rows(&self) -> std::slice::Iter<'_, Arc<T>> {
        self.rows.iter()
    }

    pub(super) fn get(&self, id: impl Into<Uuid>) -> Option<&Arc<T>> {
        self.rows.get(*self.places.by_id.get(&id.into())?)
    }

    /// Returns the row with this slug in an edition.
    pub(super) fn under(&self, edition: Uuid, slug: &Slug) -> Option<&Arc<T>> {
        self.rows
            .get(*self.places.by_slug.get(&edition)?.get(slug)?)
    }

    /// Returns all rows of an edition, in order.
    pub(super) fn of(&self, edition: impl Into<Uuid>) -> &[Arc<T>] {
        let range = self.places.of.get(&edition.into());
        range
            .and_then(|range| self.rows.get(range.clone()))
            .unwrap_or_default()
    }
}

/// Implements [`Indexed`] for the objects of an edition.
macro_rules! indexed {
    ($($type:ident $(by $slug:ident)? => $order:expr),+ $(,)?) => {
        $(impl Indexed for $type {
            fn id(&self) -> Uuid {
                self.id.into()
            }

            fn edition(&self) -> Uuid {
                self.edition.into()
            }

            $(
                fn slug(&self) -> Option<&Slug> {
                    Some(&self.$slug)
                }
            )?

            fn order(&self, other: &Self) -> Ordering {
                let order: fn(&Self, &Self) -> Ordering = $order;
                order(self, other)
            }
        })+
    };
}

indexed! {
    FollowChannel => |one, other| one.position.cmp(&other.position),
    LiveChannel => |one, other| one.position.cmp(&other.position),
    Person by slug => |_, _| Ordering::Equal,
    Section by slug => |one, other| one.position.cmp(&other.position),
    Source by slug => |_, _| Ordering::Equal,
    // Pinned stories, in pinned order.
    Story by slug => |one, other| one.pinned_position.cmp(&other.pinned_position),
    Topic by slug => |_, _| Ordering::Equal,
}

impl Indexed for Edition {
    fn id(&self) -> Uuid {
        self.id.into()
    }

    fn edition(&self) -> Uuid {
        Uuid::nil()
    }

    fn slug(&self) -> Option<&Slug> {
        Some(&self.slug)
    }

    fn order(&self, other: &Self) -> Ordering {
        self.slug.cmp(&other.slug)
    }
}

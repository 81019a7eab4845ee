//! Orders that editors set: the position of a new item, and the reordering of a whole list.

use async_graphql::ID;
use khabar_domain::EditionId;
use khabar_persistence::{EditionOrder, Page};

use super::input_parse;
use crate::mutate::{MutationCtx, MutationError};
use crate::node::GlobalId;
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};

/// Inserts an item at a zero-based position of a list. A missing position, or one beyond the end, is the
/// end.
pub(super) fn insert<T>(list: &mut Vec<T>, position: Option<usize>, item: T) {
    let end = list.len();
    list.insert(position.map_or(end, |position| position.min(end)), item);
}

/// A list of an edition that its editors keep in order, such as its live channels.
pub(super) struct EditionList<Id>(pub(super) EditionOrder<Id>);

impl<Id: GlobalId + PartialEq + Send + Sync> EditionList<Id> {
    /// Locks the list and returns the ids of its items, if another item can be added.
    pub(super) async fn lock_for_insert(
        &self,
        cx: &MutationCtx<'_>,
        edition: EditionId,
    ) -> Result<Vec<Id>, MutationError> {
        cx.writer.lock_order(edition).await?;
        let ids = self.0.ids(cx.writer, edition).await?;
        let max = usize::from(Page::MAX);
        if ids.len() >= max {
            let items = self.0.entity().as_str().replace('-', " ");
            let message = format!("An edition can have at most {max} {items}s.");
            return Err(UserError::new(&[], UserErrorCode::Invalid, message).into());
        }
        Ok(ids)
    }

    /// Puts the whole list in the order of the IDs in this field of the input.
    pub(super) async fn reorder(
        &self,
        cx: &mut MutationCtx<'_>,
        edition: Option<&Slug>,
        field: &str,
        new: &[ID],
    ) -> Result<EditionId, MutationError> {
        let edition = input_parse::edition(cx, edition).await?.id;
        cx.writer.lock_order(edition).await?;
        let current = self.0.ids(cx.writer, edition).await?;
        let new = input_parse::order(field, self.0.entity(), new, &current)?;
        self.0.arrange(cx.writer, edition, &new).await?;
        Ok(edition)
    }
}

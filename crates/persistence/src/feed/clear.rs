//! Clearing every cache by hand.

use khabar_domain::derived;

use super::{EntityKind, Operation, Touched};
use crate::WriteTx;

/// Makes every node and every purge target clear its whole cache, as is needed after the database
/// was changed by hand.
pub fn clear_caches(writer: &mut WriteTx) {
    let id = derived("cache", &["*"]);
    writer.note_touching(
        EntityKind::Home,
        id,
        Operation::Changed,
        Touched::Everything,
    );
}

//! An executor for GraphQL selection sets in which every level is one batch.
//!
//! All objects that one place of a document leads to are resolved together. A field that loads returns
//! the key of what it loads, so that the keys of a whole level are known at once, and one statement
//! answers them all. Nobody can write a query for each object. Fields are written as JSON straight from
//! the loaded values: there is no future, no map and no clone for a field of an object.
//!
//! The crate knows neither a schema nor a database. A host provides:
//!
//! - [`Context`]: what resolvers need for one request, and its [`Batches`]
//! - [`BatchKey`]: keys, and how a batch of them is loaded
//! - [`SelectionSet`]s: an operation compiled to fields with their [`Resolver`]s, in the order of
//!   `CollectFields` (§6.3.2 of the GraphQL specification)
//!
//! [`execute`] returns the JSON text of `data` and its errors. A field that fails becomes null, or makes
//! its parent null if it is non-null (§6.4.4).
//!
//! `examples/library.rs` is a complete host in one file.

mod batch;
mod error;
pub mod json;
mod level;
mod objects;

pub use batch::{BatchKey, Batches, Loaded, MAX_BATCH, load_each};
pub use error::{FieldError, Location, Nulled, Segment};
pub use level::{Field, Output, Resolver, SelectionSet, WriteValue};
pub use objects::{
    ByType, Find, FindFuture, LevelFuture, ObjectField, Objects, OwnedSource, PartSource, Pick,
    PickMany, ResolvedField, Selection, SharedSource, Values,
};

/// The context of one request.
pub trait Context: Sized + Send + Sync + 'static {
    /// The error of a field, or of a whole response.
    type Error: Clone + Send + Sync + 'static;

    /// Returns the batches of the request.
    fn batches(&self) -> &Batches<Self>;

    /// Charges `more` bytes of the text and the errors of a level, which has `written` bytes so far. They are
    /// part of the response, unless an error discards them. An error ends the response.
    fn charge(&self, written: usize, more: usize) -> Result<(), Self::Error>;

    /// Takes back what was charged for a level, which has been copied into the level above it.
    fn release(&self, bytes: usize);
}

/// The result of an operation.
#[derive(Debug)]
pub struct Response<E> {
    /// The JSON text of `data`: an object, or null.
    pub data: Vec<u8>,
    /// The errors of fields, in the order of the document.
    pub errors: Vec<FieldError<E>>,
}

/// Executes the root selection set of a query on its root value. `text` is what the response begins
/// with; the data is appended to it. Returns an error if [`Context::charge`] refuses the response.
pub async fn execute<C: Context, T: Send + Sync + 'static>(
    context: &C,
    set: &SelectionSet<C, T>,
    root: &T,
    text: Vec<u8>,
) -> Result<Response<C::Error>, C::Error> {
    let start = text.len();
    let roots = [root];
    let level = batch::drive(context, set.resolve_after(text, context, &roots)).await?;
    Ok(level.into_response(start))
}

//! `#[object]`: declares an object type of the API, once for the schema and for its execution.

mod attribute;
mod field;
mod object;

use proc_macro::TokenStream;

/// Declares an object type. Each function of the block is a field: its name in camel case, its documentation
/// as the description, its parameters as arguments.
///
/// ```ignore
/// /// A correction made to an article after its publication.
/// #[object(of = khabar_persistence::correction::Correction)]
/// impl Correction {
///     /// The time of the correction.
///     fn at(correction: &Row) -> DateTime {
///         DateTime(correction.at)
///     }
/// }
/// ```
///
/// The first parameter is the object: `&self`, or a reference to the type that `of` names. Any other reference
/// is the context of the request. A parameter of type `Page` stands for the four arguments of a connection, one
/// of type `Includes` for the related objects that the query selects below the field. Every other parameter is
/// an argument, described by `#[arg("…")]`.
///
/// The return type says how the field is resolved, for all objects of a level together:
///
/// - a value: a scalar, an enum, or a list of them, written at once
/// - `LoadOne`, `LoadRequired`, `LoadMany`, `LoadEach`, `LoadPage` and other types whose name begins with
///   `Load`: a key, or several. All keys of the level are loaded as one batch
/// - `Nested`, `NestedOption` and `NestedList`: objects that are part of the parent
/// - `Owned`, `OwnedOption`, `OwnedList` and `Shared`: objects that an `async fn` has made or found
/// - `Nullable`: any of these, of a field that is null if it fails
///
/// The macro tells them by the name of the type, so an alias begins with `Load` or `Owned`, too. Each may be
/// wrapped in `Result`. An `async fn` runs for each object; what it loads is batched with what
/// other fields load meanwhile. Prefer to return a key.
///
/// Options of the attribute: `of`, the type of the objects if it is not the type itself; `name` and
/// `description`, expressions in place of the name of the type and its documentation; `identity`, a function
/// that tells objects apart that a response may have many times.
#[proc_macro_attribute]
pub fn object(attribute: TokenStream, item: TokenStream) -> TokenStream {
    match object::expand(attribute.into(), item.into()) {
        Ok(expanded) => expanded.into(),
        Err(error) => error.into_compile_error().into(),
    }
}

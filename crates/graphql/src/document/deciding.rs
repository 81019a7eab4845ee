//! The variables whose values decide how an operation is planned.
//!
//! A plan evaluates `@skip` and `@include`, reads page sizes for the cost, and leaves out arguments whose
//! variable was not provided. Requests that agree on these variables share one plan.

use std::collections::BTreeMap;

use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use apollo_compiler::{ExecutableDocument, ast};

/// The variables that decide the plans of a document's operations, in alphabetical order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DecidingVariables(Vec<(String, Decides)>);

/// The aspect of a variable that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Decides {
    /// Whether it was provided.
    Presence,
    /// The value.
    Value,
}

impl DecidingVariables {
    /// Finds the deciding variables of a document.
    pub(super) fn of(document: &ExecutableDocument) -> Self {
        let mut found = BTreeMap::new();
        for operation in document.operations.iter() {
            gather(&operation.selection_set, &mut found);
        }
        for fragment in document.fragments.values() {
            gather(&fragment.selection_set, &mut found);
        }
        Self(found.into_iter().collect())
    }

    /// Returns what decides, as bytes: equal if and only if the plans are.
    pub(super) fn values(&self, variables: &JsonMap) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, decides) in &self.0 {
            match (variables.get(name.as_str()), decides) {
                (None, _) => bytes.push(0),
                (Some(_), Decides::Presence) => bytes.push(1),
                (Some(value), Decides::Value) => {
                    bytes.push(2);
                    // JSON text contains no zero byte, so the values cannot be confused.
                    bytes.extend_from_slice(value.to_string().as_bytes());
                    bytes.push(0);
                }
            }
        }
        bytes
    }
}

fn gather(set: &SelectionSet, found: &mut BTreeMap<String, Decides>) {
    for selection in &set.selections {
        for directive in selection.directives() {
            for argument in &directive.arguments {
                note(&argument.value, Decides::Value, found);
            }
        }
        match selection {
            Selection::Field(field) => {
                for argument in &field.arguments {
                    let decides = match argument.name.as_str() {
                        "first" | "last" => Decides::Value,
                        _ => Decides::Presence,
                    };
                    note(&argument.value, decides, found);
                }
                gather(&field.selection_set, found);
            }
            Selection::InlineFragment(inline) => gather(&inline.selection_set, found),
            // Fragments are gathered once, where they are defined.
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn note(value: &ast::Value, decides: Decides, found: &mut BTreeMap<String, Decides>) {
    if let Some(name) = value.as_variable() {
        let known = found.entry(name.to_string()).or_insert(decides);
        *known = decides.max(*known);
    }
}

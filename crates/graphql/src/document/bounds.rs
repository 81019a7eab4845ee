//! Measures the size of a document with its fragments expanded, without expanding them.
//!
//! Each fragment is measured once, and the result is reused wherever the fragment is spread. The cost
//! is therefore proportional to the number of nodes in the document: 28 fragments that each spread the
//! next one twice take 29 sums.

use std::collections::HashMap;

use apollo_compiler::ast::{self, Definition, Document, Selection, Value};
use apollo_compiler::{Name, Node};

use super::position;
use crate::error::{Code, Error};
use crate::limit::{Limits, count};

/// The size of everything below one selection set. Sums saturate, so an overflow still counts as too
/// large.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    selections: u64,
    /// Nesting depth of selection sets and fragment spreads.
    nesting: u64,
    /// Nesting depth of fields.
    depth: u64,
    aliases: u64,
    directives: u64,
    /// Number of fields directly in this selection set.
    here: u64,
    /// Length of the longest chain of nested introspection lists named in `MULTIPLYING`.
    lists: u64,
    /// Length of the longest such chain below `__schema` or `__type`. `None` if neither is selected.
    introspection: Option<u64>,
}

impl Size {
    fn beside(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.nesting = self.nesting.max(other.nesting);
        self.depth = self.depth.max(other.depth);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.here = self.here.saturating_add(other.here);
        self.lists = self.lists.max(other.lists);
        self.introspection = self.introspection.max(other.introspection);
    }
}

/// Introspection fields whose lists grow with the schema and lead to further lists.
const MULTIPLYING: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// An error that rejects a document, with the byte offset that it refers to, if any.
pub(super) struct LimitExceeded {
    pub(super) error: Error,
    pub(super) offset: Option<usize>,
}

impl From<Error> for LimitExceeded {
    fn from(error: Error) -> Self {
        Self {
            error,
            offset: None,
        }
    }
}

enum Measure {
    UnderWay,
    Done(Size),
}

struct Measurer<'a> {
    limits: &'a Limits,
    fragments: HashMap<&'a Name, &'a Node<ast::FragmentDefinition>>,
    measures: HashMap<&'a Name, Measure>,
    /// Number of nodes visited, as a measure of the work done.
    visited: u64,
}

/// Rejects a document that exceeds any limit. Returns the number of nodes visited.
pub(super) fn check(document: &Document, limits: &Limits) -> Result<u64, LimitExceeded> {
    let mut measurer = Measurer {
        limits,
        fragments: document
            .definitions
            .iter()
            .filter_map(Definition::as_fragment_definition)
            .map(|fragment| (&fragment.name, fragment))
            .collect(),
        measures: HashMap::new(),
        visited: 0,
    };
    // Unused fragments are checked as well, because validation walks them too.
    for definition in &document.definitions {
        if let Some(fragment) = definition.as_fragment_definition() {
            measurer.name(&fragment.name)?;
            let size = measurer.fragment(fragment, 0)?;
            limits.selections().check(size.selections)?;
        }
    }
    let mut selections = 0_u64;
    for definition in &document.definitions {
        let Some(operation) = definition.as_operation_definition() else {
            continue;
        };
        if let Some(name) = &operation.name {
            measurer.name(name)?;
        }
        for variable in &operation.variables {
            measurer.name(&variable.name)?;
            measurer.directives(&variable.directives)?;
            if let Some(value) = &variable.default_value {
                measurer.value(value)?;
            }
        }
        let mut size = measurer.set(&operation.selection_set, 1)?;
        size.directives = size
            .directives
            .saturating_add(measurer.directives(&operation.directives)?);
        selections = selections.saturating_add(size.selections);
        limits.selections().check(selections)?;
        limits.depth().check(size.depth)?;
        limits.aliases().check(size.aliases)?;
        limits.directives().check(size.directives)?;
        limits.root_fields().check(size.here)?;
        if let Some(lists) = size.introspection {
            if !limits.introspection {
                return Err(Error::new(
                    Code::IntrospectionDisabled,
                    "Introspection is disabled on this server.",
                )
                .into());
            }
            limits.introspection_lists().check(lists)?;
        }
    }
    Ok(measurer.visited)
}

impl<'a> Measurer<'a> {
    fn set(&mut self, selections: &'a [Selection], level: u64) -> Result<Size, LimitExceeded> {
        self.limits.nesting().check(level)?;
        let mut size = Size::default();
        for selection in selections {
            self.visited += 1;
            let one = match selection {
                Selection::Field(field) => self.field(field, level)?,
                Selection::InlineFragment(inline) => {
                    let mut inner = self.set(&inline.selection_set, level + 1)?;
                    inner.selections = inner.selections.saturating_add(1);
                    inner.nesting += 1;
                    inner.directives = inner
                        .directives
                        .saturating_add(self.directives(&inline.directives)?);
                    inner
                }
                Selection::FragmentSpread(spread) => self.spread(spread, level)?,
            };
            size.beside(one);
        }
        Ok(size)
    }

    fn field(&mut self, field: &'a Node<ast::Field>, level: u64) -> Result<Size, LimitExceeded> {
        self.name(field.alias.as_ref().unwrap_or(&field.name))?;
        for argument in &field.arguments {
            self.value(&argument.value)?;
        }
        let mut size = self.set(&field.selection_set, level + 1)?;
        size.selections = size.selections.saturating_add(1);
        size.nesting += 1;
        size.depth += 1;
        size.aliases = size.aliases.saturating_add(field.alias.is_some().into());
        size.directives = size
            .directives
            .saturating_add(self.directives(&field.directives)?);
        size.here = 1;
        if MULTIPLYING.contains(&field.name.as_str()) {
            size.lists += 1;
        }
        if matches!(field.name.as_str(), "__schema" | "__type") {
            size.introspection = size.introspection.max(Some(size.lists));
        }
        Ok(size)
    }

    fn spread(
        &mut self,
        spread: &'a Node<ast::FragmentSpread>,
        level: u64,
    ) -> Result<Size, LimitExceeded> {
        let mut size = match self.fragments.get(&spread.fragment_name).copied() {
            Some(fragment) => {
                if let Some(Measure::UnderWay) = self.measures.get(&fragment.name) {
                    return Err(LimitExceeded {
                        error: Error::new(
                            Code::ValidationFailed,
                            format!(
                                "Cannot spread fragment \"{}\" within itself.",
                                fragment.name
                            ),
                        ),
                        offset: position::offset(spread.location()),
                    });
                }
                self.fragment(fragment, level)?
            }
            // Unknown fragments are reported by validation.
            None => Size::default(),
        };
        self.limits
            .nesting()
            .check(level.saturating_add(size.nesting))?;
        size.selections = size.selections.saturating_add(1);
        size.directives = size
            .directives
            .saturating_add(self.directives(&spread.directives)?);
        Ok(size)
    }

    fn fragment(
        &mut self,
        fragment: &'a Node<ast::FragmentDefinition>,
        level: u64,
    ) -> Result<Size, LimitExceeded> {
        if let Some(Measure::Done(size)) = self.measures.get(&fragment.name) {
            return Ok(*size);
        }
        self.measures.insert(&fragment.name, Measure::UnderWay);
        let mut size = self.set(&fragment.selection_set, level + 1)?;
        size.nesting += 1;
        size.directives = size
            .directives
            .saturating_add(self.directives(&fragment.directives)?);
        self.measures.insert(&fragment.name, Measure::Done(size));
        Ok(size)
    }

    fn directives(&mut self, directives: &ast::DirectiveList) -> Result<u64, LimitExceeded> {
        for directive in directives {
            self.visited += 1;
            for argument in &directive.arguments {
                self.value(&argument.value)?;
            }
        }
        Ok(count(directives.len()))
    }

    fn value(&mut self, value: &Node<Value>) -> Result<(), LimitExceeded> {
        self.visited += 1;
        match value.as_ref() {
            Value::List(items) => {
                self.items(items.len(), value)?;
                for item in items {
                    self.value(item)?;
                }
            }
            Value::Object(members) => {
                self.items(members.len(), value)?;
                for (_, member) in members {
                    self.value(member)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn name(&self, name: &Name) -> Result<(), LimitExceeded> {
        let checked = self.limits.name_bytes().check(count(name.len()));
        checked.map_err(|error| LimitExceeded {
            error,
            offset: position::offset(name.location()),
        })
    }

    fn items(&self, length: usize, value: &Node<Value>) -> Result<(), LimitExceeded> {
        self.limits
            .list_items()
            .check(count(length))
            .map_err(|error| LimitExceeded {
                error,
                offset: position::offset(value.location()),
            })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn measure(text: &str) -> Result<u64, (Code, String)> {
        let document = Document::parse(text, "document").unwrap();
        check(&document, &Limits::default())
            .map_err(|refusal| (refusal.error.code(), refusal.error.message().to_owned()))
    }

    #[test]
    fn doubling_fragments_cost_one_look_each() {
        let mut text = String::from("{ ...F0 }");
        for n in 0..28 {
            write!(text, " fragment F{n} on Query {{ ...F{0} ...F{0} }}", n + 1).unwrap();
        }
        text.push_str(" fragment F28 on Query { a }");
        let document = Document::parse(&text, "bomb").unwrap();
        let endless = Limits {
            selections: u64::MAX,
            root_fields: u64::MAX,
            ..Limits::default()
        };
        let visited = check(&document, &endless).ok().unwrap();
        // One spread in the operation, two in each of 28 fragments, one field.
        assert_eq!(visited, 1 + 28 * 2 + 1);

        let (code, message) = measure(&text).unwrap_err();
        assert_eq!(code, Code::LimitSelections);
        assert!(message.contains("`selections` is 10000"), "{message}");
    }

    #[test]
    fn names_of_every_kind_are_bounded() {
        let long = "n".repeat(257);
        for text in [
            format!("query {long} {{ a }}"),
            format!("query A(${long}: Int) {{ a(b: ${long}) }}"),
            format!("{{ {long}: a }}"),
            format!("{{ a {{ {long} }} }}"),
            format!("{{ ...{long} }} fragment {long} on Query {{ a }}"),
        ] {
            let (code, message) = measure(&text).unwrap_err();
            assert_eq!(code, Code::LimitName, "{text}");
            assert!(message.contains("`name_bytes` is 256"), "{message}");
            assert!(measure(&text.replace(&long, &long[1..])).is_ok());
        }
    }

    #[test]
    fn sums_beyond_all_numbers_stay_too_large() {
        let mut text = String::from("{ ...F0 }");
        for n in 0..60 {
            write!(text, " fragment F{n} on Query {{").unwrap();
            for _ in 0..40 {
                write!(text, " ...F{}", n + 1).unwrap();
            }
            text.push('}');
        }
        text.push_str(" fragment F60 on Query { a }");
        let (code, message) = measure(&text).unwrap_err();
        assert_eq!(code, Code::LimitSelections);
        assert!(message.contains(&u64::MAX.to_string()), "{message}");
    }

    #[test]
    fn a_fragment_that_spreads_itself_is_refused_at_once() {
        for text in [
            "{ ...A } fragment A on Query { ...A }",
            "{ a } fragment A on Query { x { ...B } } fragment B on Query { ...A ...A }",
        ] {
            let (code, message) = measure(text).unwrap_err();
            assert_eq!(code, Code::ValidationFailed);
            assert!(message.contains("within itself"), "{message}");
        }
    }

    #[test]
    fn a_long_chain_of_fragments_is_nesting() {
        let mut text = String::from("{ ...F0 }");
        for n in 0..500 {
            write!(text, " fragment F{n} on Query {{ ...F{} }}", n + 1).unwrap();
        }
        text.push_str(" fragment F500 on Query { a }");
        assert_eq!(measure(&text).unwrap_err().0, Code::LimitNesting);
        // In reverse order each fragment spreads one that is already measured. The nesting still adds
        // up.
        let backwards: String = text.split_inclusive('}').rev().collect();
        assert_eq!(measure(&backwards).unwrap_err().0, Code::LimitNesting);
    }

    #[test]
    fn introspection_counts_lists_below_its_roots_only() {
        assert!(measure("{ fields { fields { fields { fields { a } } } } }").is_ok());
        let deep = "{ __type(name: \"A\") { fields { type { ...T } } } } \
                    fragment T on __Type { fields { type { inputFields { name } } } }";
        let (code, message) = measure(deep).unwrap_err();
        assert_eq!(code, Code::LimitIntrospection);
        assert!(message.contains("has 3"), "{message}");
    }

    #[test]
    fn what_repeats_through_fragments_is_counted_each_time() {
        let mut aliases = String::from("{");
        for n in 0..21 {
            write!(aliases, " x{n} {{ ...A }}").unwrap();
        }
        aliases.push_str("} fragment A on X { a:a b:a c:a d:a e:a f:a g:a h:a i:a j:a }");
        let (code, message) = measure(&aliases).unwrap_err();
        assert_eq!(code, Code::LimitAliases);
        assert!(message.contains("has 210"), "{message}");
    }
}

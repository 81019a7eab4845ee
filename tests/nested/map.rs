//! A map of a schema: its types, and which fields lead from one to another.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

/// Asks a schema for what the map shows.
pub(crate) const INTROSPECTION: &str = "
    { __schema { queryType { name } types { name kind possibleTypes { name }
        fields(includeDeprecated: true) { name type { ...T } args { name defaultValue type { ...T } } } } } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }";

/// A schema's types by name.
pub(crate) struct Map {
    /// Where every path begins.
    pub(crate) root: String,
    types: BTreeMap<String, Type>,
}

/// A type.
struct Type {
    fields: Vec<Field>,
    /// For an interface or a union: what it may be.
    possible: Vec<String>,
    is_leaf: bool,
}

/// A field.
pub(crate) struct Field {
    /// What it is called.
    pub(crate) name: String,
    /// The type that it leads to.
    pub(crate) to: String,
    /// What it takes.
    pub(crate) arguments: Vec<Argument>,
}

/// An argument.
pub(crate) struct Argument {
    /// What it is called.
    pub(crate) name: String,
    /// Whether it must be given.
    pub(crate) required: bool,
}

impl Map {
    /// Reads the answer to [`INTROSPECTION`].
    pub(crate) fn read(answer: &Value) -> anyhow::Result<Self> {
        let schema = &answer["data"]["__schema"];
        let mut types = BTreeMap::new();
        for each in list(&schema["types"]) {
            let kind = text(&each["kind"])?;
            let possible = list(&each["possibleTypes"]).iter();
            let fields = list(&each["fields"]).iter();
            types.insert(
                text(&each["name"])?,
                Type {
                    fields: fields.map(field).collect::<Result<_, _>>()?,
                    possible: possible
                        .map(|of| text(&of["name"]))
                        .collect::<Result<_, _>>()?,
                    is_leaf: matches!(kind.as_str(), "SCALAR" | "ENUM"),
                },
            );
        }
        Ok(Self {
            root: text(&schema["queryType"]["name"])?,
            types,
        })
    }

    /// The types of which an object may be that is declared to be of this one.
    pub(crate) fn concrete<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.types.get(name) {
            Some(of) if !of.possible.is_empty() => of.possible.iter().map(String::as_str).collect(),
            _ => vec![name],
        }
    }

    /// The fields of a type that lead on.
    pub(crate) fn edges(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.fields(name).filter(|field| !self.is_leaf(&field.to))
    }

    /// The fields of a type that end there, and can be asked for without saying more.
    pub(crate) fn leaves(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.fields(name).filter(|field| {
            self.is_leaf(&field.to) && !field.arguments.iter().any(|argument| argument.required)
        })
    }

    /// Whether objects of this type are a page of a list, whatever they hold.
    pub(crate) fn is_connection(&self, name: &str) -> bool {
        let has = |wanted: &str| self.fields(name).any(|field| field.name == wanted);
        has("nodes") && has("pageInfo")
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.types.get(name).into_iter().flat_map(|of| &of.fields)
    }

    fn is_leaf(&self, name: &str) -> bool {
        self.types.get(name).is_none_or(|of| of.is_leaf)
    }
}

fn field(field: &Value) -> anyhow::Result<Field> {
    let arguments = list(&field["args"]).iter().map(|argument| {
        anyhow::Ok(Argument {
            name: text(&argument["name"])?,
            required: argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null(),
        })
    });
    Ok(Field {
        name: text(&field["name"])?,
        to: named(&field["type"])?,
        arguments: arguments.collect::<Result<_, _>>()?,
    })
}

/// The type below lists and exclamation marks.
fn named(of: &Value) -> anyhow::Result<String> {
    match &of["ofType"] {
        Value::Null => text(&of["name"]),
        inner => named(inner),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().context("introspection left a name out")?;
    Ok(text.to_owned())
}

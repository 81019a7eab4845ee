//! A map of a schema: its types, and the fields that connect them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

/// The introspection query for a [`Map`].
pub(crate) const INTROSPECTION: &str = "
    { __schema { queryType { name } types { name kind possibleTypes { name }
        fields(includeDeprecated: true) { name type { ...T } args { name defaultValue type { ...T } } } } } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }";

/// The types of a schema, by name.
pub(crate) struct Map {
    /// Name of the query root type, where every path begins.
    pub(crate) root: String,
    types: BTreeMap<String, Type>,
}

/// A type of any kind.
struct Type {
    fields: Vec<Field>,
    /// Possible types of an interface or union. Empty for other kinds.
    possible: Vec<String>,
    is_leaf: bool,
}

/// A field of an object or interface.
pub(crate) struct Field {
    /// Name of the field.
    pub(crate) name: String,
    /// Named type of the field, without list and non-null wrappers.
    pub(crate) to: String,
    /// Arguments of the field.
    pub(crate) arguments: Vec<Argument>,
}

/// An argument of a field.
pub(crate) struct Argument {
    /// Name of the argument.
    pub(crate) name: String,
    /// Whether the argument is required: it is non-null and has no default.
    pub(crate) required: bool,
}

impl Map {
    /// Builds the map from the response to [`INTROSPECTION`].
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

    /// Returns the possible types of an interface or union, or the type itself if it is neither.
    pub(crate) fn concrete<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.types.get(name) {
            Some(of) if !of.possible.is_empty() => of.possible.iter().map(String::as_str).collect(),
            _ => vec![name],
        }
    }

    /// Returns the fields of a type that have fields of their own.
    pub(crate) fn edges(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.fields(name).filter(|field| !self.is_leaf(&field.to))
    }

    /// Returns the scalar and enum fields of a type that have no required arguments.
    pub(crate) fn leaves(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.fields(name).filter(|field| {
            self.is_leaf(&field.to) && !field.arguments.iter().any(|argument| argument.required)
        })
    }

    /// Whether a type is a connection: it has the fields `nodes` and `pageInfo`.
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

/// Returns the named type inside any list and non-null wrappers.
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

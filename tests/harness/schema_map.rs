//! A map of a schema: its fields with their arguments, and the possible values of inputs.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

/// The introspection query for a [`Map`].
pub const INTROSPECTION: &str = "
    { __schema { queryType { name } types { name kind possibleTypes { name } enumValues { name }
        inputFields { ...A } fields(includeDeprecated: true) { name type { ...T } args { ...A } } } } }
    fragment A on __InputValue { name defaultValue type { ...T } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }";

/// The types of a schema, by name.
pub struct Map {
    /// Name of the query root type, where every path begins.
    pub root: String,
    types: BTreeMap<String, Type>,
}

/// A type of any kind, with only the properties that its kind has.
pub struct Type {
    kind: String,
    fields: Vec<Field>,
    /// Fields of an input object.
    pub inputs: Vec<Argument>,
    /// Values of an enum.
    pub values: Vec<String>,
    /// Possible types of an interface or union.
    possible: Vec<String>,
}

/// A field of an object or interface.
pub struct Field {
    /// Name of the field.
    pub name: String,
    /// Named type of the field, without list and non-null wrappers.
    pub to: String,
    /// Arguments of the field.
    pub arguments: Vec<Argument>,
    /// Whether the value may be null, then whether an item of the list may be, and so on inwards.
    pub nullable: Vec<bool>,
}

impl Field {
    /// Whether the field has an argument of this name.
    pub fn takes(&self, name: &str) -> bool {
        self.arguments.iter().any(|argument| argument.name == name)
    }
}

/// An argument of a field, or a field of an input object.
pub struct Argument {
    /// Name of the argument.
    pub name: String,
    /// Named type of the argument, without list and non-null wrappers.
    pub of: String,
    /// Whether the argument takes a list.
    pub is_list: bool,
    /// Whether the argument is required: it is non-null and has no default.
    pub is_required: bool,
}

impl Map {
    /// Builds the map from the response to [`INTROSPECTION`].
    pub fn read(answer: &Value) -> anyhow::Result<Self> {
        let schema = &answer["data"]["__schema"];
        let mut types = BTreeMap::new();
        for each in list(&schema["types"]) {
            let names = |of: &str| -> anyhow::Result<Vec<String>> {
                list(&each[of]).iter().map(|it| text(&it["name"])).collect()
            };
            let fields = list(&each["fields"]).iter().map(|field| {
                anyhow::Ok(Field {
                    name: text(&field["name"])?,
                    to: named(&field["type"])?,
                    arguments: arguments(&field["args"])?,
                    nullable: nullable(&field["type"]),
                })
            });
            let of = Type {
                kind: text(&each["kind"])?,
                fields: fields.collect::<Result<_, _>>()?,
                inputs: arguments(&each["inputFields"])?,
                values: names("enumValues")?,
                possible: names("possibleTypes")?,
            };
            types.insert(text(&each["name"])?, of);
        }
        Ok(Self {
            root: text(&schema["queryType"]["name"])?,
            types,
        })
    }

    /// Returns a type by name, or `None` if the schema does not have it.
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// Returns the possible types of an interface or union, or the type itself if it is neither.
    pub fn concrete<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.types.get(name) {
            Some(of) if !of.possible.is_empty() => of.possible.iter().map(String::as_str).collect(),
            _ => vec![name],
        }
    }

    /// Returns the fields of a type.
    pub fn fields(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.types.get(name).into_iter().flat_map(|of| &of.fields)
    }

    /// Returns the fields of a type that have fields of their own.
    pub fn edges(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.fields(name).filter(|field| !self.is_leaf(&field.to))
    }

    /// Returns the scalar and enum fields of a type that have no required arguments.
    pub fn leaves(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.fields(name).filter(|field| {
            self.is_leaf(&field.to) && !field.arguments.iter().any(|argument| argument.is_required)
        })
    }

    /// Whether a type is a connection: it has the fields `nodes` and `pageInfo`.
    pub fn is_connection(&self, name: &str) -> bool {
        let has = |wanted: &str| self.fields(name).any(|field| field.name == wanted);
        has("nodes") && has("pageInfo")
    }

    /// Whether a type is a scalar or an enum, or unknown.
    pub fn is_leaf(&self, name: &str) -> bool {
        let of = self.types.get(name);
        of.is_none_or(|of| matches!(of.kind.as_str(), "SCALAR" | "ENUM"))
    }
}

fn arguments(of: &Value) -> anyhow::Result<Vec<Argument>> {
    let arguments = list(of).iter().map(|argument| {
        let of = &argument["type"];
        Ok(Argument {
            name: text(&argument["name"])?,
            of: named(of)?,
            is_list: of["kind"] == "LIST" || of["ofType"]["kind"] == "LIST",
            is_required: of["kind"] == "NON_NULL" && argument["defaultValue"].is_null(),
        })
    });
    arguments.collect()
}

/// Returns the named type inside any list and non-null wrappers.
fn named(of: &Value) -> anyhow::Result<String> {
    match &of["ofType"] {
        Value::Null => text(&of["name"]),
        inner => named(inner),
    }
}

/// Returns whether a type is nullable, then whether the type of its items is, and so on inwards.
fn nullable(of: &Value) -> Vec<bool> {
    let is_non_null = of["kind"] == "NON_NULL";
    let inner = if is_non_null { &of["ofType"] } else { of };
    let mut levels = vec![!is_non_null];
    if inner["kind"] == "LIST" {
        levels.extend(nullable(&inner["ofType"]));
    }
    levels
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().context("introspection left a name out")?;
    Ok(text.to_owned())
}

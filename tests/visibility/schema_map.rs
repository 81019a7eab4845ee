//! A map of a schema: its fields with their arguments, and the possible values of inputs.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

/// The introspection query for a [`Map`].
pub(crate) const INTROSPECTION: &str = "
    { __schema { queryType { name } types { name kind possibleTypes { name } enumValues { name }
        inputFields { ...A } fields(includeDeprecated: true) { name type { ...T } args { ...A } } } } }
    fragment A on __InputValue { name defaultValue type { ...T } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }";

/// The types of a schema, by name.
pub(crate) struct Map {
    pub(crate) root: String,
    types: BTreeMap<String, Type>,
}

/// A type of any kind, with only the properties that its kind has.
pub(crate) struct Type {
    kind: String,
    fields: Vec<Field>,
    pub(crate) inputs: Vec<Argument>,
    pub(crate) values: Vec<String>,
    possible: Vec<String>,
}

/// A field of an object or interface, with its named type.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) to: String,
    pub(crate) arguments: Vec<Argument>,
}

impl Field {
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.arguments.iter().any(|argument| argument.name == name)
    }
}

/// An argument of a field, or a field of an input object.
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) of: String,
    pub(crate) is_list: bool,
    pub(crate) is_required: bool,
}

impl Map {
    /// Builds the map from the response to [`INTROSPECTION`].
    pub(crate) fn read(answer: &Value) -> anyhow::Result<Self> {
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
    pub(crate) fn get(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// Returns the possible types of an interface or union, or the type itself if it is neither.
    pub(crate) fn concrete<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.types.get(name) {
            Some(of) if !of.possible.is_empty() => of.possible.iter().map(String::as_str).collect(),
            _ => vec![name],
        }
    }

    /// Returns the fields of a type.
    pub(crate) fn fields(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.types.get(name).into_iter().flat_map(|of| &of.fields)
    }

    /// Whether a type is a scalar or an enum, or unknown.
    pub(crate) fn is_leaf(&self, name: &str) -> bool {
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

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().context("introspection left a name out")?;
    Ok(text.to_owned())
}

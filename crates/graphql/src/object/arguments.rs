//! The arguments of a selected field.

use std::sync::Arc;

use async_graphql::{InputType, Name, Pos, Value};
use async_graphql_value::Value as PlannedValue;
use khabar_persistence::Page;

use super::{ArgumentDeclaration, ReadContext, Selected};
use crate::connection::Paging;
use crate::error::{Error, Result};

/// The arguments of a field, as they are written in the document.
#[derive(Clone)]
pub(crate) struct Arguments(Arc<[(Name, PlannedValue, Pos)]>);

impl Arguments {
    pub(crate) fn of(selected: Selected<'_>) -> Self {
        let arguments = selected.field.arguments.iter();
        let arguments =
            arguments.map(|(name, value)| (name.node.clone(), value.node.clone(), value.pos));
        Self(arguments.collect())
    }

    /// Parses an argument, with the values of the request's variables.
    pub(crate) fn get<T: InputType>(&self, context: &ReadContext, name: &str) -> Result<T> {
        let argument = self.0.iter().find(|(other, ..)| other == name);
        let value = argument.map(|(_, value, _)| {
            value.clone().into_const_with(|name| {
                // The gate removes arguments whose variable is not provided.
                let value = context.variables.get(&name).cloned();
                Ok::<_, std::convert::Infallible>(value.unwrap_or_default())
            })
        });
        let value: Option<Value> = value.map(|value| match value {
            Ok(value) => value,
            Err(never) => match never {},
        });
        T::parse(value).map_err(|error| {
            let error = Error::bad_input(error.into_server_error(Pos::default()).message);
            match argument {
                Some((.., at)) => error.about_argument(*at),
                None => error,
            }
        })
    }

    /// Parses the four arguments of a connection.
    pub(crate) fn page(&self, context: &ReadContext) -> Result<Page> {
        let paging = Paging {
            first: self.get(context, "first")?,
            after: self.get(context, "after")?,
            last: self.get(context, "last")?,
            before: self.get(context, "before")?,
        };
        paging.page()
    }
}

/// Returns the declarations of the four arguments of a connection.
pub(crate) fn page_arguments() -> [ArgumentDeclaration; 4] {
    let size = <Option<i32> as InputType>::create_type_info;
    let cursor = <Option<String> as InputType>::create_type_info;
    [
        (
            "first",
            size as fn(&mut _) -> _,
            "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. \
             Defaults to 20 if `last` is also omitted.",
        ),
        ("after", cursor, "Cursor. Only items after it are returned."),
        (
            "last",
            size,
            "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. \
             Cannot be combined with `first`.",
        ),
        ("before", cursor, "Cursor. Only items before it are returned."),
    ]
    .map(|(name, type_info, description)| ArgumentDeclaration {
        name,
        description: Some(description),
        type_info,
    })
}

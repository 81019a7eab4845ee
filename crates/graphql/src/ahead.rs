//! Looking ahead: what a query selects of the articles or stories that the field being resolved leads
//! to, so that the statement that finds them reads it, too.
//!
//! It is a hint and no more: what is missed here is read when its own resolver asks.

use async_graphql::parser::types::ConstDirective;
use async_graphql::{Context, SelectionField};
use async_graphql_value::ConstValue;
use khabar_persistence::With;

/// What is selected of what this field leads to: one thing, a list or a connection.
pub(crate) fn wanted(ctx: &Context<'_>) -> With {
    all(ctx.field().selection_set())
}

fn all<'a>(selected: impl Iterator<Item = SelectionField<'a>>) -> With {
    let selected = selected.filter(is_in);
    selected.map(wants).fold(With::NOTHING, With::and)
}

fn wants(field: SelectionField<'_>) -> With {
    match field.name() {
        "hero" | "image" => With::PICTURE,
        "authors" => With::AUTHORS,
        "topics" => With::TOPICS,
        "stories" => With::STORIES,
        "body" | "bodyHtml" | "bodyText" => With::BODY,
        // What lies between a connection and its items.
        "nodes" | "edges" | "node" => all(field.selection_set()),
        "days" => {
            let lists = field.selection_set();
            let lists = lists.filter(|field| field.name() == "articles");
            let lists = lists.map(|field| all(field.selection_set()));
            lists.fold(With::NOTHING, With::and)
        }
        _ => With::NOTHING,
    }
}

/// Whether a field is answered at all.
fn is_in(field: &SelectionField<'_>) -> bool {
    let directives = field.directives().unwrap_or_default();
    let is_out = |directive: &ConstDirective| {
        let condition = directive.get_argument("if").map(|value| &value.node);
        let out_if = directive.name.node == "skip";
        matches!(condition, Some(ConstValue::Boolean(is)) if *is == out_if)
    };
    !directives.iter().any(is_out)
}

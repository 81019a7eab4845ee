//! Looking ahead: what a query selects of the articles, stories or people that the field being resolved
//! leads to, so that the statement that finds them reads it, too.
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
        "hero" | "image" | "portrait" => With::PICTURE,
        "authors" => with_pictures(field, With::AUTHORS, With::PORTRAITS),
        "topics" => With::TOPICS,
        "stories" => with_pictures(field, With::STORIES, With::IMAGES),
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

/// What a field leads to, and the pictures there if they are selected.
fn with_pictures(field: SelectionField<'_>, these: With, pictures: With) -> With {
    if all(field.selection_set()).has(With::PICTURE) {
        these.and(pictures)
    } else {
        these
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

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Schema};

    use super::*;

    /// An article, a story, a list of some: whatever is asked of it, and what was wanted of the first.
    struct Thing(String);

    #[Object]
    impl Thing {
        async fn thing(&self, ctx: &Context<'_>) -> Self {
            Self(format!("{:?}", wanted(ctx)))
        }

        async fn wanted(&self) -> &str {
            &self.0
        }

        async fn hero(&self) -> i32 {
            1
        }

        async fn authors(&self) -> i32 {
            1
        }

        async fn body_text(&self) -> i32 {
            1
        }

        async fn nodes(&self) -> Self {
            Self(String::new())
        }

        async fn edges(&self) -> Self {
            Self(String::new())
        }

        async fn node(&self) -> Self {
            Self(String::new())
        }

        async fn days(&self) -> Self {
            Self(String::new())
        }

        async fn articles(&self) -> Self {
            Self(String::new())
        }
    }

    #[tokio::test]
    async fn what_is_selected_is_wanted_and_nothing_else() {
        let root = Thing(String::new());
        let schema = Schema::new(root, EmptyMutation, EmptySubscription);
        for (selection, expected) in [
            ("", With::NOTHING),
            ("hero", With::PICTURE),
            ("other: hero authors", With::PICTURE.and(With::AUTHORS)),
            ("... on Thing { ...F }", With::BODY),
            (
                "nodes { hero } edges { node { authors } }",
                With::PICTURE.and(With::AUTHORS),
            ),
            ("days { articles { hero } authors }", With::PICTURE),
            (
                "hero @skip(if: true) authors @include(if: $no)",
                With::NOTHING,
            ),
            (
                "hero @skip(if: $no) authors @include(if: true)",
                With::PICTURE.and(With::AUTHORS),
            ),
            // Of other things than the one that is looked for.
            ("articles { hero } thing { authors }", With::NOTHING),
        ] {
            let document = format!(
                "query ($no: Boolean = false) {{ thing {{ wanted {selection} }} used: thing @skip(if: $no) {{ ...F }} }}
                 fragment F on Thing {{ bodyText }}"
            );
            let request = Request::new(document).variables(async_graphql::Variables::from_json(
                serde_json::json!({"no": false}),
            ));
            let answer = schema.execute(request).await;
            let data = answer.data.into_json().unwrap();
            assert_eq!(
                data["thing"]["wanted"],
                format!("{expected:?}"),
                "{selection}: {:?}",
                answer.errors
            );
        }
    }
}

//! Lookahead: finds which fields of the articles, stories or people below the current field a query
//! selects, so that the statement that finds them reads those fields too.
//!
//! The result is only a hint: anything missed here is read when its own resolver asks for it.

use async_graphql::parser::types::ConstDirective;
use async_graphql::{Context, SelectionField};
use async_graphql_value::ConstValue;
use khabar_persistence::Includes;

/// Returns what the query selects below this field, which may be one object, a list or a connection.
pub(crate) fn selected_includes(ctx: &Context<'_>) -> Includes {
    all(ctx.field().selection_set())
}

fn all<'a>(selected: impl Iterator<Item = SelectionField<'a>>) -> Includes {
    let selected = selected.filter(is_in);
    selected.map(wants).fold(Includes::NOTHING, Includes::and)
}

fn wants(field: SelectionField<'_>) -> Includes {
    match field.name() {
        "hero" | "image" | "portrait" => Includes::PICTURE,
        "authors" => with_pictures(field, Includes::AUTHORS, Includes::PORTRAITS),
        "topics" => Includes::TOPICS,
        "stories" => with_pictures(field, Includes::STORIES, Includes::IMAGES),
        "body" | "bodyHtml" | "bodyText" => Includes::BODY,
        // The levels between a connection and its items.
        "nodes" | "edges" | "node" => all(field.selection_set()),
        "days" => {
            let lists = field.selection_set();
            let lists = lists.filter(|field| field.name() == "articles");
            let lists = lists.map(|field| all(field.selection_set()));
            lists.fold(Includes::NOTHING, Includes::and)
        }
        _ => Includes::NOTHING,
    }
}

/// Returns `these`, together with `pictures` if the query selects pictures below the field.
fn with_pictures(field: SelectionField<'_>, these: Includes, pictures: Includes) -> Includes {
    if all(field.selection_set()).has(Includes::PICTURE) {
        these.and(pictures)
    } else {
        these
    }
}

/// Whether the field is included, given its `@skip` and `@include` directives.
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

    /// A stand-in for an article, a story or a list of them. Holds what was wanted of the first level.
    struct Thing(String);

    #[Object]
    impl Thing {
        async fn thing(&self, ctx: &Context<'_>) -> Self {
            Self(format!("{:?}", selected_includes(ctx)))
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
            ("", Includes::NOTHING),
            ("hero", Includes::PICTURE),
            (
                "other: hero authors",
                Includes::PICTURE.and(Includes::AUTHORS),
            ),
            ("... on Thing { ...F }", Includes::BODY),
            (
                "nodes { hero } edges { node { authors } }",
                Includes::PICTURE.and(Includes::AUTHORS),
            ),
            ("days { articles { hero } authors }", Includes::PICTURE),
            (
                "hero @skip(if: true) authors @include(if: $no)",
                Includes::NOTHING,
            ),
            (
                "hero @skip(if: $no) authors @include(if: true)",
                Includes::PICTURE.and(Includes::AUTHORS),
            ),
            // Selections on objects other than the one that is looked for.
            ("articles { hero } thing { authors }", Includes::NOTHING),
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

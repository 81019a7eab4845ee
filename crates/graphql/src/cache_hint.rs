//! Maximum cache lifetimes of responses, for caches in front of the server.

use std::time::Duration;

/// Fields whose responses become stale without a write by the newsroom, each with its maximum cache
/// lifetime. Their order depends on readers' activity, which the change feed does not report.
const FIELDS: &[(&str, &str, Duration)] = &[("Home", "mostRead", Duration::from_mins(1))];

/// Returns the maximum cache lifetime of a field's response, if it has one.
pub(crate) fn of(parent: &str, field: &str) -> Option<Duration> {
    FIELDS
        .iter()
        .find(|(ty, name, _)| (*ty, *name) == (parent, field))
        .map(|(_, _, max_age)| *max_age)
}

/// Returns the shorter of two cache lifetimes. `None` means unlimited.
pub(crate) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use apollo_compiler::Schema;

    use super::*;
    use crate::document::OperationRequest;
    use crate::limit::Limits;

    #[test]
    fn an_operation_has_the_max_age_of_the_fields_it_selects() {
        let api = crate::api(Limits::default()).unwrap();
        let minute = Some(Duration::from_mins(1));
        for (document, max_age) in [
            ("{ home { mostRead { totalCount } } }", minute),
            (
                "{ home { a: mostRead { totalCount } edition { slug } } }",
                minute,
            ),
            (
                "{ home { ...F } } fragment F on Home { mostRead { totalCount } }",
                minute,
            ),
            (
                "{ home { edition { slug } mostRead @skip(if: true) { totalCount } } }",
                None,
            ),
            ("{ home { edition { slug } } }", None),
        ] {
            let incoming = OperationRequest::from_parameters([("query", document)]);
            let ready = api.admit(&incoming.unwrap());
            assert_eq!(ready.unwrap().max_age(), max_age, "{document}");
        }
    }

    #[test]
    fn every_field_is_in_the_schema() {
        let schema = Schema::parse(crate::sdl(), "schema.graphql").unwrap();
        for (ty, field, _) in FIELDS {
            assert!(schema.type_field(ty, field).is_ok(), "{ty}.{field}");
        }
    }

    #[test]
    fn the_shorter_max_age_applies() {
        let [short, long] = [1, 2].map(|seconds| Some(Duration::from_secs(seconds)));
        assert_eq!(shorter(long, short), short);
        assert_eq!(shorter(None, long), long);
        assert_eq!(shorter(None, None), None);
    }
}

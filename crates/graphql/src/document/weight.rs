//! The weight of a field: what it costs by itself, in short values.
//!
//! Most fields cost one. Those here cost more, because what they answer is long or takes long to make;
//! so the gate refuses the worst before anything is read.

/// A whole text: 16 KiB, a long report, where a short value is taken to have 64 bytes.
const TEXT: u64 = 256;

/// A number that is counted by going through a list from its start.
const COUNT: u64 = 20;

/// A number that is counted under conditions: as far as `counted_rows` says, some milliseconds.
const FILTERED_COUNT: u64 = 1_000;

/// The fields that weigh more, wherever they stand.
const HEAVY: &[(&str, &str, u64)] = &[
    ("Article", "bodyHtml", TEXT),
    ("Article", "bodyText", TEXT),
    ("Revision", "bodyText", TEXT),
    // Two texts are compared: at most 25 times in one request.
    ("ArticleDiff", "body", 8 * TEXT),
    ("ArticleDiff", "changed", 2 * TEXT),
    ("ArticleDiff", "granularity", 8 * TEXT),
];

/// What a field costs beside the fields below it. `filtered`: the connection that it stands in was
/// asked for with more than a page.
pub(super) fn of(parent: &str, field: &str, filtered: bool) -> u64 {
    match field {
        "totalCount" | "totalCountIsExact" if filtered => FILTERED_COUNT,
        "totalCount" | "totalCountIsExact" => COUNT,
        _ => HEAVY
            .iter()
            .find(|(ty, name, _)| (*ty, *name) == (parent, field))
            .map_or(1, |(_, _, weight)| *weight),
    }
}

/// Whether an argument of a connection is a condition on its items.
pub(super) fn is_condition(argument: &str) -> bool {
    !matches!(
        argument,
        "first" | "after" | "last" | "before" | "orderBy" | "edition"
    )
}

/// Whether what a field answers may be long although nothing else says so: its text is charged to the
/// answer's budget (`budget.rs`).
pub(super) fn is_text(field: &str) -> bool {
    matches!(
        field,
        "bodyHtml" | "bodyText" | "header" | "html" | "note" | "reason" | "rows" | "text"
    )
}

#[cfg(test)]
mod tests {
    use apollo_compiler::Schema;

    use super::*;

    #[test]
    fn every_heavy_field_is_in_the_schema() {
        let schema = Schema::parse(crate::sdl(), "schema.graphql").unwrap();
        for (ty, field, _) in HEAVY {
            assert!(schema.type_field(ty, field).is_ok(), "{ty}.{field}");
        }
    }
}

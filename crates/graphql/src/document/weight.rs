//! Weights of fields: the cost of a field by itself, measured in short values.
//!
//! Most fields cost one. The fields listed here cost more, because their values are long or expensive
//! to compute. This lets the gate refuse the most expensive requests before anything is read.

/// Weight of a full text. Assumes 16 KiB for a long report and 64 bytes for a short value.
const TEXT: u64 = 256;

/// Weight of a count that scans a list from its start.
const COUNT: u64 = 20;

/// Weight of a count over a filtered list. Up to `counted_rows` rows are scanned, which takes some
/// milliseconds.
const FILTERED_COUNT: u64 = 1_000;

/// Fields that weigh more than one, wherever they are selected: type, field and weight.
const HEAVY: &[(&str, &str, u64)] = &[
    ("Article", "bodyHtml", TEXT),
    ("Article", "bodyText", TEXT),
    ("Revision", "bodyText", TEXT),
    // Each compares two texts. The weight allows at most 25 comparisons in one request.
    ("ArticleDiff", "body", 8 * TEXT),
    ("ArticleDiff", "changed", 2 * TEXT),
    ("ArticleDiff", "granularity", 8 * TEXT),
];

/// Returns the cost of a field, excluding the fields below it. `filtered` states whether the enclosing
/// connection has an argument that filters its items.
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

/// Whether an argument of a connection filters its items.
pub(super) fn is_condition(argument: &str) -> bool {
    !matches!(
        argument,
        "first" | "after" | "last" | "before" | "orderBy" | "edition"
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

//! Differences between the responses of two newsrooms.

use serde_json::Value;

use super::hidden::Hidden;

/// The field that lists the asker's own articles. Its responses may differ by those.
pub(super) const LISTS_OWN: &str = "Query.unpublishedArticles";

/// Describes how two desk listings differ other than by the asker's own article, if they do.
pub(super) fn beside_own(with: &Value, without: &Value, own: &Hidden) -> Option<String> {
    let list = |data: &Value, what: &str| -> Vec<Value> {
        let list = &data["Query__unpublishedArticles"][format!("ArticleConnection__{what}")];
        list.as_array().cloned().unwrap_or_default()
    };
    for what in ["nodes", "edges"] {
        let (with, without) = (list(with, what), list(without, what));
        let is_own = |item: &&Value| own.ids.iter().any(|id| item.to_string().contains(id));
        let (mine, others): (Vec<_>, Vec<_>) = with.iter().partition(is_own);
        if mine.len() > 1 {
            return Some(format!(
                "{what}: their own stands there {} times",
                mine.len()
            ));
        }
        let missed = others
            .iter()
            .zip(&without)
            .find(|(one, other)| *one != other);
        if others.len() > without.len() || missed.is_some() {
            return Some(format!(
                "{what}: {others:?}, where nothing is hidden: {without:?}"
            ));
        }
    }
    let total = |data: &Value| {
        data["Query__unpublishedArticles"]["ArticleConnection__totalCount"]
            .as_i64()
            .unwrap_or(0)
    };
    let more = total(with) - total(without);
    (!(0..=1).contains(&more))
        .then(|| format!("totalCount: {more} more than where nothing is hidden"))
}

/// Describes the first difference of `one` from `other`: the path to it, and the value in `one`.
pub(super) fn first_difference(one: &Value, other: &Value) -> String {
    match (one, other) {
        (Value::Object(members), Value::Object(others)) => {
            let differs = members
                .iter()
                .find(|(name, value)| others.get(*name) != Some(value));
            differs.map_or_else(
                || "the same, and less".to_owned(),
                |(name, value)| format!("{name} → {}", first_difference(value, &other[name])),
            )
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            let mut pairs = items.iter().zip(others).enumerate();
            let differs = pairs.find(|(_, (item, other))| item != other);
            differs.map_or_else(String::new, |(at, (item, other))| {
                format!("{at} → {}", first_difference(item, other))
            })
        }
        _ => one.to_string().chars().take(200).collect(),
    }
}

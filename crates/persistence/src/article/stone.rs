//! The stone over a withdrawn article: its address still answers, with the reason that readers were
//! given and without a word of the article.

use std::collections::HashMap;
use std::hash::Hash;

use khabar_domain::article::Status;
use khabar_domain::{Article, ArticleId, Right, Scope};

use crate::{BatchKey, Reader, Result, desk};

/// Puts the stone over those that are withdrawn, unless the viewer may see what lies below. Costs a
/// statement only when there are some.
pub(super) async fn over_withdrawn<K: Eq + Hash + Send>(
    reader: &Reader,
    found: HashMap<K, Article>,
) -> Result<HashMap<K, Article>> {
    let withdrawn: Vec<_> = found
        .values()
        .filter(|article| article.status == Status::Withdrawn)
        .map(|article| desk::Of(article.id))
        .collect();
    if withdrawn.is_empty() || sees_below(reader.scope()) {
        return Ok(found);
    }
    let desks = desk::Of::fetch(reader, &withdrawn).await?;
    // One article may be found under several keys.
    let reason = |id: ArticleId| desks.get(&desk::Of(id))?.withdrawal.as_ref();
    Ok(found
        .into_iter()
        .filter_map(|(key, article)| {
            if article.status != Status::Withdrawn {
                return Some((key, article));
            }
            let withdrawal = reason(article.id)?;
            Some((key, article.under_stone(withdrawal)))
        })
        .collect())
}

/// The same for a list, which keeps its order.
pub(crate) async fn over_each_withdrawn(
    reader: &Reader,
    list: Vec<Article>,
) -> Result<Vec<Article>> {
    let places: HashMap<usize, Article> = list.into_iter().enumerate().collect();
    let mut found: Vec<_> = over_withdrawn(reader, places).await?.into_iter().collect();
    found.sort_unstable_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, article)| article).collect())
}

/// The condition under which an article's text is not below a stone.
pub(super) fn not_under(scope: Scope, alias: &str) -> String {
    if sees_below(scope) {
        return "true".to_owned();
    }
    format!("{alias}.status <> '{}'", Status::Withdrawn.as_str())
}

pub(super) fn sees_below(scope: Scope) -> bool {
    scope.viewer.may(Right::Publish)
}

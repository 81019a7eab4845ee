//! Tombstones of withdrawn articles. The address of a withdrawn article still resolves, to the reason
//! given to readers and without any of the article's text.

use std::collections::HashMap;
use std::hash::Hash;

use khabar_domain::article::Status;
use khabar_domain::{Article, ArticleId, Right, Scope};

use crate::tables::editorial;
use crate::{BatchKey, ReadSession, Result};

/// Replaces withdrawn articles with their tombstones, unless the viewer may see the originals. Omits
/// withdrawn articles without a recorded reason. Runs a statement only if there are withdrawn
/// articles.
pub(super) async fn redact_withdrawn<K: Eq + Hash + Send>(
    reader: &ReadSession,
    found: HashMap<K, Article>,
) -> Result<HashMap<K, Article>> {
    let withdrawn: Vec<_> = found
        .values()
        .filter(|article| article.status == Status::Withdrawn)
        .map(|article| editorial::Of(article.id))
        .collect();
    if withdrawn.is_empty() || sees_withdrawn(reader.scope()) {
        return Ok(found);
    }
    let editorials = editorial::Of::fetch(reader, &withdrawn).await?;
    // Several keys may find one article.
    let reason = |id: ArticleId| editorials.get(&editorial::Of(id))?.withdrawal.as_ref();
    Ok(found
        .into_iter()
        .filter_map(|(key, article)| {
            if article.status != Status::Withdrawn {
                return Some((key, article));
            }
            let withdrawal = reason(article.id)?;
            Some((key, article.redacted(withdrawal)))
        })
        .collect())
}

/// Replaces withdrawn articles in a list as `redact_withdrawn` does, and preserves the order.
pub(super) async fn over_each_withdrawn(
    reader: &ReadSession,
    list: Vec<Article>,
) -> Result<Vec<Article>> {
    let places: HashMap<usize, Article> = list.into_iter().enumerate().collect();
    let mut found: Vec<_> = redact_withdrawn(reader, places)
        .await?
        .into_iter()
        .collect();
    found.sort_unstable_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, article)| article).collect())
}

/// Returns the SQL condition under which no tombstone hides the text of an article.
pub(super) fn not_under(scope: Scope, alias: &str) -> String {
    if sees_withdrawn(scope) {
        return "true".to_owned();
    }
    format!("{alias}.status <> '{}'", Status::Withdrawn.as_str())
}

pub(super) fn sees_withdrawn(scope: Scope) -> bool {
    scope.viewer.may(Right::Publish)
}

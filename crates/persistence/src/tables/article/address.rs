//! Slugs of articles and redirects from their former slugs. A slug that an article had only before
//! it was published does not redirect, and a draft does not take over another article's former slug.

use khabar_domain::article::Status;
use khabar_domain::workflow::Transition;
use khabar_domain::{Article, Slug};

use crate::feed::EntityKind;
use crate::query::row::broken;
use crate::relations::slug;
use crate::{Doing, Result, WriteTx};

/// The status and slug of an article before it was saved.
pub(super) struct Before {
    pub(super) status: String,
    pub(super) slug: String,
}

/// Updates redirects after an article was saved.
pub(super) async fn record_change(
    writer: &WriteTx,
    before: Option<&Before>,
    article: &Article,
) -> Result<()> {
    let now = has_address(article.status.as_str());
    let former = match before {
        Some(before) if before.slug != article.slug.as_str() => Some(&before.slug),
        _ => None,
    };
    let was = before.is_some_and(|before| has_address(&before.status));
    let id = article.id.uuid();
    if let Some(former) = former {
        let former = Slug::parse(former).map_err(broken("article", "slug", id))?;
        // Readers still know a withdrawn article that was reopened by the slug it was withdrawn with.
        if was || withdrawn_as(writer, article).await?.as_ref() == Some(&former) {
            slug::add_redirect(writer, article.edition, EntityKind::Article, &former, id).await?;
        }
    }
    if now && (former.is_some() || !was) {
        slug::remove_redirect(writer, article.edition, EntityKind::Article, &article.slug).await?;
    } else if former.is_some() {
        // The article may have a former slug again, so a redirect from it to the article ends.
        slug::remove_redirect_to(
            writer,
            article.edition,
            EntityKind::Article,
            &article.slug,
            id,
        )
        .await?;
    }
    Ok(())
}

/// Returns whether readers can reach an article of this status by its slug. The slug leads to the
/// article or, once it is withdrawn, to its tombstone with the reason.
fn has_address(status: &str) -> bool {
    [Status::Published, Status::Withdrawn]
        .map(Status::as_str)
        .contains(&status)
}

/// Returns the slug that an article had when it was last withdrawn.
async fn withdrawn_as(writer: &WriteTx, article: &Article) -> Result<Option<Slug>> {
    const DOING: &str = "find the slug that readers know an article by";
    let id = article.id.uuid();
    let mut sql = writer.sql();
    let text = format!(
        "SELECT content FROM revision WHERE article_id = {} AND step = {} ORDER BY version DESC LIMIT 1",
        sql.bind(id),
        sql.bind(Transition::Withdraw.as_str())
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let content: String = row.try_get("", "content").doing(DOING)?;
    let slug = crate::tables::revision::slug_in(&content);
    slug.map(Some).map_err(broken("revision", "content", id))
}

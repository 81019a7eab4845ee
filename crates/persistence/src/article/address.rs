//! The address of an article: the slug under which readers know it. What it was called before it went
//! out leads nowhere, and a draft takes nobody's former slug away.

use khabar_domain::article::Status;
use khabar_domain::workflow::Step;
use khabar_domain::{Article, Slug};

use crate::change::Noun;
use crate::row::broken;
use crate::{Doing, Result, Writer, slug};

/// An article as it was before it was saved.
pub(super) struct Before {
    pub(super) status: String,
    pub(super) slug: String,
}

/// Keeps the addresses in order once an article was saved.
pub(super) async fn settle(
    writer: &Writer,
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
        // One that was withdrawn and is worked on again is known by the slug that it had.
        if was || withdrawn_as(writer, article).await?.as_ref() == Some(&former) {
            slug::leave(writer, article.edition, Noun::Article, &former, id).await?;
        }
    }
    if now && (former.is_some() || !was) {
        slug::end(writer, article.edition, Noun::Article, &article.slug).await?;
    } else if former.is_some() {
        // It has again what it had before.
        slug::end_to(writer, article.edition, Noun::Article, &article.slug, id).await?;
    }
    Ok(())
}

/// Whether readers know an article of this status by its slug: it shows them the article, or why it
/// was withdrawn.
fn has_address(status: &str) -> bool {
    [Status::Published, Status::Withdrawn]
        .map(Status::as_str)
        .contains(&status)
}

/// The slug that an article had when it was last withdrawn.
async fn withdrawn_as(writer: &Writer, article: &Article) -> Result<Option<Slug>> {
    const DOING: &str = "find the slug that readers know an article by";
    let id = article.id.uuid();
    let mut sql = writer.sql();
    let text = format!(
        "SELECT content FROM revision WHERE article_id = {} AND step = {} ORDER BY version DESC LIMIT 1",
        sql.bind(id),
        sql.bind(Step::Withdraw.as_str())
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let content: String = row.try_get("", "content").doing(DOING)?;
    let slug = crate::revision::slug_in(&content);
    slug.map(Some).map_err(broken("revision", "content", id))
}

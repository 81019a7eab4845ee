//! Merges the main article of a page, its source, and the other headlines as its related links.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::article::{NewArticle, Status, TextStats};
use khabar_domain::related::{Origin, Reason};
use khabar_domain::{Article, ArticleId, Body, RelatedLink, Source, SourceId};
use khabar_persistence::article::Manuscript;
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Error, article, related, source};

use super::story::picture;
use super::{Desk, Known, Meant};
use crate::page::clean::{Headlined, Named, Page};
use crate::page::title::both;

pub(super) async fn merge(desk: &mut Desk<'_>, page: &Page) -> Result<ArticleId, Error> {
    let own = own(desk, page).await?;
    let mut links = Vec::with_capacity(page.others.len());
    for (place, headlined) in (1..).zip(&page.others) {
        // One microsecond apart, the finest precision that both databases store. Sorting by newest
        // first then yields the page order.
        let listed_at = desk.writer.at() - Duration::microseconds(place);
        links.push(other(desk, page, headlined, listed_at).await?);
    }
    relate(desk, own, &links).await?;
    Ok(own)
}

async fn find(
    desk: &Desk<'_>,
    headlined: &Headlined,
) -> Result<(ArticleId, Known<Manuscript>), Error> {
    let headline = headlined.headline.as_str();
    let id: ArticleId = desk.id("article", &[headline]);
    let found = article::find_by_id_or_slug(desk.writer, id, desk.edition, &headlined.slug).await?;
    let meant = Meant {
        entity: EntityKind::Article,
        id: id.uuid(),
        title: headline,
        slug: &headlined.slug,
    };
    Ok((
        id,
        desk.known(found, meant, |old| {
            (old.article.id.uuid(), old.article.headline.as_str())
        })
        .await?,
    ))
}

async fn own(desk: &mut Desk<'_>, page: &Page) -> Result<ArticleId, Error> {
    let shown = &page.article;
    let (id, known) = find(desk, &shown.headlined).await?;
    let listed_at = desk.writer.at();
    let (old, mut wanted) = match known {
        Known::Here(old) => (Some(old.clone()), old),
        Known::New(slug) => {
            let headlined = Headlined {
                slug,
                ..shown.headlined.clone()
            };
            (None, stub(desk, page, id, &headlined, listed_at))
        }
    };
    let lead = shown.lead.clone().or(wanted.article.lead);
    let TextStats {
        excerpt,
        reading_minutes,
    } = TextStats::of(lead.as_deref(), &shown.body);
    let hero = match (wanted.article.hero, &shown.picture) {
        (None, Some(alt)) => {
            Some(picture(desk, &["article", shown.headlined.headline.as_str()], alt).await?)
        }
        (hero, _) => hero,
    };
    wanted.article = Article {
        lead,
        excerpt,
        hero,
        source: Some(cited(desk, &shown.source).await?),
        flags: both(wanted.article.flags, shown.headlined.flags),
        is_stub: false,
        reading_minutes,
        ..wanted.article
    };
    wanted.body = shown.body.clone();
    if old.is_some_and(|old| old != wanted) {
        wanted.article.version += 1;
    }
    desk.tally.add(article::save(desk.writer, &wanted).await?);
    Ok(wanted.article.id)
}

/// Saves an article of which the page has only the headline. For an existing article, only the media
/// flags from the headline's badges are added.
async fn other(
    desk: &mut Desk<'_>,
    page: &Page,
    headlined: &Headlined,
    listed_at: DateTime<Utc>,
) -> Result<ArticleId, Error> {
    let (id, known) = find(desk, headlined).await?;
    let wanted = match known {
        Known::Here(mut old) => {
            let flags = both(old.article.flags, headlined.flags);
            old.article.version += i32::from(flags != old.article.flags);
            old.article.flags = flags;
            old
        }
        Known::New(slug) => {
            let headlined = Headlined {
                slug,
                ..headlined.clone()
            };
            stub(desk, page, id, &headlined, listed_at)
        }
    };
    desk.tally.add(article::save(desk.writer, &wanted).await?);
    Ok(wanted.article.id)
}

/// Creates a published stub with only a headline. The page has no publication time, so none is stored.
fn stub(
    desk: &Desk<'_>,
    page: &Page,
    id: ArticleId,
    headlined: &Headlined,
    listed_at: DateTime<Utc>,
) -> Manuscript {
    let draft = Article::draft(NewArticle {
        id,
        edition: desk.edition,
        slug: headlined.slug.clone(),
        headline: headlined.headline.clone(),
        language: page.language.clone(),
        direction: page.language.direction(),
        listed_at,
    });
    let stub = Article {
        status: Status::Published,
        flags: headlined.flags,
        is_stub: true,
        ..draft
    };
    Manuscript::new(stub, Body::default())
}

async fn cited(desk: &mut Desk<'_>, named: &Named) -> Result<SourceId, Error> {
    let id: SourceId = desk.id("source", &[named.name.as_str()]);
    let found = source::find_by_id_or_slug(desk.writer, id, desk.edition, &named.slug).await?;
    let meant = Meant {
        entity: EntityKind::Source,
        id: id.uuid(),
        title: named.name.as_str(),
        slug: &named.slug,
    };
    let known = desk.known(found, meant, |old| (old.id.uuid(), old.name.as_str()));
    let wanted = match known.await? {
        Known::Here(old) => old,
        Known::New(slug) => Source {
            id,
            edition: desk.edition,
            kind: None,
            slug,
            name: named.name.clone(),
            url: None,
            article_count: 0,
        },
    };
    desk.tally.add(source::save(desk.writer, &wanted).await?);
    Ok(wanted.id)
}

/// Saves the related links of an article. The headlines of the page come first, in page order, followed by
/// existing links.
async fn relate(desk: &mut Desk<'_>, from: ArticleId, shown: &[ArticleId]) -> Result<(), Error> {
    if shown.is_empty() {
        return Ok(());
    }
    let mut seen = HashSet::from([from]);
    let mut links = Vec::with_capacity(shown.len());
    for (rank, to) in (0..).zip(shown) {
        if seen.insert(*to) {
            let (origin, reason) = (Origin::Editorial, Reason::Chosen);
            links.push(RelatedLink {
                from,
                to: *to,
                rank,
                origin,
                reason,
                score: None,
            });
        }
    }
    let old = related::links_of(desk.writer, from).await?;
    links.extend(old.into_iter().filter(|link| seen.insert(link.to)));
    desk.tally
        .add(related::set(desk.writer, from, &links).await?);
    Ok(())
}

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
use super::{Match, PageIdentity, PageMerger};
use crate::page::clean::{Headlined, Named, Page};
use crate::page::title::both;

pub(super) async fn merge(merger: &mut PageMerger<'_>, page: &Page) -> Result<ArticleId, Error> {
    let own = own(merger, page).await?;
    let mut links = Vec::with_capacity(page.others.len());
    for (place, headlined) in (1..).zip(&page.others) {
        // One microsecond apart, the finest precision that both databases store. Sorting by newest
        // first then yields the page order.
        let listed_at = merger.writer.at() - Duration::microseconds(place);
        links.push(other(merger, page, headlined, listed_at).await?);
    }
    relate(merger, own, &links).await?;
    Ok(own)
}

async fn find(
    merger: &PageMerger<'_>,
    headlined: &Headlined,
) -> Result<(ArticleId, Match<Manuscript>), Error> {
    let headline = headlined.headline.as_str();
    let id: ArticleId = merger.id("article", &[headline]);
    let found =
        article::find_by_id_or_slug(merger.writer, id, merger.edition, &headlined.slug).await?;
    let identity = PageIdentity {
        entity: EntityKind::Article,
        id: id.uuid(),
        title: headline,
        slug: &headlined.slug,
    };
    Ok((
        id,
        merger
            .find_match(found, identity, |old| {
                (old.article.id.uuid(), old.article.headline.as_str())
            })
            .await?,
    ))
}

async fn own(merger: &mut PageMerger<'_>, page: &Page) -> Result<ArticleId, Error> {
    let shown = &page.article;
    let (id, known) = find(merger, &shown.headlined).await?;
    let listed_at = merger.writer.at();
    let (old, mut merged) = match known {
        Match::Existing(old) => (Some(old.clone()), old),
        Match::New(slug) => {
            let headlined = Headlined {
                slug,
                ..shown.headlined.clone()
            };
            (None, stub(merger, page, id, &headlined, listed_at))
        }
    };
    let lead = shown.lead.clone().or(merged.article.lead);
    let TextStats {
        excerpt,
        reading_minutes,
    } = TextStats::of(lead.as_deref(), &shown.body);
    let hero = match (merged.article.hero, &shown.picture) {
        (None, Some(alt)) => {
            Some(picture(merger, &["article", shown.headlined.headline.as_str()], alt).await?)
        }
        (hero, _) => hero,
    };
    merged.article = Article {
        lead,
        excerpt,
        hero,
        source: Some(cited(merger, &shown.source).await?),
        flags: both(merged.article.flags, shown.headlined.flags),
        is_stub: false,
        reading_minutes,
        ..merged.article
    };
    merged.body = shown.body.clone();
    if old.is_some_and(|old| old != merged) {
        merged.article.version += 1;
    }
    merger
        .tally
        .add(article::save(merger.writer, &merged).await?);
    Ok(merged.article.id)
}

/// Saves an article of which the page has only the headline. For an existing article, only the media
/// flags from the headline's badges are added.
async fn other(
    merger: &mut PageMerger<'_>,
    page: &Page,
    headlined: &Headlined,
    listed_at: DateTime<Utc>,
) -> Result<ArticleId, Error> {
    let (id, known) = find(merger, headlined).await?;
    let merged = match known {
        Match::Existing(mut old) => {
            let flags = both(old.article.flags, headlined.flags);
            old.article.version += i32::from(flags != old.article.flags);
            old.article.flags = flags;
            old
        }
        Match::New(slug) => {
            let headlined = Headlined {
                slug,
                ..headlined.clone()
            };
            stub(merger, page, id, &headlined, listed_at)
        }
    };
    merger
        .tally
        .add(article::save(merger.writer, &merged).await?);
    Ok(merged.article.id)
}

/// Creates a published stub with only a headline. The page has no publication time, so none is stored.
fn stub(
    merger: &PageMerger<'_>,
    page: &Page,
    id: ArticleId,
    headlined: &Headlined,
    listed_at: DateTime<Utc>,
) -> Manuscript {
    let draft = Article::draft(NewArticle {
        id,
        edition: merger.edition,
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

async fn cited(merger: &mut PageMerger<'_>, named: &Named) -> Result<SourceId, Error> {
    let id: SourceId = merger.id("source", &[named.name.as_str()]);
    let found = source::find_by_id_or_slug(merger.writer, id, merger.edition, &named.slug).await?;
    let identity = PageIdentity {
        entity: EntityKind::Source,
        id: id.uuid(),
        title: named.name.as_str(),
        slug: &named.slug,
    };
    let known = merger.find_match(found, identity, |old| (old.id.uuid(), old.name.as_str()));
    let merged = match known.await? {
        Match::Existing(old) => old,
        Match::New(slug) => Source {
            id,
            edition: merger.edition,
            kind: None,
            slug,
            name: named.name.clone(),
            url: None,
            article_count: 0,
        },
    };
    merger
        .tally
        .add(source::save(merger.writer, &merged).await?);
    Ok(merged.id)
}

/// Saves the related links of an article. The headlines of the page come first, in page order, followed by
/// existing links.
async fn relate(
    merger: &mut PageMerger<'_>,
    from: ArticleId,
    shown: &[ArticleId],
) -> Result<(), Error> {
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
    let old = related::links_of(merger.writer, from).await?;
    links.extend(old.into_iter().filter(|link| seen.insert(link.to)));
    merger
        .tally
        .add(related::set(merger.writer, from, &links).await?);
    Ok(())
}

//! Merges the stories on the rail. Pinned stories that the page does not show remain pinned in their
//! positions: a page is only a snapshot, and unpinning a story is a separate editorial decision.

use std::collections::BTreeMap;

use chrono::Duration;
use khabar_domain::story::{Kind, Status};
use khabar_domain::{Media, MediaId, Story, StoryId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Error, media, story};

use super::{Match, PageIdentity, PageMerger};
use crate::page::clean::{self, Page};
use crate::page::title::key;

pub(super) async fn merge(
    merger: &mut PageMerger<'_>,
    page: &Page,
    kinds: &BTreeMap<String, Kind>,
) -> Result<(), Error> {
    let kinds = kinds
        .iter()
        .map(|(title, kind)| (key(title), *kind))
        .collect();
    for (position, shown) in (0..).zip(&page.stories) {
        one(merger, position, shown, &kinds).await?;
    }
    Ok(())
}

async fn one(
    merger: &mut PageMerger<'_>,
    position: i32,
    shown: &clean::Story,
    kinds: &BTreeMap<String, Kind>,
) -> Result<(), Error> {
    let title = shown.title.as_str();
    let id: StoryId = merger.id("story", &[title]);
    let kind = shown.kind.or_else(|| kinds.get(&key(title)).copied());
    let found = story::find_by_id_or_slug(merger.writer, id, merger.edition, &shown.slug).await?;
    let identity = PageIdentity {
        entity: EntityKind::Story,
        id: id.uuid(),
        title,
        slug: &shown.slug,
    };
    let known = merger.find_match(found, identity, |old| (old.id.uuid(), old.title.as_str()));
    let mut merged = match known.await? {
        Match::Existing(old) => Story {
            kind: kind.unwrap_or(old.kind),
            pinned_position: Some(position),
            reported_article_count: shown.reported_article_count.or(old.reported_article_count),
            ..old
        },
        Match::New(slug) => Story {
            id,
            edition: merger.edition,
            kind: kind.unwrap_or(Kind::Running),
            status: Status::Active,
            slug,
            title: shown.title.clone(),
            summary: None,
            image: None,
            pinned_position: Some(position),
            article_count: 0,
            reported_article_count: shown.reported_article_count,
            last_article_at: None,
            // One microsecond apart, the finest precision that both databases store, so that sorting by
            // newest first yields the order of the rail.
            active_at: merger.writer.at() - Duration::microseconds(position.into()),
        },
    };
    if let (None, Some(alt)) = (merged.image, &shown.picture) {
        merged.image = Some(picture(merger, &["story", title], alt).await?);
    }
    merger.tally.add(story::save(merger.writer, &merged).await?);
    Ok(())
}

/// Saves a picture of which only the alternative text is known. `of` identifies what it illustrates.
pub(super) async fn picture(
    merger: &mut PageMerger<'_>,
    of: &[&str],
    alt: &str,
) -> Result<MediaId, Error> {
    let picture = Media {
        id: merger.id("media", of),
        kind: khabar_domain::media::Kind::Image,
        url: None,
        width: None,
        height: None,
        seconds: None,
        alt: Some(alt.to_owned()),
        caption: None,
        credit: None,
        placeholder: None,
        focal_point: None,
        renditions: Vec::new(),
    };
    merger
        .tally
        .add(media::save(merger.writer, &picture).await?);
    Ok(picture.id)
}

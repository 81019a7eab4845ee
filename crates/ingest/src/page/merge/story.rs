//! Merges the stories on the rail. Pinned stories that the page does not show remain pinned in their
//! positions: a page is only a snapshot, and unpinning a story is a separate editorial decision.

use std::collections::BTreeMap;

use chrono::Duration;
use khabar_domain::story::{Kind, Status};
use khabar_domain::{Media, MediaId, Story, StoryId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Error, media, story};

use super::{Desk, Known, Meant};
use crate::page::clean::{self, Page};
use crate::page::title::key;

pub(super) async fn merge(
    desk: &mut Desk<'_>,
    page: &Page,
    kinds: &BTreeMap<String, Kind>,
) -> Result<(), Error> {
    let kinds = kinds
        .iter()
        .map(|(title, kind)| (key(title), *kind))
        .collect();
    for (position, shown) in (0..).zip(&page.stories) {
        one(desk, position, shown, &kinds).await?;
    }
    Ok(())
}

async fn one(
    desk: &mut Desk<'_>,
    position: i32,
    shown: &clean::Story,
    kinds: &BTreeMap<String, Kind>,
) -> Result<(), Error> {
    let title = shown.title.as_str();
    let id: StoryId = desk.id("story", &[title]);
    let kind = shown.kind.or_else(|| kinds.get(&key(title)).copied());
    let found = story::find_by_id_or_slug(desk.writer, id, desk.edition, &shown.slug).await?;
    let meant = Meant {
        entity: EntityKind::Story,
        id: id.uuid(),
        title,
        slug: &shown.slug,
    };
    let known = desk.known(found, meant, |old| (old.id.uuid(), old.title.as_str()));
    let mut wanted = match known.await? {
        Known::Here(old) => Story {
            kind: kind.unwrap_or(old.kind),
            pinned_position: Some(position),
            reported_article_count: shown.reported_article_count.or(old.reported_article_count),
            ..old
        },
        Known::New(slug) => Story {
            id,
            edition: desk.edition,
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
            active_at: desk.writer.at() - Duration::microseconds(position.into()),
        },
    };
    if let (None, Some(alt)) = (wanted.image, &shown.picture) {
        wanted.image = Some(picture(desk, &["story", title], alt).await?);
    }
    desk.tally.add(story::save(desk.writer, &wanted).await?);
    Ok(())
}

/// Saves a picture of which only the alternative text is known. `of` identifies what it illustrates.
pub(super) async fn picture(desk: &mut Desk<'_>, of: &[&str], alt: &str) -> Result<MediaId, Error> {
    let picture = Media {
        id: desk.id("media", of),
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
    desk.tally.add(media::save(desk.writer, &picture).await?);
    Ok(picture.id)
}

//! Merges the live channels, the links to follow the newsroom, and the important sections.

use khabar_domain::{
    FollowChannel, FollowChannelId, LiveChannel, LiveChannelId, Section, SectionId,
};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Error, follow_channel, live_channel, section};

use super::{Desk, Known, Meant};
use crate::page::clean::{Channel, Follow, Named, Page};

pub(super) async fn merge(desk: &mut Desk<'_>, page: &Page) -> Result<(), Error> {
    for (position, channel) in (0..).zip(&page.live) {
        live(desk, position, channel).await?;
    }
    for (position, channel) in (0..).zip(&page.follow) {
        follow(desk, position, channel).await?;
    }
    for (position, named) in (0..).zip(&page.sections) {
        featured(desk, position, named).await?;
    }
    Ok(())
}

async fn live(desk: &mut Desk<'_>, position: i32, channel: &Channel) -> Result<(), Error> {
    let id: LiveChannelId = desk.id("live-channel", &[channel.name.as_str()]);
    let wanted = match live_channel::lock(desk.writer, id).await? {
        Some(old) => LiveChannel {
            position,
            stream_url: channel.url.clone().or(old.stream_url),
            ..old
        },
        None => LiveChannel {
            id,
            edition: desk.edition,
            name: channel.name.clone(),
            stream_url: channel.url.clone(),
            poster: None,
            on_air: None,
            position,
        },
    };
    desk.tally
        .add(live_channel::save(desk.writer, &wanted).await?);
    Ok(())
}

async fn follow(desk: &mut Desk<'_>, position: i32, channel: &Follow) -> Result<(), Error> {
    // Two links may have the same text. Their handles or URLs distinguish them.
    let url = channel.url.as_ref().map(khabar_domain::WebUrl::as_str);
    let told_apart = channel.handle.as_deref().or(url).unwrap_or_default();
    let words = [channel.platform.as_str(), channel.name.as_str(), told_apart];
    let id: FollowChannelId = desk.id("follow-channel", &words);
    let wanted = match follow_channel::lock(desk.writer, id).await? {
        Some(old) => FollowChannel {
            position,
            url: channel.url.clone().or(old.url),
            ..old
        },
        None => FollowChannel {
            id,
            edition: desk.edition,
            platform: channel.platform,
            name: channel.name.clone(),
            handle: channel.handle.clone(),
            url: channel.url.clone(),
            position,
        },
    };
    desk.tally
        .add(follow_channel::save(desk.writer, &wanted).await?);
    Ok(())
}

async fn featured(desk: &mut Desk<'_>, position: i32, named: &Named) -> Result<(), Error> {
    let id: SectionId = desk.id("section", &[named.name.as_str()]);
    let found = section::find_by_id_or_slug(desk.writer, id, desk.edition, &named.slug).await?;
    let meant = Meant {
        entity: EntityKind::Section,
        id: id.uuid(),
        title: named.name.as_str(),
        slug: &named.slug,
    };
    let known = desk.known(found, meant, |old| (old.id.uuid(), old.name.as_str()));
    let wanted = match known.await? {
        // The page lists top-level sections, so it does not determine the position of a subsection.
        Known::Here(old) if old.parent.is_some() => Section {
            featured: true,
            ..old
        },
        Known::Here(old) => Section {
            featured: true,
            position,
            ..old
        },
        Known::New(slug) => Section {
            id,
            edition: desk.edition,
            parent: None,
            slug,
            name: named.name.clone(),
            summary: None,
            position,
            featured: true,
            article_count: 0,
        },
    };
    desk.tally.add(section::save(desk.writer, &wanted).await?);
    Ok(())
}

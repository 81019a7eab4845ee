//! Merges the live channels, the links to follow the newsroom, and the important sections.

use khabar_domain::{
    FollowChannel, FollowChannelId, LiveChannel, LiveChannelId, Section, SectionId,
};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Error, follow_channel, live_channel, section};

use super::{Match, PageIdentity, PageMerger};
use crate::page::clean::{Channel, Follow, Named, Page};

pub(super) async fn merge(merger: &mut PageMerger<'_>, page: &Page) -> Result<(), Error> {
    for (position, channel) in (0..).zip(&page.live) {
        live(merger, position, channel).await?;
    }
    for (position, channel) in (0..).zip(&page.follow) {
        follow(merger, position, channel).await?;
    }
    for (position, named) in (0..).zip(&page.sections) {
        featured(merger, position, named).await?;
    }
    Ok(())
}

async fn live(merger: &mut PageMerger<'_>, position: i32, channel: &Channel) -> Result<(), Error> {
    let id: LiveChannelId = merger.id("live-channel", &[channel.name.as_str()]);
    let merged = match live_channel::lock(merger.writer, id).await? {
        Some(old) => LiveChannel {
            position,
            stream_url: channel.url.clone().or(old.stream_url),
            ..old
        },
        None => LiveChannel {
            id,
            edition: merger.edition,
            name: channel.name.clone(),
            stream_url: channel.url.clone(),
            poster: None,
            on_air: None,
            position,
        },
    };
    merger
        .tally
        .add(live_channel::save(merger.writer, &merged).await?);
    Ok(())
}

async fn follow(merger: &mut PageMerger<'_>, position: i32, channel: &Follow) -> Result<(), Error> {
    // Two links may have the same text. Their handles or URLs distinguish them.
    let url = channel.url.as_ref().map(khabar_domain::WebUrl::as_str);
    let told_apart = channel.handle.as_deref().or(url).unwrap_or_default();
    let words = [channel.platform.as_str(), channel.name.as_str(), told_apart];
    let id: FollowChannelId = merger.id("follow-channel", &words);
    let merged = match follow_channel::lock(merger.writer, id).await? {
        Some(old) => FollowChannel {
            position,
            url: channel.url.clone().or(old.url),
            ..old
        },
        None => FollowChannel {
            id,
            edition: merger.edition,
            platform: channel.platform,
            name: channel.name.clone(),
            handle: channel.handle.clone(),
            url: channel.url.clone(),
            position,
        },
    };
    merger
        .tally
        .add(follow_channel::save(merger.writer, &merged).await?);
    Ok(())
}

async fn featured(merger: &mut PageMerger<'_>, position: i32, named: &Named) -> Result<(), Error> {
    let id: SectionId = merger.id("section", &[named.name.as_str()]);
    let found = section::find_by_id_or_slug(merger.writer, id, merger.edition, &named.slug).await?;
    let identity = PageIdentity {
        entity: EntityKind::Section,
        id: id.uuid(),
        title: named.name.as_str(),
        slug: &named.slug,
    };
    let known = merger.find_match(found, identity, |old| (old.id.uuid(), old.name.as_str()));
    let merged = match known.await? {
        // The page lists top-level sections, so it does not determine the position of a subsection.
        Match::Existing(old) if old.parent.is_some() => Section {
            featured: true,
            ..old
        },
        Match::Existing(old) => Section {
            featured: true,
            position,
            ..old
        },
        Match::New(slug) => Section {
            id,
            edition: merger.edition,
            parent: None,
            slug,
            name: named.name.clone(),
            summary: None,
            position,
            featured: true,
            article_count: 0,
        },
    };
    merger
        .tally
        .add(section::save(merger.writer, &merged).await?);
    Ok(())
}

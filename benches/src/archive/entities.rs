//! The shelf: the objects that the archive's articles refer to.

use khabar_domain::edition::Labels;
use khabar_domain::media::Rendition;
use khabar_domain::{
    Edition, FollowChannel, Invalid, LiveChannel, Media, Name, Person, Section, Slug, Source,
    Story, Topic, WebUrl, follow_channel, source,
};
use khabar_tests::harness::{Newsroom, builders};

use super::Size;
use crate::random::Random;
use crate::words::Words;

/// Number of root sections. Each has one child section.
pub(super) const ROOTS: usize = 12;
/// Number of featured sections.
const FEATURED: usize = 8;
/// Number of pinned stories.
const PINNED: usize = 6;

/// Generates the newsroom of the archive, without articles.
pub(super) fn fill(size: Size, words: &Words) -> Result<Newsroom, Invalid> {
    let shelf = EntityBuilder {
        edition: edition(words)?,
        words,
    };
    let media = all(size.pictures, |number| shelf.picture(number))?;
    let sections = all(2 * ROOTS, |number| shelf.section(number))?;
    // Parents come first. The number of a child is that of its parent plus `ROOTS`.
    let sections = sections
        .iter()
        .enumerate()
        .map(|(number, section)| Section {
            parent: number.checked_sub(ROOTS).map(|root| sections[root].id),
            ..section.clone()
        });
    let topics = all(size.topics, |number| shelf.topic(number))?;
    let stories = all(size.stories, |number| {
        let mut random = Random::new("story", number);
        let story = shelf.story(number, &mut random, &media)?;
        let first = random.below(topics.len() - 1);
        Ok((story, vec![topics[first].id, topics[first + 1].id]))
    })?;
    Ok(Newsroom {
        sections: sections.collect(),
        people: all(size.people, |number| shelf.person(number))?,
        sources: all(size.sources, |number| shelf.source(number))?,
        live_channels: all(2, |number| shelf.live_channel(number, &media))?,
        follow_channels: all(6, |number| shelf.follow_channel(number))?,
        editions: vec![shelf.edition],
        media,
        topics,
        stories,
        ..Newsroom::default()
    })
}

fn all<T>(
    count: usize,
    mut one: impl FnMut(usize) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    (0..count).map(&mut one).collect()
}

fn edition(words: &Words) -> Result<Edition, Invalid> {
    let mut random = Random::new("edition", 0);
    let mut label = || Some(words.text(&mut random, 2));
    Ok(Edition {
        labels: Labels {
            live: label(),
            follow: label(),
            sections: label(),
            stories: label(),
            comments: label(),
        },
        ..builders::edition("ar", "الأرشيف", "ar")?
    })
}

struct EntityBuilder<'a> {
    edition: Edition,
    words: &'a Words,
}

impl EntityBuilder<'_> {
    /// Returns a name of `count` words, and the text of its slug. The number makes the slug unique.
    fn named(&self, noun: &str, number: usize, count: usize) -> Result<(Name, String), Invalid> {
        let name = self.words.text(&mut Random::new(noun, number), count);
        Ok((Name::parse(&name)?, format!("{name} {number}")))
    }

    fn picture(&self, number: usize) -> Result<Media, Invalid> {
        let mut random = Random::new("picture", number);
        let name = format!("bench/{number}");
        let rendition = |width: u32| -> Result<Rendition, Invalid> {
            Ok(Rendition {
                url: WebUrl::parse(&format!("/media/{name}-{width}.webp"))?,
                width,
                height: width * 2 / 3,
                mime: "image/webp".to_owned(),
            })
        };
        Ok(Media {
            caption: Some(self.words.text(&mut random, 10)),
            credit: Some(self.words.text(&mut random, 2)),
            renditions: vec![rendition(320)?, rendition(640)?, rendition(960)?],
            ..builders::picture(&name, &self.words.text(&mut random, 8))?
        })
    }

    fn section(&self, number: usize) -> Result<Section, Invalid> {
        let (name, slug) = self.named("section", number, 1)?;
        let position = i32::try_from(number).unwrap_or_default();
        Ok(Section {
            name,
            featured: number < FEATURED,
            ..builders::section(&self.edition, &slug, position)?
        })
    }

    fn topic(&self, number: usize) -> Result<Topic, Invalid> {
        let (name, slug) = self.named("topic", number, 2)?;
        Ok(Topic {
            name,
            ..builders::topic(&self.edition, &slug)?
        })
    }

    fn person(&self, number: usize) -> Result<Person, Invalid> {
        let (name, slug) = self.named("person", number, 2)?;
        let mut random = Random::new("role", number);
        Ok(Person {
            name,
            role: Some(self.words.text(&mut random, 2)),
            ..builders::person(&self.edition, &slug)?
        })
    }

    fn source(&self, number: usize) -> Result<Source, Invalid> {
        let (name, slug) = self.named("source", number, 2)?;
        Ok(Source {
            name,
            kind: Some(if number.is_multiple_of(3) {
                source::Kind::Agency
            } else {
                source::Kind::Outlet
            }),
            url: Some(WebUrl::parse(&format!("https://source-{number}.example"))?),
            ..builders::source(&self.edition, &slug)?
        })
    }

    fn story(&self, number: usize, random: &mut Random, media: &[Media]) -> Result<Story, Invalid> {
        let (title, slug) = self.named("story title", number, 4)?;
        let pinned = i32::try_from(number).ok().filter(|_| number < PINNED);
        Ok(Story {
            title,
            slug: Slug::from_text(&slug)?,
            summary: Some(self.words.text(random, 15)),
            image: Some(media[random.below(media.len())].id),
            pinned_position: pinned,
            ..builders::story(&self.edition, &slug)?
        })
    }

    fn live_channel(&self, number: usize, media: &[Media]) -> Result<LiveChannel, Invalid> {
        let (name, _) = self.named("live channel", number, 2)?;
        let position = i32::try_from(number).unwrap_or_default();
        Ok(LiveChannel {
            stream_url: Some(WebUrl::parse(&format!("/live/{number}.m3u8"))?),
            poster: Some(media[number].id),
            on_air: Some(number == 1),
            ..builders::live_channel(&self.edition, name.as_str(), position)?
        })
    }

    fn follow_channel(&self, number: usize) -> Result<FollowChannel, Invalid> {
        use follow_channel::Platform::{Facebook, Instagram, Rss, Telegram, X, Youtube};
        let (name, _) = self.named("follow channel", number, 2)?;
        let position = i32::try_from(number).unwrap_or_default();
        Ok(FollowChannel {
            platform: [Facebook, Instagram, Rss, Telegram, X, Youtube][number],
            handle: Some(format!("@bench{number}")),
            url: Some(WebUrl::parse(&format!("https://follow.example/{number}"))?),
            ..builders::follow_channel(&self.edition, name.as_str(), position)?
        })
    }
}

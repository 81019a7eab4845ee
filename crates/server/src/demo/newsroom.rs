//! The demo newsroom as domain types: validated content with absolute times, ready to be written.

use anyhow::Context;
use chrono::{DateTime, SubsecRound, Utc};
use khabar_domain::{
    ArticleId, Comment, Edition, EditionId, FollowChannel, LiveChannel, Media, Person, RelatedLink,
    Section, Source, Story, Topic, TopicId,
};
use khabar_persistence::article::Manuscript;

use super::content::{self, Content, Entry, Located};
use super::convert::Converter;
use super::ids::KnownKeys;

/// All rows that the demo writes, in an order that satisfies their references.
#[derive(Debug, PartialEq)]
pub(super) struct Newsroom {
    pub(super) media: Vec<Media>,
    pub(super) editions: Vec<Edition>,
    pub(super) sections: Vec<Section>,
    pub(super) people: Vec<Person>,
    pub(super) sources: Vec<Source>,
    pub(super) topics: Vec<Topic>,
    pub(super) stories: Vec<(Story, Vec<TopicId>)>,
    pub(super) manuscripts: Vec<Manuscript>,
    pub(super) related: Vec<(ArticleId, Vec<RelatedLink>)>,
    pub(super) comments: Vec<Comment>,
    pub(super) leads: Vec<(EditionId, Vec<ArticleId>)>,
    pub(super) live: Vec<LiveChannel>,
    pub(super) follow: Vec<FollowChannel>,
}

impl Newsroom {
    /// Converts the content, with times relative to `at`. An error names the file and the entry.
    pub(super) fn of(content: &Content, at: DateTime<Utc>) -> anyhow::Result<Self> {
        let converter = Converter {
            names: KnownKeys::of(content)?,
            at: at.trunc_subsecs(0),
        };
        let sections = ranked(&content.sections, |section| {
            (section.edition.clone(), section.parent.clone())
        });
        let live = ranked(&content.live, |channel| channel.edition.clone());
        let follow = ranked(&content.follow, |channel| channel.edition.clone());
        let leads = |edition: &content::Edition| {
            let articles = converter
                .names
                .list("article", &edition.key, &edition.leads)?;
            Ok((converter.names.edition(&edition.key)?, articles))
        };
        let editions = &content.editions;
        let articles = &content.articles;
        let comments = each(articles, |article| converter.comments(article))?;
        Ok(Self {
            media: each(&content.media, |media| converter.media(media))?,
            editions: each(editions, |edition| converter.edition(edition))?,
            sections: each_ranked(sections, |section, rank| converter.section(section, rank))?,
            people: each(&content.people, |person| converter.person(person))?,
            sources: each(&content.sources, |source| converter.source(source))?,
            topics: each(&content.topics, |topic| converter.topic(topic))?,
            stories: each(&content.stories, |story| converter.story(story))?,
            manuscripts: each(articles, |article| converter.manuscript(article, editions))?,
            related: each(articles, |article| converter.related(article))?,
            comments: comments.into_iter().flatten().collect(),
            leads: each(editions, leads)?,
            live: each_ranked(live, |channel, rank| converter.live(channel, rank))?,
            follow: each_ranked(follow, |channel, rank| converter.follow(channel, rank))?,
        })
    }
}

fn each<T: Entry, D>(
    entries: &[Located<T>],
    mean: impl Fn(&T) -> anyhow::Result<D>,
) -> anyhow::Result<Vec<D>> {
    entries
        .iter()
        .map(|entry| mean(&entry.entry).with_context(|| entry.place()))
        .collect()
}

fn each_ranked<T: Entry, D>(
    entries: Vec<(&Located<T>, i32)>,
    mean: impl Fn(&T, i32) -> anyhow::Result<D>,
) -> anyhow::Result<Vec<D>> {
    entries
        .into_iter()
        .map(|(entry, rank)| mean(&entry.entry, rank).with_context(|| entry.place()))
        .collect()
}

/// Pairs each entry with its position among the entries of its `list`, starting at 0.
fn ranked<T, L: PartialEq>(
    entries: &[Located<T>],
    list: impl Fn(&T) -> L,
) -> Vec<(&Located<T>, i32)> {
    let mut seen: Vec<(L, i32)> = Vec::new();
    let mut place = |entry: &T| {
        let list = list(entry);
        if let Some((_, next)) = seen.iter_mut().find(|(seen, _)| *seen == list) {
            *next += 1;
            *next
        } else {
            seen.push((list, 0));
            0
        }
    };
    entries
        .iter()
        .map(|entry| (entry, place(&entry.entry)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::{TimeDelta, TimeZone};
    use khabar_domain::article::{Kind, Status};
    use khabar_domain::{Block, story};

    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2025, 3, 1, 9, 0, 0).unwrap()
    }

    fn demo() -> Newsroom {
        Newsroom::of(&Content::embedded().unwrap(), now()).unwrap()
    }

    #[test]
    fn the_demo_newsroom_has_enough_content() {
        let demo = demo();
        let published = |edition: &Edition| {
            let of_edition = demo.manuscripts.iter().filter(|of| {
                of.article.edition == edition.id && of.article.status == Status::Published
            });
            of_edition.count()
        };
        let counts: Vec<_> = demo.editions.iter().map(published).collect();
        assert!(counts[0] >= 60 && counts[1] >= 6, "{counts:?}");
        assert!(demo.stories.len() >= 8 && demo.sections.len() >= 12);
        assert!(demo.comments.len() >= 60);
        assert!(
            demo.comments
                .iter()
                .filter(|of| of.parent.is_some())
                .count()
                >= 20
        );
        assert!(demo.media.len() >= 20 && demo.people.len() >= 6);
        assert!(demo.sources.len() >= 4 && demo.topics.len() >= 20);
        assert!(
            demo.related
                .iter()
                .filter(|(_, links)| !links.is_empty())
                .count()
                >= 20
        );
        assert!(
            demo.live
                .iter()
                .any(|of| of.on_air == Some(true) && of.stream_url.is_some())
        );
        assert!(demo.live.iter().any(|of| of.on_air == Some(false)));
        assert!(demo.follow.len() >= 6);
        assert!(demo.leads.iter().all(|(_, articles)| articles.len() >= 3));
    }

    #[test]
    fn every_kind_of_content_occurs() {
        let demo = demo();
        for kind in Kind::ALL {
            assert!(
                demo.manuscripts.iter().any(|of| of.article.kind == *kind),
                "{kind:?}"
            );
        }
        for status in Status::ALL {
            assert!(
                demo.manuscripts
                    .iter()
                    .any(|of| of.article.status == *status),
                "{status:?}"
            );
        }
        for kind in story::Kind::ALL {
            assert!(
                demo.stories.iter().any(|(of, _)| of.kind == *kind),
                "{kind:?}"
            );
        }
        let blocks = demo.manuscripts.iter().flat_map(|of| of.body.blocks());
        let kinds: HashSet<_> = blocks.map(std::mem::discriminant::<Block>).collect();
        assert_eq!(kinds.len(), 9, "{kinds:?}");
    }

    #[test]
    fn article_texts_are_unique() {
        let demo = demo();
        let mut paragraphs = HashSet::new();
        for manuscript in &demo.manuscripts {
            let article = &manuscript.article;
            assert!(manuscript.body.blocks().len() >= 2, "{}", article.headline);
            for block in manuscript.body.blocks() {
                if let Block::Paragraph { text } = block {
                    assert!(paragraphs.insert(text.text()), "{}", article.headline);
                }
            }
        }
        let slugs: HashSet<_> = demo
            .manuscripts
            .iter()
            .map(|of| (of.article.edition, &of.article.slug))
            .collect();
        assert_eq!(slugs.len(), demo.manuscripts.len());
    }

    #[test]
    fn links_lead_only_to_published_articles() {
        let demo = demo();
        let seen: HashSet<_> = demo
            .manuscripts
            .iter()
            .filter(|of| of.article.status == Status::Published)
            .map(|of| of.article.id)
            .collect();
        let links = demo.related.iter().flat_map(|(_, links)| links);
        assert!(
            links
                .clone()
                .all(|link| seen.contains(&link.to) && link.to != link.from)
        );
        assert!(
            demo.leads
                .iter()
                .flat_map(|(_, leads)| leads)
                .all(|id| seen.contains(id))
        );
    }

    #[test]
    fn times_follow_the_clock() {
        let later = TimeDelta::days(3);
        let moved = Newsroom::of(&Content::embedded().unwrap(), now() + later).unwrap();
        for (before, after) in demo().manuscripts.iter().zip(&moved.manuscripts) {
            assert_eq!(before.article.id, after.article.id);
            assert_eq!(before.article.listed_at + later, after.article.listed_at);
        }
    }

    #[test]
    fn an_error_names_the_file_and_the_entry() {
        let refusal = |text: &str| {
            let mut content = Content::embedded().unwrap();
            content.read("extra.toml", text).unwrap();
            let error = Newsroom::of(&content, now()).unwrap_err();
            format!("{error:#}")
        };
        let section = |key: &str, more: &str| {
            format!("[[section]]\nedition = 'ar'\nkey = '{key}'\nname = 'X'\n{more}")
        };
        assert_eq!(
            refusal(&section("a", "parent = 'b'")),
            "the demo's extra.toml: section \"a\": there is no section \"b\" in the edition \"ar\""
        );
        assert_eq!(
            refusal(&section("sport", "")),
            "the demo's extra.toml: section \"sport\": the key is taken"
        );
        assert_eq!(
            refusal("[[media]]\nkey = 'm'\nfile = 'none'\nalt = 'a'\ncredit = 'c'"),
            "the demo's extra.toml: media \"m\": there is no drawing \"none\""
        );
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let error = Content::default()
            .read("bad.toml", "[[article]]\nkye = 'a'")
            .unwrap_err();
        let error = format!("{error:#}");
        assert!(
            error.contains("bad.toml") && error.contains("kye"),
            "{error}"
        );
    }
}

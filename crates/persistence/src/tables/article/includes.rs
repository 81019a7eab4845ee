//! Prefetching of data related to articles by the statement that finds them.
//!
//! If the reference data holds all people, the statement reads the ids of the authors from the article's own
//! row, and the people are looked up there. Otherwise it joins their rows. It is the same with topics.

use std::sync::Arc;

use khabar_domain::article::Status;
use khabar_domain::{Article, Body, Media, Person, Scope, Story, Topic};
use uuid::Uuid;

use super::{BodyOf, ById, body, tombstone};
use crate::query::decode::RowDecoder;
use crate::query::include::{Column, EagerLoad, Includes, Relation, SideLoad, many, one};
use crate::query::sql::Dialect;
use crate::reference_data::Reference;
use crate::tables::related::Related;
use crate::tables::{media, person, story, topic};
use crate::{ReadSession, Result};

/// Data prefetched so far for the articles that a statement finds.
pub(crate) struct ArticleIncludes {
    /// The related data whose rows are read.
    with: Includes,
    /// The related data that is looked up in the reference data, of which only ids are read.
    held: Includes,
    reference: Arc<Reference>,
    /// Edges that start from the alias of `article` in the statement.
    from: &'static From,
    scope: Scope,
    /// The articles found. `None` if they are looked up by id.
    articles: Option<Vec<(ById, Option<Article>)>>,
    pictures: Vec<(media::ById, Option<Media>)>,
    authors: Vec<(person::OfArticle, Option<Vec<Person>>)>,
    topics: Vec<(topic::OfArticle, Option<Vec<Topic>>)>,
    stories: Vec<(story::OfArticle, Option<Vec<Story>>)>,
    bodies: Vec<(BodyOf, Option<Body>)>,
}

/// Edges from articles to related rows, for one alias of `article` in a statement.
pub(crate) struct From {
    picture: Relation,
    authors: Relation,
    portraits: Relation,
    topics: Relation,
    stories: Relation,
    images: Relation,
    author_ids: &'static str,
    topic_ids: &'static str,
    body: &'static str,
}

macro_rules! from {
    ($alias:literal) => {
        From {
            picture: Relation::One {
                column: concat!($alias, ".hero_id"),
            },
            authors: Relation::Many {
                links: "article_author",
                from: "article_id",
                to: "person_id",
                id: concat!($alias, ".id"),
                then: None,
            },
            portraits: Relation::Many {
                links: "article_author",
                from: "article_id",
                to: "person_id",
                id: concat!($alias, ".id"),
                then: Some(("person", "portrait_id")),
            },
            topics: Relation::Many {
                links: "article_topic",
                from: "article_id",
                to: "topic_id",
                id: concat!($alias, ".id"),
                then: None,
            },
            stories: Relation::Many {
                links: "article_story",
                from: "article_id",
                to: "story_id",
                id: concat!($alias, ".id"),
                then: None,
            },
            images: Relation::Many {
                links: "article_story",
                from: "article_id",
                to: "story_id",
                id: concat!($alias, ".id"),
                then: Some(("story", "image_id")),
            },
            author_ids: concat!(", ", $alias, ".author_ids"),
            topic_ids: concat!(", ", $alias, ".topic_ids"),
            body: concat!(
                ", (SELECT x.blocks FROM article_body x WHERE x.article_id = ",
                $alias,
                ".id)"
            ),
        }
    };
}

/// Edges for a statement that aliases `article` as `t`.
pub(crate) static T: From = from!("t");
/// Edges for a statement that joins articles to a list, with the alias `a`.
pub(crate) static A: From = from!("a");

impl ArticleIncludes {
    /// Creates an empty collection for the related objects that the session includes.
    pub(crate) fn new(reader: &ReadSession, from: &'static From) -> Self {
        let wanted = reader.includes();
        let reference = reader.reference().unwrap_or_default();
        let mut held = Includes::NOTHING;
        if reference.holds_people() {
            // A portrait is found there like any other of the media that it shows.
            held = held.and(Includes::AUTHORS).and(Includes::PORTRAITS);
        }
        if reference.holds_topics() {
            held = held.and(Includes::TOPICS);
        }
        Self {
            with: wanted.without(held),
            held: wanted.only(held),
            reference,
            from,
            scope: reader.scope(),
            articles: Some(Vec::new()),
            pictures: Vec::new(),
            authors: Vec::new(),
            topics: Vec::new(),
            stories: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// Switches to articles that are looked up by id, so that only the related data is prefetched.
    pub(super) fn by_id(self) -> Self {
        Self {
            articles: None,
            ..self
        }
    }
}

impl SideLoad for ArticleIncludes {
    fn side_load(self, reader: &ReadSession) {
        let stories = self.stories.iter();
        let stories = stories.flat_map(|(_, stories)| stories.iter().flatten());
        let each: Vec<_> = stories
            .map(|story| (story::ById(story.id), Some(story.clone())))
            .collect();
        reader.side_load(each);
        reader.side_load(self.articles.into_iter().flatten());
        reader.side_load(self.pictures);
        reader.side_load(self.authors);
        reader.side_load(self.topics);
        reader.side_load(self.stories);
        reader.side_load(self.bodies);
    }
}

impl EagerLoad<Article> for ArticleIncludes {
    fn select(&self, dialect: Dialect) -> String {
        let Self {
            with, held, from, ..
        } = self;
        let mut text = String::new();
        for (wanted, edge) in [
            (Includes::PICTURE, &from.picture),
            (Includes::PORTRAITS, &from.portraits),
            (Includes::IMAGES, &from.images),
        ] {
            if with.has(wanted) {
                text.push_str(&edge.select::<media::table::Entity>(dialect));
            }
        }
        if with.has(Includes::AUTHORS) {
            let authors = &from.authors;
            text.push_str(&authors.select::<person::table::Entity>(dialect));
        }
        if held.has(Includes::AUTHORS) {
            text.push_str(from.author_ids);
        }
        if held.has(Includes::TOPICS) {
            text.push_str(from.topic_ids);
        }
        if with.has(Includes::TOPICS) {
            text.push_str(&from.topics.select::<topic::table::Entity>(dialect));
        }
        if with.has(Includes::STORIES) {
            let stories = &from.stories;
            text.push_str(&stories.select::<story::table::Entity>(dialect));
        }
        if with.has(Includes::BODY) {
            text.push_str(from.body);
        }
        text
    }

    fn read(&mut self, cells: &mut RowDecoder<'_>, article: &Article) -> Result<()> {
        // The data of an article behind a tombstone must not be exposed.
        if article.status == Status::Withdrawn && !tombstone::sees_withdrawn(self.scope) {
            return Ok(());
        }
        let id = article.id;
        let of = Uuid::from(id);
        let with = self.with;
        if let Some(articles) = &mut self.articles {
            articles.push((ById(id), Some(article.clone())));
        }
        if with.has(Includes::PICTURE) {
            one::<media::table::Model>(cells, PICTURE, of, |picture| {
                let hero = article.hero.into_iter();
                self.pictures
                    .extend(hero.map(|hero| (media::ById(hero), picture.clone())));
            })?;
        }
        for (wanted, column) in [(Includes::PORTRAITS, PORTRAITS), (Includes::IMAGES, IMAGES)] {
            if with.has(wanted) {
                let pictures = many::<media::table::Model>(cells, column, of)?;
                let pictures = pictures.into_iter();
                self.pictures
                    .extend(pictures.map(|media| (media::ById(media.id), Some(media))));
            }
        }
        if with.has(Includes::AUTHORS) {
            let authors = many::<person::table::Model>(cells, AUTHORS, of)?;
            self.authors.push((person::OfArticle(id), Some(authors)));
        }
        // The row of someone who is not held is broken or newer. The authors are then read by a statement of
        // their own.
        if self.held.has(Includes::AUTHORS) {
            let authors = cells
                .take_ids()?
                .and_then(|ids| self.reference.people(&ids));
            let authors = authors.map(|authors| (person::OfArticle(id), Some(authors)));
            self.authors.extend(authors);
        }
        if self.held.has(Includes::TOPICS) {
            let topics = cells
                .take_ids()?
                .and_then(|ids| self.reference.topics(&ids));
            let topics = topics.map(|topics| (topic::OfArticle(id), Some(topics)));
            self.topics.extend(topics);
        }
        if with.has(Includes::TOPICS) {
            let topics = many::<topic::table::Model>(cells, TOPICS, of)?;
            self.topics.push((topic::OfArticle(id), Some(topics)));
        }
        if with.has(Includes::STORIES) {
            let stories = many::<story::table::Model>(cells, STORIES, of)?;
            self.stories.push((story::OfArticle(id), Some(stories)));
        }
        if with.has(Includes::BODY) {
            let blocks: Option<&str> = cells.take()?;
            let body = blocks.map(|blocks| body(of, blocks)).transpose();
            let body = cells.unless_broken(body)?;
            self.bodies.extend(body.map(|body| (BodyOf(id), body)));
        }
        Ok(())
    }
}

impl EagerLoad<Related> for ArticleIncludes {
    fn select(&self, dialect: Dialect) -> String {
        EagerLoad::<Article>::select(self, dialect)
    }

    fn read(&mut self, cells: &mut RowDecoder<'_>, related: &Related) -> Result<()> {
        self.read(cells, &related.article)
    }
}

const PICTURE: Column = Column("article", "the picture");
const AUTHORS: Column = Column("article", "the authors");
const PORTRAITS: Column = Column("article", "the portraits");
const IMAGES: Column = Column("article", "the pictures of stories");
const TOPICS: Column = Column("article", "the topics");
const STORIES: Column = Column("article", "the stories");

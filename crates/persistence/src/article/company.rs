//! What is read of articles by the statement that finds them.

use khabar_domain::article::Status;
use khabar_domain::{Article, Body, Media, Person, Scope, Story, Topic};
use uuid::Uuid;

use super::{BodyOf, ById, body, stone};
use crate::cells::Cells;
use crate::related::Related;
use crate::sql::Dialect;
use crate::with::{Column, Company, Edge, With, many, one};
use crate::{BatchKey, Reader, Result, media, person, story, topic};

/// What was read so far of the articles that a statement finds.
pub(crate) struct Gathered {
    with: With,
    /// What the statement calls `article`.
    from: &'static From,
    scope: Scope,
    /// None where they are asked for by their ids.
    articles: Option<Vec<(ById, Option<Article>)>>,
    pictures: Vec<(media::ById, Option<Media>)>,
    authors: Vec<(person::OfArticle, Option<Vec<Person>>)>,
    topics: Vec<(topic::OfArticle, Option<Vec<Topic>>)>,
    stories: Vec<(story::OfArticle, Option<Vec<Story>>)>,
    bodies: Vec<(BodyOf, Option<Body>)>,
}

/// The edges of articles, as they begin in a statement.
pub(crate) struct From {
    picture: Edge,
    authors: Edge,
    portraits: Edge,
    topics: Edge,
    stories: Edge,
    images: Edge,
    body: &'static str,
}

macro_rules! from {
    ($alias:literal) => {
        From {
            picture: Edge::One {
                column: concat!($alias, ".hero_id"),
            },
            authors: Edge::Many {
                links: "article_author",
                from: "article_id",
                to: "person_id",
                id: concat!($alias, ".id"),
                then: None,
            },
            portraits: Edge::Many {
                links: "article_author",
                from: "article_id",
                to: "person_id",
                id: concat!($alias, ".id"),
                then: Some(("person", "portrait_id")),
            },
            topics: Edge::Many {
                links: "article_topic",
                from: "article_id",
                to: "topic_id",
                id: concat!($alias, ".id"),
                then: None,
            },
            stories: Edge::Many {
                links: "article_story",
                from: "article_id",
                to: "story_id",
                id: concat!($alias, ".id"),
                then: None,
            },
            images: Edge::Many {
                links: "article_story",
                from: "article_id",
                to: "story_id",
                id: concat!($alias, ".id"),
                then: Some(("story", "image_id")),
            },
            body: concat!(
                ", (SELECT x.blocks FROM article_body x WHERE x.article_id = ",
                $alias,
                ".id)"
            ),
        }
    };
}

/// Of a statement that calls its articles `t`.
pub(crate) static T: From = from!("t");
/// Of one that joins them to a list, as `a`.
pub(crate) static A: From = from!("a");

impl Gathered {
    /// Nothing yet of what answers these keys.
    pub(crate) fn new<K: BatchKey>(reader: &Reader, from: &'static From, keys: &[K]) -> Self {
        Self {
            with: reader.wanted(keys),
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

    /// The same, of articles that are asked for by their ids: only what is beside them is news.
    pub(super) fn by_id(self) -> Self {
        Self {
            articles: None,
            ..self
        }
    }

    /// Makes it known to whoever asks for it in this request.
    pub(crate) fn give(self, reader: &Reader) {
        let stories = self.stories.iter();
        let stories = stories.flat_map(|(_, stories)| stories.iter().flatten());
        let each: Vec<_> = stories
            .map(|story| (story::ById(story.id), Some(story.clone())))
            .collect();
        reader.bring(each);
        reader.bring(self.articles.into_iter().flatten());
        reader.bring(self.pictures);
        reader.bring(self.authors);
        reader.bring(self.topics);
        reader.bring(self.stories);
        reader.bring(self.bodies);
    }
}

impl Company<Article> for Gathered {
    fn select(&self, dialect: Dialect) -> String {
        let Self { with, from, .. } = self;
        let mut text = String::new();
        for (wanted, edge) in [
            (With::PICTURE, &from.picture),
            (With::PORTRAITS, &from.portraits),
            (With::IMAGES, &from.images),
        ] {
            if with.has(wanted) {
                text.push_str(&edge.select::<media::table::Entity>(dialect));
            }
        }
        if with.has(With::AUTHORS) {
            let authors = &from.authors;
            text.push_str(&authors.select::<person::table::Entity>(dialect));
        }
        if with.has(With::TOPICS) {
            text.push_str(&from.topics.select::<topic::table::Entity>(dialect));
        }
        if with.has(With::STORIES) {
            let stories = &from.stories;
            text.push_str(&stories.select::<story::table::Entity>(dialect));
        }
        if with.has(With::BODY) {
            text.push_str(from.body);
        }
        text
    }

    fn read(&mut self, cells: &mut Cells<'_>, article: &Article) -> Result<()> {
        // What lies under a stone is nobody's business.
        if article.status == Status::Withdrawn && !stone::sees_below(self.scope) {
            return Ok(());
        }
        let id = article.id;
        let of = Uuid::from(id);
        let with = self.with;
        if let Some(articles) = &mut self.articles {
            articles.push((ById(id), Some(article.clone())));
        }
        if with.has(With::PICTURE) {
            one::<media::table::Model>(cells, PICTURE, of, |picture| {
                let hero = article.hero.into_iter();
                self.pictures
                    .extend(hero.map(|hero| (media::ById(hero), picture.clone())));
            })?;
        }
        for (wanted, column) in [(With::PORTRAITS, PORTRAITS), (With::IMAGES, IMAGES)] {
            if with.has(wanted) {
                let pictures = many::<media::table::Model>(cells, column, of)?;
                let pictures = pictures.into_iter();
                self.pictures
                    .extend(pictures.map(|media| (media::ById(media.id), Some(media))));
            }
        }
        if with.has(With::AUTHORS) {
            let authors = many::<person::table::Model>(cells, AUTHORS, of)?;
            self.authors.push((person::OfArticle(id), Some(authors)));
        }
        if with.has(With::TOPICS) {
            let topics = many::<topic::table::Model>(cells, TOPICS, of)?;
            self.topics.push((topic::OfArticle(id), Some(topics)));
        }
        if with.has(With::STORIES) {
            let stories = many::<story::table::Model>(cells, STORIES, of)?;
            self.stories.push((story::OfArticle(id), Some(stories)));
        }
        if with.has(With::BODY) {
            let blocks: Option<&str> = cells.take()?;
            let body = blocks.map(|blocks| body(of, blocks)).transpose();
            let body = cells.unless_broken(body)?;
            self.bodies.extend(body.map(|body| (BodyOf(id), body)));
        }
        Ok(())
    }
}

impl Company<Related> for Gathered {
    fn select(&self, dialect: Dialect) -> String {
        Company::<Article>::select(self, dialect)
    }

    fn read(&mut self, cells: &mut Cells<'_>, related: &Related) -> Result<()> {
        self.read(cells, &related.article)
    }
}

const PICTURE: Column = Column("article", "the picture");
const AUTHORS: Column = Column("article", "the authors");
const PORTRAITS: Column = Column("article", "the portraits");
const IMAGES: Column = Column("article", "the pictures of stories");
const TOPICS: Column = Column("article", "the topics");
const STORIES: Column = Column("article", "the stories");

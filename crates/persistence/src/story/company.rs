//! What is read of stories by the statement that finds them.

use khabar_domain::{Media, Story, Topic};

use super::ById;
use crate::cells::Cells;
use crate::sql::Dialect;
use crate::with::{Column, Company, Edge, With, many, one};
use crate::{BatchKey, Reader, Result, media, topic};

/// What was read so far of the stories that a statement finds.
pub(super) struct Gathered {
    with: With,
    from: &'static From,
    /// None where they are asked for by their ids.
    stories: Option<Vec<(ById, Option<Story>)>>,
    pictures: Vec<(media::ById, Option<Media>)>,
    topics: Vec<(topic::OfStory, Option<Vec<Topic>>)>,
}

/// The edges of stories, as they begin in a statement.
pub(super) struct From {
    picture: Edge,
    topics: Edge,
}

macro_rules! from {
    ($alias:literal) => {
        From {
            picture: Edge::One {
                column: concat!($alias, ".image_id"),
            },
            topics: Edge::Many {
                links: "story_topic",
                from: "story_id",
                to: "topic_id",
                id: concat!($alias, ".id"),
                then: None,
            },
        }
    };
}

/// Of a statement that calls its stories `t`.
pub(super) static T: From = from!("t");
/// Of one that joins them to what they belong to, as `a`.
pub(super) static A: From = from!("a");

impl Gathered {
    /// Nothing yet of what answers these keys.
    pub(super) fn new<K: BatchKey>(reader: &Reader, from: &'static From, keys: &[K]) -> Self {
        Self {
            with: reader.wanted(keys),
            from,
            stories: Some(Vec::new()),
            pictures: Vec::new(),
            topics: Vec::new(),
        }
    }

    /// The same, of stories that are asked for by their ids: only what is beside them is news.
    pub(super) fn by_id(self) -> Self {
        Self {
            stories: None,
            ..self
        }
    }

    /// Makes it known to whoever asks for it in this request.
    pub(super) fn give(self, reader: &Reader) {
        reader.bring(self.stories.into_iter().flatten());
        reader.bring(self.pictures);
        reader.bring(self.topics);
    }
}

impl Company<Story> for Gathered {
    fn select(&self, dialect: Dialect) -> String {
        let Self { with, from, .. } = self;
        let mut text = String::new();
        if with.has(With::PICTURE) {
            text.push_str(&from.picture.select::<media::table::Entity>(dialect));
        }
        if with.has(With::TOPICS) {
            text.push_str(&from.topics.select::<topic::table::Entity>(dialect));
        }
        text
    }

    fn read(&mut self, cells: &mut Cells<'_>, story: &Story) -> Result<()> {
        let (id, with) = (story.id, self.with);
        if let Some(stories) = &mut self.stories {
            stories.push((ById(id), Some(story.clone())));
        }
        if with.has(With::PICTURE) {
            one::<media::table::Model>(cells, PICTURE, id.into(), |picture| {
                let image = story.image.into_iter();
                self.pictures
                    .extend(image.map(|image| (media::ById(image), picture.clone())));
            })?;
        }
        if with.has(With::TOPICS) {
            let topics = many::<topic::table::Model>(cells, TOPICS, id.into())?;
            self.topics.push((topic::OfStory(id), Some(topics)));
        }
        Ok(())
    }
}

const PICTURE: Column = Column("story", "the picture");
const TOPICS: Column = Column("story", "the topics");

//! Related objects that are read in the same statement as stories.

use khabar_domain::{Media, Story, Topic};

use super::ById;
use crate::query::decode::RowDecoder;
use crate::query::include::{Column, EagerLoad, Includes, Relation, SideLoad, many, one};
use crate::query::sql::Dialect;
use crate::tables::{media, topic};
use crate::{ReadSession, Result};

/// The stories of a statement and their related objects, as read so far.
pub(super) struct StoryIncludes {
    with: Includes,
    from: &'static From,
    /// The stories to add to the reader. `None` if the statement looks them up by id.
    stories: Option<Vec<(ById, Option<Story>)>>,
    pictures: Vec<(media::ById, Option<Media>)>,
    topics: Vec<(topic::OfStory, Option<Vec<Topic>>)>,
}

/// The relations from stories to related objects, for one alias of the story table.
pub(super) struct From {
    picture: Relation,
    topics: Relation,
}

macro_rules! from {
    ($alias:literal) => {
        From {
            picture: Relation::One {
                column: concat!($alias, ".image_id"),
            },
            topics: Relation::Many {
                links: "story_topic",
                from: "story_id",
                to: "topic_id",
                id: concat!($alias, ".id"),
                then: None,
            },
        }
    };
}

/// The relations in a statement that aliases the story table as `t`.
pub(super) static T: From = from!("t");
/// The relations in a statement that joins the story table to another and aliases it as `a`.
pub(super) static A: From = from!("a");

impl StoryIncludes {
    /// Creates an empty collection for the related objects that the session includes.
    pub(super) fn new(reader: &ReadSession, from: &'static From) -> Self {
        Self {
            with: reader.includes(),
            from,
            stories: Some(Vec::new()),
            pictures: Vec::new(),
            topics: Vec::new(),
        }
    }

    /// Returns the collection without the stories themselves, for a lookup by id. That lookup already
    /// returns each story under its id, so only the related objects need to be collected.
    pub(super) fn by_id(self) -> Self {
        Self {
            stories: None,
            ..self
        }
    }
}

impl SideLoad for StoryIncludes {
    fn side_load(self, reader: &ReadSession) {
        reader.side_load(self.stories.into_iter().flatten());
        reader.side_load(self.pictures);
        reader.side_load(self.topics);
    }
}

/// Returns what to read with the stories that some keys find.
pub(super) fn of(reader: &ReadSession) -> StoryIncludes {
    StoryIncludes::new(reader, &T)
}

/// Returns what to read with the stories that keys find by id.
pub(super) fn by_id(reader: &ReadSession) -> StoryIncludes {
    of(reader).by_id()
}

impl EagerLoad<Story> for StoryIncludes {
    fn select(&self, dialect: Dialect) -> String {
        let Self { with, from, .. } = self;
        let mut text = String::new();
        if with.has(Includes::PICTURE) {
            text.push_str(&from.picture.select::<media::table::Entity>(dialect));
        }
        if with.has(Includes::TOPICS) {
            text.push_str(&from.topics.select::<topic::table::Entity>(dialect));
        }
        text
    }

    fn read(&mut self, cells: &mut RowDecoder<'_>, story: &Story) -> Result<()> {
        let (id, with) = (story.id, self.with);
        if let Some(stories) = &mut self.stories {
            stories.push((ById(id), Some(story.clone())));
        }
        if with.has(Includes::PICTURE) {
            one::<media::table::Model>(cells, PICTURE, id.into(), |picture| {
                let image = story.image.into_iter();
                self.pictures
                    .extend(image.map(|image| (media::ById(image), picture.clone())));
            })?;
        }
        if with.has(Includes::TOPICS) {
            let topics = many::<topic::table::Model>(cells, TOPICS, id.into())?;
            self.topics.push((topic::OfStory(id), Some(topics)));
        }
        Ok(())
    }
}

const PICTURE: Column = Column("story", "the picture");
const TOPICS: Column = Column("story", "the topics");

//! Fixtures for a whole database, and the functions that write them.
//!
//! There are two: a small, human-readable newsroom for snapshots, and a newsroom of many identical
//! editions, in which every edge of the schema has many parents. All texts were written for this
//! project.

mod editions;
mod small;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::workflow::Transition;
use khabar_domain::{
    ArticleId, Comment, Edition, EditionId, EditorialState, FollowChannel, LiveChannel, Media,
    Person, RelatedLink, Section, Source, Story, Topic, TopicId, related,
};
use khabar_persistence::article::Manuscript;
use khabar_persistence::{
    Bulk, Db, WriteTx, article, comment, correction, edition, editorial, follow_channel, home_lead,
    live_channel, media, person, revision, section, source, story, topic,
};

/// The content of one database. It must be self-contained: articles refer to people, people refer to
/// images, and so on, and each referenced object must be present.
#[derive(Default)]
pub struct Newsroom {
    /// Images, videos and audio files.
    pub media: Vec<Media>,
    /// Editions.
    pub editions: Vec<Edition>,
    /// Sections, parents before children.
    pub sections: Vec<Section>,
    /// Topics.
    pub topics: Vec<Topic>,
    /// Authors.
    pub people: Vec<Person>,
    /// Sources of articles.
    pub sources: Vec<Source>,
    /// Stories, each with its topics.
    pub stories: Vec<(Story, Vec<TopicId>)>,
    /// Articles.
    pub manuscripts: Vec<Manuscript>,
    /// Related links of each article, in order.
    pub related: Vec<(ArticleId, Vec<RelatedLink>)>,
    /// Comments by readers, parents before replies.
    pub comments: Vec<Comment>,
    /// Live channels.
    pub live_channels: Vec<LiveChannel>,
    /// Follow channels.
    pub follow_channels: Vec<FollowChannel>,
    /// Lead articles of each edition's home page, in order.
    pub leads: Vec<(EditionId, Vec<ArticleId>)>,
    /// Editorial data of articles.
    pub desks: Vec<(ArticleId, EditorialState)>,
    /// Stored revisions of articles.
    pub revisions: Vec<Manuscript>,
    /// Corrections: the article, its corrected version, and the note to readers.
    pub corrections: Vec<(ArticleId, i32, String)>,
}

/// Returns the time at which the fixtures begin. Publication times are offsets from it.
pub fn opened() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000)
}

/// Returns the default time of requests in tests: one week after [`opened`].
pub fn now() -> DateTime<Utc> {
    opened() + Duration::days(7)
}

impl Newsroom {
    /// Writes everything in one transaction.
    pub async fn save(&self, db: &Db) -> anyhow::Result<()> {
        let mut writer = db.writer(now()).await?;
        self.save_shelf(&mut writer).await?;
        for manuscript in &self.manuscripts {
            article::save(&mut writer, manuscript).await?;
        }
        for (from, links) in &self.related {
            khabar_persistence::related::set(&mut writer, *from, links).await?;
        }
        for comment in &self.comments {
            comment::save(&mut writer, comment).await?;
        }
        self.save_front(&mut writer).await?;
        Ok(writer.commit().await?)
    }

    /// Writes everything in one transaction, using the bulk import for articles, comments and related
    /// links.
    pub async fn save_in_bulk(&self, db: &Db) -> anyhow::Result<()> {
        let mut writer = db.writer(now()).await?;
        self.save_shelf(&mut writer).await?;
        let mut bulk = Bulk::new(writer);
        for manuscript in &self.manuscripts {
            let under = |comment: &&Comment| comment.article == manuscript.article.id;
            let comments: Vec<_> = self.comments.iter().filter(under).cloned().collect();
            bulk.add(manuscript, &comments).await?;
        }
        for (from, links) in &self.related {
            bulk.relate(*from, links).await?;
        }
        let mut writer = bulk.finish().await?;
        self.save_front(&mut writer).await?;
        Ok(writer.commit().await?)
    }

    /// Writes everything that articles refer to.
    pub async fn save_shelf(&self, writer: &mut WriteTx) -> anyhow::Result<()> {
        for media in &self.media {
            media::save(writer, media).await?;
        }
        for edition in &self.editions {
            edition::save(writer, edition).await?;
        }
        for section in &self.sections {
            section::save(writer, section).await?;
        }
        for topic in &self.topics {
            topic::save(writer, topic).await?;
        }
        for person in &self.people {
            person::save(writer, person).await?;
        }
        for source in &self.sources {
            source::save(writer, source).await?;
        }
        for (story, topics) in &self.stories {
            story::save(writer, story).await?;
            story::set_topics(writer, story.id, topics).await?;
        }
        Ok(())
    }

    /// Writes the channels, the lead articles of each home page, and the editorial data, revisions and
    /// corrections of articles.
    pub async fn save_front(&self, writer: &mut WriteTx) -> anyhow::Result<()> {
        for channel in &self.live_channels {
            live_channel::save(writer, channel).await?;
        }
        for channel in &self.follow_channels {
            follow_channel::save(writer, channel).await?;
        }
        for (edition, articles) in &self.leads {
            home_lead::set(writer, *edition, articles).await?;
        }
        for (article, editorial) in &self.desks {
            editorial::save(writer, *article, editorial).await?;
        }
        for manuscript in &self.revisions {
            revision::add(writer, manuscript, Transition::Save, None).await?;
        }
        for (article, version, note) in &self.corrections {
            correction::add(writer, *article, *version, note).await?;
        }
        Ok(())
    }
}

/// Returns a related link that an editor chose.
fn chosen(from: ArticleId, to: ArticleId) -> RelatedLink {
    RelatedLink {
        from,
        to,
        rank: 0,
        origin: related::Origin::Editorial,
        reason: related::Reason::Chosen,
        score: None,
    }
}

/// Returns a computed related link.
fn computed(from: ArticleId, to: ArticleId, reason: related::Reason, score: f64) -> RelatedLink {
    RelatedLink {
        origin: related::Origin::Computed,
        reason,
        score: Some(score),
        ..chosen(from, to)
    }
}

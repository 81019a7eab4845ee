//! A newsroom for tests: everything that one database holds, and how it gets there.
//!
//! There are two: a small one that people can read, for snapshots, and one of many editions, all
//! alike, in which every edge of the schema has many parents. Both are our own writing.

mod editions;
mod small;

use chrono::{DateTime, Duration, Utc};
use khabar_domain::workflow::Step;
use khabar_domain::{
    ArticleId, Comment, Desk, Edition, EditionId, FollowChannel, LiveChannel, Media, Person,
    RelatedLink, Section, Source, Story, Topic, TopicId, related,
};
use khabar_persistence::article::Manuscript;
use khabar_persistence::{
    Bulk, Db, Writer, article, comment, correction, desk, edition, follow_channel, home_lead,
    live_channel, media, person, revision, section, source, story, topic,
};

/// Everything that one database holds. Articles refer to people, people to pictures and so on:
/// what is referred to has to be in it as well.
#[derive(Default)]
pub struct Newsroom {
    /// Pictures, films and sounds.
    pub media: Vec<Media>,
    /// Its editions.
    pub editions: Vec<Edition>,
    /// Their sections, parents first.
    pub sections: Vec<Section>,
    /// Their topics.
    pub topics: Vec<Topic>,
    /// Who writes.
    pub people: Vec<Person>,
    /// Where articles come from.
    pub sources: Vec<Source>,
    /// Their stories, each with its topics.
    pub stories: Vec<(Story, Vec<TopicId>)>,
    /// Their articles.
    pub manuscripts: Vec<Manuscript>,
    /// What is related to an article, in order.
    pub related: Vec<(ArticleId, Vec<RelatedLink>)>,
    /// What readers wrote, questions before answers.
    pub comments: Vec<Comment>,
    /// Live channels.
    pub live_channels: Vec<LiveChannel>,
    /// Follow channels.
    pub follow_channels: Vec<FollowChannel>,
    /// The articles at the top of each front page.
    pub leads: Vec<(EditionId, Vec<ArticleId>)>,
    /// What the newsroom keeps of articles besides.
    pub desks: Vec<(ArticleId, Desk)>,
    /// The texts that articles had.
    pub revisions: Vec<Manuscript>,
    /// What was put right: in which version of which article, in which words.
    pub corrections: Vec<(ArticleId, i32, String)>,
}

/// When the newsrooms here open: their first article's hour is counted from it.
pub fn opened() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000)
}

/// When tests ask, unless they say otherwise: a week later.
pub fn now() -> DateTime<Utc> {
    opened() + Duration::days(7)
}

impl Newsroom {
    /// Writes it all, in one transaction.
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

    /// The same, with its articles written in bulk.
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

    /// Writes what articles refer to.
    pub async fn save_shelf(&self, writer: &mut Writer) -> anyhow::Result<()> {
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

    /// Writes the channels, what stands at the top of each front page, and what the newsroom keeps
    /// of its articles.
    pub async fn save_front(&self, writer: &mut Writer) -> anyhow::Result<()> {
        for channel in &self.live_channels {
            live_channel::save(writer, channel).await?;
        }
        for channel in &self.follow_channels {
            follow_channel::save(writer, channel).await?;
        }
        for (edition, articles) in &self.leads {
            home_lead::set(writer, *edition, articles).await?;
        }
        for (article, desk) in &self.desks {
            desk::save(writer, *article, desk).await?;
        }
        for manuscript in &self.revisions {
            revision::add(writer, manuscript, Step::Save, None).await?;
        }
        for (article, version, note) in &self.corrections {
            correction::add(writer, *article, *version, note).await?;
        }
        Ok(())
    }
}

/// A link that an editor made.
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

/// A link that was computed.
fn computed(from: ArticleId, to: ArticleId, reason: related::Reason, score: f64) -> RelatedLink {
    RelatedLink {
        origin: related::Origin::Computed,
        reason,
        score: Some(score),
        ..chosen(from, to)
    }
}

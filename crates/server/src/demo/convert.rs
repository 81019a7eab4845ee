//! Converts the entries of the demo's content to domain types, table by table.

use chrono::{DateTime, Utc};
use khabar_domain::media::FocalPoint;
use khabar_domain::related::{Origin, Reason};
use khabar_domain::{
    ArticleId, Direction, Edition, FollowChannel, Language, LiveChannel, Media, MediaId, Name,
    Person, RelatedLink, Section, Slug, Source, Story, Topic, TopicId, WebUrl, edition,
    follow_channel, media, source, story, topic,
};

use super::content;
use super::ids::KnownKeys;
use super::media::{Picture, renditions};

/// The context of a conversion: the known names with their ids, and the reference time.
pub(super) struct Converter {
    pub(super) names: KnownKeys,
    pub(super) at: DateTime<Utc>,
}

impl Converter {
    pub(super) fn edition(&self, of: &content::Edition) -> anyhow::Result<Edition> {
        let content::Labels {
            live,
            follow,
            sections,
            stories,
            comments,
        } = of.labels.clone();
        Ok(Edition {
            id: self.names.edition(&of.key)?,
            slug: Slug::parse(&of.key)?,
            name: Name::parse(&of.name)?,
            language: Language::parse(&of.language)?,
            direction: Direction::parse(&of.direction)?,
            labels: edition::Labels {
                live: Some(live),
                follow: Some(follow),
                sections: Some(sections),
                stories: Some(stories),
                comments: Some(comments),
            },
            article_count: 0,
        })
    }

    pub(super) fn section(&self, of: &content::Section, position: i32) -> anyhow::Result<Section> {
        let parent = of.parent.as_deref();
        let parent = parent.map(|key| self.names.find("section", &of.edition, key));
        Ok(Section {
            id: self.names.find("section", &of.edition, &of.key)?,
            edition: self.names.edition(&of.edition)?,
            parent: parent.transpose()?,
            slug: Slug::from_text(&of.name)?,
            name: Name::parse(&of.name)?,
            summary: of.summary.clone(),
            position,
            featured: of.featured.unwrap_or_default(),
            article_count: 0,
        })
    }

    pub(super) fn person(&self, of: &content::Person) -> anyhow::Result<Person> {
        Ok(Person {
            id: self.names.find("person", &of.edition, &of.key)?,
            edition: self.names.edition(&of.edition)?,
            slug: Slug::from_text(&of.name)?,
            name: Name::parse(&of.name)?,
            role: of.role.clone(),
            biography: of.biography.clone(),
            portrait: self.picture(of.portrait.as_deref())?,
            article_count: 0,
        })
    }

    pub(super) fn source(&self, of: &content::Source) -> anyhow::Result<Source> {
        Ok(Source {
            id: self.names.find("source", &of.edition, &of.key)?,
            edition: self.names.edition(&of.edition)?,
            kind: Some(source::Kind::parse(&of.kind)?),
            slug: Slug::from_text(&of.name)?,
            name: Name::parse(&of.name)?,
            url: url(of.url.as_deref())?,
            article_count: 0,
        })
    }

    pub(super) fn topic(&self, of: &content::Topic) -> anyhow::Result<Topic> {
        let media_topic = of.iptc.as_deref().map(topic::MediaTopic::parse);
        Ok(Topic {
            id: self.names.find("topic", &of.edition, &of.key)?,
            edition: self.names.edition(&of.edition)?,
            kind: topic::Kind::parse(&of.kind)?,
            slug: Slug::from_text(&of.name)?,
            name: Name::parse(&of.name)?,
            summary: of.summary.clone(),
            media_topic: media_topic.transpose()?,
            article_count: 0,
        })
    }

    pub(super) fn story(&self, of: &content::Story) -> anyhow::Result<(Story, Vec<TopicId>)> {
        let topics = of.topics.as_deref().unwrap_or_default();
        let topics = self.names.list("topic", &of.edition, topics)?;
        let story = Story {
            id: self.names.find("story", &of.edition, &of.key)?,
            edition: self.names.edition(&of.edition)?,
            kind: story::Kind::parse(&of.kind)?,
            status: story::Status::parse(of.status.as_deref().unwrap_or("active"))?,
            slug: Slug::from_text(&of.title)?,
            title: Name::parse(&of.title)?,
            summary: of.summary.clone(),
            image: self.picture(of.image.as_deref())?,
            pinned_position: of.pinned,
            article_count: 0,
            reported_article_count: None,
            last_article_at: None,
            active_at: self.at,
        };
        Ok((story, topics))
    }

    pub(super) fn related(
        &self,
        of: &content::Article,
    ) -> anyhow::Result<(ArticleId, Vec<RelatedLink>)> {
        let from = self.names.find("article", &of.edition, &of.key)?;
        let to = self.names.list("article", &of.edition, &of.related)?;
        let link = |(rank, to)| RelatedLink {
            from,
            to,
            rank,
            origin: Origin::Editorial,
            reason: Reason::Chosen,
            score: None,
        };
        Ok((from, (0..).zip(to).map(link).collect()))
    }

    pub(super) fn live(&self, of: &content::Live, position: i32) -> anyhow::Result<LiveChannel> {
        Ok(LiveChannel {
            id: self.names.find("live channel", &of.edition, &of.key)?,
            edition: self.names.edition(&of.edition)?,
            name: Name::parse(&of.name)?,
            stream_url: url(of.stream_url.as_deref())?,
            poster: self.picture(of.poster.as_deref())?,
            on_air: of.on_air,
            position,
        })
    }

    pub(super) fn follow(
        &self,
        of: &content::Follow,
        position: i32,
    ) -> anyhow::Result<FollowChannel> {
        Ok(FollowChannel {
            id: self
                .names
                .find("follow channel", &of.edition, &of.platform)?,
            edition: self.names.edition(&of.edition)?,
            platform: follow_channel::Platform::parse(&of.platform)?,
            name: Name::parse(&of.name)?,
            handle: of.handle.clone(),
            url: url(of.url.as_deref())?,
            position,
        })
    }

    pub(super) fn media(&self, of: &content::Media) -> anyhow::Result<Media> {
        let picture = of.file.as_deref().map(Picture::find).transpose()?;
        let size = picture
            .as_ref()
            .map(|picture| [picture.width, picture.height])
            .or(of.size);
        let address = picture.as_ref().map(|picture| picture.url(None));
        let focus = of.focus.map(|[x, y]| FocalPoint::new(x, y));
        Ok(Media {
            id: self.names.shared("media", &of.key)?,
            kind: media::Kind::parse(of.kind.as_deref().unwrap_or("image"))?,
            url: url(address.as_deref().or(of.url.as_deref()))?,
            width: size.map(|[width, _]| width),
            height: size.map(|[_, height]| height),
            seconds: of.seconds,
            alt: Some(of.alt.clone()),
            caption: of.caption.clone(),
            credit: Some(of.credit.clone()),
            placeholder: None,
            focal_point: focus.transpose()?,
            renditions: picture
                .as_ref()
                .map(renditions)
                .transpose()?
                .unwrap_or_default(),
        })
    }

    pub(super) fn picture(&self, key: Option<&str>) -> anyhow::Result<Option<MediaId>> {
        key.map(|key| self.names.shared("media", key)).transpose()
    }
}

fn url(address: Option<&str>) -> anyhow::Result<Option<WebUrl>> {
    Ok(address.map(WebUrl::parse).transpose()?)
}

//! Builders for a minimal valid value of each type. A test overrides the fields that matter to it:
//! `Article { lead, ..builders::article(&edition, "…", 1)? }`.
//!
//! IDs are derived from editions and names, so they are the same in every run.

use chrono::Duration;
use khabar_domain::article::{NewArticle, Status, TextStats};
use khabar_domain::comment::Text;
use khabar_domain::edition::Labels;
use khabar_domain::{
    Article, ArticleId, Block, Body, Comment, CommentId, Edition, EditionId, FollowChannel,
    FollowChannelId, Headline, Invalid, Language, LiveChannel, LiveChannelId, Media, MediaId, Name,
    Person, PersonId, Section, SectionId, Slug, Source, SourceId, Story, StoryId, Topic, TopicId,
    WebUrl, comment, derived, follow_channel, media, story, topic,
};
use khabar_persistence::article::Manuscript;

use super::newsroom::opened;

/// Returns an edition without labels.
pub fn edition(slug: &str, name: &str, language: &str) -> Result<Edition, Invalid> {
    let language = Language::parse(language)?;
    Ok(Edition {
        id: EditionId::new(derived("edition", &[slug])),
        slug: Slug::parse(slug)?,
        name: Name::parse(name)?,
        direction: language.direction(),
        language,
        labels: Labels::default(),
        article_count: 0,
    })
}

/// Returns an image of 1200 × 800 pixels, without renditions.
pub fn picture(name: &str, alt: &str) -> Result<Media, Invalid> {
    Ok(Media {
        id: MediaId::new(derived("media", &[name])),
        kind: media::Kind::Image,
        url: Some(WebUrl::parse(&format!("/media/{name}.webp"))?),
        width: Some(1200),
        height: Some(800),
        seconds: None,
        alt: Some(alt.to_owned()),
        caption: None,
        credit: None,
        placeholder: None,
        focal_point: None,
        renditions: Vec::new(),
    })
}

/// Returns a top-level section that is not featured.
pub fn section(edition: &Edition, name: &str, position: i32) -> Result<Section, Invalid> {
    let slug = Slug::from_text(name)?;
    Ok(Section {
        id: SectionId::new(derived("section", &[edition.slug.as_str(), slug.as_str()])),
        edition: edition.id,
        parent: None,
        slug,
        name: Name::parse(name)?,
        summary: None,
        position,
        featured: false,
        article_count: 0,
    })
}

/// Returns a topic that is a subject.
pub fn topic(edition: &Edition, name: &str) -> Result<Topic, Invalid> {
    let slug = Slug::from_text(name)?;
    Ok(Topic {
        id: TopicId::new(derived("topic", &[edition.slug.as_str(), slug.as_str()])),
        edition: edition.id,
        kind: topic::Kind::Subject,
        slug,
        name: Name::parse(name)?,
        summary: None,
        media_topic: None,
        article_count: 0,
    })
}

/// Returns a person with a name and no further details.
pub fn person(edition: &Edition, name: &str) -> Result<Person, Invalid> {
    let slug = Slug::from_text(name)?;
    Ok(Person {
        id: PersonId::new(derived("person", &[edition.slug.as_str(), slug.as_str()])),
        edition: edition.id,
        slug,
        name: Name::parse(name)?,
        role: None,
        biography: None,
        portrait: None,
        article_count: 0,
    })
}

/// Returns a source with a name and no further details.
pub fn source(edition: &Edition, name: &str) -> Result<Source, Invalid> {
    let slug = Slug::from_text(name)?;
    Ok(Source {
        id: SourceId::new(derived("source", &[edition.slug.as_str(), slug.as_str()])),
        edition: edition.id,
        kind: None,
        slug,
        name: Name::parse(name)?,
        url: None,
        article_count: 0,
    })
}

/// Returns an active running story that is not pinned.
pub fn story(edition: &Edition, title: &str) -> Result<Story, Invalid> {
    let slug = Slug::from_text(title)?;
    Ok(Story {
        id: StoryId::new(derived("story", &[edition.slug.as_str(), slug.as_str()])),
        edition: edition.id,
        kind: story::Kind::Running,
        status: story::Status::Active,
        slug,
        title: Name::parse(title)?,
        summary: None,
        image: None,
        pinned_position: None,
        article_count: 0,
        reported_article_count: None,
        last_article_at: None,
        active_at: opened(),
    })
}

/// Returns a news article without a section, published this many hours after [`opened`].
pub fn article(edition: &Edition, headline: &str, hours: i64) -> Result<Article, Invalid> {
    let slug = Slug::from_text(headline)?;
    let at = opened() + Duration::hours(hours);
    let draft = Article::draft(NewArticle {
        id: ArticleId::new(derived("article", &[edition.slug.as_str(), slug.as_str()])),
        edition: edition.id,
        slug,
        headline: Headline::parse(headline)?,
        language: edition.language.clone(),
        direction: edition.direction,
        listed_at: at,
    });
    Ok(Article {
        status: Status::Published,
        first_published_at: Some(at),
        published_at: Some(at),
        ..draft
    })
}

/// Returns an article with these blocks, without authors, topics or stories. The excerpt and the
/// reading time are computed from the content.
pub fn manuscript(article: Article, blocks: Vec<Block>) -> Result<Manuscript, Invalid> {
    let body = Body::parse(blocks)?;
    let TextStats {
        excerpt,
        reading_minutes,
    } = TextStats::of(article.lead.as_deref(), &body);
    let article = Article {
        excerpt,
        reading_minutes,
        ..article
    };
    Ok(Manuscript::new(article, body))
}

/// Returns an approved top-level comment, posted this many minutes after the article was published.
pub fn comment(
    article: &Article,
    author: &str,
    text: &str,
    minutes: i64,
) -> Result<Comment, Invalid> {
    let minute = minutes.to_string();
    let parts = [&article.id.uuid().to_string(), &minute, text];
    Ok(Comment {
        id: CommentId::new(derived("comment", &parts.map(AsRef::as_ref))),
        article: article.id,
        parent: None,
        account: None,
        author_name: Name::parse(author)?,
        text: Text::parse(text)?,
        status: comment::Status::Approved,
        reason: None,
        posted_at: article.listed_at + Duration::minutes(minutes),
        edited_at: None,
        reply_count: 0,
        report_count: 0,
        is_staff: false,
    })
}

/// Returns a live channel with a name and no further details.
pub fn live_channel(edition: &Edition, name: &str, position: i32) -> Result<LiveChannel, Invalid> {
    Ok(LiveChannel {
        id: LiveChannelId::new(derived("live", &[edition.slug.as_str(), name])),
        edition: edition.id,
        name: Name::parse(name)?,
        stream_url: None,
        poster: None,
        on_air: None,
        position,
    })
}

/// Returns a follow channel with a name and no further details.
pub fn follow_channel(
    edition: &Edition,
    name: &str,
    position: i32,
) -> Result<FollowChannel, Invalid> {
    Ok(FollowChannel {
        id: FollowChannelId::new(derived("follow", &[edition.slug.as_str(), name])),
        edition: edition.id,
        platform: follow_channel::Platform::Other,
        name: Name::parse(name)?,
        handle: None,
        url: None,
        position,
    })
}

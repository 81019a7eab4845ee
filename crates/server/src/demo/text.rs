//! The text of the demo: articles, block by block, and the comments of readers.

use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::article::{Kind, MediaFlags, NewArticle, Status, TextStats};
use khabar_domain::{
    Article, ArticleId, Block, Body, Comment, CommentId, Direction, Headline, Language, Name,
    RichText, Slug, WebUrl, comment, derived,
};
use khabar_persistence::article::Manuscript;

use super::content::{self, Located};
use super::convert::Converter;

impl Converter {
    pub(super) fn manuscript(
        &self,
        of: &content::Article,
        editions: &[Located<content::Edition>],
    ) -> anyhow::Result<Manuscript> {
        let edition = editions
            .iter()
            .find(|edition| edition.entry.key == of.edition);
        let edition = &edition.context("it has no edition")?.entry;
        let blocks = of.body.iter().map(|block| self.block(block));
        let body = Body::parse(blocks.collect::<anyhow::Result<_>>()?)?;
        let TextStats {
            excerpt,
            reading_minutes,
        } = TextStats::of(of.lead.as_deref(), &body);
        let status = Status::parse(of.status.as_deref().unwrap_or("published"))?;
        let out = self.hours_ago(of.hours_ago)?;
        let went_out = matches!(status, Status::Published | Status::Withdrawn);
        ensure!(!went_out || out <= self.at, "it went out before its hour");
        let updated_at = of.updated_hours_ago.map(|hours| self.hours_ago(hours));
        let slug = Slug::from_text(&of.headline)?;
        let canonical = format!("https://khabar.example.org/{}/{slug}", of.edition);
        let draft = Article::draft(NewArticle {
            id: self.names.find("article", &of.edition, &of.key)?,
            edition: self.names.edition(&of.edition)?,
            slug,
            headline: Headline::parse(&of.headline)?,
            language: Language::parse(&edition.language)?,
            direction: Direction::parse(&edition.direction)?,
            listed_at: out,
        });
        let article = Article {
            kind: Kind::parse(&of.kind)?,
            status,
            canonical_url: Some(WebUrl::parse(&canonical)?),
            lead: of.lead.clone(),
            excerpt,
            hero: self.picture(of.hero.as_deref())?,
            source: Some(self.names.find("source", &of.edition, &of.source)?),
            section: Some(self.names.find("section", &of.edition, &of.section)?),
            flags: flags(&of.flags)?,
            first_published_at: went_out.then_some(out),
            published_at: (status != Status::Draft).then_some(out),
            version: if updated_at.is_some() { 2 } else { 1 },
            updated_at: updated_at.transpose()?,
            reading_minutes,
            read_count: of.reads,
            ..draft
        };
        Ok(Manuscript {
            authors: self.names.list("person", &of.edition, &of.authors)?,
            topics: self.names.list("topic", &of.edition, &of.topics)?,
            stories: self.names.list("story", &of.edition, &of.stories)?,
            ..Manuscript::new(article, body)
        })
    }

    fn hours_ago(&self, hours: f64) -> anyhow::Result<DateTime<Utc>> {
        let distance = Duration::try_from_secs_f64(hours.abs() * 3_600.0)
            .with_context(|| format!("{hours} is not a number of hours"))?;
        // Whole seconds, because every database can store them exactly.
        let distance = TimeDelta::from_std(Duration::from_secs(distance.as_secs()))?;
        Ok(if hours < 0.0 {
            self.at + distance
        } else {
            self.at - distance
        })
    }

    fn block(&self, block: &content::Block) -> anyhow::Result<Block> {
        let media = |key: &String| self.names.shared("media", key);
        let items = |items: &[String]| items.iter().map(|item| RichText::plain(item)).collect();
        Ok(match block {
            content::Block::Paragraph { p } => Block::paragraph(p),
            content::Block::Heading { h } => Block::Heading {
                level: 2,
                text: h.clone(),
            },
            content::Block::Quotation { quote, by } => Block::Quotation {
                text: RichText::plain(quote),
                attribution: by.clone(),
            },
            content::Block::Points { ul } => Block::List {
                ordered: false,
                items: items(ul),
            },
            content::Block::Steps { ol } => Block::List {
                ordered: true,
                items: items(ol),
            },
            content::Block::Image { image } => Block::Image {
                media: media(image)?,
            },
            content::Block::Gallery { gallery } => Block::Gallery {
                media: gallery.iter().map(media).collect::<anyhow::Result<_>>()?,
            },
            content::Block::Video { video } => Block::Video {
                media: media(video)?,
            },
            content::Block::Embed { embed } => Block::Embed {
                provider: embed.provider.clone(),
                url: WebUrl::parse(&embed.url)?,
                title: embed.title.clone(),
            },
            content::Block::Table { table } => Block::Table {
                caption: table.caption.clone(),
                header: table.header.clone(),
                rows: table.rows.clone(),
            },
        })
    }

    /// Returns the comments on an article, with every reply after its parent.
    pub(super) fn comments(&self, of: &content::Article) -> anyhow::Result<Vec<Comment>> {
        let mut thread = Thread {
            article: self.names.find("article", &of.edition, &of.key)?,
            at: self.at,
            comments: Vec::new(),
        };
        thread.add(&of.comments, None, self.hours_ago(of.hours_ago)?, &of.key)?;
        Ok(thread.comments)
    }
}

/// The comments on one article while they are collected.
struct Thread {
    article: ArticleId,
    at: DateTime<Utc>,
    comments: Vec<Comment>,
}

impl Thread {
    fn add(
        &mut self,
        answers: &[content::Comment],
        parent: Option<CommentId>,
        since: DateTime<Utc>,
        path: &str,
    ) -> anyhow::Result<()> {
        for (place, of) in (1..).zip(answers) {
            let path = format!("{path}/{place}");
            let posted_at = since + TimeDelta::minutes(of.minutes_after.into());
            ensure!(posted_at <= self.at, "comment {path} is from the future");
            let id = CommentId::new(derived("comment", &["demo", &path]));
            let status = of.status.as_deref().unwrap_or("approved");
            self.comments.push(Comment {
                id,
                article: self.article,
                parent,
                account: None,
                author_name: Name::parse(&of.by)?,
                text: comment::Text::parse(&of.text)?,
                status: comment::Status::parse(status)?,
                reason: None,
                posted_at,
                edited_at: None,
                reply_count: 0,
                report_count: 0,
                is_staff: false,
            });
            self.add(&of.replies, Some(id), posted_at, &path)?;
        }
        Ok(())
    }
}

fn flags(words: &[String]) -> anyhow::Result<MediaFlags> {
    let mut flags = MediaFlags::default();
    for word in words {
        match word.as_str() {
            "photos" => flags.photos = true,
            "video" => flags.video = true,
            "audio" => flags.audio = true,
            _ => anyhow::bail!("{word:?} is not one of photos, video, audio"),
        }
    }
    Ok(flags)
}

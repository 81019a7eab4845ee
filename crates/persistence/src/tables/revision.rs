//! Revisions: the complete content of every saved version of an article, with who saved it and why.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::article::{Kind, MediaFlags, Status};
use khabar_domain::diff::Part;
use khabar_domain::workflow::Transition;
use khabar_domain::{
    AccountId, Article, ArticleId, Block, Body, Direction, Headline, Invalid, Language, MediaId,
    PersonId, SectionId, Slug, SourceId, StoryId, TopicId, WebUrl,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};

use crate::query::cooperative::Pace;
use crate::query::count::CountQuery;
use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::{broken, readable};
use crate::query::table::table;
use crate::session::batch::grouped;
use crate::tables::article::Manuscript;
use crate::{BatchKey, Doing, Page, ReadSession, Result, Slice, Tally, WriteTx};

/// The content of an article and its classification: everything that the newsroom enters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The token of the article kind.
    pub kind: String,
    /// The slug.
    pub slug: Slug,
    /// The canonical URL on the web.
    pub canonical_url: Option<WebUrl>,
    /// The headline.
    pub headline: Headline,
    /// The lead paragraph, which summarises the article.
    pub lead: Option<String>,
    /// The image or video at the top of the article.
    pub hero: Option<MediaId>,
    /// The agency or outlet that the article comes from.
    pub source: Option<SourceId>,
    /// The section that the article is filed in.
    pub section: Option<SectionId>,
    /// The language of the article.
    pub language: Language,
    /// The text direction.
    pub direction: Direction,
    /// Whether the article has photos worth opening it for.
    pub photos: bool,
    /// Whether the article has a video.
    pub video: bool,
    /// Whether the article has audio.
    pub audio: bool,
    /// The authors, in byline order.
    pub authors: Vec<PersonId>,
    /// The topics, in order.
    pub topics: Vec<TopicId>,
    /// The stories that the article belongs to, in order.
    pub stories: Vec<StoryId>,
    /// The body.
    pub body: Body,
}

impl Content {
    /// Returns the content of this manuscript.
    pub fn of(manuscript: &Manuscript) -> Self {
        let article = &manuscript.article;
        Self {
            kind: article.kind.as_str().to_owned(),
            slug: article.slug.clone(),
            canonical_url: article.canonical_url.clone(),
            headline: article.headline.clone(),
            lead: article.lead.clone(),
            hero: article.hero,
            source: article.source,
            section: article.section,
            language: article.language.clone(),
            direction: article.direction,
            photos: article.flags.photos,
            video: article.flags.video,
            audio: article.flags.audio,
            authors: manuscript.authors.clone(),
            topics: manuscript.topics.clone(),
            stories: manuscript.stories.clone(),
            body: manuscript.body.clone(),
        }
    }

    /// Returns the parts in which two contents differ.
    pub fn differs(&self, other: &Self) -> Vec<Part> {
        let flags = |content: &Self| (content.photos, content.video, content.audio);
        let composed = |content: &Self| -> Vec<_> {
            let blocks = content.body.blocks().iter();
            blocks.map(Block::composed).collect()
        };
        let same = [
            (Part::Kind, self.kind == other.kind),
            (Part::Slug, self.slug == other.slug),
            (
                Part::CanonicalUrl,
                self.canonical_url == other.canonical_url,
            ),
            (Part::Headline, self.headline == other.headline),
            (Part::Lead, self.lead == other.lead),
            (Part::Hero, self.hero == other.hero),
            (Part::Source, self.source == other.source),
            (Part::Section, self.section == other.section),
            (Part::Language, self.language == other.language),
            (Part::Flags, flags(self) == flags(other)),
            (Part::Authors, self.authors == other.authors),
            (Part::Topics, self.topics == other.topics),
            (Part::Stories, self.stories == other.stories),
            (Part::Body, composed(self) == composed(other)),
        ];
        let parts = same.into_iter().filter(|(_, same)| !same);
        parts.map(|(part, _)| part).collect()
    }

    /// Returns the manuscript with its content replaced by this one. Editorial data is unchanged. So is
    /// the slug, because readers know the article by it.
    pub fn put_into(self, manuscript: Manuscript) -> Result<Manuscript, Invalid> {
        Ok(Manuscript {
            article: Article {
                kind: Kind::parse(&self.kind)?,
                canonical_url: self.canonical_url,
                headline: self.headline,
                lead: self.lead,
                hero: self.hero,
                source: self.source,
                section: self.section,
                language: self.language,
                direction: self.direction,
                flags: MediaFlags {
                    photos: self.photos,
                    video: self.video,
                    audio: self.audio,
                },
                ..manuscript.article
            },
            authors: self.authors,
            topics: self.topics,
            stories: self.stories,
            body: self.body,
        })
    }
}

/// Reads the slug from a revision's content without parsing the rest.
pub(crate) fn slug_in(content: &str) -> Result<Slug, Invalid> {
    #[derive(Deserialize)]
    struct Named {
        slug: Slug,
    }
    let named: Result<Named, _> = serde_json::from_str(content);
    named
        .map(|named| named.slug)
        .map_err(|error| Invalid::new("the content", error.to_string()))
}

/// A saved version of an article.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// The article.
    pub article: ArticleId,
    /// The version number, starting at 1.
    pub version: i32,
    /// The time of the save.
    pub at: DateTime<Utc>,
    /// The account that saved the revision. Absent for imports.
    pub account: Option<AccountId>,
    /// The author's name at that time.
    pub author_name: String,
    /// The workflow step that saved the revision.
    pub step: Transition,
    /// The reason for the change, in the author's words.
    pub note: Option<String>,
    /// The content of the article at that time.
    pub content: Content,
}

/// Key for a page of an article's revisions, latest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of {
    /// The article.
    pub article: ArticleId,
    /// The requested page.
    pub page: Page,
}

impl BatchKey for Of {
    type Value = Slice<Revision>;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Revision>>> {
        let lists = KeysetQuery {
            query: "revision.list",
            table: "revision",
            parent: Some("article_id"),
            order: &LATEST,
            select: &columns::<table::Model>("t"),
            join: "",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for (page, keys) in grouped(keys, |key| key.page) {
            let parents: Vec<_> = keys.iter().map(|key| key.article.uuid()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |_| String::new())
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl PageKey for Of {
    type Item = Revision;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&LATEST)
    }
}

const LATEST: Order = Order {
    source: Source::Revisions,
    column: "version",
    id: "article_id",
    sorts: SortKind::Places,
    descending: true,
};

/// Key for the number of an article's revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOf(pub ArticleId);

impl BatchKey for CountOf {
    type Value = Tally;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = CountQuery {
            query: "revision.count",
            table: "revision",
            parent: "article_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let counts = counted.of(reader, &parents, |_| String::new()).await?;
        Ok(keys.iter().copied().zip(counts).collect())
    }
}

/// Key for one revision of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At {
    /// The article.
    pub article: ArticleId,
    /// The version number.
    pub version: i32,
}

impl BatchKey for At {
    type Value = Revision;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Revision>> {
        const QUERY: &str = "revision.by_version";
        let mut found = HashMap::with_capacity(keys.len());
        let mut pace = Pace::new();
        for (version, keys) in grouped(keys, |key| key.version) {
            let mut sql = reader.sql();
            let among = sql.among("t.article_id", keys.iter().map(|key| key.article.uuid()));
            let text = format!(
                "SELECT {} FROM revision t WHERE {among} AND t.version = {}",
                columns::<table::Model>("t"),
                sql.bind(version)
            );
            for row in reader.rows(QUERY, sql, text).await? {
                pace.step().await;
                let revision = reader.cells(&row, QUERY)?.perhaps::<table::Model>()?;
                let at = |revision: &Revision| Self {
                    article: revision.article,
                    version,
                };
                found.extend(revision.map(|revision| (at(&revision), revision)));
            }
        }
        Ok(found)
    }
}

/// Returns a revision of an article, for a write that depends on it.
pub async fn get(writer: &WriteTx, article: ArticleId, version: i32) -> Result<Option<Revision>> {
    let row = table::Entity::find_by_id((article.uuid(), version))
        .one(writer.connection())
        .await
        .doing("find a revision of an article")?;
    row.map(Row::read).transpose()
}

/// Stores the current content of a manuscript as the revision of its version, saved by the writer's
/// author.
pub async fn add(
    writer: &WriteTx,
    manuscript: &Manuscript,
    step: Transition,
    note: Option<String>,
) -> Result<()> {
    let row = table::Model {
        account_id: writer.author().account.map(AccountId::uuid),
        author_name: writer.author().name.clone(),
        note,
        ..row(manuscript, step, writer.at())?
    };
    insert(writer, row).await
}

/// Stores the current content of an article as the revision of this version, if there is none yet, as is
/// the case after an import. The revision is attributed to the newsroom itself. Its time is that of the
/// article's last update, or the time by which the article is listed if it was never updated.
pub async fn ensure(writer: &WriteTx, article: ArticleId, version: i32) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM revision WHERE article_id = {} AND version = {}",
        sql.bind(article.uuid()),
        sql.bind(version)
    );
    let stored = writer
        .rows("find out whether a revision is kept", sql, text)
        .await?;
    if !stored.is_empty() {
        return Ok(());
    }
    let Some(stored) = crate::tables::article::get(writer, article).await? else {
        return Ok(());
    };
    let step = match stored.article.status {
        Status::Draft | Status::Review | Status::Scheduled => Transition::Save,
        Status::Published => Transition::Publish,
        Status::Withdrawn => Transition::Withdraw,
    };
    let at = stored.article.updated_at;
    let row = row(&stored, step, at.unwrap_or(stored.article.listed_at))?;
    insert(writer, row).await
}

/// Converts a manuscript to a revision row that is attributed to the newsroom itself.
fn row(manuscript: &Manuscript, step: Transition, at: DateTime<Utc>) -> Result<table::Model> {
    let article = &manuscript.article;
    let content = serde_json::to_string(&Content::of(manuscript))
        .map_err(|error| Invalid::new("the revision", format!("cannot be written: {error}")))?;
    Ok(table::Model {
        article_id: article.id.uuid(),
        version: article.version,
        at,
        account_id: None,
        author_name: "khabar".to_owned(),
        step: step.as_str().to_owned(),
        note: None,
        content,
    })
}

async fn insert(writer: &WriteTx, row: table::Model) -> Result<()> {
    readable(&row)?;
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing("keep a revision of an article")?;
    Ok(())
}

impl Row for table::Model {
    const TABLE: &'static str = "revision";
    type Means = Revision;

    fn read(self) -> Result<Revision> {
        let row = format!("{} {}", self.article_id, self.version);
        let broken = |column| broken("revision", column, &row);
        let content = serde_json::from_str(&self.content)
            .map_err(|error| broken("content")(Invalid::new("the content", error.to_string())))?;
        Ok(Revision {
            article: self.article_id.into(),
            version: self.version,
            at: self.at,
            account: self.account_id.map(Into::into),
            step: Transition::parse(&self.step).map_err(broken("step"))?,
            author_name: self.author_name,
            note: self.note,
            content,
        })
    }
}

table! {
    mod table = "revision";
    key article_id: Uuid, version: i32;
    at: DateTimeUtc,
    account_id: Option<Uuid>,
    author_name: String,
    step: String,
    note: Option<String>,
    content: String as json,
}

//! Revisions: every text that an article ever had, whole, with who saved it and why.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::article::{Kind, MediaFlags, Status};
use khabar_domain::diff::Part;
use khabar_domain::workflow::Step;
use khabar_domain::{
    AccountId, Article, ArticleId, Block, Body, Direction, Headline, Invalid, Language, MediaId,
    PersonId, SectionId, Slug, SourceId, StoryId, TopicId, WebUrl,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};

use crate::article::Manuscript;
use crate::batch::grouped;
use crate::cells::{columns, stored};
use crate::pace::Pace;
use crate::page::{Lists, Order, Paged, Sorts};
use crate::row::{Row, broken, readable};
use crate::tally::Counted;
use crate::{BatchKey, Doing, Page, Reader, Result, Slice, Tally, Writer};

/// What an article says and belongs to: all of it that somebody wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What kind of article, as its token.
    pub kind: String,
    /// Its part of an address.
    pub slug: Slug,
    /// Where it lives on the web.
    pub canonical_url: Option<WebUrl>,
    /// What it is called.
    pub headline: Headline,
    /// The paragraph that sums it up.
    pub lead: Option<String>,
    /// The picture or film at its head.
    pub hero: Option<MediaId>,
    /// The agency or outlet that it came from.
    pub source: Option<SourceId>,
    /// Where it is filed.
    pub section: Option<SectionId>,
    /// The language that it is in.
    pub language: Language,
    /// From which side it is read.
    pub direction: Direction,
    /// Whether it has pictures worth opening it for.
    pub photos: bool,
    /// Whether it has a film.
    pub video: bool,
    /// Whether it has sound.
    pub audio: bool,
    /// Who signed it, in order.
    pub authors: Vec<PersonId>,
    /// What it is about, in order.
    pub topics: Vec<TopicId>,
    /// The stories that it belongs to, in order.
    pub stories: Vec<StoryId>,
    /// Its text.
    pub body: Body,
}

impl Content {
    /// What this manuscript says.
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

    /// In which parts it differs from another.
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

    /// The manuscript with what it says replaced by this; what the newsroom keeps of it stays, and
    /// so does its slug, which readers know it by.
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

/// The slug that a revision's content holds, without the rest being read.
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

/// One save of an article.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Of which article.
    pub article: ArticleId,
    /// Its number, from 1.
    pub version: i32,
    /// When it was saved.
    pub at: DateTime<Utc>,
    /// By whose account; absent for imports.
    pub account: Option<AccountId>,
    /// How they were called.
    pub author_name: String,
    /// The step by which it was saved.
    pub step: Step,
    /// Why, in its author's words.
    pub note: Option<String>,
    /// What the article said then.
    pub content: Content,
}

/// A page of an article's revisions, the latest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of {
    /// Of which article.
    pub article: ArticleId,
    /// Which page.
    pub page: Page,
}

impl BatchKey for Of {
    type Value = Slice<Revision>;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Revision>>> {
        let lists = Lists {
            doing: "page through the revisions of articles",
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

impl Paged for Of {
    type Item = Revision;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&LATEST)
    }
}

const LATEST: Order = Order {
    tag: 19,
    column: "version",
    id: "article_id",
    sorts: Sorts::Places,
    descending: true,
};

/// How many revisions an article has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOf(pub ArticleId);

impl BatchKey for CountOf {
    type Value = Tally;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = Counted {
            doing: "count the revisions of articles",
            table: "revision",
            parent: "article_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let counts = counted.of(reader, &parents, |_| String::new()).await?;
        Ok(keys.iter().copied().zip(counts).collect())
    }
}

/// This revision of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At {
    /// Of which article.
    pub article: ArticleId,
    /// Its number.
    pub version: i32,
}

impl BatchKey for At {
    type Value = Revision;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Revision>> {
        const DOING: &str = "find revisions of articles";
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
            for row in reader.rows(DOING, sql, text).await? {
                pace.step().await;
                let revision = reader.cells(&row, DOING)?.perhaps::<table::Model>()?;
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

/// This revision of an article, for a write that depends on it.
pub async fn find(writer: &Writer, article: ArticleId, version: i32) -> Result<Option<Revision>> {
    let row = table::Entity::find_by_id((article.uuid(), version))
        .one(writer.connection())
        .await
        .doing("find a revision of an article")?;
    row.map(Row::read).transpose()
}

/// Keeps what a manuscript says now, as the revision of its version, saved by the writer's author.
pub async fn add(
    writer: &Writer,
    manuscript: &Manuscript,
    step: Step,
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

/// Keeps what is stored of an article as the revision of this version, unless that is kept already:
/// imports keep none. It counts as the newsroom's own, of the hour that it is known by.
pub async fn keep(writer: &Writer, article: ArticleId, version: i32) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM revision WHERE article_id = {} AND version = {}",
        sql.bind(article.uuid()),
        sql.bind(version)
    );
    let kept = writer
        .rows("find out whether a revision is kept", sql, text)
        .await?;
    if !kept.is_empty() {
        return Ok(());
    }
    let Some(stored) = crate::article::get(writer, article).await? else {
        return Ok(());
    };
    let step = match stored.article.status {
        Status::Draft | Status::Review | Status::Scheduled => Step::Save,
        Status::Published => Step::Publish,
        Status::Withdrawn => Step::Withdraw,
    };
    let at = stored.article.updated_at;
    let row = row(&stored, step, at.unwrap_or(stored.article.listed_at))?;
    insert(writer, row).await
}

/// What a manuscript says, as a revision of the newsroom's own.
fn row(manuscript: &Manuscript, step: Step, at: DateTime<Utc>) -> Result<table::Model> {
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

async fn insert(writer: &Writer, row: table::Model) -> Result<()> {
    readable(&row)?;
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing("keep a revision of an article")?;
    Ok(())
}

stored!(table::Model: article_id, version, at, account_id, author_name, step, note, content);

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
            step: Step::parse(&self.step).map_err(broken("step"))?,
            author_name: self.author_name,
            note: self.note,
            content,
        })
    }
}

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "revision")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub article_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub at: DateTimeUtc,
        pub account_id: Option<Uuid>,
        pub author_name: String,
        pub step: String,
        pub note: Option<String>,
        pub content: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

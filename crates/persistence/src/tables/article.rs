//! Articles and their bodies as database rows, and the lists that readers page through.

mod address;
mod body;
mod editing;
mod includes;
mod lists;
mod manuscript;
mod normal_urls;
mod references;
mod save;
mod scan;
mod stories;
mod tombstone;
pub mod unpublished;

use std::collections::HashMap;

use khabar_domain::article::{Kind, MediaFlags, Status};
use khabar_domain::{
    Article, ArticleId, Body, Direction, EditionId, Headline, Invalid, Language, Right, Scope,
    Slug, WebUrl,
};
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::cooperative::Pace;
use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::include::SideLoad;
use crate::query::lookup::{SlugKey, find_by_slug, find_with};
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::{broken, maybe};
use crate::query::sql::Sql;
use crate::query::table::table;
use crate::session::batch::{group_hash, grouped};
use crate::{BatchKey, Page, ReadSession, Result, Slice};

pub use editing::{LockedArticle, lock};
pub(crate) use includes::{A, ArticleIncludes};
pub use lists::{By, CountListed, Filter, List, Listed};
pub use manuscript::Manuscript;
pub(crate) use normal_urls::{normalize as normalize_urls, read_normalized};
pub use references::{Reference, absent, missing, url_is_taken};
pub(crate) use save::{AUTHORS, LISTED_LINKS, STORIES, TOPICS, body_row, linked, placements};
pub use save::{find_by_id_or_slug, get, save, status};
pub use scan::{Scan, ScannedArticle};
pub use stories::{Named, named, set_stories, stories};

/// Key that finds an article by its id, if the viewer may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub ArticleId);

impl BatchKey for ById {
    type Value = Article;

    const FINDS_ONE: bool = true;

    fn is_cacheable(scope: Scope) -> bool {
        anyone(scope)
    }

    fn cache_meta(&self, value: Option<&Article>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).on(EntityKind::Article, self.0))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Article>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        let mut includes = ArticleIncludes::new(reader, &includes::T).by_id();
        let found = find_with::<table::Model, _>(
            reader,
            "article.by_id",
            |sql| {
                let condition = [sql.among("t.id", ids), visible(reader.scope(), "t", sql)];
                ("article t".to_owned(), condition.join(" AND "))
            },
            |found: &Article| Self(found.id),
            &mut includes,
        );
        let found = found.await?;
        includes.side_load(reader);
        tombstone::redact_withdrawn(reader, found).await
    }
}

/// Key that finds an article by its slug, if the viewer may see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BySlug(pub SlugKey);

impl BatchKey for BySlug {
    type Value = Article;

    const FINDS_ONE: bool = true;

    fn group_hash(&self) -> u64 {
        group_hash(&self.0.edition)
    }

    fn is_cacheable(scope: Scope) -> bool {
        anyone(scope)
    }

    fn cache_meta(&self, value: Option<&Article>) -> Option<CacheMeta> {
        let found = value.map(|found| (found.edition, &found.slug));
        Some(
            self.0
                .read_from(CacheMeta::of(value), EntityKind::Article, found),
        )
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Article>> {
        let mut includes = ArticleIncludes::new(reader, &includes::T);
        let found = find_by_slug::<table::Model>(
            reader,
            "article.by_slug",
            "article",
            |sql: &mut Sql| format!(" AND {}", visible(reader.scope(), "t", sql)),
            keys.iter().map(|key| key.0.clone()).collect(),
            |found: &Article| found.slug.clone(),
            &mut includes,
        );
        let found = found.await?.into_iter();
        let found = found.map(|(key, found)| (Self(key), found)).collect();
        includes.side_load(reader);
        tombstone::redact_withdrawn(reader, found).await
    }
}

/// Key that finds an article by its canonical URL, if the viewer may see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByUrl(pub WebUrl);

impl BatchKey for ByUrl {
    type Value = Article;

    const FINDS_ONE: bool = true;

    fn is_cacheable(scope: Scope) -> bool {
        anyone(scope)
    }

    fn cache_meta(&self, value: Option<&Article>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value);
        Some(match value {
            Some(_) => meta,
            // Any article written later may have this URL.
            None => meta.tag(CacheTag::every(EntityKind::Article)),
        })
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Article>> {
        let urls = keys.iter().map(|key| key.0.as_str().to_owned()).collect();
        let mut includes = ArticleIncludes::new(reader, &includes::T);
        let found = find_with::<table::Model, _>(
            reader,
            "article.by_url",
            |sql| {
                let condition = [
                    sql.among_texts("t.canonical_url", urls),
                    visible(reader.scope(), "t", sql),
                ];
                ("article t".to_owned(), condition.join(" AND "))
            },
            |found: &Article| found.canonical_url.clone(),
            &mut includes,
        );
        let found = found.await?.into_iter();
        let found = found.filter_map(|(url, found)| Some((Self(url?), found)));
        let found = found.collect();
        includes.side_load(reader);
        tombstone::redact_withdrawn(reader, found).await
    }
}

/// Key that finds the body of an article, if the viewer may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BodyOf(pub ArticleId);

impl BatchKey for BodyOf {
    type Value = Body;

    const FINDS_ONE: bool = true;

    fn is_cacheable(scope: Scope) -> bool {
        anyone(scope)
    }

    fn cache_meta(&self, value: Option<&Body>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value).on(EntityKind::Article, self.0);
        Some(meta.part(EntityKind::Article, self.0, Facet::Text))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Body>> {
        const QUERY: &str = "article.body";
        let mut sql = reader.sql();
        let among = sql.among("b.article_id", keys.iter().map(|key| key.0.uuid()));
        let text = format!(
            "SELECT b.article_id, b.blocks FROM article_body b JOIN article t ON t.id = b.article_id \
             WHERE {among} AND {} AND {}",
            visible(reader.scope(), "t", &mut sql),
            tombstone::not_under(reader.scope(), "t")
        );
        let mut found = HashMap::with_capacity(keys.len());
        let mut pace = Pace::new();
        for row in reader.rows(QUERY, sql, text).await? {
            pace.step().await;
            let mut cells = reader.cells(&row, QUERY)?;
            let id: Uuid = cells.take()?;
            let body = cells.take().and_then(|blocks| body(id, blocks));
            let body = cells.unless_broken(body)?;
            found.extend(body.map(|body| (Self(id.into()), body)));
        }
        Ok(found)
    }
}

fn body(id: Uuid, blocks: &str) -> Result<Body> {
    serde_json::from_str(blocks).map_err(|error| {
        broken("article_body", "blocks", id)(Invalid::new("the body", error.to_string()))
    })
}

impl Row for body_table::Model {
    const TABLE: &'static str = "article_body";
    type Means = Body;

    fn read(self) -> Result<Body> {
        body(self.article_id, &self.blocks)
    }
}

/// A page of the published articles of an edition, most read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MostRead {
    /// The edition.
    pub edition: EditionId,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for MostRead {
    type Value = Slice<Article>;

    fn group_hash(&self) -> u64 {
        group_hash(&self.page)
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Slice<Article>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Edition, self.edition, Facet::Articles))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Article>>> {
        let lists = KeysetQuery {
            query: "article.most_read",
            table: "article",
            parent: Some("edition_id"),
            order: &MOST_READ,
            select: &columns::<table::Model>("t"),
            join: "",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for (page, keys) in grouped(keys, |key| key.page) {
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let filter = format!(" AND {}", published("t"));
            let mut includes = ArticleIncludes::new(reader, &includes::T);
            let slices = lists
                .page_with::<table::Model>(reader, &parents, page, |_| filter, &mut includes)
                .await?;
            includes.side_load(reader);
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl PageKey for MostRead {
    type Item = Article;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&MOST_READ)
    }
}

const MOST_READ: Order = Order {
    source: Source::ArticlesByReads,
    column: "read_count",
    id: "id",
    sorts: SortKind::Counts,
    descending: true,
};

/// Returns the SQL condition under which readers see a row of `article`. Every list, count and link
/// uses it, for every viewer. The status is a constant and not user input, so it is part of the SQL
/// text, where the planner can match it with partial indexes.
pub(crate) fn published(alias: &str) -> String {
    format!("{alias}.status = '{}'", Status::Published.as_str())
}

/// Returns whether this scope sees no more of articles than the general public does.
fn anyone(scope: Scope) -> bool {
    let viewer = scope.viewer;
    viewer.preview.is_none() && !viewer.may(Right::Publish) && !viewer.may(Right::Write)
}

/// Returns the SQL condition under which the viewer may see a row of `article` that they ask for:
/// published articles, the tombstones of withdrawn ones, and whatever else their rights or a preview
/// give access to.
fn visible(scope: Scope, alias: &str, sql: &mut Sql) -> String {
    let viewer = scope.viewer;
    if viewer.may(Right::Publish) {
        return "true".to_owned();
    }
    let withdrawn = Status::Withdrawn.as_str();
    let mut text = format!(
        "({} OR ({alias}.status = '{withdrawn}' AND EXISTS (SELECT 1 FROM article_editorial d \
         WHERE d.article_id = {alias}.id AND d.withdrawn_at IS NOT NULL))",
        published(alias)
    );
    if let Some(account) = viewer.account.filter(|_| viewer.may(Right::Write)) {
        let account = sql.bind(account.uuid());
        let own = format!(
            " OR EXISTS (SELECT 1 FROM article_editorial d WHERE d.article_id = {alias}.id \
             AND d.created_by = {account})"
        );
        text.push_str(&own);
    }
    if let Some(preview) = viewer.preview {
        let preview = sql.bind(preview.uuid());
        text.extend([" OR ", alias, ".id = ", &preview]);
    }
    text.push(')');
    text
}

impl From<&Article> for table::Model {
    fn from(article: &Article) -> Self {
        Self {
            id: article.id.uuid(),
            edition_id: article.edition.uuid(),
            kind: article.kind.as_str().to_owned(),
            status: article.status.as_str().to_owned(),
            slug: article.slug.as_str().to_owned(),
            canonical_url: article.canonical_url.clone().map(Into::into),
            headline: article.headline.as_str().to_owned(),
            lead: article.lead.clone(),
            excerpt: article.excerpt.clone(),
            hero_id: article.hero.map(Into::into),
            source_id: article.source.map(Into::into),
            section_id: article.section.map(Into::into),
            language: article.language.as_str().to_owned(),
            direction: article.direction.as_str().to_owned(),
            has_photos: article.flags.photos,
            has_video: article.flags.video,
            has_audio: article.flags.audio,
            is_stub: article.is_stub,
            first_published_at: article.first_published_at,
            published_at: article.published_at,
            updated_at: article.updated_at,
            listed_at: article.listed_at,
            version: article.version,
            reading_minutes: article.reading_minutes,
            comment_count: article.comment_count,
            read_count: article.read_count,
        }
    }
}

impl Cacheable for Article {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Comments);
        meta.text(self.slug.as_str());
        meta.text(self.headline.as_str());
        meta.text(&self.excerpt);
        meta.texts([
            self.lead.as_deref(),
            self.canonical_url.as_ref().map(WebUrl::as_str),
        ]);
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "article";
    type Means = Article;

    fn read(self) -> Result<Article> {
        let broken = |column| broken("article", column, self.id);
        Ok(Article {
            id: self.id.into(),
            edition: self.edition_id.into(),
            kind: Kind::parse(&self.kind).map_err(broken("kind"))?,
            status: Status::parse(&self.status).map_err(broken("status"))?,
            slug: Slug::parse(&self.slug).map_err(broken("slug"))?,
            canonical_url: maybe(self.canonical_url, WebUrl::parse)
                .map_err(broken("canonical_url"))?,
            headline: Headline::parse(&self.headline).map_err(broken("headline"))?,
            lead: self.lead,
            excerpt: self.excerpt,
            hero: self.hero_id.map(Into::into),
            source: self.source_id.map(Into::into),
            section: self.section_id.map(Into::into),
            language: Language::parse(&self.language).map_err(broken("language"))?,
            direction: Direction::parse(&self.direction).map_err(broken("direction"))?,
            flags: MediaFlags {
                photos: self.has_photos,
                video: self.has_video,
                audio: self.has_audio,
            },
            is_stub: self.is_stub,
            first_published_at: self.first_published_at,
            published_at: self.published_at,
            updated_at: self.updated_at,
            listed_at: self.listed_at,
            version: self.version,
            reading_minutes: self.reading_minutes,
            comment_count: self.comment_count,
            read_count: self.read_count,
        })
    }
}

table! {
    mod table = "article", entity Article with lists [Comments, Related];
    key id: Uuid;
    edition_id: Uuid,
    kind: String in Details,
    status: String,
    slug: String,
    canonical_url: Option<String>,
    headline: String,
    lead: Option<String> in Lead,
    excerpt: String in Text,
    hero_id: Option<Uuid>,
    source_id: Option<Uuid> in Details,
    section_id: Option<Uuid>,
    language: String in Details,
    direction: String in Details,
    has_photos: bool in Details,
    has_video: bool in Details,
    has_audio: bool in Details,
    is_stub: bool in Text,
    first_published_at: Option<DateTimeUtc>,
    published_at: Option<DateTimeUtc>,
    updated_at: Option<DateTimeUtc> in Text,
    listed_at: DateTimeUtc,
    version: i32 in Text,
    reading_minutes: i32 in Text,
    comment_count: i64,
    read_count: i64,
}

table! {
    mod body_table = "article_body";
    key article_id: Uuid;
    blocks: String as json,
}

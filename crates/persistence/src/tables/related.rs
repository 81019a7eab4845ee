//! Related links as rows, read together with the articles that they link to.

use std::collections::HashMap;

use khabar_domain::related::{Origin, Reason};
use khabar_domain::{Article, ArticleId, Invalid, RelatedLink, Scope};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::count::CountQuery;
use crate::query::cursor::Source;
use crate::query::decode::{DecodeRow, Row, RowDecoder, columns};
use crate::query::include::SideLoad;
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::broken;
use crate::query::table::table;
use crate::session::batch::{group_hash, grouped};
use crate::tables::article::{A, ArticleIncludes, published, table as article};
use crate::{BatchKey, Doing, Page, ReadSession, Result, Saved, Slice, Tally, WriteTx};

/// A related link and the article that it links to.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// The link.
    pub link: RelatedLink,
    /// The linked article.
    pub article: Article,
}

/// Key for a page of an article's related articles, in rank order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of {
    /// The article that has the links.
    pub article: ArticleId,
    /// The requested page.
    pub page: Page,
}

impl BatchKey for Of {
    type Value = Slice<Related>;

    fn group_hash(&self) -> u64 {
        group_hash(&self.page)
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Slice<Related>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Article, self.article, Facet::Related))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Related>>> {
        let select = format!(
            "{}, {}",
            columns::<table::Model>("t"),
            columns::<article::Model>("a")
        );
        let lists = KeysetQuery {
            query: "related.list",
            table: "related",
            parent: Some("from_id"),
            order: &BY_RANK,
            select: &select,
            join: "JOIN article a ON a.id = t.to_id",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for (page, keys) in grouped(keys, |key| key.page) {
            let parents: Vec<_> = keys.iter().map(|key| key.article.uuid()).collect();
            let filter = leads_somewhere();
            let mut includes = ArticleIncludes::new(reader, &A);
            let slices = lists
                .page_with::<Joined>(reader, &parents, page, |_| filter, &mut includes)
                .await?;
            includes.side_load(reader);
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl PageKey for Of {
    type Item = Related;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&BY_RANK)
    }
}

/// Key for the number of an article's related articles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOf(pub ArticleId);

impl BatchKey for CountOf {
    type Value = Tally;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Tally>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Article, self.0, Facet::Related))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = CountQuery {
            query: "related.count",
            table: "related",
            parent: "from_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let filter = leads_somewhere();
        let counts = counted.of(reader, &parents, |_| filter).await?;
        Ok(keys.iter().copied().zip(counts).collect())
    }
}

const BY_RANK: Order = Order {
    source: Source::RelatedArticles,
    column: "rank",
    id: "to_id",
    sorts: SortKind::Places,
    descending: false,
};

/// Returns a condition that leaves out links to articles that are not published.
fn leads_somewhere() -> String {
    let published = published("v");
    format!(" AND EXISTS (SELECT 1 FROM article v WHERE v.id = t.to_id AND {published})")
}

/// Returns all related links of an article in rank order, for a write that depends on them.
pub async fn links_of(writer: &WriteTx, from: ArticleId) -> Result<Vec<RelatedLink>> {
    let rows = table::Entity::find()
        .filter(table::Column::FromId.eq(from.uuid()))
        .order_by_asc(table::Column::Rank)
        .all(writer.connection())
        .await
        .doing("read an article's related links")?;
    rows.into_iter().map(Row::read).collect()
}

/// Replaces the related links of an article. Their ranks are their positions in the list.
pub async fn set(writer: &mut WriteTx, from: ArticleId, links: &[RelatedLink]) -> Result<Saved> {
    const DOING: &str = "set related articles";
    let rows = rows(from, links)?;
    let here = table::Column::FromId.eq(from.uuid());
    let old = table::Entity::find()
        .filter(here.clone())
        .order_by_asc(table::Column::Rank);
    let old = old.all(writer.connection()).await.doing(DOING)?;
    if old == rows {
        return Ok(Saved::Unchanged);
    }
    table::Entity::delete_many()
        .filter(here)
        .exec(writer.connection())
        .await
        .doing(DOING)?;
    if !rows.is_empty() {
        let rows = rows.into_iter().map(active);
        table::Entity::insert_many(rows)
            .exec_without_returning(writer.connection())
            .await
            .doing(DOING)?;
    }
    let saved = if old.is_empty() {
        Saved::Added
    } else {
        Saved::Changed
    };
    writer.note_saved(saved, EntityKind::Related, from, || touched(from));
    Ok(saved)
}

/// Returns the cache tags that a write to an article's related links touches, besides its own key.
pub(crate) fn touched(from: ArticleId) -> Vec<CacheTag> {
    vec![CacheTag::part(EntityKind::Article, from, Facet::Related)]
}

/// Converts the related links of an article to rows. Their ranks are their positions in the list. A link
/// from an article to itself is an error.
pub(crate) fn rows(from: ArticleId, links: &[RelatedLink]) -> Result<Vec<table::Model>, Invalid> {
    if links.iter().any(|link| link.to == from) {
        return Err(Invalid::new("the related link", "leads to its own article"));
    }
    Ok((0..)
        .zip(links)
        .map(|(rank, link)| row(from, rank, link))
        .collect())
}

fn row(from: ArticleId, rank: i32, link: &RelatedLink) -> table::Model {
    table::Model {
        from_id: from.uuid(),
        to_id: link.to.uuid(),
        rank,
        origin: link.origin.as_str().to_owned(),
        reason: link.reason.as_str().to_owned(),
        score: link.score,
    }
}

fn active(row: table::Model) -> table::ActiveModel {
    table::ActiveModel {
        from_id: Set(row.from_id),
        to_id: Set(row.to_id),
        rank: Set(row.rank),
        origin: Set(row.origin),
        reason: Set(row.reason),
        score: Set(row.score),
    }
}

/// A row of `related`, joined with the row of `article` that it links to.
struct Joined {
    link: table::Model,
    article: article::Model,
}

impl DecodeRow for Joined {
    fn take(cells: &mut RowDecoder<'_>) -> Result<Self> {
        Ok(Self {
            link: DecodeRow::take(cells)?,
            article: DecodeRow::take(cells)?,
        })
    }
}

impl Row for Joined {
    const TABLE: &'static str = "related";
    type Means = Related;

    fn read(self) -> Result<Related> {
        Ok(Related {
            link: self.link.read()?,
            article: self.article.read()?,
        })
    }
}

impl Cacheable for Related {
    fn describe(&self, meta: &mut CacheMeta) {
        self.article.describe(meta);
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "related";
    type Means = RelatedLink;

    fn read(self) -> Result<RelatedLink> {
        let broken = |column| broken("related", column, self.from_id);
        Ok(RelatedLink {
            from: self.from_id.into(),
            to: self.to_id.into(),
            rank: self.rank,
            origin: Origin::parse(&self.origin).map_err(broken("origin"))?,
            reason: Reason::parse(&self.reason).map_err(broken("reason"))?,
            score: self.score,
        })
    }
}

table! {
    mod table = "related";
    key from_id: Uuid, to_id: Uuid;
    rank: i32,
    origin: String,
    reason: String,
    score: Option<f64>,
}

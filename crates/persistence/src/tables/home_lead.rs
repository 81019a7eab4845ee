//! Storage of the lead articles on an edition's front page, in order.

use std::collections::HashMap;

use khabar_domain::{Article, ArticleId, EditionId, Scope};

use crate::cache::CacheMeta;
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::cursor::Source;
use crate::query::decode::columns;
use crate::query::include::SideLoad;
use crate::query::page::{KeysetQuery, Order, SortKind};
use crate::relations::join_table::{JoinTable, join_table};
use crate::tables::article::{A, ArticleIncludes, published, table};
use crate::{BatchKey, ReadSession, Result, Saved, WriteTx};

/// The key for listing the published lead articles of an edition, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = Vec<Article>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Article>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Edition, self.0, Facet::Leads))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Article>>> {
        let lists = KeysetQuery {
            query: "home.lead_articles",
            table: "home_lead",
            parent: Some("edition_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("a"),
            join: "JOIN article a ON a.id = t.article_id",
        };
        let published = published("v");
        let filter = format!(
            " AND EXISTS (SELECT 1 FROM article v WHERE v.id = t.article_id AND {published})"
        );
        let mut includes = ArticleIncludes::new(reader, &A);
        let found = lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), |_| filter, &mut includes)
            .await?;
        includes.side_load(reader);
        Ok(found)
    }
}

const IN_ORDER: Order = Order {
    source: Source::LeadArticles,
    column: "position",
    id: "article_id",
    sorts: SortKind::Places,
    descending: false,
};
pub(crate) const LEADS: JoinTable = join_table!("home_lead", edition_id -> article_id);

/// Replaces the lead articles of an edition with these, in this order.
pub async fn set(
    writer: &mut WriteTx,
    edition: EditionId,
    articles: &[ArticleId],
) -> Result<Saved> {
    let articles: Vec<_> = articles.iter().map(|article| article.uuid()).collect();
    let saved = LEADS.set(writer, edition.uuid(), &articles).await?;
    writer.note_saved(saved, EntityKind::Home, edition, || {
        vec![CacheTag::part(EntityKind::Edition, edition, Facet::Leads)]
    });
    Ok(saved)
}

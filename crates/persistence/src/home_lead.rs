//! The lead articles of an edition's front page, in order.

use std::collections::HashMap;

use khabar_domain::{Article, ArticleId, EditionId, Scope};

use crate::article::{A, Gathered, published, table};
use crate::cache::Kept;
use crate::cells::columns;
use crate::change::{Noun, Part};
use crate::link::Links;
use crate::page::{Lists, Order, Sorts};
use crate::{BatchKey, Page, Reader, Result, Saved, Slice, Writer};

/// The lead articles of this edition, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = Vec<Article>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<Article>>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).part(Noun::Edition, self.0, Part::Leads))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<Article>>> {
        let lists = Lists {
            doing: "list the lead articles of editions",
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
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let page = Page::first(Page::MAX);
        let mut company = Gathered::new(reader, &A, keys);
        let found = lists
            .page_with::<table::Model>(reader, &parents, page, |_| filter, &mut company)
            .await?;
        company.give(reader);
        Ok(keys
            .iter()
            .copied()
            .zip(found.into_iter().map(Slice::into_items))
            .collect())
    }
}

const IN_ORDER: Order = Order {
    tag: 15,
    column: "position",
    id: "article_id",
    sorts: Sorts::Places,
    descending: false,
};
const LEADS: Links = Links {
    table: "home_lead",
    from: "edition_id",
    to: "article_id",
};

/// Makes these the lead articles of an edition, in this order.
pub async fn set(writer: &mut Writer, edition: EditionId, articles: &[ArticleId]) -> Result<Saved> {
    let articles: Vec<_> = articles.iter().map(|article| article.uuid()).collect();
    let saved = LEADS.set(writer, edition.uuid(), &articles).await?;
    writer.note_saved(saved, Noun::Home, edition, || {
        vec![Noun::Edition.list_key(edition, Part::Leads)]
    });
    Ok(saved)
}

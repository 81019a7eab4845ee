//! Lists of articles, by edition, section, story, topic, person or source.
//!
//! All lists are in one table, `listing`, so one query type covers them. A filter that names further
//! lists selects the articles that are in all of them. The index that is scanned covers the columns
//! that a filter tests, so a page scans the index from its cursor and stops as soon as it is full.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::article::Kind;
use khabar_domain::{
    Article, EditionId, Invalid, Language, PersonId, Scope, SectionId, SourceId, StoryId, TopicId,
};
use uuid::Uuid;

use super::{A, ArticleIncludes, table};
use crate::cache::CacheMeta;
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::count::CountQuery;
use crate::query::cursor::Source;
use crate::query::decode::columns;
use crate::query::include::SideLoad;
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::sql::Sql;
use crate::session::batch::{group_hash, grouped};
use crate::{BatchKey, Page, ReadSession, Result, Slice, Tally};

/// A list of articles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// All articles of an edition.
    Edition(EditionId),
    /// Articles filed in a section or any section below it.
    Section(SectionId),
    /// Articles filed directly in a section.
    SectionAlone(SectionId),
    /// Articles of a story.
    Story(StoryId),
    /// Articles about a topic.
    Topic(TopicId),
    /// Articles written by a person.
    Person(PersonId),
    /// Articles that came from a source.
    Source(SourceId),
}

impl List {
    fn id(self) -> Uuid {
        match self {
            Self::Edition(id) => id.uuid(),
            Self::Section(id) | Self::SectionAlone(id) => id.uuid(),
            Self::Story(id) => id.uuid(),
            Self::Topic(id) => id.uuid(),
            Self::Person(id) => id.uuid(),
            Self::Source(id) => id.uuid(),
        }
    }

    /// Returns the cache tag that is invalidated when the articles of the list or their number change.
    pub fn key(self) -> CacheTag {
        self.part(Facet::Articles)
    }

    fn part(self, part: Facet) -> CacheTag {
        let entity = match self {
            Self::Edition(_) => EntityKind::Edition,
            Self::Section(_) | Self::SectionAlone(_) => EntityKind::Section,
            Self::Story(_) => EntityKind::Story,
            Self::Topic(_) => EntityKind::Topic,
            Self::Person(_) => EntityKind::Person,
            Self::Source(_) => EntityKind::Source,
        };
        CacheTag::part(entity, self.id(), part)
    }

    fn direct(self) -> i32 {
        i32::from(matches!(self, Self::SectionAlone(_)))
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum By {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Most commented first. Ties are broken by descending id.
    MostCommented,
}

const NEWEST: Order = Order {
    source: Source::ArticlesNewestFirst,
    column: "listed_at",
    id: "article_id",
    sorts: SortKind::Times,
    descending: true,
};
const OLDEST: Order = Order {
    source: Source::ArticlesOldestFirst,
    column: "listed_at",
    id: "article_id",
    sorts: SortKind::Times,
    descending: false,
};
const MOST_COMMENTED: Order = Order {
    source: Source::ArticlesByComments,
    column: "comment_count",
    id: "article_id",
    sorts: SortKind::Counts,
    descending: true,
};

impl By {
    const fn order(self) -> &'static Order {
        match self {
            Self::Newest => &NEWEST,
            Self::Oldest => &OLDEST,
            Self::MostCommented => &MOST_COMMENTED,
        }
    }
}

/// A filter for the articles of a list. An article has to meet all conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Kinds to include. Empty means any kind.
    pub kinds: Vec<Kind>,
    /// The language of the articles.
    pub language: Option<Language>,
    /// Whether the articles have photos worth opening them for.
    pub photos: Option<bool>,
    /// Whether the articles have video.
    pub video: Option<bool>,
    /// Whether the articles have audio.
    pub audio: Option<bool>,
    /// Start of the period, inclusive.
    pub since: Option<DateTime<Utc>>,
    /// End of the period, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Further lists that the articles must be in. An article has to be in all of them.
    pub also_in: Vec<List>,
}

impl Filter {
    /// Returns whether the filter has no conditions, so that every article passes.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the cache tags of a list with this filter, in addition to those of the articles on the
    /// page.
    fn reads(&self, list: List, meta: CacheMeta) -> CacheMeta {
        let lists = self.also_in.iter().chain([&list]);
        let meta = lists.fold(meta, |meta, list| meta.tag(list.key()));
        let goes_by_place = Self {
            since: self.since,
            until: self.until,
            also_in: self.also_in.clone(),
            ..Self::default()
        };
        if *self == goes_by_place {
            return meta;
        }
        meta.tag(list.part(Facet::Details))
    }

    fn condition(&self, direct: i32, sql: &mut Sql) -> String {
        let mut text = self.bounds(direct, sql);
        text.push_str(&self.passes(sql));
        text
    }

    /// Returns the part of the condition that bounds the index scan: the start and end in the list.
    fn bounds(&self, direct: i32, sql: &mut Sql) -> String {
        let mut text = format!(" AND t.direct = {direct}");
        if let Some(since) = self.since {
            text.extend([" AND t.listed_at >= ", &sql.bind(since)]);
        }
        if let Some(until) = self.until {
            text.extend([" AND t.listed_at < ", &sql.bind(until)]);
        }
        text
    }

    /// Returns the part of the condition that is tested against each row.
    fn passes(&self, sql: &mut Sql) -> String {
        let mut text = String::new();
        if !self.kinds.is_empty() {
            let kinds = self
                .kinds
                .iter()
                .map(|kind| kind.as_str().to_owned())
                .collect();
            text.extend([" AND ", &sql.among_texts("t.kind", kinds)]);
        }
        if let Some(language) = &self.language {
            text.extend([" AND t.language = ", &sql.bind(language.as_str())]);
        }
        let flags = [
            ("has_photos", self.photos),
            ("has_video", self.video),
            ("has_audio", self.audio),
        ];
        for (column, wanted) in flags {
            if let Some(wanted) = wanted {
                text.extend([" AND t.", column, " = ", &sql.bind(wanted)]);
            }
        }
        for list in &self.also_in {
            let (id, direct) = (sql.bind(list.id()), list.direct());
            let standing = format!(
                " AND EXISTS (SELECT 1 FROM listing x WHERE x.list_id = {id} AND x.direct = {direct} \
                 AND x.article_id = t.article_id)"
            );
            text.push_str(&standing);
        }
        text
    }
}

/// A page of a list of published articles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// The list.
    pub list: List,
    /// The filter for its articles.
    pub filter: Filter,
    /// The order of the articles.
    pub by: By,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for Listed {
    type Value = Slice<Article>;

    fn group_hash(&self) -> u64 {
        group_hash(&(self.list.direct(), &self.filter, self.by, self.page))
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Slice<Article>>) -> Option<CacheMeta> {
        let meta = self.filter.reads(self.list, CacheMeta::of(value));
        Some(match self.by {
            By::Newest | By::Oldest => meta,
            // A comment on an article that is not on the page may move it there.
            By::MostCommented => {
                meta.tag(CacheTag::every_part(EntityKind::Article, Facet::Comments))
            }
        })
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Article>>> {
        let mut found = HashMap::with_capacity(keys.len());
        let alike = |key: &Self| (key.list.direct(), key.filter.clone(), key.by, key.page);
        for ((direct, filter, by, page), keys) in grouped(keys, alike) {
            let lists = KeysetQuery {
                query: "article.list",
                table: "listing",
                parent: Some("list_id"),
                order: by.order(),
                select: &columns::<table::Model>("a"),
                join: "JOIN article a ON a.id = t.article_id",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.list.id()).collect();
            let condition = |sql: &mut Sql| filter.condition(direct, sql);
            let mut includes = ArticleIncludes::new(reader, &A);
            let slices = lists
                .page_with::<table::Model>(reader, &parents, page, condition, &mut includes)
                .await?;
            includes.side_load(reader);
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl PageKey for Listed {
    type Item = Article;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(self.by.order())
    }
}

/// The number of articles of a list that pass a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountListed {
    /// The list.
    pub list: List,
    /// The filter for its articles.
    pub filter: Filter,
}

impl BatchKey for CountListed {
    type Value = Tally;

    fn group_hash(&self) -> u64 {
        group_hash(&(self.list.direct(), &self.filter))
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Tally>) -> Option<CacheMeta> {
        Some(self.filter.reads(self.list, CacheMeta::of(value)))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((direct, filter), keys) in grouped(keys, |key| (key.list.direct(), key.filter.clone()))
        {
            let counted = CountQuery {
                query: "article.count",
                table: "listing",
                parent: "list_id",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.list.id()).collect();
            let counts = counted
                .passing(reader, &parents, |sql| {
                    let bounds = filter.bounds(direct, sql);
                    (bounds, format!("TRUE{}", filter.passes(sql)))
                })
                .await?;
            found.extend(keys.into_iter().zip(counts));
        }
        Ok(found)
    }
}

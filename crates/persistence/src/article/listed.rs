//! Lists of articles: an edition's, a section's, a story's, a topic's, a person's, a source's.
//!
//! They are one table, `listing`, so they are one question. A filter that names further lists
//! keeps the articles that stand in all of them. What a filter tests is in the index that is read,
//! so a page walks that index from its cursor until it is full, and stops.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::article::Kind;
use khabar_domain::{
    Article, EditionId, Invalid, Language, PersonId, Scope, SectionId, SourceId, StoryId, TopicId,
};
use uuid::Uuid;

use super::{A, Gathered, table};
use crate::batch::{grouped, lane};
use crate::cache::{Kept, ReadingKey};
use crate::cells::columns;
use crate::change::{Noun, Part};
use crate::page::{Lists, Order, Paged, Sorts};
use crate::sql::Sql;
use crate::tally::Counted;
use crate::{BatchKey, Page, Reader, Result, Slice, Tally};

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// All articles of an edition.
    Edition(EditionId),
    /// Those filed in a section or below it.
    Section(SectionId),
    /// Those filed in a section itself.
    SectionAlone(SectionId),
    /// Those of a story.
    Story(StoryId),
    /// Those about a topic.
    Topic(TopicId),
    /// Those that a person signed.
    Person(PersonId),
    /// Those that came from a source.
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

    /// What is touched when its articles change, or their number.
    pub fn key(self) -> ReadingKey {
        self.part(Part::Articles)
    }

    fn part(self, part: Part) -> ReadingKey {
        let noun = match self {
            Self::Edition(_) => Noun::Edition,
            Self::Section(_) | Self::SectionAlone(_) => Noun::Section,
            Self::Story(_) => Noun::Story,
            Self::Topic(_) => Noun::Topic,
            Self::Person(_) => Noun::Person,
            Self::Source(_) => Noun::Source,
        };
        ReadingKey::part(noun, self.id(), part)
    }

    fn own(self) -> i32 {
        i32::from(matches!(self, Self::SectionAlone(_)))
    }
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum By {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Most commented first, newest first where that is equal.
    MostCommented,
}

const NEWEST: Order = Order {
    tag: 11,
    column: "listed_at",
    id: "article_id",
    sorts: Sorts::Times,
    descending: true,
};
const OLDEST: Order = Order {
    tag: 12,
    column: "listed_at",
    id: "article_id",
    sorts: Sorts::Times,
    descending: false,
};
const MOST_COMMENTED: Order = Order {
    tag: 13,
    column: "comment_count",
    id: "article_id",
    sorts: Sorts::Counts,
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

/// Which articles of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Of one of these kinds; of any kind when empty.
    pub kinds: Vec<Kind>,
    /// In this language.
    pub language: Option<Language>,
    /// With pictures worth opening it for, or without.
    pub photos: Option<bool>,
    /// With a film, or without.
    pub video: Option<bool>,
    /// With sound, or without.
    pub audio: Option<bool>,
    /// At this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Standing in each of these lists as well.
    pub also_in: Vec<List>,
}

impl Filter {
    /// Whether every article of the list passes.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// What a list is read from that is filtered so, besides the articles on the page.
    fn reads(&self, list: List, kept: Kept) -> Kept {
        let lists = self.also_in.iter().chain([&list]);
        let kept = lists.fold(kept, |kept, list| kept.key(list.key()));
        let goes_by_place = Self {
            since: self.since,
            until: self.until,
            also_in: self.also_in.clone(),
            ..Self::default()
        };
        if *self == goes_by_place {
            return kept;
        }
        kept.key(list.part(Part::Details))
    }

    fn condition(&self, own: i32, sql: &mut Sql) -> String {
        let mut text = self.bounds(own, sql);
        text.push_str(&self.passes(sql));
        text
    }

    /// The part of it that an index answers: where in a list it begins and ends.
    fn bounds(&self, own: i32, sql: &mut Sql) -> String {
        let mut text = format!(" AND t.own = {own}");
        if let Some(since) = self.since {
            text.extend([" AND t.listed_at >= ", &sql.bind(since)]);
        }
        if let Some(until) = self.until {
            text.extend([" AND t.listed_at < ", &sql.bind(until)]);
        }
        text
    }

    /// The part that is held against each row.
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
            let (id, own) = (sql.bind(list.id()), list.own());
            let standing = format!(
                " AND EXISTS (SELECT 1 FROM listing x WHERE x.list_id = {id} AND x.own = {own} \
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
    /// Which list.
    pub list: List,
    /// Which of its articles.
    pub filter: Filter,
    /// In which order.
    pub by: By,
    /// Which page.
    pub page: Page,
}

impl BatchKey for Listed {
    type Value = Slice<Article>;

    fn lane(&self) -> u64 {
        lane(&(self.list.own(), &self.filter, self.by, self.page))
    }

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Slice<Article>>) -> Option<Kept> {
        let kept = self.filter.reads(self.list, Kept::of::<Self>(value));
        Some(match self.by {
            By::Newest | By::Oldest => kept,
            // What is said under an article that is not on the page may bring it there.
            By::MostCommented => kept.key(ReadingKey::every_part(Noun::Article, Part::Comments)),
        })
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Article>>> {
        let mut found = HashMap::with_capacity(keys.len());
        let alike = |key: &Self| (key.list.own(), key.filter.clone(), key.by, key.page);
        for ((own, filter, by, page), keys) in grouped(keys, alike) {
            let lists = Lists {
                doing: "page through lists of articles",
                table: "listing",
                parent: Some("list_id"),
                order: by.order(),
                select: &columns::<table::Model>("a"),
                join: "JOIN article a ON a.id = t.article_id",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.list.id()).collect();
            let condition = |sql: &mut Sql| filter.condition(own, sql);
            let mut company = Gathered::new(reader, &A, &keys);
            let slices = lists
                .page_with::<table::Model>(reader, &parents, page, condition, &mut company)
                .await?;
            company.give(reader);
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl Paged for Listed {
    type Item = Article;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(self.by.order())
    }
}

/// How many articles of a list pass a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountListed {
    /// Which list.
    pub list: List,
    /// Which of its articles.
    pub filter: Filter,
}

impl BatchKey for CountListed {
    type Value = Tally;

    fn lane(&self) -> u64 {
        lane(&(self.list.own(), &self.filter))
    }

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Tally>) -> Option<Kept> {
        Some(self.filter.reads(self.list, Kept::of::<Self>(value)))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((own, filter), keys) in grouped(keys, |key| (key.list.own(), key.filter.clone())) {
            let counted = Counted {
                doing: "count lists of articles",
                table: "listing",
                parent: "list_id",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.list.id()).collect();
            let counts = counted
                .passing(reader, &parents, |sql| {
                    let bounds = filter.bounds(own, sql);
                    (bounds, format!("TRUE{}", filter.passes(sql)))
                })
                .await?;
            found.extend(keys.into_iter().zip(counts));
        }
        Ok(found)
    }
}

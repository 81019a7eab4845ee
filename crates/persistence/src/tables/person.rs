//! Storage of people.

use std::collections::HashMap;

use khabar_domain::{ArticleId, Media, Name, Person, PersonId, Scope, Slug};
use sea_orm::ColumnTrait;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::cursor::Source;
use crate::query::decode::{Row, RowDecoder, columns};
use crate::query::include::{Column, EagerLoad, Includes, NoIncludes, Relation, SideLoad, one};
use crate::query::keys::{by_id, by_slug};
use crate::query::lookup::no_more;
use crate::query::page::{KeysetQuery, Order, SortKind};
use crate::query::row::broken;
use crate::query::sql::Dialect;
use crate::query::table::table;
use crate::relations::slug::Slugged;
use crate::tables::{media, reserved_name};
use crate::{BatchKey, ReadSession, Result, Saved, WriteTx};

by_id! {
    /// The key for reading a person by id.
    PersonId => Person in "person", look_up person, includes Portraits::new
}

by_slug! {
    /// The key for reading a person by slug.
    Person in "person", look_up person_under, includes Portraits::new
}

/// The key for listing the authors of an article, in byline order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle(pub ArticleId);

impl BatchKey for OfArticle {
    type Value = Vec<Person>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Person>>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value).on(EntityKind::Article, self.0);
        Some(meta.part(EntityKind::Article, self.0, Facet::Authors))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Person>>> {
        let lists = KeysetQuery {
            query: "person.of_article",
            table: "article_author",
            parent: Some("article_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("a"),
            join: "JOIN person a ON a.id = t.person_id",
        };
        lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), no_more, &mut NoIncludes)
            .await
    }
}

/// The portraits that are read in the same statement as people.
struct Portraits {
    wanted: bool,
    found: Vec<(media::ById, Option<Media>)>,
}

impl Portraits {
    fn new(reader: &ReadSession) -> Self {
        Self {
            wanted: reader.includes().has(Includes::PICTURE),
            found: Vec::new(),
        }
    }
}

impl SideLoad for Portraits {
    fn side_load(self, reader: &ReadSession) {
        reader.side_load(self.found);
    }
}

impl EagerLoad<Person> for Portraits {
    fn select(&self, dialect: Dialect) -> String {
        let edge = Relation::One {
            column: "t.portrait_id",
        };
        let portrait = || edge.select::<media::table::Entity>(dialect);
        self.wanted.then(portrait).unwrap_or_default()
    }

    fn read(&mut self, cells: &mut RowDecoder<'_>, person: &Person) -> Result<()> {
        if let Some(id) = person.portrait.filter(|_| self.wanted) {
            one::<media::table::Model>(cells, PORTRAIT, person.id.into(), |portrait| {
                self.found.push((media::ById(id), portrait));
            })?;
        }
        Ok(())
    }
}

const PORTRAIT: Column = Column("person", "the portrait");

const IN_ORDER: Order = Order {
    source: Source::ArticleAuthors,
    column: "position",
    id: "person_id",
    sorts: SortKind::Places,
    descending: false,
};

/// Loads the person with this id, for a write that changes only part of it. The row stays locked until
/// the transaction ends.
pub async fn lock(writer: &WriteTx, id: PersonId) -> Result<Option<Person>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer
        .lock::<table::Entity, _>("find a person", by_id)
        .await
}

/// Inserts the person, or updates the one with the same id. The article count of an existing person is
/// maintained by the database and left unchanged.
pub async fn save(writer: &mut WriteTx, person: &Person) -> Result<Saved> {
    let row = table::Model::from(person);
    let mut former = None;
    let saved = writer
        .save::<table::Entity, _>("save a person", row.id, row, |old, new| {
            new.article_count = old.article_count;
            former = Some(old.slug.clone());
        })
        .await?;
    let slugged = Slugged {
        entity: EntityKind::Person,
        edition: person.edition,
        id: person.id.uuid(),
        slug: &person.slug,
    };
    slugged
        .record_change(writer, saved, former.as_deref())
        .await?;
    if saved != Saved::Unchanged {
        let name = person.name.as_str();
        reserved_name::reserve(writer, EntityKind::Person, person.id.uuid(), name).await?;
    }
    writer.note_saved(saved, EntityKind::Person, person.id, || {
        vec![CacheTag::slug(EntityKind::Person, &person.slug)]
    });
    Ok(saved)
}

impl From<&Person> for table::Model {
    fn from(person: &Person) -> Self {
        Self {
            id: person.id.uuid(),
            edition_id: person.edition.uuid(),
            slug: person.slug.as_str().to_owned(),
            name: person.name.as_str().to_owned(),
            role: person.role.clone(),
            biography: person.biography.clone(),
            portrait_id: person.portrait.map(Into::into),
            article_count: person.article_count,
        }
    }
}

impl Cacheable for Person {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Articles);
        meta.text(self.slug.as_str());
        meta.text(self.name.as_str());
        meta.texts([self.role.as_deref(), self.biography.as_deref()]);
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "person";
    type Means = Person;

    fn read(self) -> Result<Person> {
        let broken = |column| broken("person", column, self.id);
        Ok(Person {
            id: self.id.into(),
            edition: self.edition_id.into(),
            slug: Slug::parse(&self.slug).map_err(broken("slug"))?,
            name: Name::parse(&self.name).map_err(broken("name"))?,
            role: self.role,
            biography: self.biography,
            portrait: self.portrait_id.map(Into::into),
            article_count: self.article_count,
        })
    }
}

table! {
    #[derive(serde::Deserialize)]
    mod table = "person", entity Person with lists [Articles];
    key id: Uuid;
    edition_id: Uuid,
    slug: String,
    name: String,
    role: Option<String>,
    biography: Option<String>,
    portrait_id: Option<Uuid>,
    article_count: i64,
}

//! People as rows.

use std::collections::HashMap;

use khabar_domain::{ArticleId, Media, Name, Person, PersonId, Scope, Slug};
use sea_orm::ColumnTrait;

use crate::batch::lane;
use crate::cache::Kept;
use crate::cells::{Cells, columns, stored};
use crate::change::{Noun, Part};
use crate::page::{Lists, Order, Sorts};
use crate::row::{Row, SlugKey, broken, find_by_slug, find_with, no_more};
use crate::sql::Dialect;
use crate::with::{Column, Company, Edge, With, one};
use crate::{BatchKey, Page, Reader, Result, Saved, Slice, Writer, media, reserved_name, slug};

/// The person with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub PersonId);

impl BatchKey for ById {
    type Value = Person;

    const FINDS_ONE: bool = true;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Person>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).on(Noun::Person, self.0))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Person>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        let mut portraits = Portraits::new(reader, keys);
        let found = find_with::<table::Model, _>(
            reader,
            "find people",
            |sql| ("person t".to_owned(), sql.among("t.id", ids)),
            |found: &Person| Self(found.id),
            &mut portraits,
        );
        let found = found.await?;
        reader.bring(portraits.found);
        Ok(found)
    }
}

/// The person under this slug.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BySlug(pub SlugKey);

impl BatchKey for BySlug {
    type Value = Person;

    const FINDS_ONE: bool = true;

    fn lane(&self) -> u64 {
        lane(&self.0.edition)
    }

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Person>) -> Option<Kept> {
        let found = value.map(|found| (found.edition, &found.slug));
        Some(
            self.0
                .read_from(Kept::of::<Self>(value), Noun::Person, found),
        )
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Person>> {
        let mut portraits = Portraits::new(reader, keys);
        let keys = keys.iter().map(|key| key.0.clone()).collect();
        let slug = |found: &Person| found.slug.clone();
        let found = find_by_slug::<table::Model>(
            reader,
            "find people by their slugs",
            "person",
            no_more,
            keys,
            slug,
            &mut portraits,
        )
        .await?;
        reader.bring(portraits.found);
        Ok(found
            .into_iter()
            .map(|(key, found)| (Self(key), found))
            .collect())
    }
}

/// Who signed this article, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle(pub ArticleId);

impl BatchKey for OfArticle {
    type Value = Vec<Person>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<Person>>) -> Option<Kept> {
        let kept = Kept::of::<Self>(value).on(Noun::Article, self.0);
        Some(kept.part(Noun::Article, self.0, Part::Authors))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<Person>>> {
        let lists = Lists {
            doing: "find the authors of articles",
            table: "article_author",
            parent: Some("article_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("a"),
            join: "JOIN person a ON a.id = t.person_id",
        };
        let parents: Vec<_> = keys.iter().map(|key| key.0.uuid()).collect();
        let found = lists
            .page::<table::Model>(reader, &parents, Page::first(Page::MAX), |_| String::new())
            .await?;
        Ok(keys
            .iter()
            .copied()
            .zip(found.into_iter().map(Slice::into_items))
            .collect())
    }
}

/// The portraits that are read with people.
struct Portraits {
    wanted: bool,
    found: Vec<(media::ById, Option<Media>)>,
}

impl Portraits {
    fn new<K: BatchKey>(reader: &Reader, keys: &[K]) -> Self {
        Self {
            wanted: reader.wanted(keys).has(With::PICTURE),
            found: Vec::new(),
        }
    }
}

impl Company<Person> for Portraits {
    fn select(&self, dialect: Dialect) -> String {
        let edge = Edge::One {
            column: "t.portrait_id",
        };
        let portrait = || edge.select::<media::table::Entity>(dialect);
        self.wanted.then(portrait).unwrap_or_default()
    }

    fn read(&mut self, cells: &mut Cells<'_>, person: &Person) -> Result<()> {
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
    tag: 1,
    column: "position",
    id: "person_id",
    sorts: Sorts::Places,
    descending: false,
};

/// The person with this id, for a write that keeps a part of it: until that has ended, no other
/// changes it.
pub async fn get(writer: &Writer, id: PersonId) -> Result<Option<Person>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer
        .hold::<table::Entity, _>("find a person", by_id)
        .await
}

/// Adds it, or changes the one with its id; the count is the database's.
pub async fn save(writer: &mut Writer, person: &Person) -> Result<Saved> {
    let row = table::Model::from(person);
    let mut former = None;
    let saved = writer
        .save::<table::Entity, _>("save a person", row.id, row, |old, new| {
            new.article_count = old.article_count;
            former = Some(old.slug.clone());
        })
        .await?;
    if saved != Saved::Unchanged {
        let (edition, id) = (person.edition, person.id.uuid());
        slug::saved(
            writer,
            edition,
            Noun::Person,
            former.as_deref(),
            &person.slug,
            id,
        )
        .await?;
        let name = person.name.as_str();
        reserved_name::reserve(writer, Noun::Person, person.id.uuid(), name).await?;
    }
    writer.note_saved(saved, Noun::Person, person.id, || {
        vec![Noun::Person.slug_key(&person.slug)]
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

stored!(table::Model: id, edition_id, slug, name, role, biography, portrait_id, article_count);

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

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Deserialize)]
    #[sea_orm(table_name = "person")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub edition_id: Uuid,
        pub slug: String,
        pub name: String,
        pub role: Option<String>,
        pub biography: Option<String>,
        pub portrait_id: Option<Uuid>,
        pub article_count: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

//! Sections as rows, and the path from the root to each.

mod tree;

use std::collections::HashMap;

use khabar_domain::{EditionId, Invalid, Name, Scope, Section, SectionId, Slug};
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable, Lookup};
use crate::feed::{CacheTag, EntityKind, Facet};
use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::include::NoIncludes;
use crate::query::keys::{by_id, by_slug};
use crate::query::lookup::no_more;
use crate::query::page::{KeysetQuery, Order, SortKind};
use crate::query::row::broken;
use crate::query::sql::Dialect;
use crate::query::sql::Sql;
use crate::query::table::{Table, declaration, table};
use crate::reference_data::Reference;
use crate::relations::ordering::Ordering;
use crate::relations::slug::Slugged;
use crate::session::batch::{group_hash, grouped};
use crate::{BatchKey, ReadSession, Result, Saved, WriteTx};

pub use tree::{arrange, lies_in, place, remove, siblings};

by_id! {
    /// Key for a section by its ID.
    SectionId => Section in "section", look_up section
}

by_slug! {
    /// Key for a section by its slug.
    Section in "section", look_up section_under
}

/// A selection of an edition's sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// All sections.
    All,
    /// The featured sections.
    Featured,
    /// The sections without a parent.
    Roots,
}

/// Key for sections of an edition, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition {
    /// The edition.
    pub edition: EditionId,
    /// The selection of its sections.
    pub which: Which,
}

impl BatchKey for OfEdition {
    type Value = Vec<Section>;

    fn group_hash(&self) -> u64 {
        group_hash(&self.which)
    }

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Section>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Edition, self.edition, Facet::Sections))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Vec<Section>> {
        reference.sections_of(self.edition, self.which)
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Section>>> {
        let lists = KeysetQuery {
            query: "section.of_edition",
            table: "section",
            parent: Some("edition_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("t"),
            join: "",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for (which, keys) in grouped(keys, |key| key.which) {
            let condition = match which {
                Which::All => "",
                Which::Featured if reader.sql().dialect == Dialect::Postgres => " AND t.featured",
                Which::Featured => " AND t.featured = 1",
                Which::Roots => " AND t.parent_id IS NULL",
            };
            let (parent, filter) = (
                |key: &Self| key.edition.uuid(),
                |_: &mut Sql| condition.to_owned(),
            );
            let of_keys = lists
                .all::<table::Model, _>(reader, &keys, parent, filter, &mut NoIncludes)
                .await?;
            found.extend(of_keys);
        }
        Ok(found)
    }
}

/// Key for the direct children of a section, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChildrenOf(pub SectionId);

impl BatchKey for ChildrenOf {
    type Value = Vec<Section>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Section>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Section, self.0, Facet::Children))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Vec<Section>> {
        reference.children_of(self.0)
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Section>>> {
        let lists = KeysetQuery {
            query: "section.children",
            table: "section",
            parent: Some("parent_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("t"),
            join: "",
        };
        lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), no_more, &mut NoIncludes)
            .await
    }
}

/// Key for the path to a section: its ancestors from the root down, and the section itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathTo(pub SectionId);

impl BatchKey for PathTo {
    type Value = Vec<Section>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<Section>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).on(EntityKind::Section, self.0))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Vec<Section>> {
        reference.path_to(self.0)
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<Section>>> {
        let lists = KeysetQuery {
            query: "section.path",
            table: "section_path",
            parent: Some("section_id"),
            order: &FROM_THE_ROOT,
            select: &columns::<table::Model>("a"),
            join: "JOIN section a ON a.id = t.ancestor_id",
        };
        lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), no_more, &mut NoIncludes)
            .await
    }
}

const IN_ORDER: Order = Order {
    source: Source::Sections,
    column: "position",
    id: "id",
    sorts: SortKind::Places,
    descending: false,
};

const FROM_THE_ROOT: Order = Order {
    source: Source::SectionAncestors,
    column: "height",
    id: "ancestor_id",
    sorts: SortKind::Places,
    descending: true,
};

const PLACES: Ordering = Ordering {
    table: "section",
    column: "position",
};

/// Returns the section with this ID and locks it until the transaction ends. For a write that retains
/// part of it.
pub async fn lock(writer: &WriteTx, id: SectionId) -> Result<Option<Section>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer
        .lock::<table::Entity, _>("find a section", by_id)
        .await
}

/// Returns the section with this ID or, if there is none, the one with this slug. For a write that depends
/// on it.
pub async fn find_by_id_or_slug(
    writer: &WriteTx,
    id: SectionId,
    edition: EditionId,
    slug: &Slug,
) -> Result<Option<Section>> {
    const DOING: &str = "find a section";
    let by_id = table::Column::Id.eq(id.uuid());
    if let Some(found) = writer.find::<table::Entity, _>(DOING, by_id).await? {
        return Ok(Some(found));
    }
    let by_slug = Condition::all()
        .add(table::Column::EditionId.eq(edition.uuid()))
        .add(table::Column::Slug.eq(slug.as_str()));
    writer.find::<table::Entity, _>(DOING, by_slug).await
}

/// Inserts a section, or updates the one with its ID. The stored article count is retained.
///
/// Moving a section to another parent is an error, because the listings of its articles would have to
/// move with it. Use [`place`] instead.
pub async fn save(writer: &mut WriteTx, section: &Section) -> Result<Saved> {
    const DOING: &str = "save a section";
    let row = table::Model::from(section);
    let mut moved = false;
    let mut former = None;
    let saved = writer
        .save::<table::Entity, _>(DOING, row.id, row, |old, new| {
            moved = old.parent_id != new.parent_id;
            new.article_count = old.article_count;
            former = Some(old.slug.clone());
        })
        .await?;
    if moved {
        return Err(Invalid::new(
            "the section",
            format!("{} cannot be moved to another parent", section.name),
        )
        .into());
    }
    if saved == Saved::Added {
        let mut sql = writer.sql();
        let (id, parent) = (
            sql.bind(section.id.uuid()),
            sql.bind(section.parent.map(SectionId::uuid)),
        );
        let text = format!(
            "INSERT INTO section_path (section_id, ancestor_id, height) SELECT {id}, ancestor_id, height + 1 \
             FROM section_path WHERE section_id = {parent} UNION ALL SELECT {id}, {id}, 0"
        );
        writer.run(DOING, sql, text).await?;
    }
    let slugged = Slugged {
        entity: EntityKind::Section,
        edition: section.edition,
        id: section.id.uuid(),
        slug: &section.slug,
    };
    slugged
        .record_change(writer, saved, former.as_deref())
        .await?;
    writer.note_saved(saved, EntityKind::Section, section.id, || {
        let mut keys = vec![
            CacheTag::slug(EntityKind::Section, &section.slug),
            CacheTag::part(EntityKind::Edition, section.edition, Facet::Sections),
        ];
        keys.extend(
            section
                .parent
                .map(|parent| CacheTag::part(EntityKind::Section, parent, Facet::Children)),
        );
        keys
    });
    Ok(saved)
}

impl From<&Section> for table::Model {
    fn from(section: &Section) -> Self {
        Self {
            id: section.id.uuid(),
            edition_id: section.edition.uuid(),
            parent_id: section.parent.map(Into::into),
            slug: section.slug.as_str().to_owned(),
            name: section.name.as_str().to_owned(),
            summary: section.summary.clone(),
            position: section.position,
            featured: section.featured,
            article_count: section.article_count,
        }
    }
}

impl Cacheable for Section {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row_with_list::<table::Model>(self.id, Facet::Articles);
        meta.text(self.slug.as_str());
        meta.text(self.name.as_str());
        meta.texts([self.summary.as_deref()]);
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "section";
    type Means = Section;

    fn read(self) -> Result<Section> {
        let broken = |column| broken("section", column, self.id);
        Ok(Section {
            id: self.id.into(),
            edition: self.edition_id.into(),
            parent: self.parent_id.map(Into::into),
            slug: Slug::parse(&self.slug).map_err(broken("slug"))?,
            name: Name::parse(&self.name).map_err(broken("name"))?,
            summary: self.summary,
            position: self.position,
            featured: self.featured,
            article_count: self.article_count,
        })
    }
}

/// The table of the ancestors of each section, which include the section itself at height 0.
pub(crate) const PATHS: Table = declaration! {
    "section_path";
    key section_id: Uuid, ancestor_id: Uuid;
    height: i32,
};

table! {
    mod table = "section", entity Section with lists [Articles, Children], parent parent_id;
    key id: Uuid;
    edition_id: Uuid,
    parent_id: Option<Uuid>,
    slug: String,
    name: String,
    summary: Option<String>,
    position: i32,
    featured: bool,
    article_count: i64,
}

//! Declarations of tables: each column is declared once, with its type and the facet that it belongs to.
//!
//! The row type, its decoding, the archive and the cache tags of a change all follow from the declaration.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Result;
use crate::feed::{Difference, EntityKind, Facet};
use crate::query::decode::{Row, RowDecoder, TableRow, columns};

/// A table: its columns, and the place of its rows in the change feed.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    /// Name of the table, in the database and in an archive.
    pub(crate) name: &'static str,
    /// Columns of the primary key. Rows are archived in the order of this key.
    pub(crate) key: &'static [&'static str],
    /// All columns of the table, those of the key first.
    pub(crate) columns: &'static [Column],
    /// The self-referencing column, if any. A row may refer to a row that comes later.
    pub(crate) parent: Option<&'static str>,
    /// Description of the rows in the change feed, if readers address them individually.
    pub(crate) feed_object: Option<FeedObject>,
    /// The way to read rows as values of the domain. `None` if they follow no rules.
    pub(crate) reader: Option<RowReader>,
}

/// A way to read rows of a table as values of the domain, in order to check them.
#[derive(Clone, Copy)]
pub(crate) struct RowReader {
    /// Returns the selected columns, given the alias of the table.
    pub(crate) columns: fn(&str) -> String,
    pub(crate) read: fn(&mut RowDecoder<'_>) -> Result<()>,
}

/// Description of a table's rows for the change feed.
#[derive(Clone, Copy)]
pub(crate) struct FeedObject {
    pub(crate) entity: EntityKind,
    /// Lists that belong to a row, as named in cache tags.
    pub(crate) lists: &'static [Facet],
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) data_type: ColumnType,
    pub(crate) nullable: bool,
    /// Whether the column is excluded from archives: it is not exported, and ignored in an archive that
    /// has it.
    pub(crate) private: bool,
    /// The facet of the object that the column belongs to. `None` if it belongs to the object itself.
    pub(crate) facet: Option<Facet>,
}

/// The type of a column's values. The two databases store some of these types differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Bool,
    Id,
    /// A 32-bit integer.
    Int,
    /// A 64-bit integer.
    Long,
    /// JSON, embedded in an archive as JSON rather than as a string.
    Json,
    Real,
    Text,
    Time,
}

/// A Rust type that a column can have.
pub(crate) trait Stored {
    const TYPE: ColumnType;
    const NULLABLE: bool = false;
}

impl<T: Stored> Stored for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
}

macro_rules! stored {
    ($($type:ty => $column_type:ident),+ $(,)?) => {
        $(impl Stored for $type {
            const TYPE: ColumnType = ColumnType::$column_type;
        })+
    };
}

stored! {
    bool => Bool,
    DateTime<Utc> => Time,
    f64 => Real,
    i32 => Int,
    i64 => Long,
    String => Text,
    Uuid => Id,
}

impl Table {
    pub(crate) const fn new(
        name: &'static str,
        key: &'static [&'static str],
        columns: &'static [Column],
    ) -> Self {
        Self {
            name,
            key,
            columns,
            parent: None,
            feed_object: None,
            reader: None,
        }
    }

    /// Sets the row type that rows are read as.
    pub(crate) const fn read_as<R: Row + TableRow>(self) -> Self {
        Self {
            reader: Some(RowReader {
                columns: columns::<R>,
                read: |cells| cells.read::<R>().map(drop),
            }),
            ..self
        }
    }

    /// Replaces the function that reads a row.
    pub(crate) const fn read_by(self, read: fn(&mut RowDecoder<'_>) -> Result<()>) -> Self {
        Self {
            reader: match self.reader {
                Some(reader) => Some(RowReader { read, ..reader }),
                None => None,
            },
            ..self
        }
    }

    pub(crate) const fn parent(self, column: &'static str) -> Self {
        Self {
            parent: Some(column),
            ..self
        }
    }

    pub(crate) const fn feed_object(self, entity: EntityKind, lists: &'static [Facet]) -> Self {
        Self {
            feed_object: Some(FeedObject { entity, lists }),
            ..self
        }
    }

    /// Returns the entity of the rows. Panics if none is declared.
    pub(crate) const fn entity(&self) -> EntityKind {
        match &self.feed_object {
            Some(object) => object.entity,
            None => panic!("the table declares no entity"),
        }
    }

    /// Returns the column with this name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the number of different facets that the columns belong to.
    pub(crate) const fn count_facets(&self) -> usize {
        let (mut count, mut at) = (0, 0);
        while at < Facet::ALL.len() {
            count += self.has(Facet::ALL[at]) as usize;
            at += 1;
        }
        count
    }

    /// Returns the facets that the columns belong to. `N` is their number.
    pub(crate) const fn facets<const N: usize>(&self) -> [Facet; N] {
        let mut facets = [Facet::ALL[0]; N];
        let (mut count, mut at) = (0, 0);
        while at < Facet::ALL.len() {
            if self.has(Facet::ALL[at]) {
                facets[count] = Facet::ALL[at];
                count += 1;
            }
            at += 1;
        }
        facets
    }

    const fn has(&self, facet: Facet) -> bool {
        let mut at = 0;
        while at < self.columns.len() {
            if let Some(of_column) = self.columns[at].facet
                && of_column as u8 == facet as u8
            {
                return true;
            }
            at += 1;
        }
        false
    }
}

impl Column {
    /// Creates a column for values of a Rust type.
    pub(crate) const fn of<T: Stored>(name: &'static str) -> Self {
        Self {
            name,
            data_type: T::TYPE,
            nullable: T::NULLABLE,
            private: false,
            facet: None,
        }
    }

    /// Marks the column's text as JSON.
    pub(crate) const fn json(self) -> Self {
        Self {
            data_type: ColumnType::Json,
            ..self
        }
    }

    /// Marks a column that may be null in the database and in an archive, and never is in a row that is read.
    pub(crate) const fn nullable(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    /// Excludes the column from archives.
    pub(crate) const fn private(self) -> Self {
        Self {
            private: true,
            ..self
        }
    }

    /// Assigns the column to a facet of the object.
    pub(crate) const fn within(self, facet: Facet) -> Self {
        Self {
            facet: Some(facet),
            ..self
        }
    }
}

/// A row whose table is declared with [`table!`].
///
/// The value describes itself to the cache with [`CacheMeta::row`](crate::cache::CacheMeta::row), which adds
/// the declared facets. Its `save` touches either the whole object or what [`Declared::difference`] returns.
pub(crate) trait Declared: TableRow {
    /// The declaration of the table.
    const DECLARATION: Table;
    /// The facets that columns belong to, each once. API fields can depend on them separately.
    const FACETS: &'static [Facet];

    /// Returns the facets in which another row differs, and whether it also differs outside of them.
    fn difference(&self, other: &Self) -> Difference;
}

/// Declares a table that has no row type. The syntax is that of [`table!`].
macro_rules! declaration {
    (
        $name:tt
        $(, entity $entity:ident $(with lists [$($list:ident),+])?)?
        $(, parent $parent:ident)?;
        key $($key:ident: $key_type:ident),+;
        $($column:ident: $type:ident $(<$inner:ident>)? $(as $mark:ident)? $(in $facet:ident)?),*
        $(,)?
    ) => {
        $crate::query::table::Table::new(
            $name,
            &[$(stringify!($key)),+],
            &[
                $($crate::query::table::Column::of::<$key_type>(stringify!($key)),)+
                $($crate::query::table::Column::of::<$type $(<$inner>)?>(stringify!($column))
                    $(.$mark())? $(.within($crate::feed::Facet::$facet))?,)*
            ],
        )
        $(.feed_object($crate::feed::EntityKind::$entity, &[$($($crate::feed::Facet::$list),+)?]))?
        $(.parent(stringify!($parent)))?
    };
}
pub(crate) use declaration;

/// Declares a table and its row type: a module with the SeaORM entity, and the implementations of
/// [`TableRow`] and [`Declared`].
///
/// ```ignore
/// table! {
///     mod table = "topic", entity Topic with lists [Articles];
///     key id: Uuid;
///     edition_id: Uuid,
///     summary: Option<String> in Details,
/// }
/// ```
///
/// The primary key comes first. `as json` marks text that is JSON, `as private` a column that archives
/// leave out, `as nullable` one that may be null until a restore has derived it. `in Details` assigns a
/// column to a facet; all others belong to the object itself.
macro_rules! table {
    (
        $(#[$($attribute:tt)*])*
        mod $module:ident = $name:tt
        $(, entity $entity:ident $(with lists [$($list:ident),+])?)?
        $(, parent $parent:ident)?;
        key $($key:ident: $key_type:ident),+;
        $(
            $(#[$($column_attribute:tt)*])*
            $column:ident: $type:ident $(<$inner:ident>)? $(as $mark:ident)? $(in $facet:ident)?
        ),*
        $(,)?
    ) => {
        #[expect(
            unreachable_pub,
            reason = "SeaORM's derives make an entity public; this module is not"
        )]
        pub(crate) mod $module {
            use sea_orm::entity::prelude::*;

            $(#[$($attribute)*])*
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub struct Model {
                $(
                    #[sea_orm(primary_key, auto_increment = false)]
                    pub $key: $key_type,
                )+
                $(
                    $(#[$($column_attribute)*])*
                    pub $column: $type $(<$inner>)?,
                )*
            }

            #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}

            impl $crate::query::decode::TableRow for Model {
                const COLUMNS: &'static [&'static str] =
                    &[$(stringify!($key),)+ $(stringify!($column)),*];
            }

            impl $crate::query::decode::DecodeRow for Model {
                fn take(cells: &mut $crate::query::decode::RowDecoder<'_>) -> $crate::Result<Self> {
                    Ok(Self { $($key: cells.take()?,)+ $($column: cells.take()?),* })
                }
            }

            impl $crate::query::table::Declared for Model {
                const DECLARATION: $crate::query::table::Table =
                    $crate::query::table::declaration! {
                        $name
                        $(, entity $entity $(with lists [$($list),+])?)?
                        $(, parent $parent)?;
                        key $($key: $key_type),+;
                        $($column: $type $(<$inner>)? $(as $mark)? $(in $facet)?),*
                    };
                const FACETS: &'static [$crate::feed::Facet] = &Self::DECLARATION
                    .facets::<{ <Model as $crate::query::table::Declared>::DECLARATION.count_facets() }>();

                fn difference(&self, other: &Self) -> $crate::feed::Difference {
                    let mut difference = $crate::feed::Difference::default();
                    $(difference.of(None::<$crate::feed::Facet>, self.$key == other.$key);)+
                    $(
                        let facet = None::<$crate::feed::Facet>;
                        $(let facet = facet.or(Some($crate::feed::Facet::$facet));)?
                        difference.of(facet, self.$column == other.$column);
                    )*
                    difference
                }
            }
        }
    };
}
pub(crate) use table;

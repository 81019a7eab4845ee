//! Keys that tables have in common, declared beside the table: one object by its id or its slug, and the
//! objects of an edition in its editors' order.
//!
//! They are for objects that everyone may see, so that results are cached for every scope.

/// Declares `ById`: `by_id! { TopicId => Topic in "topic" }`. The table's rows are of `table::Model`.
///
/// `look_up` names the method of the reference data that finds the object, `includes` the function that
/// selects related objects to read with it.
macro_rules! by_id {
    (
        $(#[$attribute:meta])*
        $id:ident => $value:ident in $table:literal
        $(, look_up $look_up:ident)? $(, includes $includes:path)?
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct ById(pub $id);

        impl $crate::BatchKey for ById {
            type Value = $value;

            const FINDS_ONE: bool = true;

            fn is_cacheable(_: khabar_domain::Scope) -> bool {
                true
            }

            fn cache_meta(&self, value: Option<&$value>) -> Option<$crate::cache::CacheMeta> {
                let meta = $crate::cache::CacheMeta::of(value);
                Some(meta.on($crate::feed::EntityKind::$value, self.0))
            }

            $(
                fn look_up(
                    &self,
                    reference: &$crate::reference_data::Reference,
                ) -> $crate::cache::Lookup<$value> {
                    reference.$look_up(self.0)
                }
            )?

            async fn fetch(
                reader: &$crate::ReadSession,
                keys: &[Self],
            ) -> $crate::Result<std::collections::HashMap<Self, $value>> {
                let ids = keys.iter().map(|key| key.0.uuid());
                let mut includes = $crate::query::keys::includes!(reader $(, $includes)?);
                let found = $crate::query::lookup::find_with::<table::Model, _>(
                    reader,
                    concat!($table, ".by_id"),
                    |sql| (concat!($table, " t").to_owned(), sql.among("t.id", ids)),
                    |found: &$value| Self(found.id),
                    &mut includes,
                )
                .await?;
                $crate::query::include::SideLoad::side_load(includes, reader);
                Ok(found)
            }
        }
    };
}
pub(crate) use by_id;

/// Declares `BySlug`: `by_slug! { Topic in "topic" }`. The options are those of [`by_id!`].
macro_rules! by_slug {
    (
        $(#[$attribute:meta])*
        $value:ident in $table:literal
        $(, look_up $look_up:ident)? $(, includes $includes:path)?
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct BySlug(pub $crate::SlugKey);

        impl $crate::BatchKey for BySlug {
            type Value = $value;

            const FINDS_ONE: bool = true;

            fn group_hash(&self) -> u64 {
                $crate::session::batch::group_hash(&self.0.edition)
            }

            fn is_cacheable(_: khabar_domain::Scope) -> bool {
                true
            }

            fn cache_meta(&self, value: Option<&$value>) -> Option<$crate::cache::CacheMeta> {
                let meta = $crate::cache::CacheMeta::of(value);
                let found = value.map(|found| (found.edition, &found.slug));
                Some(self.0.read_from(meta, $crate::feed::EntityKind::$value, found))
            }

            $(
                fn look_up(
                    &self,
                    reference: &$crate::reference_data::Reference,
                ) -> $crate::cache::Lookup<$value> {
                    reference.$look_up(&self.0)
                }
            )?

            async fn fetch(
                reader: &$crate::ReadSession,
                keys: &[Self],
            ) -> $crate::Result<std::collections::HashMap<Self, $value>> {
                let mut includes = $crate::query::keys::includes!(reader $(, $includes)?);
                let found = $crate::query::lookup::find_by_slug::<table::Model>(
                    reader,
                    concat!($table, ".by_slug"),
                    $table,
                    $crate::query::lookup::no_more,
                    keys.iter().map(|key| key.0.clone()).collect(),
                    |found: &$value| found.slug.clone(),
                    &mut includes,
                )
                .await?;
                $crate::query::include::SideLoad::side_load(includes, reader);
                Ok(found
                    .into_iter()
                    .map(|(key, found)| (Self(key), found))
                    .collect())
            }
        }
    };
}
pub(crate) use by_slug;

/// Returns what a function selects to be read with the objects of some keys, or nothing without a function.
macro_rules! includes {
    ($reader:ident) => {
        $crate::query::include::NoIncludes
    };
    ($reader:ident, $includes:path) => {
        $includes($reader)
    };
}
pub(crate) use includes;

/// Declares `OfEdition` and `ORDER` for objects that an edition's editors arrange in one order:
/// `of_edition! { LiveChannel by LiveChannelId in "live_channel", list LiveChannels, look_up … }`. The
/// table has the columns `edition_id` and `position`. `list` names both the facet of the edition and the
/// source of cursors. Also declares `remove`.
macro_rules! of_edition {
    (
        $(#[$attribute:meta])*
        $value:ident by $id:ident in $table:literal, list $list:ident, look_up $look_up:ident
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct OfEdition(pub khabar_domain::EditionId);

        impl $crate::BatchKey for OfEdition {
            type Value = Vec<$value>;

            fn is_cacheable(_: khabar_domain::Scope) -> bool {
                true
            }

            fn cache_meta(&self, value: Option<&Vec<$value>>) -> Option<$crate::cache::CacheMeta> {
                Some($crate::cache::CacheMeta::of(value).tag(ORDER.tag(self.0)))
            }

            fn look_up(
                &self,
                reference: &$crate::reference_data::Reference,
            ) -> $crate::cache::Lookup<Vec<$value>> {
                reference.$look_up(self.0)
            }

            async fn fetch(
                reader: &$crate::ReadSession,
                keys: &[Self],
            ) -> $crate::Result<std::collections::HashMap<Self, Vec<$value>>> {
                let lists = $crate::query::page::KeysetQuery {
                    query: concat!($table, ".of_edition"),
                    table: $table,
                    parent: Some("edition_id"),
                    order: &$crate::query::page::Order {
                        source: $crate::query::cursor::Source::$list,
                        column: "position",
                        id: "id",
                        sorts: $crate::query::page::SortKind::Places,
                        descending: false,
                    },
                    select: &$crate::query::decode::columns::<table::Model>("t"),
                    join: "",
                };
                lists
                    .all::<table::Model, _>(
                        reader,
                        keys,
                        |key| key.0.uuid(),
                        $crate::query::lookup::no_more,
                        &mut $crate::query::include::NoIncludes,
                    )
                    .await
            }
        }

        /// The order that an edition's editors chose.
        pub const ORDER: $crate::relations::ordering::EditionOrder<khabar_domain::$id> =
            $crate::relations::ordering::EditionOrder {
                ordering: $crate::relations::ordering::Ordering {
                    table: $table,
                    column: "position",
                },
                entity: $crate::feed::EntityKind::$value,
                facet: None,
                list: $crate::feed::Facet::$list,
                id: std::marker::PhantomData,
            };

        /// Deletes an object and closes the gap that it leaves in the order.
        pub async fn remove(writer: &mut $crate::WriteTx, removed: &$value) -> $crate::Result<()> {
            ORDER.remove(writer, removed.edition, removed.id).await
        }
    };
}
pub(crate) use of_edition;

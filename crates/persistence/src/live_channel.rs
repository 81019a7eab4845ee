//! Live channels as rows.

use std::collections::HashMap;

use khabar_domain::{EditionId, LiveChannel, LiveChannelId, Name, Scope, WebUrl};
use sea_orm::ColumnTrait;

use crate::arrange::Places;
use crate::cache::Kept;
use crate::cells::{columns, stored};
use crate::change::{Act, Noun, Part};
use crate::page::{Lists, Order, Sorts};
use crate::reference::{Known, Reference};
use crate::row::{Row, broken, find_by, maybe};
use crate::{BatchKey, Page, Reader, Result, Saved, Slice, Writer};

/// The live channel with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub LiveChannelId);

impl BatchKey for ById {
    type Value = LiveChannel;

    const FINDS_ONE: bool = true;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&LiveChannel>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).on(Noun::LiveChannel, self.0))
    }

    fn known(&self, reference: &Reference) -> Known<LiveChannel> {
        reference.live_channel(self.0)
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, LiveChannel>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "find live channels",
            |sql| ("live_channel t".to_owned(), sql.among("t.id", ids)),
            |found: &LiveChannel| Self(found.id),
        )
        .await
    }
}

/// The live channels of this edition, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = Vec<LiveChannel>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<LiveChannel>>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).part(Noun::Edition, self.0, Part::LiveChannels))
    }

    fn known(&self, reference: &Reference) -> Known<Vec<LiveChannel>> {
        reference.live_channels_of(self.0)
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<LiveChannel>>> {
        let lists = Lists {
            doing: "list the live channels of editions",
            table: "live_channel",
            parent: Some("edition_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("t"),
            join: "",
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

const IN_ORDER: Order = Order {
    tag: 3,
    column: "position",
    id: "id",
    sorts: Sorts::Places,
    descending: false,
};

/// The live channel with this id, for a write that keeps a part of it:
/// until that has ended, no other changes it.
pub async fn find(writer: &Writer, id: LiveChannelId) -> Result<Option<LiveChannel>> {
    let condition = table::Column::Id.eq(id.uuid());
    writer
        .hold::<table::Entity, _>("find a live channel", condition)
        .await
}

/// Adds it, or changes the one with its id.
pub async fn save(writer: &mut Writer, live_channel: &LiveChannel) -> Result<Saved> {
    let row = table::Model::from(live_channel);
    let saved = writer
        .save::<table::Entity, _>("save a live channel", row.id, row, |_, _| ())
        .await?;
    writer.note_saved(saved, Noun::LiveChannel, live_channel.id, || {
        vec![Noun::Edition.list_key(live_channel.edition, Part::LiveChannels)]
    });
    Ok(saved)
}

/// The live channels of an edition, in order.
pub async fn in_order(writer: &Writer, edition: EditionId) -> Result<Vec<LiveChannelId>> {
    let found = PLACES.of_edition(writer, edition).await?;
    Ok(found.into_iter().map(LiveChannelId::new).collect())
}

/// Puts the live channels of an edition into this order. Whoever does locks the edition's order first.
pub async fn arrange(
    writer: &mut Writer,
    edition: EditionId,
    order: &[LiveChannelId],
) -> Result<()> {
    let order: Vec<_> = order.iter().map(|channel| channel.uuid()).collect();
    for id in PLACES.set(writer, &order).await? {
        let keys = || vec![Noun::Edition.list_key(edition, Part::LiveChannels)];
        writer.note_saved(Saved::Changed, Noun::LiveChannel, id, keys);
    }
    Ok(())
}

/// Takes it away. Those after it close up.
pub async fn remove(writer: &mut Writer, channel: &LiveChannel) -> Result<()> {
    PLACES.remove(writer, channel.id.uuid()).await?;
    let keys = vec![
        Noun::LiveChannel.key(channel.id),
        Noun::Edition.list_key(channel.edition, Part::LiveChannels),
    ];
    writer.note(Noun::LiveChannel, channel.id, Act::Withdrawn, keys);
    let left = in_order(writer, channel.edition).await?;
    arrange(writer, channel.edition, &left).await
}

const PLACES: Places = Places {
    table: "live_channel",
    column: "position",
};

impl From<&LiveChannel> for table::Model {
    fn from(channel: &LiveChannel) -> Self {
        Self {
            id: channel.id.uuid(),
            edition_id: channel.edition.uuid(),
            name: channel.name.as_str().to_owned(),
            stream_url: channel.stream_url.clone().map(Into::into),
            poster_id: channel.poster.map(Into::into),
            on_air: channel.on_air,
            position: channel.position,
        }
    }
}

stored!(table::Model: id, edition_id, name, stream_url, poster_id, on_air, position);

impl Row for table::Model {
    const TABLE: &'static str = "live_channel";
    type Means = LiveChannel;

    fn read(self) -> Result<LiveChannel> {
        let broken = |column| broken("live_channel", column, self.id);
        Ok(LiveChannel {
            id: self.id.into(),
            edition: self.edition_id.into(),
            name: Name::parse(&self.name).map_err(broken("name"))?,
            stream_url: maybe(self.stream_url, WebUrl::parse).map_err(broken("stream_url"))?,
            poster: self.poster_id.map(Into::into),
            on_air: self.on_air,
            position: self.position,
        })
    }
}

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "live_channel")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub edition_id: Uuid,
        pub name: String,
        pub stream_url: Option<String>,
        pub poster_id: Option<Uuid>,
        pub on_air: Option<bool>,
        pub position: i32,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

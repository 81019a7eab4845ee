//! Storage of live channels.

use std::collections::HashMap;

use khabar_domain::{EditionId, LiveChannel, LiveChannelId, Name, Scope, WebUrl};
use sea_orm::ColumnTrait;

use crate::cache::{CacheMeta, Cacheable, Lookup};
use crate::feed::{EntityKind, Facet};
use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::include::NoIncludes;
use crate::query::keys::by_id;
use crate::query::lookup::no_more;
use crate::query::page::{KeysetQuery, Order, SortKind};
use crate::query::row::{broken, maybe};
use crate::query::table::table;
use crate::reference_data::Reference;
use crate::relations::ordering::{EditionOrder, Ordering};
use crate::{BatchKey, ReadSession, Result, Saved, WriteTx};

by_id! {
    /// The key for reading a live channel by its id.
    LiveChannelId => LiveChannel in "live_channel", look_up live_channel
}

/// The key for listing the live channels of an edition, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = Vec<LiveChannel>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<LiveChannel>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Edition, self.0, Facet::LiveChannels))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Vec<LiveChannel>> {
        reference.live_channels_of(self.0)
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Vec<LiveChannel>>> {
        let lists = KeysetQuery {
            query: "live_channel.of_edition",
            table: "live_channel",
            parent: Some("edition_id"),
            order: &IN_ORDER,
            select: &columns::<table::Model>("t"),
            join: "",
        };
        lists
            .all::<table::Model, _>(reader, keys, |key| key.0.uuid(), no_more, &mut NoIncludes)
            .await
    }
}

const IN_ORDER: Order = Order {
    source: Source::LiveChannels,
    column: "position",
    id: "id",
    sorts: SortKind::Places,
    descending: false,
};

/// Loads the live channel with this id, for a write that changes only part of it. The row stays locked
/// until the transaction ends.
pub async fn lock(writer: &WriteTx, id: LiveChannelId) -> Result<Option<LiveChannel>> {
    let condition = table::Column::Id.eq(id.uuid());
    writer
        .lock::<table::Entity, _>("find a live channel", condition)
        .await
}

/// Inserts the live channel, or updates the one with the same id.
pub async fn save(writer: &mut WriteTx, live_channel: &LiveChannel) -> Result<Saved> {
    let row = table::Model::from(live_channel);
    let saved = writer
        .save::<table::Entity, _>("save a live channel", row.id, row, |_, _| ())
        .await?;
    writer.note_saved(saved, EntityKind::LiveChannel, live_channel.id, || {
        vec![ORDER.tag(live_channel.edition)]
    });
    Ok(saved)
}

/// The order of an edition's live channels.
pub const ORDER: EditionOrder = EditionOrder {
    ordering: Ordering {
        table: "live_channel",
        column: "position",
    },
    entity: EntityKind::LiveChannel,
    list: Facet::LiveChannels,
};

/// Returns the ids of an edition's live channels, in order.
pub async fn in_order(writer: &WriteTx, edition: EditionId) -> Result<Vec<LiveChannelId>> {
    ORDER.ids(writer, edition).await
}

/// Sets the order of an edition's live channels. The caller must lock the edition's order first.
pub async fn arrange(
    writer: &mut WriteTx,
    edition: EditionId,
    order: &[LiveChannelId],
) -> Result<()> {
    ORDER.arrange(writer, edition, order).await
}

/// Deletes a live channel and closes the gap that it leaves in the order.
pub async fn remove(writer: &mut WriteTx, channel: &LiveChannel) -> Result<()> {
    ORDER.remove(writer, channel.edition, channel.id).await
}

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

impl Cacheable for LiveChannel {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row::<table::Model>(self.id);
        meta.text(self.name.as_str());
    }
}

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

table! {
    mod table = "live_channel", entity LiveChannel;
    key id: Uuid;
    edition_id: Uuid,
    name: String,
    stream_url: Option<String>,
    poster_id: Option<Uuid>,
    on_air: Option<bool>,
    position: i32,
}

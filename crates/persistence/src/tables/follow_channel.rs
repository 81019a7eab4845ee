//! Storage of follow channels.

use std::collections::HashMap;

use khabar_domain::follow_channel::Platform;
use khabar_domain::{EditionId, FollowChannel, FollowChannelId, Name, Scope, WebUrl};
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
    /// The key for reading a follow channel by its id.
    FollowChannelId => FollowChannel in "follow_channel", look_up follow_channel
}

/// The key for listing the follow channels of an edition, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = Vec<FollowChannel>;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Vec<FollowChannel>>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).part(EntityKind::Edition, self.0, Facet::FollowChannels))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Vec<FollowChannel>> {
        reference.follow_channels_of(self.0)
    }

    async fn fetch(
        reader: &ReadSession,
        keys: &[Self],
    ) -> Result<HashMap<Self, Vec<FollowChannel>>> {
        let lists = KeysetQuery {
            query: "follow_channel.of_edition",
            table: "follow_channel",
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
    source: Source::FollowChannels,
    column: "position",
    id: "id",
    sorts: SortKind::Places,
    descending: false,
};

/// Loads the follow channel with this id, for a write that changes only part of it. The row stays
/// locked until the transaction ends.
pub async fn lock(writer: &WriteTx, id: FollowChannelId) -> Result<Option<FollowChannel>> {
    let condition = table::Column::Id.eq(id.uuid());
    writer
        .lock::<table::Entity, _>("find a follow channel", condition)
        .await
}

/// Inserts the follow channel, or updates the one with the same id.
pub async fn save(writer: &mut WriteTx, follow_channel: &FollowChannel) -> Result<Saved> {
    let row = table::Model::from(follow_channel);
    let saved = writer
        .save::<table::Entity, _>("save a follow channel", row.id, row, |_, _| ())
        .await?;
    writer.note_saved(saved, EntityKind::FollowChannel, follow_channel.id, || {
        vec![ORDER.tag(follow_channel.edition)]
    });
    Ok(saved)
}

/// The order of an edition's follow channels.
pub const ORDER: EditionOrder = EditionOrder {
    ordering: Ordering {
        table: "follow_channel",
        column: "position",
    },
    entity: EntityKind::FollowChannel,
    list: Facet::FollowChannels,
};

/// Returns the ids of an edition's follow channels, in order.
pub async fn in_order(writer: &WriteTx, edition: EditionId) -> Result<Vec<FollowChannelId>> {
    ORDER.ids(writer, edition).await
}

/// Sets the order of an edition's follow channels. The caller must lock the edition's order first.
pub async fn arrange(
    writer: &mut WriteTx,
    edition: EditionId,
    order: &[FollowChannelId],
) -> Result<()> {
    ORDER.arrange(writer, edition, order).await
}

/// Deletes a follow channel and closes the gap that it leaves in the order.
pub async fn remove(writer: &mut WriteTx, channel: &FollowChannel) -> Result<()> {
    ORDER.remove(writer, channel.edition, channel.id).await
}

impl From<&FollowChannel> for table::Model {
    fn from(channel: &FollowChannel) -> Self {
        Self {
            id: channel.id.uuid(),
            edition_id: channel.edition.uuid(),
            platform: channel.platform.as_str().to_owned(),
            name: channel.name.as_str().to_owned(),
            handle: channel.handle.clone(),
            url: channel.url.clone().map(Into::into),
            position: channel.position,
        }
    }
}

impl Cacheable for FollowChannel {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.row::<table::Model>(self.id);
        meta.text(self.name.as_str());
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "follow_channel";
    type Means = FollowChannel;

    fn read(self) -> Result<FollowChannel> {
        let broken = |column| broken("follow_channel", column, self.id);
        Ok(FollowChannel {
            id: self.id.into(),
            edition: self.edition_id.into(),
            platform: Platform::parse(&self.platform).map_err(broken("platform"))?,
            name: Name::parse(&self.name).map_err(broken("name"))?,
            handle: self.handle,
            url: maybe(self.url, WebUrl::parse).map_err(broken("url"))?,
            position: self.position,
        })
    }
}

table! {
    mod table = "follow_channel", entity FollowChannel;
    key id: Uuid;
    edition_id: Uuid,
    platform: String,
    name: String,
    handle: Option<String>,
    url: Option<String>,
    position: i32,
}

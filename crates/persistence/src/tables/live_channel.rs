//! Storage of live channels.

use khabar_domain::{LiveChannel, LiveChannelId, Name, WebUrl};
use sea_orm::ColumnTrait;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::EntityKind;
use crate::query::decode::Row;
use crate::query::keys::{by_id, of_edition};
use crate::query::row::{broken, maybe};
use crate::query::table::table;
use crate::{Result, Saved, WriteTx};

by_id! {
    /// The key for reading a live channel by its id.
    LiveChannelId => LiveChannel in "live_channel", look_up live_channel
}

of_edition! {
    /// The key for listing the live channels of an edition, in order.
    LiveChannel by LiveChannelId in "live_channel", list LiveChannels, look_up live_channels_of
}

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

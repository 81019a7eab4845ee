//! Storage of follow channels.

use khabar_domain::follow_channel::Platform;
use khabar_domain::{FollowChannel, FollowChannelId, Name, WebUrl};
use sea_orm::ColumnTrait;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::EntityKind;
use crate::query::decode::Row;
use crate::query::keys::{by_id, of_edition};
use crate::query::row::{broken, maybe};
use crate::query::table::table;
use crate::{Result, Saved, WriteTx};

by_id! {
    /// The key for reading a follow channel by its id.
    FollowChannelId => FollowChannel in "follow_channel", look_up follow_channel
}

of_edition! {
    /// The key for listing the follow channels of an edition, in order.
    FollowChannel by FollowChannelId in "follow_channel", list FollowChannels, look_up follow_channels_of
}

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

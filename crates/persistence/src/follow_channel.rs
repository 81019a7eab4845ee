//! Follow channels as rows.

use std::collections::HashMap;

use khabar_domain::follow::Platform;
use khabar_domain::{EditionId, FollowChannel, FollowChannelId, Name, Scope, WebUrl};
use sea_orm::ColumnTrait;

use crate::arrange::Places;
use crate::cache::Kept;
use crate::cells::{columns, stored};
use crate::change::{Act, Noun, Part};
use crate::page::{Lists, Order, Sorts};
use crate::reference::{Known, Reference};
use crate::row::{Row, broken, find_by, maybe};
use crate::{BatchKey, Page, Reader, Result, Saved, Slice, Writer};

/// The follow channel with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub FollowChannelId);

impl BatchKey for ById {
    type Value = FollowChannel;

    const FINDS_ONE: bool = true;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&FollowChannel>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).on(Noun::FollowChannel, self.0))
    }

    fn known(&self, reference: &Reference) -> Known<FollowChannel> {
        reference.follow_channel(self.0)
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, FollowChannel>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "find follow channels",
            |sql| ("follow_channel t".to_owned(), sql.among("t.id", ids)),
            |found: &FollowChannel| Self(found.id),
        )
        .await
    }
}

/// The follow channels of this edition, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = Vec<FollowChannel>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<FollowChannel>>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).part(Noun::Edition, self.0, Part::FollowChannels))
    }

    fn known(&self, reference: &Reference) -> Known<Vec<FollowChannel>> {
        reference.follow_channels_of(self.0)
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<FollowChannel>>> {
        let lists = Lists {
            doing: "list the follow channels of editions",
            table: "follow_channel",
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
    tag: 4,
    column: "position",
    id: "id",
    sorts: Sorts::Places,
    descending: false,
};

/// The follow channel with this id, for a write that keeps a part of it:
/// until that has ended, no other changes it.
pub async fn find(writer: &Writer, id: FollowChannelId) -> Result<Option<FollowChannel>> {
    let condition = table::Column::Id.eq(id.uuid());
    writer
        .hold::<table::Entity, _>("find a follow channel", condition)
        .await
}

/// Adds it, or changes the one with its id.
pub async fn save(writer: &mut Writer, follow_channel: &FollowChannel) -> Result<Saved> {
    let row = table::Model::from(follow_channel);
    let saved = writer
        .save::<table::Entity, _>("save a follow channel", row.id, row, |_, _| ())
        .await?;
    writer.note_saved(saved, Noun::FollowChannel, follow_channel.id, || {
        vec![Noun::Edition.list_key(follow_channel.edition, Part::FollowChannels)]
    });
    Ok(saved)
}

/// The follow channels of an edition, in order.
pub async fn in_order(writer: &Writer, edition: EditionId) -> Result<Vec<FollowChannelId>> {
    let found = PLACES.of_edition(writer, edition).await?;
    Ok(found.into_iter().map(FollowChannelId::new).collect())
}

/// Puts the follow channels of an edition into this order. Whoever does locks the edition's order first.
pub async fn arrange(
    writer: &mut Writer,
    edition: EditionId,
    order: &[FollowChannelId],
) -> Result<()> {
    let order: Vec<_> = order.iter().map(|channel| channel.uuid()).collect();
    for id in PLACES.set(writer, &order).await? {
        let keys = || vec![Noun::Edition.list_key(edition, Part::FollowChannels)];
        writer.note_saved(Saved::Changed, Noun::FollowChannel, id, keys);
    }
    Ok(())
}

/// Takes it away. Those after it close up.
pub async fn remove(writer: &mut Writer, channel: &FollowChannel) -> Result<()> {
    PLACES.remove(writer, channel.id.uuid()).await?;
    let keys = vec![
        Noun::FollowChannel.key(channel.id),
        Noun::Edition.list_key(channel.edition, Part::FollowChannels),
    ];
    writer.note(Noun::FollowChannel, channel.id, Act::Withdrawn, keys);
    let left = in_order(writer, channel.edition).await?;
    arrange(writer, channel.edition, &left).await
}

const PLACES: Places = Places {
    table: "follow_channel",
    column: "position",
};

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

stored!(table::Model: id, edition_id, platform, name, handle, url, position);

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

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "follow_channel")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub edition_id: Uuid,
        pub platform: String,
        pub name: String,
        pub handle: Option<String>,
        pub url: Option<String>,
        pub position: i32,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

//! Storage of media.

use std::collections::HashMap;

use khabar_domain::media::{FocalPoint, Kind, Rendition};
use khabar_domain::{Invalid, Media, MediaId, Scope, WebUrl};
use sea_orm::ColumnTrait;

use crate::cache::{CacheMeta, Cacheable, Lookup};
use crate::feed::{CacheTag, Copies, EntityKind, Facet, Operation, differing};
use crate::query::decode::{Row, stored};
use crate::query::lookup::find_by;
use crate::query::row::{broken, maybe};
use crate::reference_data::Reference;
use crate::{BatchKey, ReadSession, Result, Saved, WriteTx};

/// The key for reading an image, video or audio file by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ById(pub MediaId);

impl BatchKey for ById {
    type Value = Media;

    const FINDS_ONE: bool = true;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&Media>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).on(EntityKind::Media, self.0))
    }

    fn look_up(&self, reference: &Reference) -> Lookup<Media> {
        reference.media(self.0)
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Media>> {
        let ids = keys.iter().map(|key| key.0.uuid());
        find_by::<table::Model, _>(
            reader,
            "media.by_id",
            |sql| ("media t".to_owned(), sql.among("t.id", ids)),
            |media: &Media| Self(media.id),
        )
        .await
    }
}

/// Loads the image, video or audio file with this id, for a write that changes only part of it. The row
/// stays locked until the transaction ends.
pub async fn lock(writer: &WriteTx, id: MediaId) -> Result<Option<Media>> {
    let by_id = table::Column::Id.eq(id.uuid());
    writer.lock::<table::Entity, _>("media.by_id", by_id).await
}

/// Inserts the media, or updates the one with the same id.
pub async fn save(writer: &mut WriteTx, media: &Media) -> Result<Saved> {
    let row = table::Model::from(media);
    let (mut parts, mut beyond) = (Vec::new(), true);
    let saved = writer
        .save::<table::Entity, _>("save media", row.id, row, |old, new| {
            (parts, beyond) = differing(old, new, &PARTS);
        })
        .await?;
    if beyond {
        // The key of the whole media is enough: every response that shows a part also depends on it.
        writer.note_saved(saved, EntityKind::Media, media.id, Vec::new);
    } else if saved == Saved::Changed {
        let keys = parts
            .iter()
            .map(|part| CacheTag::part(EntityKind::Media, media.id, *part));
        writer.note(
            EntityKind::Media,
            media.id,
            Operation::Changed,
            keys.collect(),
        );
    }
    Ok(saved)
}

/// The parts on which API fields can depend separately (see `types/media.rs` of the API): the caption
/// and credit, and the details of how the media is played, cropped and loaded.
const PARTS: [Copies<table::Model>; 2] = [
    (Facet::Caption, |row, from| {
        row.caption.clone_from(&from.caption);
        row.credit.clone_from(&from.credit);
    }),
    (Facet::Details, |row, from| {
        row.seconds = from.seconds;
        row.placeholder.clone_from(&from.placeholder);
        row.focal_point.clone_from(&from.focal_point);
        row.renditions.clone_from(&from.renditions);
    }),
];

impl From<&Media> for table::Model {
    fn from(media: &Media) -> Self {
        let pixels = |size: Option<u32>| size.and_then(|size| i32::try_from(size).ok());
        Self {
            id: media.id.uuid(),
            kind: media.kind.as_str().to_owned(),
            url: media.url.clone().map(Into::into),
            width: pixels(media.width),
            height: pixels(media.height),
            seconds: pixels(media.seconds),
            alt: media.alt.clone(),
            caption: media.caption.clone(),
            credit: media.credit.clone(),
            placeholder: media.placeholder.clone(),
            focal_point: media
                .focal_point
                .map(|point| format!("{} {}", point.x, point.y)),
            renditions: serde_json::to_value(&media.renditions)
                .unwrap_or_default()
                .to_string(),
        }
    }
}

impl Cacheable for Media {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.object(EntityKind::Media, self.id);
        meta.optional(EntityKind::Media, self.id, Facet::Caption);
        meta.optional(EntityKind::Media, self.id, Facet::Details);
        meta.texts([
            self.url.as_ref().map(WebUrl::as_str),
            self.alt.as_deref(),
            self.caption.as_deref(),
            self.credit.as_deref(),
            self.placeholder.as_deref(),
        ]);
        for rendition in &self.renditions {
            meta.bytes(size_of_val(rendition));
            meta.text(rendition.url.as_str());
            meta.text(&rendition.mime);
        }
    }
}

stored!(table::Model: id, kind, url, width, height, seconds, alt, caption, credit, placeholder, focal_point, renditions);

impl Row for table::Model {
    const TABLE: &'static str = "media";
    type Means = Media;

    fn read(self) -> Result<Media> {
        let broken = |column| broken("media", column, self.id);
        let size = |size: Option<i32>| size.and_then(|size| u32::try_from(size).ok());
        let renditions: Vec<Rendition> = serde_json::from_str(&self.renditions)
            .map_err(|error| broken("renditions")(Invalid::new("the list", error.to_string())))?;
        Ok(Media {
            id: self.id.into(),
            kind: Kind::parse(&self.kind).map_err(broken("kind"))?,
            url: maybe(self.url, WebUrl::parse).map_err(broken("url"))?,
            width: size(self.width),
            height: size(self.height),
            seconds: size(self.seconds),
            alt: self.alt,
            caption: self.caption,
            credit: self.credit,
            placeholder: self.placeholder,
            focal_point: maybe(self.focal_point, focal_point).map_err(broken("focal_point"))?,
            renditions,
        })
    }
}

fn focal_point(text: &str) -> Result<FocalPoint, Invalid> {
    let numbers = text
        .split_once(' ')
        .and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
    let (x, y) = numbers
        .ok_or_else(|| Invalid::new("the focal point", format!("{text:?} is not two numbers")))?;
    FocalPoint::new(x, y)
}

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Deserialize)]
    #[sea_orm(table_name = "media")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub url: Option<String>,
        pub width: Option<i32>,
        pub height: Option<i32>,
        pub seconds: Option<i32>,
        pub alt: Option<String>,
        pub caption: Option<String>,
        pub credit: Option<String>,
        pub placeholder: Option<String>,
        pub focal_point: Option<String>,
        pub renditions: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

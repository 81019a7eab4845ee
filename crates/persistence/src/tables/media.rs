//! Storage of media.

use khabar_domain::media::{FocalPoint, Kind, Rendition};
use khabar_domain::{Invalid, Media, MediaId, WebUrl};
use sea_orm::ColumnTrait;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, Difference, EntityKind, Operation};
use crate::query::decode::Row;
use crate::query::keys::by_id;
use crate::query::row::{broken, maybe};
use crate::query::table::{Declared as _, table};
use crate::{Result, Saved, WriteTx};

by_id! {
    /// The key for reading an image, video or audio file by its id.
    MediaId => Media in "media", look_up media
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
    let mut difference = Difference::whole();
    let saved = writer
        .save::<table::Entity, _>("save media", row.id, row, |old, new| {
            difference = old.difference(new);
        })
        .await?;
    if difference.is_whole {
        // The key of the whole media is enough: every response that shows a part also depends on it.
        writer.note_saved(saved, EntityKind::Media, media.id, Vec::new);
    } else if saved == Saved::Changed {
        let keys = difference
            .facets
            .into_iter()
            .map(|facet| CacheTag::part(EntityKind::Media, media.id, facet));
        writer.note(
            EntityKind::Media,
            media.id,
            Operation::Changed,
            keys.collect(),
        );
    }
    Ok(saved)
}

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
        meta.row::<table::Model>(self.id);
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

table! {
    #[derive(serde::Deserialize)]
    mod table = "media", entity Media;
    key id: Uuid;
    kind: String,
    url: Option<String>,
    width: Option<i32>,
    height: Option<i32>,
    seconds: Option<i32> in Details,
    alt: Option<String>,
    caption: Option<String> in Caption,
    credit: Option<String> in Caption,
    placeholder: Option<String> in Details,
    focal_point: Option<String> in Details,
    renditions: String as json in Details,
}

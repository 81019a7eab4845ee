//! Media being added and described.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::media::{FocalPoint, Kind, Rendition, pixels, placeholder, seconds};
use khabar_domain::{Media, MediaId, Right};
use khabar_persistence::change::Noun;
use khabar_persistence::media::{self, ById};

use super::read;
use crate::error::Result;
use crate::payload::payload;
use crate::types::{MediaKind, UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, run};

payload! {
    MediaPayload, "What came of writing about media.",
    media: Media by ById, "The media as they are now; null when the mutation was not carried out."
}

/// The point of a picture that every crop must keep.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct FocalPointInput {
    /// From the left, 0 to 1.
    x: f64,
    /// From the top, 0 to 1.
    y: f64,
}

/// The same picture or film at another width.
#[derive(Clone, Debug, InputObject)]
pub struct RenditionInput {
    /// Where it is: an absolute `https` or `http` address, or a path on this server.
    url: String,
    /// Its width in pixels, 1 to 65535.
    width: i32,
    /// Its height in pixels, 1 to 65535.
    height: i32,
    /// Its media type, such as `image/webp`.
    mime_type: String,
}

/// A picture, video or sound, and the words that stand for it and under it.
#[derive(Clone, Debug, InputObject)]
pub struct AddMediaInput {
    /// What kind of media it is; an image when nothing is said.
    kind: Option<MediaKind>,
    /// Where it is: an absolute `https` or `http` address, or a path on this server.
    url: String,
    /// Its width in pixels, 1 to 65535.
    width: Option<i32>,
    /// Its height in pixels, 1 to 65535.
    height: Option<i32>,
    /// How long it runs, in seconds; at most a week.
    duration_seconds: Option<i32>,
    /// What a reader who cannot see it is told.
    alt: Option<String>,
    /// What stands under it.
    caption: Option<String>,
    /// Who made it.
    credit: Option<String>,
    /// What to show before it has loaded: a BlurHash.
    placeholder: Option<String>,
    /// The point that every crop must keep.
    focal_point: Option<FocalPointInput>,
    /// The same at other widths, at most 40.
    renditions: Option<Vec<RenditionInput>>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for AddMediaInput {
    const NAME: &'static str = "addMedia";
    const RIGHT: Right = Right::Write;
    type Id = MediaId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<MediaId, Refusal> {
        let id: MediaId = act.mint();
        let width = self
            .width
            .map(|width| read::value(&["width"], pixels("the width", width)));
        let height = self
            .height
            .map(|height| read::value(&["height"], pixels("the height", height)));
        let length = self
            .duration_seconds
            .map(|length| read::value(&["durationSeconds"], seconds(length)));
        let shown = self
            .placeholder
            .as_deref()
            .map(|text| read::value(&["placeholder"], placeholder(text)));
        let media = Media {
            id,
            kind: self.kind.map_or(Kind::Image, Into::into),
            url: Some(read::url(&["url"], &self.url)?),
            width: width.transpose()?,
            height: height.transpose()?,
            seconds: length.transpose()?,
            alt: read::new_text("alt", self.alt.as_ref())?,
            caption: read::new_text("caption", self.caption.as_ref())?,
            credit: read::new_text("credit", self.credit.as_ref())?,
            placeholder: shown.transpose()?,
            focal_point: self.focal_point.map(focal_point).transpose()?,
            renditions: renditions(self.renditions.as_deref().unwrap_or_default())?,
        };
        media::save(act.writer, &media).await?;
        Ok(id)
    }
}

/// Which media, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateMediaInput {
    /// Which picture, video or sound.
    id: ID,
    /// Where it is: an absolute `https` or `http` address, or a path on this server.
    url: Option<String>,
    /// Its width in pixels, 1 to 65535.
    width: MaybeUndefined<i32>,
    /// Its height in pixels, 1 to 65535.
    height: MaybeUndefined<i32>,
    /// How long it runs, in seconds; at most a week.
    duration_seconds: MaybeUndefined<i32>,
    /// What a reader who cannot see it is told.
    alt: MaybeUndefined<String>,
    /// What stands under it.
    caption: MaybeUndefined<String>,
    /// Who made it.
    credit: MaybeUndefined<String>,
    /// What to show before it has loaded: a BlurHash.
    placeholder: MaybeUndefined<String>,
    /// The point that every crop must keep.
    focal_point: MaybeUndefined<FocalPointInput>,
    /// The same at other widths, at most 40, in place of those before.
    renditions: MaybeUndefined<Vec<RenditionInput>>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateMediaInput {
    const NAME: &'static str = "updateMedia";
    const RIGHT: Right = Right::Arrange;
    type Id = MediaId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<MediaId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = read::found(&["id"], Noun::Media, media::get(act.writer, id).await?)?;
        let url = match &self.url {
            None => old.url,
            Some(url) => Some(read::url(&["url"], url)?),
        };
        let media = Media {
            id,
            kind: old.kind,
            url,
            width: read::patched(&self.width, old.width, |width| {
                read::value(&["width"], pixels("the width", *width)).map(Some)
            })?,
            height: read::patched(&self.height, old.height, |height| {
                read::value(&["height"], pixels("the height", *height)).map(Some)
            })?,
            seconds: read::patched(&self.duration_seconds, old.seconds, |length| {
                read::value(&["durationSeconds"], seconds(*length)).map(Some)
            })?,
            alt: read::patched_text("alt", &self.alt, old.alt.as_ref())?,
            caption: read::patched_text("caption", &self.caption, old.caption.as_ref())?,
            credit: read::patched_text("credit", &self.credit, old.credit.as_ref())?,
            placeholder: read::patched(&self.placeholder, old.placeholder, |text| {
                read::value(&["placeholder"], placeholder(text)).map(Some)
            })?,
            focal_point: read::patched(&self.focal_point, old.focal_point, |point| {
                focal_point(*point).map(Some)
            })?,
            renditions: match &self.renditions {
                MaybeUndefined::Undefined => old.renditions,
                MaybeUndefined::Null => Vec::new(),
                MaybeUndefined::Value(given) => renditions(given)?,
            },
        };
        media::save(act.writer, &media).await?;
        Ok(id)
    }
}

fn focal_point(point: FocalPointInput) -> Result<FocalPoint, Refusal> {
    read::value(&["focalPoint"], FocalPoint::new(point.x, point.y))
}

/// Narrowest first, as they are kept.
fn renditions(given: &[RenditionInput]) -> Result<Vec<Rendition>, Refusal> {
    if given.len() > Rendition::MOST {
        let message = format!(
            "These are {} renditions: at most {} are allowed.",
            given.len(),
            Rendition::MOST
        );
        return Err(UserError::new(&["renditions"], UserErrorCode::Invalid, message).into());
    }
    let mut renditions = Vec::with_capacity(given.len());
    for (at, given) in given.iter().enumerate() {
        let place = at.to_string();
        let url = read::url(&["renditions", &place, "url"], &given.url)?;
        let size = (given.width, given.height);
        let rendition = Rendition::new(url, size, &given.mime_type);
        renditions.push(read::value(&["renditions", &place], rendition)?);
    }
    renditions.sort_by_key(|rendition| rendition.width);
    Ok(renditions)
}

/// The mutations of media.
#[derive(Default)]
pub(crate) struct MediaMutations;

#[Object]
impl MediaMutations {
    /// Adds a picture, video or sound by its address. Needs the right `write`.
    async fn add_media(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where it is, and what is said of it.")] input: AddMediaInput,
    ) -> Result<MediaPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes what is said of media, wherever they are shown: what is left out stays, null clears.
    /// Needs the right `arrange`.
    async fn update_media(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which media, and what is to be different.")] input: UpdateMediaInput,
    ) -> Result<MediaPayload> {
        Ok(run(ctx, input).await?.into())
    }
}

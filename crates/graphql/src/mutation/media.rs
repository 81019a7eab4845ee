//! Mutations that add media and update their metadata.

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::media::{FocalPoint, Kind, Rendition, pixels, placeholder, seconds};
use khabar_domain::{Media, MediaId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::media::{self, ById};

use super::input_parse;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::types::{MediaKind, UserError, UserErrorCode};

payload! {
    MediaPayload, "Result of adding or updating media.",
    media: Media by ById, "The added or updated media. Null if the mutation failed."
}

/// The focal point of an image, which every crop must include.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct FocalPointInput {
    /// Horizontal position, from 0 at the left edge to 1 at the right edge.
    x: f64,
    /// Vertical position, from 0 at the top edge to 1 at the bottom edge.
    y: f64,
}

/// A version of an image or video at another width or in another format.
#[derive(Clone, Debug, InputObject)]
pub struct RenditionInput {
    /// URL of the file: an absolute `https` or `http` URL, or a path on this server.
    url: String,
    /// Width in pixels, 1 to 65535.
    width: i32,
    /// Height in pixels, 1 to 65535.
    height: i32,
    /// Media type of the file, such as `image/webp`.
    mime_type: String,
}

/// Input for the `addMedia` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct AddMediaInput {
    /// Kind of media. Defaults to `IMAGE`.
    kind: Option<MediaKind>,
    /// URL of the file: an absolute `https` or `http` URL, or a path on this server.
    url: String,
    /// Width in pixels, 1 to 65535.
    width: Option<i32>,
    /// Height in pixels, 1 to 65535.
    height: Option<i32>,
    /// Duration in seconds, at most 604,800 (one week).
    duration_seconds: Option<i32>,
    /// Alternative text for screen readers.
    alt: Option<String>,
    /// The caption shown below the media.
    caption: Option<String>,
    /// Credit for the creator of the media.
    credit: Option<String>,
    /// Placeholder shown while the media load, as a BlurHash.
    placeholder: Option<String>,
    /// The focal point, which every crop must include.
    focal_point: Option<FocalPointInput>,
    /// Versions at other widths or in other formats. At most 40.
    renditions: Option<Vec<RenditionInput>>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for AddMediaInput {
    type Id = MediaId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<MediaId, MutationError> {
        let id: MediaId = cx.mint();
        let width = self
            .width
            .map(|width| input_parse::value(&["width"], pixels("the width", width)));
        let height = self
            .height
            .map(|height| input_parse::value(&["height"], pixels("the height", height)));
        let length = self
            .duration_seconds
            .map(|length| input_parse::value(&["durationSeconds"], seconds(length)));
        let placeholder_hash = self
            .placeholder
            .as_deref()
            .map(|text| input_parse::value(&["placeholder"], placeholder(text)));
        let media = Media {
            id,
            kind: self.kind.map_or(Kind::Image, Into::into),
            url: Some(input_parse::url(&["url"], &self.url)?),
            width: width.transpose()?,
            height: height.transpose()?,
            seconds: length.transpose()?,
            alt: input_parse::new_text("alt", self.alt.as_ref())?,
            caption: input_parse::new_text("caption", self.caption.as_ref())?,
            credit: input_parse::new_text("credit", self.credit.as_ref())?,
            placeholder: placeholder_hash.transpose()?,
            focal_point: self.focal_point.map(focal_point).transpose()?,
            renditions: renditions(self.renditions.as_deref().unwrap_or_default())?,
        };
        media::save(cx.writer, &media).await?;
        Ok(id)
    }
}

/// Input for the `updateMedia` mutation. Omitted fields are left unchanged. Null clears an optional
/// value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateMediaInput {
    /// Global ID of the image, video or audio.
    id: ID,
    /// URL of the file: an absolute `https` or `http` URL, or a path on this server.
    url: Option<String>,
    /// Width in pixels, 1 to 65535.
    width: MaybeUndefined<i32>,
    /// Height in pixels, 1 to 65535.
    height: MaybeUndefined<i32>,
    /// Duration in seconds, at most 604,800 (one week).
    duration_seconds: MaybeUndefined<i32>,
    /// Alternative text for screen readers.
    alt: MaybeUndefined<String>,
    /// The caption shown below the media.
    caption: MaybeUndefined<String>,
    /// Credit for the creator of the media.
    credit: MaybeUndefined<String>,
    /// Placeholder shown while the media load, as a BlurHash.
    placeholder: MaybeUndefined<String>,
    /// The focal point, which every crop must include.
    focal_point: MaybeUndefined<FocalPointInput>,
    /// Versions at other widths or in other formats. At most 40. The list replaces all existing
    /// renditions.
    renditions: MaybeUndefined<Vec<RenditionInput>>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateMediaInput {
    type Id = MediaId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<MediaId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::Media,
            media::lock(cx.writer, id).await?,
        )?;
        let url = match &self.url {
            None => old.url,
            Some(url) => Some(input_parse::url(&["url"], url)?),
        };
        let media = Media {
            id,
            kind: old.kind,
            url,
            width: input_parse::patched(&self.width, old.width, |width| {
                input_parse::value(&["width"], pixels("the width", *width)).map(Some)
            })?,
            height: input_parse::patched(&self.height, old.height, |height| {
                input_parse::value(&["height"], pixels("the height", *height)).map(Some)
            })?,
            seconds: input_parse::patched(&self.duration_seconds, old.seconds, |length| {
                input_parse::value(&["durationSeconds"], seconds(*length)).map(Some)
            })?,
            alt: input_parse::patched_text("alt", &self.alt, old.alt.as_ref())?,
            caption: input_parse::patched_text("caption", &self.caption, old.caption.as_ref())?,
            credit: input_parse::patched_text("credit", &self.credit, old.credit.as_ref())?,
            placeholder: input_parse::patched(&self.placeholder, old.placeholder, |text| {
                input_parse::value(&["placeholder"], placeholder(text)).map(Some)
            })?,
            focal_point: input_parse::patched(&self.focal_point, old.focal_point, |point| {
                focal_point(*point).map(Some)
            })?,
            renditions: match &self.renditions {
                MaybeUndefined::Undefined => old.renditions,
                MaybeUndefined::Null => Vec::new(),
                MaybeUndefined::Value(inputs) => renditions(inputs)?,
            },
        };
        media::save(cx.writer, &media).await?;
        Ok(id)
    }
}

fn focal_point(point: FocalPointInput) -> Result<FocalPoint, MutationError> {
    input_parse::value(&["focalPoint"], FocalPoint::new(point.x, point.y))
}

/// Validates the renditions and sorts them by width, narrowest first, as they are stored.
fn renditions(inputs: &[RenditionInput]) -> Result<Vec<Rendition>, MutationError> {
    if inputs.len() > Rendition::MOST {
        let message = format!(
            "At most {} renditions are allowed; {} were given.",
            Rendition::MOST,
            inputs.len()
        );
        return Err(UserError::new(&["renditions"], UserErrorCode::Invalid, message).into());
    }
    let mut renditions = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let index = index.to_string();
        let url = input_parse::url(&["renditions", &index, "url"], &input.url)?;
        let size = (input.width, input.height);
        let rendition = Rendition::new(url, size, &input.mime_type);
        renditions.push(input_parse::value(&["renditions", &index], rendition)?);
    }
    renditions.sort_by_key(|rendition| rendition.width);
    Ok(renditions)
}

mutations! {
    /// Mutations on media.
    MediaMutations;

    /// Adds an image, video or audio by its URL. Requires the `write` right.
    "addMedia" add_media(
        AddMediaInput: "URL and metadata of the new media.",
    ) -> MediaPayload, requires [Write];

    /// Updates the metadata of media everywhere they are used. Omitted fields are left unchanged.
    /// Null clears an optional value. Requires the `arrange` right.
    "updateMedia" update_media(
        UpdateMediaInput: "ID of the media and the fields to change.",
    ) -> MediaPayload, requires [Arrange];
}

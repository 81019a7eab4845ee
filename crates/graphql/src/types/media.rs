//! GraphQL types for media: pictures, videos and audio.

use async_graphql::{Enum, ID};
use khabar_domain::media::{FocalPoint as FocalPointRow, Kind, Rendition as RenditionRow};
use khabar_domain::{Media as Row, MediaId, WebUrl};
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::media;

use crate::node;
use crate::object::{LoadOne, OwnedList, OwnedOption, ReadContext, enums, object};
use crate::scalar::count;

/// A picture, video or audio file, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Media;

/// A picture, video or audio file, with its alternative text, caption and credit.
#[object(of = Row)]
impl Media {
    /// The globally unique, opaque ID of the media.
    fn id(media: &Row) -> ID {
        node::id(media.id)
    }

    /// The kind of media.
    fn kind(media: &Row) -> MediaKind {
        media.kind.into()
    }

    /// The URL of the media file. Null if only the caption was imported.
    fn url(media: &Row) -> Option<&WebUrl> {
        media.url.as_ref()
    }

    /// Width in pixels.
    fn width(media: &Row) -> Option<i32> {
        media.width.map(|pixels| count(pixels.into()))
    }

    /// Height in pixels.
    fn height(media: &Row) -> Option<i32> {
        media.height.map(|pixels| count(pixels.into()))
    }

    /// Duration in seconds.
    fn duration_seconds(media: &Row, context: &ReadContext) -> Option<i32> {
        shows(media, context, Facet::Details);
        media.seconds.map(|seconds| count(seconds.into()))
    }

    /// Alternative text for screen readers.
    fn alt(media: &Row) -> Option<&str> {
        media.alt.as_deref()
    }

    /// The caption shown below the media.
    fn caption<'a>(media: &'a Row, context: &ReadContext) -> Option<&'a str> {
        shows(media, context, Facet::Caption);
        media.caption.as_deref()
    }

    /// The creator to credit for the media.
    fn credit<'a>(media: &'a Row, context: &ReadContext) -> Option<&'a str> {
        shows(media, context, Facet::Caption);
        media.credit.as_deref()
    }

    /// A BlurHash to display while the media loads.
    fn placeholder<'a>(media: &'a Row, context: &ReadContext) -> Option<&'a str> {
        shows(media, context, Facet::Details);
        media.placeholder.as_deref()
    }

    /// The point of the picture that must remain visible in every crop.
    fn focal_point(media: &Row, context: &ReadContext) -> OwnedOption<FocalPoint> {
        shows(media, context, Facet::Details);
        OwnedOption(media.focal_point)
    }

    /// Versions of the media at other widths, narrowest first.
    fn renditions(media: &Row, context: &ReadContext) -> OwnedList<Rendition> {
        shows(media, context, Facet::Details);
        OwnedList(media.renditions.clone())
    }
}

/// A rendition of a picture or video, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Rendition;

/// A version of a picture or video at another width.
#[object(of = RenditionRow)]
impl Rendition {
    /// The URL of the rendition's file.
    fn url(rendition: &RenditionRow) -> &WebUrl {
        &rendition.url
    }

    /// Width in pixels.
    fn width(rendition: &RenditionRow) -> i32 {
        count(rendition.width.into())
    }

    /// Height in pixels.
    fn height(rendition: &RenditionRow) -> i32 {
        count(rendition.height.into())
    }

    /// Media type (MIME type), such as `image/webp`.
    fn mime_type(rendition: &RenditionRow) -> &str {
        &rendition.mime
    }
}

/// The focal point of a picture, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct FocalPoint;

/// The point of a picture that must remain visible in every crop.
#[object(of = FocalPointRow)]
impl FocalPoint {
    /// Horizontal position, from 0 (left edge) to 1 (right edge).
    fn x(point: &FocalPointRow) -> f64 {
        point.x
    }

    /// Vertical position, from 0 (top edge) to 1 (bottom edge).
    fn y(point: &FocalPointRow) -> f64 {
        point.y
    }
}

impl Media {
    /// Returns the media with this ID. Null without an ID, or if the media does not exist.
    pub(crate) fn load(id: Option<MediaId>) -> LoadOne<Self, media::ById> {
        LoadOne::new(id.map(media::ById))
    }
}

/// Records that the response depends on a part of this media that can change independently.
fn shows(media: &Row, context: &ReadContext, part: Facet) {
    context.shows(|| CacheTag::part(EntityKind::Media, media.id, part));
}

/// The kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum MediaKind {
    /// A still picture.
    Image,
    /// A video.
    Video,
    /// Audio without a picture.
    Audio,
}

enums!(MediaKind);

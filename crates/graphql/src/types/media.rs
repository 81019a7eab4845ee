//! GraphQL types for media: pictures, videos and audio.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::MediaId;
use khabar_domain::media::Kind;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::media;

use crate::context::ContextExt;
use crate::error::Result;
use crate::node;
use crate::scalar::{Url, count};

/// A picture, video or audio file, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Media(pub khabar_domain::Media);

/// A picture, video or audio file, with its alternative text, caption and credit.
#[Object]
impl Media {
    /// The globally unique, opaque ID of the media.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The kind of media.
    fn kind(&self) -> MediaKind {
        self.0.kind.into()
    }

    /// The URL of the media file. Null if only the caption was imported.
    fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// Width in pixels.
    fn width(&self) -> Option<i32> {
        self.0.width.map(|pixels| count(pixels.into()))
    }

    /// Height in pixels.
    fn height(&self) -> Option<i32> {
        self.0.height.map(|pixels| count(pixels.into()))
    }

    /// Duration in seconds.
    fn duration_seconds(&self, ctx: &Context<'_>) -> Option<i32> {
        self.shows(ctx, Facet::Details);
        self.0.seconds.map(|seconds| count(seconds.into()))
    }

    /// Alternative text for screen readers.
    fn alt(&self) -> Option<&str> {
        self.0.alt.as_deref()
    }

    /// The caption shown below the media.
    fn caption(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Facet::Caption);
        self.0.caption.as_deref()
    }

    /// The creator to credit for the media.
    fn credit(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Facet::Caption);
        self.0.credit.as_deref()
    }

    /// A BlurHash to display while the media loads.
    fn placeholder(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Facet::Details);
        self.0.placeholder.as_deref()
    }

    /// The point of the picture that must remain visible in every crop.
    fn focal_point(&self, ctx: &Context<'_>) -> Option<FocalPoint> {
        self.shows(ctx, Facet::Details);
        self.0.focal_point.map(FocalPoint)
    }

    /// Versions of the media at other widths, narrowest first.
    fn renditions(&self, ctx: &Context<'_>) -> Vec<Rendition<'_>> {
        self.shows(ctx, Facet::Details);
        self.0.renditions.iter().map(Rendition).collect()
    }
}

/// A rendition of a picture or video, as exposed through GraphQL.
pub struct Rendition<'a>(&'a khabar_domain::media::Rendition);

/// A version of a picture or video at another width.
#[Object]
impl Rendition<'_> {
    /// The URL of the rendition's file.
    fn url(&self) -> Url {
        Url(self.0.url.clone())
    }

    /// Width in pixels.
    fn width(&self) -> i32 {
        count(self.0.width.into())
    }

    /// Height in pixels.
    fn height(&self) -> i32 {
        count(self.0.height.into())
    }

    /// Media type (MIME type), such as `image/webp`.
    fn mime_type(&self) -> &str {
        &self.0.mime
    }
}

/// The focal point of a picture, as exposed through GraphQL.
pub struct FocalPoint(khabar_domain::media::FocalPoint);

/// The point of a picture that must remain visible in every crop.
#[Object]
impl FocalPoint {
    /// Horizontal position, from 0 (left edge) to 1 (right edge).
    fn x(&self) -> f64 {
        self.0.x
    }

    /// Vertical position, from 0 (top edge) to 1 (bottom edge).
    fn y(&self) -> f64 {
        self.0.y
    }
}

impl Media {
    /// Records that the response depends on a part of this media that can change independently.
    fn shows(&self, ctx: &Context<'_>, part: Facet) {
        ctx.shows(CacheTag::part(EntityKind::Media, self.0.id, part));
    }

    /// Loads the media with this ID. Returns `None` without an ID, or if the media does not exist.
    pub(crate) async fn maybe(ctx: &Context<'_>, id: Option<MediaId>) -> Result<Option<Self>> {
        let Some(id) = id else { return Ok(None) };
        Ok(ctx.load(media::ById(id)).await?.map(Self))
    }
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

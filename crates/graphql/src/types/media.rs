//! Media, as the API shows them.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::MediaId;
use khabar_domain::media::Kind;
use khabar_persistence::cache::ReadingKey;
use khabar_persistence::change::{Noun, Part};
use khabar_persistence::media;

use crate::error::Result;
use crate::node;
use crate::scalar::{Url, count};
use crate::scope::Asked;

/// A picture, video or sound.
#[derive(Clone, Debug)]
pub struct Media(pub khabar_domain::Media);

/// A picture, video or sound, with the words that stand for it and stand under it.
#[Object]
impl Media {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// What kind of media it is.
    fn kind(&self) -> MediaKind {
        self.0.kind.into()
    }

    /// Where it is; null where only its caption has come to us.
    fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// Its width in pixels.
    fn width(&self) -> Option<i32> {
        self.0.width.map(|pixels| count(pixels.into()))
    }

    /// Its height in pixels.
    fn height(&self) -> Option<i32> {
        self.0.height.map(|pixels| count(pixels.into()))
    }

    /// How long it runs, in seconds.
    fn duration_seconds(&self, ctx: &Context<'_>) -> Option<i32> {
        self.shows(ctx, Part::Details);
        self.0.seconds.map(|seconds| count(seconds.into()))
    }

    /// What a reader who cannot see it is told.
    fn alt(&self) -> Option<&str> {
        self.0.alt.as_deref()
    }

    /// What stands under it.
    fn caption(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Part::Caption);
        self.0.caption.as_deref()
    }

    /// Who made it.
    fn credit(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Part::Caption);
        self.0.credit.as_deref()
    }

    /// What to show before it has loaded: a BlurHash.
    fn placeholder(&self, ctx: &Context<'_>) -> Option<&str> {
        self.shows(ctx, Part::Details);
        self.0.placeholder.as_deref()
    }

    /// The point that every crop must keep.
    fn focal_point(&self, ctx: &Context<'_>) -> Option<FocalPoint> {
        self.shows(ctx, Part::Details);
        self.0.focal_point.map(FocalPoint)
    }

    /// The same at other widths, narrowest first.
    fn renditions(&self, ctx: &Context<'_>) -> Vec<Rendition<'_>> {
        self.shows(ctx, Part::Details);
        self.0.renditions.iter().map(Rendition).collect()
    }
}

/// The same picture or film at another width.
pub struct Rendition<'a>(&'a khabar_domain::media::Rendition);

/// The same picture or film at another width.
#[Object]
impl Rendition<'_> {
    /// Where it is.
    fn url(&self) -> Url {
        Url(self.0.url.clone())
    }

    /// Its width in pixels.
    fn width(&self) -> i32 {
        count(self.0.width.into())
    }

    /// Its height in pixels.
    fn height(&self) -> i32 {
        count(self.0.height.into())
    }

    /// Its media type, such as `image/webp`.
    fn mime_type(&self) -> &str {
        &self.0.mime
    }
}

/// The point of a picture that every crop must keep.
pub struct FocalPoint(khabar_domain::media::FocalPoint);

/// The point of a picture that every crop must keep.
#[Object]
impl FocalPoint {
    /// From the left, 0 to 1.
    fn x(&self) -> f64 {
        self.0.x
    }

    /// From the top, 0 to 1.
    fn y(&self) -> f64 {
        self.0.y
    }
}

impl Media {
    /// Says that the answer shows a part of it that may change alone.
    fn shows(&self, ctx: &Context<'_>, part: Part) {
        ctx.shows(ReadingKey::part(Noun::Media, self.0.id, part));
    }

    /// The media with this id, where there is one.
    pub(crate) async fn maybe(ctx: &Context<'_>, id: Option<MediaId>) -> Result<Option<Self>> {
        let Some(id) = id else { return Ok(None) };
        Ok(ctx.load(media::ById(id)).await?.map(Self))
    }
}

/// What kind of media it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum MediaKind {
    /// A still picture.
    Image,
    /// A film.
    Video,
    /// Sound alone.
    Audio,
}

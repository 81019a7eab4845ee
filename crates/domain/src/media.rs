//! Media: pictures, videos and sound, each with the words that stand for it and stand under it.

use serde::{Deserialize, Serialize};

use crate::token::tokens;
use crate::{Invalid, MediaId, WebUrl};

/// What kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A still picture.
    Image,
    /// A film.
    Video,
    /// Sound alone.
    Audio,
}

tokens!(Kind, "the media's kind", { Image => "image", Video => "video", Audio => "audio" });

/// The same picture or film at another width.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// Where it is.
    pub url: WebUrl,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Its media type: `image/webp`.
    pub mime: String,
}

/// The point of a picture that every crop must keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FocalPoint {
    /// From the left, 0 to 1.
    pub x: f64,
    /// From the top, 0 to 1.
    pub y: f64,
}

impl FocalPoint {
    /// A point inside the picture.
    pub fn new(x: f64, y: f64) -> Result<Self, Invalid> {
        if (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) {
            Ok(Self { x, y })
        } else {
            Err(Invalid::new(
                "the focal point",
                format!("({x}, {y}) lies outside the picture: 0 to 1"),
            ))
        }
    }
}

/// One picture, video or sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// Which one.
    pub id: MediaId,
    /// What kind.
    pub kind: Kind,
    /// Where it is; absent where only its caption has come to us.
    pub url: Option<WebUrl>,
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
    /// How long it runs, in seconds.
    pub seconds: Option<u32>,
    /// What a reader who cannot see it is told.
    pub alt: Option<String>,
    /// What stands under it.
    pub caption: Option<String>,
    /// Who made it.
    pub credit: Option<String>,
    /// What to show before it has loaded: a `BlurHash` (its own 4×3-component text form).
    pub placeholder: Option<String>,
    /// The point that every crop must keep.
    pub focal_point: Option<FocalPoint>,
    /// The same at other widths, narrowest first.
    pub renditions: Vec<Rendition>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_focal_point_lies_inside() {
        assert!(FocalPoint::new(0.5, 1.0).is_ok());
        assert!(FocalPoint::new(1.1, 0.0).is_err());
        assert!(FocalPoint::new(f64::NAN, 0.0).is_err());
    }
}

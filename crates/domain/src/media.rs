//! Media: images, videos and audio recordings, with their alternative text and captions.

use serde::{Deserialize, Serialize};

use crate::text_enum::tokens;
use crate::{Invalid, MediaId, WebUrl};

/// The kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A still image.
    Image,
    /// A video.
    Video,
    /// An audio recording.
    Audio,
}

tokens!(Kind, "the media's kind", { Image => "image", Video => "video", Audio => "audio" });

/// A version of an image or video in another size or format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// The URL of the file.
    pub url: WebUrl,
    /// The width, in pixels.
    pub width: u32,
    /// The height, in pixels.
    pub height: u32,
    /// The media type, such as `image/webp`.
    pub mime: String,
}

impl Rendition {
    /// The maximum number of renditions of one image: every width that pages use, in two or three
    /// formats.
    pub const MOST: usize = 40;

    /// Creates a rendition from a URL, a width and height in pixels, and a media type.
    pub fn new(url: WebUrl, (width, height): (i32, i32), mime: &str) -> Result<Self, Invalid> {
        Ok(Self {
            url,
            width: pixels("the width", width)?,
            height: pixels("the height", height)?,
            mime: media_type(mime)?,
        })
    }
}

/// Validates a width or height of 1 to 65,535 pixels. The maximum is the largest size that common
/// formats can declare (JPEG: 16 bits).
pub fn pixels(what: &str, size: i32) -> Result<u32, Invalid> {
    let within = u32::try_from(size)
        .ok()
        .filter(|size| (1..=65_535).contains(size));
    within.ok_or_else(|| Invalid::new(what, format!("is {size}: 1 to 65535 pixels are allowed")))
}

/// Validates a duration in seconds, from 0 to one week.
pub fn seconds(length: i32) -> Result<u32, Invalid> {
    let within = u32::try_from(length)
        .ok()
        .filter(|length| *length <= 7 * 24 * 60 * 60);
    within.ok_or_else(|| {
        Invalid::new(
            "the length",
            format!("is {length}: 0 to 604800 seconds are allowed"),
        )
    })
}

/// Validates a `BlurHash`, the placeholder shown while media load. It has at most 9×9 components.
pub fn placeholder(text: &str) -> Result<String, Invalid> {
    let base83 = |c: char| c.is_ascii_alphanumeric() || "#$%*+,-.:;=?@[]^_{|}~".contains(c);
    let sized = (6..=166).contains(&text.len()) && text.len().is_multiple_of(2);
    if sized && text.chars().all(base83) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new("the placeholder", "is not a BlurHash"))
    }
}

/// Validates a media type without parameters (RFC 6838 §4.2), such as `image/webp`. Converts it to
/// lower case.
fn media_type(text: &str) -> Result<String, Invalid> {
    let name = |name: &str| {
        (1..=127).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    match text.split_once('/') {
        Some((kind, format)) if name(kind) && name(format) => Ok(text.to_ascii_lowercase()),
        _ => Err(Invalid::new(
            "the media type",
            "is not one such as image/webp",
        )),
    }
}

/// The most important point of an image, which every crop must include.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FocalPoint {
    /// The distance from the left edge, from 0 to 1.
    pub x: f64,
    /// The distance from the top edge, from 0 to 1.
    pub y: f64,
}

impl FocalPoint {
    /// Creates a focal point. Returns an error if it is outside the image.
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

/// An image, video or audio recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// The ID of the media.
    pub id: MediaId,
    /// The kind of media.
    pub kind: Kind,
    /// The URL of the file. `None` if only the caption is available.
    pub url: Option<WebUrl>,
    /// The width, in pixels.
    pub width: Option<u32>,
    /// The height, in pixels.
    pub height: Option<u32>,
    /// The duration, in seconds.
    pub seconds: Option<u32>,
    /// Alternative text for readers who cannot see the media.
    pub alt: Option<String>,
    /// The caption shown below the media.
    pub caption: Option<String>,
    /// The creator of the media, as credited.
    pub credit: Option<String>,
    /// The placeholder shown while the media load: a `BlurHash`, usually of 4×3 components.
    pub placeholder: Option<String>,
    /// The point that every crop must include.
    pub focal_point: Option<FocalPoint>,
    /// Versions in other sizes and formats, narrowest first.
    pub renditions: Vec<Rendition>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_formats_are_possible_ones() {
        assert_eq!(pixels("the width", 65_535), Ok(65_535));
        assert!(pixels("the width", 0).is_err());
        assert!(pixels("the width", 65_536).is_err());
        assert_eq!(seconds(0), Ok(0));
        assert!(seconds(-1).is_err());
        assert!(seconds(604_801).is_err());
        assert!(placeholder("LKO2?U%2Tw=w]~RBVZRi};RPxuwH").is_ok());
        assert!(placeholder("LKO2?").is_err());
        assert!(placeholder("LKO2?<").is_err());
        assert_eq!(media_type("image/SVG+xml").as_deref(), Ok("image/svg+xml"));
        for bad in ["image", "image/", "/webp", "image/a b", "image/webp;q=1"] {
            assert!(media_type(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_focal_point_lies_inside() {
        assert!(FocalPoint::new(0.5, 1.0).is_ok());
        assert!(FocalPoint::new(1.1, 0.0).is_err());
        assert!(FocalPoint::new(f64::NAN, 0.0).is_err());
    }
}

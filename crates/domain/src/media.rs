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

impl Rendition {
    /// How many one picture may have: every width that pages use, in two or three formats.
    pub const MOST: usize = 40;

    /// The same at this address, in this size and format.
    pub fn new(url: WebUrl, (width, height): (i32, i32), mime: &str) -> Result<Self, Invalid> {
        Ok(Self {
            url,
            width: pixels("the width", width)?,
            height: pixels("the height", height)?,
            mime: media_type(mime)?,
        })
    }
}

/// A width or a height: at most what the usual formats can say of themselves (JPEG: 16 bits).
pub fn pixels(what: &str, size: i32) -> Result<u32, Invalid> {
    let within = u32::try_from(size)
        .ok()
        .filter(|size| (1..=65_535).contains(size));
    within.ok_or_else(|| Invalid::new(what, format!("is {size}: 1 to 65535 pixels are allowed")))
}

/// How long something runs: at most a week.
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

/// What to show before it has loaded: a `BlurHash` of at most 9×9 components.
pub fn placeholder(text: &str) -> Result<String, Invalid> {
    let base83 = |c: char| c.is_ascii_alphanumeric() || "#$%*+,-.:;=?@[]^_{|}~".contains(c);
    let sized = (6..=166).contains(&text.len()) && text.len().is_multiple_of(2);
    if sized && text.chars().all(base83) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new("the placeholder", "is not a BlurHash"))
    }
}

/// A media type without parameters (RFC 6838 §4.2), such as `image/webp`.
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

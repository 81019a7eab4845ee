//! Previews: permission to read one article before publication. Anyone who may see the article can
//! create one, for an app that shows the article.
//!
//! A preview is a signed token and is not stored. All previews of an article are revoked together by
//! incrementing their generation number.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::{ArticleId, Invalid};

/// The prefix of every preview token. Identifies the kind of token and its format.
const PREFIX: &str = "khp_";
/// The length in bytes of the article ID and the expiry time (Unix seconds).
const LENGTH: usize = 16 + 8;
/// The length in bytes of the generation number. It follows the expiry time unless it is 0.
const GENERATION: usize = 4;
/// The length in bytes of the signature (HMAC-SHA-256) over the prefix and all preceding bytes.
const SIGNATURE: usize = 32;

/// The key with which a newsroom signs previews: 256 random bits shared by all its servers.
#[derive(Clone, PartialEq, Eq)]
pub struct PreviewKey([u8; 32]);

/// The article that a preview token gives access to, and the validity of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The only article that the preview gives access to.
    pub article: ArticleId,
    /// The expiry time, in whole seconds.
    pub until: DateTime<Utc>,
    /// The number of times the article's previews had been revoked when this one was created.
    pub generation: u32,
}

impl Preview {
    /// The maximum validity of a preview, in seconds: thirty days. Previews are usually read within a
    /// few days of being sent.
    pub const LONGEST: i32 = 30 * 24 * 60 * 60;
}

/// The signing keys of a newsroom: the current one and the one that it replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewKeys {
    /// The key that signs new tokens. Its tokens are accepted.
    pub current: PreviewKey,
    /// The previous key and the time of its replacement. Tokens that it signed before then are
    /// accepted.
    pub former: Option<(PreviewKey, DateTime<Utc>)>,
}

impl PreviewKeys {
    /// Verifies a token and returns its preview. Returns an error if neither key signed the token, if
    /// it has expired, or if it is signed by the former key and expires later than any token signed
    /// before the replacement.
    pub fn open(&self, token: &str, now: DateTime<Utc>) -> Result<Preview, Invalid> {
        let opened = self.current.open(token, now);
        let Some((former, retired_at)) = &self.former else {
            return opened;
        };
        let longest = TimeDelta::seconds(Preview::LONGEST.into());
        opened.or_else(|refused| match former.open(token, now) {
            // A token with a later expiry was signed after the replacement, so the key has leaked.
            Ok(preview) if preview.until <= *retired_at + longest => Ok(preview),
            _ => Err(refused),
        })
    }
}

impl PreviewKey {
    /// Creates a key from the given bits, which must be unpredictable.
    pub const fn of(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// Parses a key from its stored text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bits = URL_SAFE_NO_PAD.decode(text).ok();
        bits.and_then(|bits| bits.try_into().ok())
            .map(Self)
            .ok_or_else(|| Invalid::new("the key of previews", "is not 256 bits in base64url"))
    }

    /// Returns the key as text for storage.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns a signed token for a preview.
    pub fn sign(&self, preview: Preview) -> Result<String, Invalid> {
        let mut bytes = Vec::with_capacity(LENGTH + GENERATION + SIGNATURE);
        bytes.extend(preview.article.uuid().as_bytes());
        bytes.extend(preview.until.timestamp().to_be_bytes());
        if preview.generation > 0 {
            bytes.extend(preview.generation.to_be_bytes());
        }
        let signature = self.over(&bytes)?.finalize().into_bytes();
        bytes.extend(signature);
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Verifies a token and returns its preview. Returns an error if this key did not sign the token,
    /// or if it has expired.
    pub fn open(&self, token: &str, now: DateTime<Utc>) -> Result<Preview, Invalid> {
        let refuse = |problem: &str| Invalid::new("the preview token", problem);
        let forged = || refuse("is not one that this newsroom gave out");
        let bytes = token
            .strip_prefix(PREFIX)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .filter(|bytes| {
                [LENGTH, LENGTH + GENERATION]
                    .map(|length| length + SIGNATURE)
                    .contains(&bytes.len())
            })
            .ok_or_else(forged)?;
        let (said, signature) = bytes.split_at(bytes.len() - SIGNATURE);
        self.over(said)?
            .verify_slice(signature)
            .map_err(|_| forged())?;
        let (said, generation) = said.split_at(LENGTH);
        let (article, until) = said.split_at(16);
        let article = Uuid::from_slice(article).map_err(|_| forged())?;
        let until = until.try_into().map_err(|_| forged())?;
        let until = DateTime::from_timestamp(i64::from_be_bytes(until), 0).ok_or_else(forged)?;
        let generation = generation.try_into().map_or(0, u32::from_be_bytes);
        if until <= now {
            return Err(refuse("has expired"));
        }
        Ok(Preview {
            article: ArticleId::new(article),
            until,
            generation,
        })
    }

    fn over(&self, said: &[u8]) -> Result<Hmac<Sha256>, Invalid> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0);
        let mut mac =
            mac.map_err(|error| Invalid::new("the key of previews", error.to_string()))?;
        mac.update(PREFIX.as_bytes());
        mac.update(said);
        Ok(mac)
    }
}

impl fmt::Debug for PreviewKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PreviewKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn preview() -> Preview {
        Preview {
            article: ArticleId::new(Uuid::from_u128(7)),
            until: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            generation: 0,
        }
    }

    #[test]
    fn a_former_key_opens_what_it_signed_in_its_time() {
        let (old, new) = (PreviewKey::of([1; 32]), PreviewKey::of([2; 32]));
        let now = preview().until - Duration::hours(1);
        let rotated = |former| PreviewKeys {
            current: new.clone(),
            former,
        };
        let token = old.sign(preview()).unwrap();
        let kept = rotated(Some((old.clone(), now)));
        assert_eq!(kept.open(&token, now).unwrap(), preview());
        assert!(kept.open(&new.sign(preview()).unwrap(), now).is_ok());
        assert!(rotated(None).open(&token, now).is_err());
        // Someone who finds the old key cannot extend a preview beyond the maximum validity.
        let later = Preview {
            until: now + Duration::days(31),
            ..preview()
        };
        assert!(kept.open(&old.sign(later).unwrap(), now).is_err());
    }

    #[test]
    fn a_generation_is_signed_too() {
        let key = PreviewKey::of([1; 32]);
        let before = preview().until - Duration::hours(1);
        let third = Preview {
            generation: 3,
            ..preview()
        };
        let token = key.sign(third).unwrap();
        assert_eq!(key.open(&token, before).unwrap(), third);
        let mut bytes = URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
        bytes[LENGTH + 3] = 4;
        let forged = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        assert!(key.open(&forged, before).is_err());
    }

    #[test]
    fn a_preview_is_good_until_it_ends() {
        let key = PreviewKey::of([1; 32]);
        let token = key.sign(preview()).unwrap();
        let before = preview().until - Duration::seconds(1);
        assert_eq!(key.open(&token, before).unwrap(), preview());
        let over = key.open(&token, preview().until).unwrap_err();
        assert_eq!(over.to_string(), "the preview token has expired");
        assert_eq!(PreviewKey::parse(&key.to_text()).unwrap(), key);
        assert!(PreviewKey::parse("short").is_err());
        assert_eq!(format!("{key:?}"), "PreviewKey(…)");
    }

    #[test]
    fn no_bit_of_it_can_be_changed() {
        let key = PreviewKey::of([1; 32]);
        let token = key.sign(preview()).unwrap();
        let before = preview().until - Duration::hours(1);
        let bytes = URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(changed));
            assert!(key.open(&changed, before).is_err(), "byte {at}");
        }
        assert!(PreviewKey::of([2; 32]).open(&token, before).is_err());
        for text in ["", "khp_", "khp_AAAA", &token[4..]] {
            assert!(key.open(text, before).is_err(), "{text}");
        }
    }
}

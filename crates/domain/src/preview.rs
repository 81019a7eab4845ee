//! A preview: leave to see one article before readers do, given by whoever may see it to an app
//! that shows it. The leave is a signed text, of which nothing is kept; an article's previews are taken
//! back together, by counting the generation up that they belong to.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::{ArticleId, Invalid};

/// What every preview token begins with: its kind, and the form that it has.
const PREFIX: &str = "khp_";
/// The article's id and the second at which it ends, over which it is signed.
const LENGTH: usize = 16 + 8;
/// The generation, which stands behind them when it is not the first.
const GENERATION: usize = 4;
/// The signature over all of it.
const SIGNATURE: usize = 32;

/// The key by which a newsroom signs previews: 256 random bits that its whole fleet shares.
#[derive(Clone, PartialEq, Eq)]
pub struct PreviewKey([u8; 32]);

/// What a preview opens, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The one article that it opens.
    pub article: ArticleId,
    /// When it ends, in whole seconds.
    pub until: DateTime<Utc>,
    /// How often the article's previews had been taken back when it was given.
    pub generation: u32,
}

impl Preview {
    /// The longest for which one is given, in seconds: thirty days. What an editor sends round is read
    /// within a few.
    pub const LONGEST: i32 = 30 * 24 * 60 * 60;
}

/// The keys of a newsroom: the one that signs, and the one that it replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewKeys {
    /// Signs and opens.
    pub current: PreviewKey,
    /// Opens what it signed until this moment.
    pub former: Option<(PreviewKey, DateTime<Utc>)>,
}

impl PreviewKeys {
    /// The leave that a token gives, if one of these keys signed it in its time and it has not ended.
    pub fn open(&self, token: &str, now: DateTime<Utc>) -> Result<Preview, Invalid> {
        let opened = self.current.open(token, now);
        let Some((former, retired_at)) = &self.former else {
            return opened;
        };
        let longest = TimeDelta::seconds(Preview::LONGEST.into());
        opened.or_else(|refused| match former.open(token, now) {
            // What ends later was not signed before: somebody else has the key.
            Ok(preview) if preview.until <= *retired_at + longest => Ok(preview),
            _ => Err(refused),
        })
    }
}

impl PreviewKey {
    /// The key of these bits, which nobody may be able to guess.
    pub const fn of(bits: [u8; 32]) -> Self {
        Self(bits)
    }

    /// The key that was kept as this text.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bits = URL_SAFE_NO_PAD.decode(text).ok();
        bits.and_then(|bits| bits.try_into().ok())
            .map(Self)
            .ok_or_else(|| Invalid::new("the key of previews", "is not 256 bits in base64url"))
    }

    /// The text as which it is kept.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The token that gives this leave.
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

    /// The leave that a token gives, if this key signed it and it has not ended by now.
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
        // Whoever found the old key cannot sign for longer than anything was signed.
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

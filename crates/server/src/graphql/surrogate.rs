//! Surrogate keys: they tell a cache in front of the server what a response was read from, so that it
//! can purge exactly the responses that a write changes.
//!
//! They are the reading keys of the change feed in a short encoding. In rare cases, two things share a
//! key. A purge by that key then removes too much, but never too little.

use axum::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::Facet;
use serde::{Deserialize, Serialize};

/// A response header in which caches look for surrogate keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// `Surrogate-Key`, as read by Fastly and others.
    SurrogateKey,
    /// `Cache-Tag`, as read by Cloudflare and others.
    CacheTag,
    /// `xkey`, as read by the Varnish module of that name.
    Xkey,
}

impl Header {
    /// Returns the name of the header.
    pub fn name(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::SurrogateKey => "surrogate-key",
            Self::CacheTag => "cache-tag",
            Self::Xkey => "xkey",
        })
    }

    fn separator(self) -> &'static str {
        match self {
            Self::SurrogateKey | Self::Xkey => " ",
            Self::CacheTag => ",",
        }
    }
}

/// Maximum length of a header's keys, in bytes. Varnish accepts header lines of 8 KiB by default,
/// Fastly and Cloudflare accept 16 KiB. The limit is enough for about five hundred keys. The page of an
/// article has dozens.
const MOST: usize = 8_000;

/// Returns the headers that list what a response was read from. If the keys do not fit, the keys of
/// parts are replaced by coarser ones that cover the part of every object of the kind: more is purged
/// then, but never less. Returns `None` if the keys are unknown, or do not fit even so. Such a response
/// could not be purged, so shared caches must not hold it.
pub fn headers(
    which: &[Header],
    keys: Option<&[CacheTag]>,
) -> Option<Vec<(HeaderName, HeaderValue)>> {
    if which.is_empty() {
        return Some(Vec::new());
    }
    let keys = keys?;
    let coarse = keys.iter().map(|key| match key.facet() {
        Some(part) => CacheTag::every_part(key.entity(), part),
        None => *key,
    });
    let fine = headers_if_fit(which, &encode_all(keys.iter().copied()));
    fine.or_else(|| headers_if_fit(which, &encode_all(coarse)))
}

/// Returns the headers with these keys, or `None` if the keys do not fit.
fn headers_if_fit(which: &[Header], keys: &[String]) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let headers = which.iter().map(|header| {
        let text = keys.join(header.separator());
        let value = (text.len() <= MOST).then(|| HeaderValue::try_from(text).ok())?;
        Some((header.name(), value?))
    });
    headers.collect()
}

/// Encodes the keys, sorted and without duplicates.
pub fn encode_all(keys: impl IntoIterator<Item = CacheTag>) -> Vec<String> {
    let mut keys: Vec<_> = keys.into_iter().map(spelled).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Encodes a reading key: two letters for the kind, eleven characters for the object, two letters for
/// the part. Examples: `arJp3s0aXc0qE`, `stJp3s0aXc0qEar`. The key of all objects of a kind is `ar`,
/// that of a part of all of them `st-ar`.
pub fn spelled(key: CacheTag) -> String {
    let mut text = key.entity().code().to_owned();
    match key.id() {
        Some(id) => {
            // 64 of the 128 bits are enough to tell a newsroom's objects apart. XOR preserves the
            // random bits, wherever they are in the id.
            let (high, low) = id.as_u64_pair();
            URL_SAFE_NO_PAD.encode_string((high ^ low).to_be_bytes(), &mut text);
        }
        None if key.facet().is_some() => text.push('-'),
        None => {}
    }
    text.push_str(key.facet().map_or("", Facet::code));
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use khabar_persistence::change::{Change, Content, EntityKind, Operation, Touched, Write};
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    #[test]
    fn surrogate_keys_are_short_and_need_no_escaping() {
        let one = spelled(CacheTag::one(EntityKind::Article, id(1)));
        let part = spelled(CacheTag::part(EntityKind::Article, id(1), Facet::Comments));
        assert_eq!((one.len(), part.len()), (13, 15));
        assert!(part.starts_with(&one) && one.starts_with("ar"));
        assert_eq!(spelled(CacheTag::every(EntityKind::Article)), "ar");
        let every = CacheTag::every_part(EntityKind::Story, Facet::Articles);
        assert_eq!(spelled(every), "st-ar");
        for number in 0..100 {
            let key = spelled(CacheTag::one(EntityKind::Story, id(number)));
            let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            assert!(key.bytes().all(is_safe), "{key}");
        }
    }

    #[test]
    fn writes_purge_the_keys_of_responses() {
        let story = id(7);
        let list = CacheTag::part(EntityKind::Story, story, Facet::Articles);
        let change = Change {
            seq: 1,
            content: Content::Write(Write {
                at: chrono::DateTime::UNIX_EPOCH,
                entity: EntityKind::Story,
                id: story,
                operation: Operation::Changed,
                touched: Touched::Tags(vec![list]),
            }),
        };
        let touched = encode_all(change.tags().unwrap());
        let read = [
            CacheTag::part(EntityKind::Story, story, Facet::Articles),
            CacheTag::every_part(EntityKind::Story, Facet::Articles),
        ];
        assert_eq!(touched, encode_all(read));
    }

    #[test]
    fn a_response_with_too_many_keys_has_none() {
        let every = [Header::SurrogateKey, Header::CacheTag, Header::Xkey];
        let keys = |count| -> Vec<_> {
            (0..count)
                .map(|number| CacheTag::one(EntityKind::Article, id(number)))
                .collect()
        };
        // Duplicate keys are listed once.
        let twice = [keys(2), keys(2)].concat();
        let headers_of = headers(&every, Some(&twice)).unwrap();
        let values: Vec<_> = headers_of
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let [first, second] = encode_all(keys(2)).try_into().unwrap();
        let (spaced, listed) = (format!("{first} {second}"), format!("{first},{second}"));
        assert_eq!(
            values,
            [
                ("surrogate-key", spaced.as_str()),
                ("cache-tag", &listed),
                ("xkey", &spaced)
            ]
        );
        assert!(headers(&every, Some(&keys(500))).is_some());
        assert_eq!(headers(&every, Some(&keys(600))), None);
        assert_eq!(headers(&every, None), None);
        assert_eq!(headers(&[], None), Some(Vec::new()));
    }

    #[test]
    fn too_many_facet_keys_become_keys_for_all_objects() {
        let card = |number| {
            let parts = [Facet::Lead, Facet::Text, Facet::Details, Facet::Comments];
            let parts = parts.map(|part| CacheTag::part(EntityKind::Article, id(number), part));
            parts
                .into_iter()
                .chain([CacheTag::one(EntityKind::Article, id(number))])
        };
        let keys: Vec<_> = (0..150).flat_map(card).collect();
        let headers = headers(&[Header::Xkey], Some(&keys)).unwrap();
        let named: HashSet<_> = headers[0].1.to_str().unwrap().split(' ').collect();
        let every = spelled(CacheTag::every_part(EntityKind::Article, Facet::Lead));
        let one = spelled(CacheTag::one(EntityKind::Article, id(149)));
        assert!(named.contains(&*every) && named.contains(&*one));
        assert_eq!(named.len(), 150 + 4);
    }
}

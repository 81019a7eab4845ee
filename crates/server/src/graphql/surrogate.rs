//! Surrogate keys: how a cache before the server is told what an answer was read from, so that it can
//! let go of just the answers that a write changes.
//!
//! They are the reading keys of the change feed, spelled short. A key may stand for more than one
//! thing, if seldom: whoever goes by it lets go of too much then, and never of too little.

use axum::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use khabar_persistence::cache::ReadingKey;
use khabar_persistence::change::{Noun, Part};
use serde::{Deserialize, Serialize};

/// A header in which caches look for an answer's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// `Surrogate-Key`, as Fastly and others read it.
    SurrogateKey,
    /// `Cache-Tag`, as Cloudflare and others read it.
    CacheTag,
    /// `xkey`, as Varnish's module of that name reads it.
    Xkey,
}

impl Header {
    /// What it is called.
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

/// How many bytes a header's keys may have: Varnish takes lines of 8 KiB unless it is told otherwise,
/// Fastly and Cloudflare take 16. That is some five hundred keys; an article's page has dozens.
const MOST: usize = 8_000;

/// The headers that say what an answer was read from. Where they would not fit, parts are named
/// without saying of which thing: more is purged then, and nothing less. None where that is not known,
/// or they do not fit even so: such an answer could not be purged, so that it is not to be held by
/// shared caches at all.
pub fn headers(
    which: &[Header],
    keys: Option<&[ReadingKey]>,
) -> Option<Vec<(HeaderName, HeaderValue)>> {
    if which.is_empty() {
        return Some(Vec::new());
    }
    let keys = keys?;
    let coarse = keys.iter().map(|key| match key.of_part() {
        Some(part) => ReadingKey::every_part(key.noun(), part),
        None => *key,
    });
    let fine = fitting(which, &all_spelled(keys.iter().copied()));
    fine.or_else(|| fitting(which, &all_spelled(coarse)))
}

/// These keys in each of the headers, if they fit.
fn fitting(which: &[Header], keys: &[String]) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let headers = which.iter().map(|header| {
        let text = keys.join(header.separator());
        let value = (text.len() <= MOST).then(|| HeaderValue::try_from(text).ok())?;
        Some((header.name(), value?))
    });
    headers.collect()
}

/// These keys, each once and in order.
pub fn all_spelled(keys: impl IntoIterator<Item = ReadingKey>) -> Vec<String> {
    let mut keys: Vec<_> = keys.into_iter().map(spelled).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// How a reading key is spelled: two letters for the kind, eleven for which one, two for the part:
/// `arJp3s0aXc0qE`, `stJp3s0aXc0qEar`. All of a kind are `ar`, a part of all `st-ar`.
pub fn spelled(key: ReadingKey) -> String {
    let mut text = noun(key.noun()).to_owned();
    match key.id() {
        Some(id) => {
            // Half of the bits tell a newsroom's things apart, and fold in the random ones wherever
            // they are.
            let (high, low) = id.as_u64_pair();
            URL_SAFE_NO_PAD.encode_string((high ^ low).to_be_bytes(), &mut text);
        }
        None if key.of_part().is_some() => text.push('-'),
        None => {}
    }
    text.push_str(key.of_part().map_or("", part));
    text
}

const fn noun(noun: Noun) -> &'static str {
    match noun {
        Noun::Account => "ac",
        Noun::Article => "ar",
        Noun::Comment => "co",
        Noun::Edition => "ed",
        Noun::FollowChannel => "fo",
        Noun::Home => "ho",
        Noun::LiveChannel => "li",
        Noun::Media => "me",
        Noun::Person => "pe",
        Noun::Preview => "pr",
        Noun::Related => "re",
        Noun::Section => "se",
        Noun::Source => "so",
        Noun::Story => "st",
        Noun::Token => "tk",
        Noun::Topic => "to",
        Noun::TrustedDocument => "tr",
    }
}

const fn part(part: Part) -> &'static str {
    match part {
        Part::Articles => "ar",
        Part::Authors => "au",
        Part::Caption => "ca",
        Part::Children => "ch",
        Part::Commenting => "cg",
        Part::Comments => "co",
        Part::Details => "de",
        Part::FollowChannels => "fo",
        Part::Lead => "ld",
        Part::Leads => "le",
        Part::LiveChannels => "li",
        Part::Rail => "ra",
        Part::Related => "re",
        Part::Replies => "rp",
        Part::Reports => "rt",
        Part::Sections => "se",
        Part::Slug => "sl",
        Part::Stories => "st",
        Part::Text => "te",
        Part::Topics => "to",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use khabar_persistence::change::Change;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    #[test]
    fn no_two_kinds_and_no_two_parts_are_spelled_alike() {
        let nouns: HashSet<_> = Noun::ALL.iter().map(|it| noun(*it)).collect();
        assert_eq!(nouns.len(), Noun::ALL.len());
        let parts: HashSet<_> = Part::ALL.iter().map(|it| part(*it)).collect();
        assert_eq!(parts.len(), Part::ALL.len());
        assert!(nouns.iter().chain(&parts).all(|code| code.len() == 2));
    }

    #[test]
    fn a_key_is_short_and_safe_in_every_header_and_pattern() {
        let one = spelled(ReadingKey::one(Noun::Article, id(1)));
        let part = spelled(ReadingKey::part(Noun::Article, id(1), Part::Comments));
        assert_eq!((one.len(), part.len()), (13, 15));
        assert!(part.starts_with(&one) && one.starts_with("ar"));
        assert_eq!(spelled(ReadingKey::every(Noun::Article)), "ar");
        let every = ReadingKey::every_part(Noun::Story, Part::Articles);
        assert_eq!(spelled(every), "st-ar");
        for number in 0..100 {
            let key = spelled(ReadingKey::one(Noun::Story, id(number)));
            let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            assert!(key.bytes().all(is_safe), "{key}");
        }
    }

    #[test]
    fn a_write_names_what_answers_name() {
        let story = id(7);
        let change = Change {
            seq: 1,
            at: chrono::DateTime::UNIX_EPOCH,
            noun: "story".to_owned(),
            noun_id: story,
            act: "changed".to_owned(),
            keys: vec![Noun::Story.list_key(story, Part::Articles)],
        };
        let touched = all_spelled(ReadingKey::touched_by(&change).unwrap());
        let read = [
            ReadingKey::part(Noun::Story, story, Part::Articles),
            ReadingKey::every_part(Noun::Story, Part::Articles),
        ];
        assert_eq!(touched, all_spelled(read));
    }

    #[test]
    fn an_answer_of_too_many_keys_has_none() {
        let every = [Header::SurrogateKey, Header::CacheTag, Header::Xkey];
        let keys = |count| -> Vec<_> {
            (0..count)
                .map(|number| ReadingKey::one(Noun::Article, id(number)))
                .collect()
        };
        // Twice the same is once.
        let twice = [keys(2), keys(2)].concat();
        let headers_of = headers(&every, Some(&twice)).unwrap();
        let values: Vec<_> = headers_of
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let [first, second] = all_spelled(keys(2)).try_into().unwrap();
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
    fn where_parts_are_too_many_they_are_named_for_all() {
        let card = |number| {
            let parts = [Part::Lead, Part::Text, Part::Details, Part::Comments];
            let parts = parts.map(|part| ReadingKey::part(Noun::Article, id(number), part));
            parts
                .into_iter()
                .chain([ReadingKey::one(Noun::Article, id(number))])
        };
        let keys: Vec<_> = (0..150).flat_map(card).collect();
        let headers = headers(&[Header::Xkey], Some(&keys)).unwrap();
        let named: HashSet<_> = headers[0].1.to_str().unwrap().split(' ').collect();
        let every = spelled(ReadingKey::every_part(Noun::Article, Part::Lead));
        let one = spelled(ReadingKey::one(Noun::Article, id(149)));
        assert!(named.contains(&*every) && named.contains(&*one));
        assert_eq!(named.len(), 150 + 4);
    }
}

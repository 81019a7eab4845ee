//! Compares titles, and separates media badges from headlines.

use khabar_domain::article::MediaFlags;

/// Returns a comparison key for a title: in lower case, with white space collapsed, and without vowel
/// marks and tatweel. Titles that differ only in these have equal keys.
pub(super) fn key(title: &str) -> String {
    title
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !is_ornament(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether a character is a vowel mark or tatweel, which writers use inconsistently. Hamza and madda above
/// an alef are not affected, because NFC combines each with its alef into one letter.
fn is_ornament(c: char) -> bool {
    matches!(c, '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

const PHOTOS: &[&str] = &[
    "صور",
    "صورة",
    "بالصور",
    "photos",
    "photo",
    "pictures",
    "images",
];
const VIDEO: &[&str] = &["فيديو", "فيديوهات", "بالفيديو", "video", "videos"];
const AUDIO: &[&str] = &["صوت", "بالصوت", "audio"];
const BETWEEN: &[&str] = &["و", "and", "with"];

/// Removes badges such as "(photos + video)" from the end of a headline. Returns the headline and the
/// media flags that the badges indicate.
pub(super) fn without_badges(headline: &str) -> (&str, MediaFlags) {
    let mut flags = MediaFlags::default();
    let mut headline = headline.trim();
    while let Some((rest, found)) = last_badge(headline) {
        flags = both(flags, found);
        headline = rest;
    }
    (headline, flags)
}

/// Returns the union of two sets of media flags.
pub(super) fn both(one: MediaFlags, other: MediaFlags) -> MediaFlags {
    MediaFlags {
        photos: one.photos || other.photos,
        video: one.video || other.video,
        audio: one.audio || other.audio,
    }
}

fn last_badge(headline: &str) -> Option<(&str, MediaFlags)> {
    let (rest, inside) = [('(', ')'), ('[', ']')]
        .into_iter()
        .find_map(|(open, close)| headline.strip_suffix(close)?.rsplit_once(open))?;
    let rest = rest.trim_end();
    // Badges are not removed if nothing else would be left of the headline.
    (!rest.is_empty()).then_some((rest, badges(inside)?))
}

/// Returns the media flags for the words inside brackets, or `None` if one of the words is not a badge.
fn badges(inside: &str) -> Option<MediaFlags> {
    let mut flags = MediaFlags::default();
    let words = inside.split(|c: char| c.is_whitespace() || "+،,/&".contains(c));
    for word in words.map(key).filter(|word| !word.is_empty()) {
        let word = word.as_str();
        let alone = word.strip_prefix('و').unwrap_or(word);
        let is = |badge: &[&str]| badge.contains(&word) || badge.contains(&alone);
        if is(PHOTOS) {
            flags.photos = true;
        } else if is(VIDEO) {
            flags.video = true;
        } else if is(AUDIO) {
            flags.audio = true;
        } else if !BETWEEN.contains(&word) {
            return None;
        }
    }
    (flags != MediaFlags::default()).then_some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn badges_are_cut_and_other_brackets_stay() {
        let cases = [
            ("جسر جديد (صور + فيديو)", "جسر جديد", "pv"),
            ("جسر جديد (فيديو)", "جسر جديد", "v"),
            ("جسر جديد(+ فيديو)", "جسر جديد", "v"),
            ("جسر جديد (صور وفيديو)", "جسر جديد", "pv"),
            ("جسر جديد (صور) [فيديو]", "جسر جديد", "pv"),
            ("A new bridge (Photos & Video)", "A new bridge", "pv"),
            ("A new bridge (audio)", "A new bridge", "a"),
            ("جسر (جديد)", "جسر (جديد)", ""),
            ("جسر ()", "جسر ()", ""),
            ("(فيديو)", "(فيديو)", ""),
            ("جسر (فيديو) جديد", "جسر (فيديو) جديد", ""),
            ("جسر (و)", "جسر (و)", ""),
        ];
        for (headline, expected, letters) in cases {
            let flags = MediaFlags {
                photos: letters.contains('p'),
                video: letters.contains('v'),
                audio: letters.contains('a'),
            };
            assert_eq!(without_badges(headline), (expected, flags), "{headline}");
        }
    }

    #[test]
    fn a_title_is_the_same_however_it_is_written() {
        assert_eq!(key("مِينــاء  الشمال"), key("ميناء الشمال"));
        assert_eq!(key("The Harbour"), key("the harbour"));
        assert_ne!(key("أمل"), key("امل"));
    }
}

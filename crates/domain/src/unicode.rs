//! Unicode text processing: normalization, visibility, and confusable names.

use std::borrow::Cow;

use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use unicode_security::confusable_detection::skeleton as confusable_skeleton;

use crate::fast_path;

/// Code points that Unicode ignores in display by default (`Default_Ignorable_Code_Point`, UAX #44).
const IGNORABLE: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// Normalizes typed, pasted or imported text for storage: line breaks become `\n`, the text is converted
/// to normal form C, and marks that affect only the display are removed.
///
/// Directional embeddings, overrides and isolates are removed if they are balanced. If one is left open,
/// all are retained for [`check_characters`](crate::invalid) to refuse, because an open one reorders the
/// text that follows.
pub fn normalized(text: &str) -> Cow<'_, str> {
    let stays = |c: char| c != '\r' && !is_mark(c) && !is_bidi_control(c);
    let is_normal = || is_nfc_quick(text.chars()) == IsNormalized::Yes && text.chars().all(stays);
    if fast_path::is_text(text) || is_normal() {
        return Cow::Borrowed(text);
    }
    let balanced = is_balanced(text.chars());
    Cow::Owned(normalized_run(text, balanced))
}

/// Normalizes a part of a text like [`normalized`]. `balanced` is the result of [`is_balanced`] for the
/// whole text.
pub(crate) fn normalized_run(text: &str, balanced: bool) -> String {
    let goes = |c: char| is_mark(c) || balanced && is_bidi_control(c);
    let kept: String = text.chars().filter(|c| !goes(*c)).collect();
    let lines = kept.replace("\r\n", "\n").replace('\r', "\n");
    lines.nfc().collect()
}

/// The byte order mark, which some editors write at the start of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Returns the text of a file without a leading byte order mark.
pub fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Whether a character is an unpaired mark that affects only the display: a left-to-right, right-to-left
/// or Arabic letter mark, zero-width space, word joiner or byte order mark. The zero-width non-joiner
/// (U+200C) and joiner (U+200D) are excluded, because they change how Persian and Urdu words are read.
pub const fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

/// Whether a character is a control of the bidirectional algorithm (UAX #9) that opens or closes an
/// embedding, override or isolate.
pub const fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether every directional embedding, override and isolate is closed in the right order, and none is
/// closed without having been opened.
pub(crate) fn is_balanced(text: impl Iterator<Item = char>) -> bool {
    let mut open = Vec::new();
    for c in text {
        let closes = match c {
            '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' => {
                open.push('\u{202c}');
                continue;
            }
            '\u{2066}'..='\u{2068}' => {
                open.push('\u{2069}');
                continue;
            }
            '\u{202c}' | '\u{2069}' => c,
            _ => continue,
        };
        if open.pop() != Some(closes) {
            return false;
        }
    }
    open.is_empty()
}

/// Whether a text is invisible: it has only white space, control characters, code points that Unicode
/// ignores in display (fillers, tags, variation selectors), and code points that fonts render as blank.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_unseen)
}

fn is_unseen(c: char) -> bool {
    c.is_whitespace() || !c.is_ascii() && is_ignorable(c) || c.is_control()
}

/// Whether a character is ignorable in display. In addition to Unicode's property, this includes
/// characters that render as blank: the blank Braille pattern (U+2800), the null notehead (U+1D159), the
/// interlinear annotation marks (U+FFF9 to U+FFFB) and the object replacement character (U+FFFC).
fn is_ignorable(c: char) -> bool {
    IGNORABLE.contains(c) || matches!(c, '\u{2800}' | '\u{1d159}' | '\u{fff9}'..='\u{fffc}')
}

/// Returns the visual skeleton of a text (UTS #39). Two texts that look alike have equal skeletons,
/// regardless of their scripts and invisible characters.
fn seen(text: &str) -> String {
    let seen: String = text
        .nfkc()
        .filter(|c| c.is_whitespace() || !is_unseen(*c))
        .collect();
    // The skeleton is computed twice, because some letters look alike only in upper case and others only
    // in lower case. Capital I looks like small l and is also the upper case of small i, so the last step
    // maps i to l.
    let capitals: String = confusable_skeleton(&seen).collect();
    let small = capitals.to_lowercase();
    let alike: String = confusable_skeleton(&small).collect();
    alike.to_lowercase().replace('i', "l")
}

/// Returns a comparison key for names. Names that readers could confuse have equal keys. Only letters and
/// digits count: case, accents, vowel marks, spaces and punctuation are ignored. A name without letters
/// and digits is compared by its visible characters.
pub fn skeleton(name: &str) -> String {
    let seen = seen(name);
    let letters: String = seen
        .nfd()
        .filter(|c| c.is_alphanumeric() && !fast_path::is_harakah(*c))
        .collect();
    if letters.is_empty() { seen } else { letters }
}

/// Returns a comparison key for texts. Texts that readers would see as duplicates have equal keys.
pub(crate) fn folded(text: &str) -> String {
    let seen = seen(text);
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_windows_and_importing_bring_is_one_text() {
        assert_eq!(normalized("سطر\r\nآخر\rو"), "سطر\nآخر\nو");
        assert_eq!(
            normalized("\u{feff}قال \u{2067}Reuters\u{2069} \u{202b}خبر\u{202c}\u{200f}"),
            "قال Reuters خبر"
        );
        assert_eq!(normalized("می\u{200c}شود"), "می\u{200c}شود");
        // Unbalanced controls are retained, so that validation can refuse them.
        assert_eq!(normalized("a\u{202e}b"), "a\u{202e}b");
        assert_eq!(normalized("a\u{2067}b\u{202c}"), "a\u{2067}b\u{202c}");
    }

    #[test]
    fn what_cannot_be_seen_is_blank() {
        for blank in [
            "",
            " \n\u{a0}\u{3000}",
            "\u{200b}",
            "\u{3164}",
            "\u{2800}\u{2800}",
            "\u{ffa0}",
            "\u{115f}\u{1160}",
            "\u{e0041}\u{e007f}",
            "\u{fe0f}\u{e0100}",
            "\u{ad}",
            "\u{34f}",
            "\u{180e}",
            "\u{200d}\u{200c}",
            "\u{17b4}\u{17b5}",
            "\u{1d159}",
            "\u{fff9}\u{fffb}",
        ] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for seen in ["a", "\u{200b}ا", "🏴\u{e0067}\u{e007f}", "٣", "…", "⠁"] {
            assert!(!is_blank(seen), "{seen:?}");
        }
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (one, other) in [
            ("Ali Hassan", "ALI HASSAN"),
            ("Ali Hassan", "AIi Hassan"),
            ("Ali Hassan", "Аli Наssаn"),
            ("Ali Hassan", "Ali\u{200b} Hass\u{3164}an"),
            ("Ali Hassan", "Ali-Hassan ✓"),
            ("Ali Hassan", "𝐀𝐥𝐢 𝐇𝐚𝐬𝐬𝐚𝐧"),
            ("Ali Hassan", "Áli Hassan"),
            ("Bob Omar", "ВОВ 0МАR"),
            ("Mariam", "MARIAM"),
            ("ليلى حسن", "لَيلى  حسن"),
            ("ليلى حسن", "ليلـى حسن"),
            ("أحمد", "احمد"),
            ("ليلى حسن", "لیلى حسن"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        assert_ne!(skeleton("Ali Hassan"), skeleton("Ali Hussein"));
        assert_ne!(skeleton("ليلى حسن"), skeleton("ليلى حسين"));
        assert_ne!(skeleton("☺"), skeleton("★"));
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in any_text()) {
            let once = normalized(&text).into_owned();
            let twice = normalized(&once).into_owned();
            prop_assert_eq!(twice, once);
        }
    }

    /// Generates texts with many characters that normalization changes.
    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,20}",
            "[a\u{301}ا\u{653}\r\n \u{200b}\u{feff}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{1100}\u{1161}]{0,12}",
        ]
    }
}

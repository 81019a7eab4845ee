//! JSON text (RFC 8259), as `serde_json` writes it.
//!
//! Strings are most of a response, and nearly all of them contain nothing to escape, so they are searched
//! eight bytes at a time and copied whole.

/// Appends null.
#[inline]
pub fn null(text: &mut Vec<u8>) {
    text.extend_from_slice(b"null");
}

/// Appends a Boolean.
#[inline]
pub fn boolean(value: bool, text: &mut Vec<u8>) {
    text.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends an integer.
pub fn integer(value: i64, text: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = value.unsigned_abs();
    loop {
        at -= 1;
        // A remainder of ten fits.
        digits[at] = b'0' + u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    text.extend_from_slice(&digits[at..]);
}

/// Appends a number with a fraction. Numbers that JSON cannot represent become null.
pub fn float(value: f64, text: &mut Vec<u8>) {
    if serde_json::to_writer(&mut *text, &value).is_err() {
        null(text);
    }
}

/// Appends a string, in quotation marks.
pub fn string(value: &str, text: &mut Vec<u8>) {
    text.reserve(value.len() + 2);
    text.push(b'"');
    string_part(value, text);
    text.push(b'"');
}

/// Appends a string that `write` makes, in quotation marks.
pub fn string_with(
    text: &mut Vec<u8>,
    write: impl FnOnce(&mut StringWriter<'_>) -> std::fmt::Result,
) {
    text.push(b'"');
    // Only `write` can fail. What it has written until then is a valid string.
    let _ = write(&mut StringWriter(text));
    text.push(b'"');
}

/// The inside of a JSON string. What is written to it is escaped.
#[derive(Debug)]
pub struct StringWriter<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for StringWriter<'_> {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        string_part(part, self.0);
        Ok(())
    }
}

/// Appends a part of a string, without quotation marks.
fn string_part(part: &str, text: &mut Vec<u8>) {
    let mut rest = part.as_bytes();
    while let Some(at) = first_escape(rest) {
        let (plain, escaped) = rest.split_at(at);
        text.extend_from_slice(plain);
        escape(escaped[0], text);
        rest = &escaped[1..];
    }
    text.extend_from_slice(rest);
}

/// Appends a string, or null.
pub fn optional_string(value: Option<&str>, text: &mut Vec<u8>) {
    match value {
        Some(value) => string(value, text),
        None => null(text),
    }
}

/// Appends a list, each item with `write`.
pub fn list<T>(
    items: impl IntoIterator<Item = T>,
    text: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    text.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        write(item, text);
    }
    text.push(b']');
}

fn escape(byte: u8, text: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => text.extend_from_slice(b"\\\""),
        b'\\' => text.extend_from_slice(b"\\\\"),
        0x08 => text.extend_from_slice(b"\\b"),
        0x09 => text.extend_from_slice(b"\\t"),
        0x0a => text.extend_from_slice(b"\\n"),
        0x0c => text.extend_from_slice(b"\\f"),
        0x0d => text.extend_from_slice(b"\\r"),
        other => {
            let (high, low) = (usize::from(other >> 4), usize::from(other & 15));
            text.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
        }
    }
}

/// Returns the position of the first byte that must be escaped in a string: a quotation mark, a reverse
/// solidus or a control character.
///
/// Eight bytes are tested at once, with the "determine if a word has a byte less than n" and "… equal to
/// n" tests of Sean Eron Anderson, *Bit Twiddling Hacks*. Their lowest set bit is exact.
pub fn first_escape(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word
    }
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let quotes = zeros(word ^ (ONES * 0x22));
        let solidi = zeros(word ^ (ONES * 0x5c));
        let found = (controls | quotes | solidi) & HIGHS;
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest
        .iter()
        .position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
    in_rest.map(|at| words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut text = Vec::new();
        write(&mut text);
        String::from_utf8(text).unwrap()
    }

    /// Every ASCII character and some others, alone and at every place of two words.
    #[test]
    fn strings_are_written_as_serde_json_writes_them() {
        let others = ['\u{7f}', '\u{80}', 'é', 'خ', '\u{2028}', '\u{feff}', '🗞'];
        for character in (0..0x80_u8).map(char::from).chain(others) {
            for length in 0..18 {
                for filler in ["a", "خ", "\"", "\n"] {
                    let mut value = filler.repeat(length);
                    for at in (0..=length).map(|at| at * filler.len()) {
                        value.insert(at, character);
                        let expected = serde_json::to_string(&value).unwrap();
                        assert_eq!(written(|text| string(&value, text)), expected);
                        value.remove(at);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_serde_json_writes_it(
            value: String,
            int: i64,
            number in prop::num::f64::ANY,
            items: Vec<Option<String>>,
            flag: bool,
        ) {
            prop_assert_eq!(written(|text| string(&value, text)), serde_json::to_string(&value)?);
            let parts = written(|text| string_with(text, |out| write!(out, "{value}\n{int}")));
            prop_assert_eq!(parts, serde_json::to_string(&format!("{value}\n{int}"))?);
            prop_assert_eq!(written(|text| integer(int, text)), int.to_string());
            prop_assert_eq!(written(|text| float(number, text)), serde_json::to_string(&number)?);
            prop_assert_eq!(written(|text| boolean(flag, text)), flag.to_string());
            let text = written(|text| {
                list(&items, text, |item, text| optional_string(item.as_deref(), text));
            });
            prop_assert_eq!(text, serde_json::to_string(&items)?);
        }
    }
}

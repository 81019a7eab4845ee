//! JSON text of responses (RFC 8259), written into a buffer of bounded size.
//!
//! The text is the same as `serde_json` writes.

use std::io::{self, Write};

use async_graphql::Value;
use khabar_executor::json::first_escape;

/// An in-memory buffer with a maximum size.
pub(crate) struct JsonBuffer {
    bytes: Vec<u8>,
    allowed: usize,
    /// The size that the text had when it no longer fitted.
    exceeded_by: Option<usize>,
}

/// The first allocation of a buffer, in bytes: the size of a small response.
const INITIAL: usize = 2048;

impl JsonBuffer {
    /// Creates an empty buffer for at most `allowed` bytes.
    pub(crate) fn new(allowed: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(INITIAL.min(allowed)),
            allowed,
            exceeded_by: None,
        }
    }

    /// Returns the text.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns the size that the text would have had at least, if it did not fit.
    pub(crate) fn had(&self) -> Option<usize> {
        self.exceeded_by
    }

    /// Appends text that needs no escaping.
    #[inline]
    pub(crate) fn raw(&mut self, text: &[u8]) -> io::Result<()> {
        if text.len() > self.allowed - self.bytes.len() {
            return Err(self.exceeded(text.len()));
        }
        self.bytes.extend_from_slice(text);
        Ok(())
    }

    #[cold]
    fn exceeded(&mut self, more: usize) -> io::Error {
        self.exceeded_by = Some(self.bytes.len().saturating_add(more));
        io::Error::other("more bytes than a response may have")
    }

    /// Appends a string, in quotation marks.
    pub(crate) fn string(&mut self, text: &str) -> io::Result<()> {
        self.raw(b"\"")?;
        let mut rest = text.as_bytes();
        while let Some(at) = first_escape(rest) {
            let (plain, escaped) = rest.split_at(at);
            self.raw(plain)?;
            self.escape(escaped[0])?;
            rest = &escaped[1..];
        }
        self.raw(rest)?;
        self.raw(b"\"")
    }

    fn escape(&mut self, byte: u8) -> io::Result<()> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' => self.raw(b"\\\""),
            b'\\' => self.raw(b"\\\\"),
            0x08 => self.raw(b"\\b"),
            0x09 => self.raw(b"\\t"),
            0x0a => self.raw(b"\\n"),
            0x0c => self.raw(b"\\f"),
            0x0d => self.raw(b"\\r"),
            other => {
                let (high, low) = (usize::from(other >> 4), usize::from(other & 15));
                self.raw(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]])
            }
        }
    }

    /// Appends a value.
    pub(crate) fn value(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::Null => self.raw(b"null"),
            Value::Boolean(true) => self.raw(b"true"),
            Value::Boolean(false) => self.raw(b"false"),
            Value::Number(number) => write!(self, "{number}"),
            Value::String(text) => self.string(text),
            Value::Enum(name) => self.string(name),
            // No scalar of the schema is binary.
            Value::Binary(bytes) => Ok(serde_json::to_writer(self, bytes.as_ref())?),
            Value::List(items) => {
                self.raw(b"[")?;
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.raw(b",")?;
                    }
                    self.value(item)?;
                }
                self.raw(b"]")
            }
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.as_str(), value));
                self.object(members)
            }
        }
    }

    /// Appends an object with these members.
    pub(crate) fn object<'a>(
        &mut self,
        members: impl Iterator<Item = (&'a str, &'a Value)>,
    ) -> io::Result<()> {
        self.raw(b"{")?;
        for (at, (name, value)) in members.enumerate() {
            if at > 0 {
                self.raw(b",")?;
            }
            self.string(name)?;
            self.raw(b":")?;
            self.value(value)?;
        }
        self.raw(b"}")
    }
}

impl Write for JsonBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.raw(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, Value, value};

    use super::*;

    fn written(value: &Value) -> String {
        let mut buffer = JsonBuffer::new(usize::MAX);
        buffer.value(value).unwrap();
        String::from_utf8(buffer.into_bytes()).unwrap()
    }

    /// Every ASCII character and some others, alone and at every place of two words, is written as
    /// `serde_json` writes it.
    #[test]
    fn strings_are_written_as_serde_json_writes_them() {
        let others = ['\u{7f}', '\u{80}', 'é', 'خ', '\u{2028}', '\u{feff}', '🗞'];
        for character in (0..0x80_u8).map(char::from).chain(others) {
            for length in 0..18 {
                for filler in ["a", "خ", "\"", "\n"] {
                    let mut text = filler.repeat(length);
                    for at in (0..=length).map(|at| at * filler.len()) {
                        text.insert(at, character);
                        let value = Value::String(text.clone());
                        assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
                        text.remove(at);
                    }
                }
            }
        }
    }

    #[test]
    fn values_are_written_as_serde_json_writes_them() {
        let mut value = value!({
            "null": null, "yes": true, "no": false, "int": -42, "large": 9_007_199_254_740_993_i64,
            "float": 0.1, "small": 1.5e-7, "whole": 3.0, "list": [1, [], {}, "خبر"],
            "object": { "مفتاح \"key\"": "a\\b" },
        });
        let Value::Object(members) = &mut value else {
            panic!("it is an object");
        };
        members.insert(Name::new("enum"), Value::Enum(Name::new("PUBLISHED")));
        members.insert(Name::new("binary"), Value::Binary(vec![0, 255].into()));
        assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
    }

    #[test]
    fn the_buffer_is_limited() {
        let value = value!({ "text": "خبر\n" });
        let length = written(&value).len();
        let mut buffer = JsonBuffer::new(length);
        buffer.value(&value).unwrap();
        assert_eq!((buffer.had(), buffer.bytes.len()), (None, length));
        for allowed in 0..length {
            let mut buffer = JsonBuffer::new(allowed);
            buffer.value(&value).unwrap_err();
            assert!(buffer.bytes.len() <= allowed);
            assert!(
                buffer
                    .had()
                    .is_some_and(|had| had > allowed && had <= length)
            );
        }
    }
}

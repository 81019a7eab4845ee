//! The budget of an answer: how many bytes one request may be answered.
//!
//! It is charged while the answer is made: by each text as it is resolved, by each error, and by what
//! a resolver is about to copy. Once it is spent nothing more is resolved, and the client is told so
//! instead of the data. Short values (ids, headlines, numbers) are not charged one by one; `complexity`
//! bounds how many there are, and writing the answer counts every byte.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_graphql::{Context, Data, ServerError, Value};

use crate::error::{Code, Error, Result};
use crate::limit::{Limits, count, length};

/// The name of the limit.
const LIMIT: &str = "answer_bytes";

/// The bytes that one answer may still take.
#[derive(Debug)]
pub(crate) struct AnswerBudget {
    allowed: u64,
    charged: AtomicU64,
}

impl AnswerBudget {
    /// A budget for one request, which its resolvers find in this data.
    pub(crate) fn put_into(data: &mut Data, limits: &Limits) -> Arc<Self> {
        let budget = Arc::new(Self {
            allowed: limits.answer_bytes,
            charged: AtomicU64::new(0),
        });
        data.insert(Arc::clone(&budget));
        budget
    }

    /// The budget of the request that this field belongs to.
    pub(crate) fn of<'a>(ctx: &'a Context<'_>) -> Option<&'a Self> {
        ctx.data_opt::<Arc<Self>>().map(AsRef::as_ref)
    }

    /// Charges so many bytes; an error when that is more than was left.
    pub(crate) fn charge(&self, bytes: u64) -> Result<()> {
        // The sum cannot wrap: nothing more is made once it is above what is allowed.
        self.charged.fetch_add(bytes, Ordering::Relaxed);
        self.check()
    }

    /// Charges a value that was resolved. What lies in objects was charged when it was resolved.
    pub(crate) fn charge_value(&self, value: Option<&Value>) -> Result<()> {
        match value.map_or(0, text_bytes) {
            0 => Ok(()),
            bytes => self.charge(bytes),
        }
    }

    /// Charges an error: its message, and its path, which repeats the names of all fields above it.
    pub(crate) fn charge_error(&self, error: &ServerError) -> Result<()> {
        let path = error.path.iter().map(|segment| match segment {
            async_graphql::PathSegment::Field(name) => count(name.len()),
            async_graphql::PathSegment::Index(_) => 8,
        });
        self.charge(path.sum::<u64>() + count(error.message.len()) + ERROR)
    }

    /// An error when it is spent.
    pub(crate) fn check(&self) -> Result<()> {
        let charged = self.charged.load(Ordering::Relaxed);
        if charged > self.allowed {
            return Err(self.exceeded(charged));
        }
        Ok(())
    }

    /// Writes an answer as JSON, unless it has more bytes than are allowed.
    pub(crate) fn write(&self, answer: &impl serde::Serialize) -> Result<Vec<u8>> {
        let mut writer = Bounded {
            bytes: Vec::new(),
            allowed: length(self.allowed),
            had: 0,
        };
        match serde_json::to_writer(&mut writer, answer) {
            Ok(()) => Ok(writer.bytes),
            Err(_) if writer.had > writer.allowed => Err(self.exceeded(count(writer.had))),
            // Only a scalar whose own `Serialize` fails gets here.
            Err(error) => Err(Error::internal(&error)),
        }
    }

    fn exceeded(&self, had: u64) -> Error {
        Error::new(
            Code::LimitAnswerBytes,
            format!(
                "The limit `{LIMIT}` is {}; this answer would have at least {had}.",
                self.allowed
            ),
        )
        .with("limit", LIMIT)
        .with("allowed", self.allowed)
        .with("had", had)
    }
}

/// What an error takes beside its message and its path: positions and a code.
const ERROR: u64 = 128;

/// The bytes of a text, or of a list of texts.
fn text_bytes(value: &Value) -> u64 {
    match value {
        Value::String(text) => count(text.len()),
        Value::List(items) => items.iter().map(text_bytes).sum(),
        _ => 0,
    }
}

/// Bytes in memory, up to a number.
struct Bounded {
    bytes: Vec<u8>,
    allowed: usize,
    had: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.had = self.bytes.len().saturating_add(bytes.len());
        if self.had > self.allowed {
            return Err(io::Error::other("more bytes than an answer may have"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

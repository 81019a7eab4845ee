//! The budget of an answer: how many bytes one request may be answered, and all that are answered at
//! the same time.
//!
//! It is charged while the answer is made: by each text as it is resolved, by each error, and by what
//! a resolver is about to copy. Once it is spent nothing more is resolved, and the client is told so
//! instead of the data. Short values (ids, headlines, numbers) are not charged one by one; `complexity`
//! bounds how many there are, and writing the answer counts every byte.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use async_graphql::{Context, Data, ServerError, Value};

use crate::document::Kind;
use crate::error::{Code, Error, Result};
use crate::limit::{Limits, count, length};

/// The name of the limit.
const LIMIT: &str = "answer_bytes";

/// The bytes of one answer that are not counted together with those of others: nearly all answers are
/// smaller, and share nothing that their processors would have to agree on.
const UNCOUNTED: u64 = 64 * 1024;

/// The bytes that all answers in the making take.
#[derive(Debug)]
pub(crate) struct AllAnswers {
    allowed: u64,
    charged: AtomicU64,
}

impl AllAnswers {
    /// Nothing yet.
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            // One alone may have what is allowed to one: its values, and as many bytes of text.
            allowed: limits
                .concurrent_answer_bytes
                .max(limits.answer_bytes.saturating_mul(2)),
            charged: AtomicU64::new(0),
        })
    }

    /// Charges so many bytes, and tells whether they fit.
    fn charge(&self, bytes: u64) -> bool {
        let before = self.charged.fetch_add(bytes, Relaxed);
        before.saturating_add(bytes) <= self.allowed
    }
}

/// The bytes that one answer may still take.
#[derive(Debug)]
pub(crate) struct AnswerBudget {
    kind: Kind,
    allowed: u64,
    charged: AtomicU64,
    all: Arc<AllAnswers>,
    /// What it has charged to all answers together.
    charged_to_all: AtomicU64,
    /// Whether that was more than there was room for.
    is_crowded: AtomicBool,
}

impl AnswerBudget {
    /// A budget for one request, which its resolvers find in this data.
    pub(crate) fn put_into(
        data: &mut Data,
        kind: Kind,
        limits: &Limits,
        all: &Arc<AllAnswers>,
    ) -> Arc<Self> {
        let budget = Arc::new(Self {
            kind,
            allowed: limits.answer_bytes,
            charged: AtomicU64::new(0),
            all: Arc::clone(all),
            charged_to_all: AtomicU64::new(0),
            is_crowded: AtomicBool::new(false),
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
        let before = self.charged.fetch_add(bytes, Relaxed);
        let counted = |charged: u64| charged.saturating_sub(UNCOUNTED);
        self.charge_to_all(counted(before + bytes) - counted(before));
        self.check()
    }

    fn charge_to_all(&self, bytes: u64) {
        if bytes > 0 {
            self.charged_to_all.fetch_add(bytes, Relaxed);
            if !self.all.charge(bytes) {
                self.is_crowded.store(true, Relaxed);
            }
        }
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
        let charged = self.charged.load(Relaxed);
        if charged > self.allowed {
            return Err(self.exceeded(charged));
        }
        if self.is_crowded.load(Relaxed) {
            return Err(self.crowded());
        }
        Ok(())
    }

    /// Writes an answer as JSON, unless it has more bytes than are allowed.
    pub(crate) fn write(&self, answer: &impl serde::Serialize) -> Result<Vec<u8>> {
        // The text lies beside the values that it is made of.
        self.charge_to_all(self.charged_to_all.load(Relaxed));
        self.check()?;
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

    /// The error of an answer for which the others leave no room.
    fn crowded(&self) -> Error {
        let allowed = self.all.allowed;
        let message = format!(
            "All answers in the making together may take {allowed} bytes (`limits.concurrent_answer_bytes`); \
             ask again, or for less."
        );
        let code = match self.kind {
            Kind::Query | Kind::Subscription => Code::Overloaded,
            // Sent again, it would be carried out again.
            Kind::Mutation => Code::LimitAnswerBytes,
        };
        Error::new(code, message)
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

impl Drop for AnswerBudget {
    fn drop(&mut self) {
        let charged = *self.charged_to_all.get_mut();
        self.all.charged.fetch_sub(charged, Relaxed);
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

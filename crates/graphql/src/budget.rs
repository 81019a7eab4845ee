//! The byte budget of a response: limits for one response, and for all responses that are in progress at the
//! same time.
//!
//! The budget is charged while the response is built: the text and the errors of each level as they are written,
//! and the errors of mutations. Once the budget is spent, nothing more is resolved, and the client receives an
//! error instead of the data.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use async_graphql::{Context, Data, ServerError};

use crate::document::Kind;
use crate::error::{Code, Error, Result};
use crate::json::JsonBuffer;
use crate::limit::{Limits, count, length};

/// The name of the limit, as it appears in errors.
const LIMIT: &str = "response_bytes";

/// The first bytes of each response, which are not charged to the shared budget. Nearly all responses are
/// smaller than this, so processors do not contend for the shared counter.
const UNCOUNTED: u64 = 64 * 1024;

/// The budget shared by all responses in progress.
#[derive(Debug)]
pub(crate) struct SharedBudget {
    allowed: u64,
    charged: AtomicU64,
}

impl SharedBudget {
    /// Creates a shared budget with nothing charged.
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            // A single response may always use its own limit: once for its values, and once for its text.
            allowed: limits
                .concurrent_response_bytes
                .max(limits.response_bytes.saturating_mul(2)),
            charged: AtomicU64::new(0),
        })
    }

    /// Charges this many bytes. Returns whether they fit.
    fn charge(&self, bytes: u64) -> bool {
        let before = self.charged.fetch_add(bytes, Relaxed);
        before.saturating_add(bytes) <= self.allowed
    }
}

/// The budget of one response.
#[derive(Debug)]
pub(crate) struct ResponseBudget {
    kind: Kind,
    allowed: u64,
    charged: AtomicU64,
    all: Arc<SharedBudget>,
    /// The bytes that this response has charged to the shared budget.
    charged_to_shared: AtomicU64,
    /// Whether a charge has exceeded the shared budget.
    exceeds_shared: AtomicBool,
    /// The error that ended a part of the response, whose charge was taken back since.
    refused: OnceLock<Error>,
}

impl ResponseBudget {
    /// Creates a budget for one request.
    pub(crate) fn new(kind: Kind, limits: &Limits, all: &Arc<SharedBudget>) -> Arc<Self> {
        Arc::new(Self {
            kind,
            allowed: limits.response_bytes,
            charged: AtomicU64::new(0),
            all: Arc::clone(all),
            charged_to_shared: AtomicU64::new(0),
            exceeds_shared: AtomicBool::new(false),
            refused: OnceLock::new(),
        })
    }

    /// Creates a budget for one request and inserts it into `data`, where resolvers find it.
    pub(crate) fn insert_into(
        data: &mut Data,
        kind: Kind,
        limits: &Limits,
        all: &Arc<SharedBudget>,
    ) -> Arc<Self> {
        let budget = Self::new(kind, limits, all);
        data.insert(Arc::clone(&budget));
        budget
    }

    /// Returns the budget of the request that this field belongs to.
    pub(crate) fn of<'a>(ctx: &'a Context<'_>) -> Option<&'a Self> {
        ctx.data_opt::<Arc<Self>>().map(AsRef::as_ref)
    }

    /// Charges this many bytes. Returns an error if the budget is exceeded.
    fn charge(&self, bytes: u64) -> Result<()> {
        // The sum cannot overflow: nothing more is resolved once it is above the limit.
        let before = self.charged.fetch_add(bytes, Relaxed);
        let counted = |charged: u64| charged.saturating_sub(UNCOUNTED);
        self.charge_shared(counted(before + bytes) - counted(before));
        self.check()
    }

    /// Charges text that the executor has written: `more` bytes of a level that has `written` so far.
    pub(crate) fn charge_text(&self, written: usize, more: usize) -> Result<()> {
        let (written, more) = (count(written), count(more));
        let before = self.charged.fetch_add(more, Relaxed);
        let counted = |charged: u64| charged.saturating_sub(UNCOUNTED);
        self.charge_shared(counted(before.saturating_add(more)) - counted(before));
        if written > self.allowed {
            return Err(self.refused.get_or_init(|| self.exceeded(written)).clone());
        }
        self.check_shared()
    }

    /// Takes back a charge for text that is no longer held.
    pub(crate) fn release(&self, bytes: usize) {
        let bytes = count(bytes);
        let before = self.charged.fetch_sub(bytes, Relaxed);
        let counted = |charged: u64| charged.saturating_sub(UNCOUNTED);
        let shared = counted(before) - counted(before.saturating_sub(bytes));
        if shared > 0 {
            self.charged_to_shared.fetch_sub(shared, Relaxed);
            self.all.charged.fetch_sub(shared, Relaxed);
        }
    }

    /// Returns an error if the shared budget is exceeded.
    fn check_shared(&self) -> Result<()> {
        if self.exceeds_shared.load(Relaxed) {
            return Err(self.shared_exceeded());
        }
        Ok(())
    }

    fn charge_shared(&self, bytes: u64) {
        if bytes > 0 {
            self.charged_to_shared.fetch_add(bytes, Relaxed);
            if !self.all.charge(bytes) {
                self.exceeds_shared.store(true, Relaxed);
            }
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

    /// Returns an error if the budget is spent.
    pub(crate) fn check(&self) -> Result<()> {
        let charged = self.charged.load(Relaxed);
        if charged > self.allowed {
            return Err(self.exceeded(charged));
        }
        if let Some(refused) = self.refused.get() {
            return Err(refused.clone());
        }
        self.check_shared()
    }

    /// Writes a response as JSON. Returns an error if the text is longer than the limit.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut JsonBuffer) -> io::Result<()>,
    ) -> Result<Vec<u8>> {
        // The text takes up memory in addition to the values that it is made of.
        self.charge_shared(self.charged_to_shared.load(Relaxed));
        self.check()?;
        let mut buffer = JsonBuffer::new(length(self.allowed));
        match (write(&mut buffer), buffer.had()) {
            (Ok(()), _) => Ok(buffer.into_bytes()),
            (Err(_), Some(had)) => Err(self.exceeded(count(had))),
            // Reached only if the `Serialize` implementation of an error fails.
            (Err(error), None) => Err(Error::internal(&error)),
        }
    }

    /// Returns an error if a response of this length is longer than the limit.
    pub(crate) fn check_length(&self, bytes: usize) -> Result<()> {
        if count(bytes) > self.allowed {
            return Err(self.exceeded(count(bytes)));
        }
        self.check_shared()
    }

    /// Creates the error for a response that does not fit into the shared budget.
    fn shared_exceeded(&self) -> Error {
        let (code, advice) = match self.kind {
            Kind::Query | Kind::Subscription => {
                (Code::Overloaded, "Try again, or request less data.")
            }
            // A retry would run the mutation again.
            Kind::Mutation => (
                Code::LimitResponseBytes,
                "Query the mutation's result separately, requesting less data.",
            ),
        };
        let message = format!(
            "The responses in progress exceed their combined limit of {} bytes (`limits.concurrent_response_bytes`). {advice}",
            self.all.allowed
        );
        Error::new(code, message)
    }

    fn exceeded(&self, had: u64) -> Error {
        Error::new(
            Code::LimitResponseBytes,
            format!(
                "The limit `{LIMIT}` is {}; this response would have at least {had}.",
                self.allowed
            ),
        )
        .with("limit", LIMIT)
        .with("allowed", self.allowed)
        .with("had", had)
    }
}

impl Drop for ResponseBudget {
    fn drop(&mut self) {
        let charged = *self.charged_to_shared.get_mut();
        self.all.charged.fetch_sub(charged, Relaxed);
    }
}

/// The bytes charged for an error in addition to its message and path: its positions and its code.
const ERROR: u64 = 128;

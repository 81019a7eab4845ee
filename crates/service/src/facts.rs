//! The facts about a request that go into the log and the metrics.

use std::time::{Duration, Instant};

use khabar_domain::{Scope, Viewer};
use khabar_graphql::document::{Kind, PreparedOperation};
use khabar_persistence::ReadSession;

/// The facts about a request, once it is answered.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time that the service took.
    pub took: Duration,
    /// The time until the operation was admitted: its document found and validated. `None` if it was not.
    pub admitted_after: Option<Duration>,
    /// The viewer. `None` if the credentials were refused.
    pub viewer: Option<Viewer>,
    /// Whether the document is a registered one, so that its operation name comes from an application.
    pub is_registered: bool,
    /// Whether the response came from the cache or was shared with an identical request.
    pub is_cached: bool,
    /// The id of each SQL statement, in the order in which they were sent.
    pub statements: Vec<&'static str>,
}

/// The operation of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationInfo {
    /// Whether it reads or writes.
    pub kind: Kind,
    /// The operation name, if it has one.
    pub name: Option<String>,
    /// The cost, in the units of the limits.
    pub cost: u64,
}

impl OperationInfo {
    pub(crate) fn of(ready: &PreparedOperation) -> Self {
        Self {
            kind: ready.kind(),
            name: ready.name().map(str::to_owned),
            cost: ready.cost(),
        }
    }
}

/// Collects the facts about a request while it is being answered.
pub(crate) struct Recorder {
    started: Instant,
    admitted: Option<Instant>,
    scope: Option<Scope>,
    reader: Option<ReadSession>,
    is_registered: bool,
    is_cached: bool,
    /// The operation being executed, if any.
    running: Option<OperationInfo>,
}

impl Recorder {
    /// Starts the record of a request that has just arrived.
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            admitted: None,
            scope: None,
            reader: None,
            is_registered: false,
            is_cached: false,
            running: None,
        }
    }

    /// Records the viewer's scope and the reader that serves the request.
    pub(crate) fn context(&mut self, scope: Scope, reader: Option<&ReadSession>) {
        self.scope = Some(scope);
        self.reader = reader.cloned();
    }

    /// Records that the document was found, and whether it is a registered one.
    pub(crate) fn found(&mut self, is_registered: bool) {
        self.is_registered = is_registered;
    }

    /// Records that the operation was admitted and may run.
    pub(crate) fn admitted(&mut self) {
        self.admitted = Some(Instant::now());
    }

    /// Records that the operation has started to execute.
    pub(crate) fn runs(&mut self, operation: OperationInfo) {
        self.running = Some(operation);
    }

    /// Takes the operation that was being executed when the time limit expired.
    pub(crate) fn interrupted(&mut self) -> Option<OperationInfo> {
        self.running.take()
    }

    /// Records that the response came from the cache or was shared with an identical request.
    pub(crate) fn cached(&mut self) {
        self.is_cached = true;
    }

    /// Returns the facts of the answered request.
    pub(crate) fn finish(self) -> Facts {
        let statements = self.reader.as_ref().map(ReadSession::statements);
        Facts {
            took: self.started.elapsed(),
            admitted_after: self.admitted.map(|admitted| admitted - self.started),
            viewer: self.scope.map(|scope| scope.viewer),
            is_registered: self.is_registered,
            is_cached: self.is_cached,
            statements: statements.unwrap_or_default(),
        }
    }
}

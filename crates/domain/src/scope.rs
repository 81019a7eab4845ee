//! Scope: who is asking, and as of when. Every field of one answer is read in the same scope, so
//! none can disagree with another or show what the viewer may not see.

use chrono::{DateTime, Utc};

use crate::rights::Viewer;

/// Who is asking, and the moment that counts as now for the whole request.
///
/// Time plays no part in what may be seen: an article becomes public when the scheduler writes
/// that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Who is asking.
    pub viewer: Viewer,
    /// The request's "now".
    pub as_of: DateTime<Utc>,
}

impl Scope {
    /// A reader who did not say who they are, at this moment.
    pub const fn reader(as_of: DateTime<Utc>) -> Self {
        Self {
            viewer: Viewer::anonymous(),
            as_of,
        }
    }
}

//! Scope: the viewer and the point in time of a request. All fields of a response are read in the same
//! scope. They are therefore consistent and never expose data that the viewer may not see.

use chrono::{DateTime, Utc};

use crate::rights::Viewer;

/// The viewer of a request, and the time used as "now" for the whole request.
///
/// Visibility does not depend on the time. An article becomes public when the scheduler updates its
/// stored status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The viewer who makes the request.
    pub viewer: Viewer,
    /// The time used as "now" for the request.
    pub as_of: DateTime<Utc>,
}

impl Scope {
    /// Returns the scope of an anonymous reader at the time `as_of`.
    pub const fn reader(as_of: DateTime<Utc>) -> Self {
        Self {
            viewer: Viewer::anonymous(),
            as_of,
        }
    }
}

//! Scope: who is asking, and as of when. Every field of one answer is read in the same scope, so
//! none can disagree with another or show what the viewer may not see.

use chrono::{DateTime, Utc};

use crate::article::Status;

/// Who is asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// A reader: sees what is published.
    #[default]
    Reader,
}

/// Who is asking, and the moment that counts as now for the whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Who is asking.
    pub viewer: Viewer,
    /// The request's "now".
    pub as_of: DateTime<Utc>,
}

impl Scope {
    /// A reader, at this moment.
    pub const fn reader(as_of: DateTime<Utc>) -> Self {
        Self {
            viewer: Viewer::Reader,
            as_of,
        }
    }

    /// Which articles the viewer may see, by their status.
    ///
    /// Time plays no part in it: an article becomes public when the scheduler writes that it is.
    pub const fn visible(self) -> &'static [Status] {
        match self.viewer {
            Viewer::Reader => &[Status::Published],
        }
    }
}

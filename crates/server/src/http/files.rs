//! Open files: each connection is one, and the system allows a process so many.

/// What is left for the database, the log and whatever else is open.
const OTHERS: u64 = 256;

/// Raises the limit of open files to what the system allows this process at most.
pub fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            ..limit
        };
        if limit.current != limit.maximum
            && let Err(cause) = setrlimit(Resource::Nofile, raised)
        {
            tracing::warn!(%cause, "the limit of open files could not be raised");
        }
    }
}

/// As many of these connections as there can be open files for.
pub(super) fn affordable(connections: usize) -> usize {
    let affordable = limit().map_or(connections, |limit| {
        let most = limit - OTHERS.min(limit / 2);
        connections.min(usize::try_from(most).unwrap_or(usize::MAX))
    });
    if affordable < connections {
        tracing::warn!(
            connections,
            affordable,
            "the limit of open files allows fewer connections than http.connections"
        );
    }
    affordable
}

/// How many files may be open; none where there is no limit.
fn limit() -> Option<u64> {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    limit
}

//! The limit on open files: each connection uses one file descriptor.

/// The number of file descriptors reserved for the database, the log and anything else.
const OTHERS: u64 = 256;

/// Raises the soft limit on open files to the hard limit of this process.
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
            tracing::warn!(%cause, "open_files_limit_not_raised");
        }
    }
}

/// Caps the number of connections at what the limit on open files allows. Logs a warning if that is
/// fewer.
pub(super) fn affordable(connections: usize) -> usize {
    let affordable = limit().map_or(connections, |limit| {
        let connection_limit = limit - OTHERS.min(limit / 2);
        connections.min(usize::try_from(connection_limit).unwrap_or(usize::MAX))
    });
    if affordable < connections {
        tracing::warn!(connections, affordable, "open_files_limit_low");
    }
    affordable
}

/// Returns the soft limit on open files, or `None` if there is no limit.
fn limit() -> Option<u64> {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    limit
}

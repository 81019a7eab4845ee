//! Settings of the in-memory cache.

use serde::{Deserialize, Serialize};

/// Settings of the in-memory cache of database results and whole responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Maximum size of the cache, in bytes. If 0, only the reference data is cached.
    ///
    /// Defaults to an eighth of the memory that the process may use, or to 128 MiB if that is unknown.
    pub max_bytes: usize,
    /// Whether whole responses are cached, within the limit of `bytes`.
    ///
    /// Defaults to true: a cached response is a hundred times cheaper than one assembled from cached
    /// entities.
    pub responses: bool,
    /// Milliseconds for which the cache may be used after the change feed was last read to its end.
    ///
    /// Defaults to 2,000: while the database is unreachable, no data older than that is served.
    pub lease_ms: u64,
    /// Milliseconds beyond the lease for which cached responses are still served to anonymous readers while
    /// the database does not respond. They are marked by the headers `Age` and `Warning`.
    ///
    /// Defaults to 0: the server responds with status 503 instead. Set a larger value to prefer stale
    /// content over errors.
    pub stale_if_error_ms: u64,
}

/// The divisor of the available memory that gives the default cache size.
const PART: usize = 8;

/// The default cache size in bytes if the available memory is unknown.
const UNKNOWN: usize = 128 * 1024 * 1024;

impl Default for Cache {
    fn default() -> Self {
        let max_bytes = memory().map_or(UNKNOWN, |bytes| bytes / PART);
        Self {
            max_bytes,
            responses: true,
            lease_ms: 2_000,
            stale_if_error_ms: 0,
        }
    }
}

/// Returns the number of bytes of memory that the process may use, as reported by Linux: the memory of the
/// machine, or the limit of the process's control group (a container) if that is less. Returns `None` if
/// the system does not report it.
fn memory() -> Option<usize> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok()?;
    let machine = machine
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.strip_suffix("kB"))?;
    let machine = machine.trim().parse::<usize>().ok()?.saturating_mul(1024);
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<usize>().ok());
    Some(group.map_or(machine, |group| group.min(machine)))
}

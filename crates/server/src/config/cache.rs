//! How much of what was read is kept in memory.

use serde::{Deserialize, Serialize};

/// The cache of what the database answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Bytes that it may take; 0: nothing is kept but the reference data.
    ///
    /// The default is an eighth of the memory that the process may use.
    pub bytes: usize,
    /// Whether whole answers are kept, within the same bytes.
    ///
    /// They are a hundred times cheaper than those that are put together from what is kept.
    pub answers: bool,
    /// Milliseconds for which it answers after the change feed was last read to its end.
    ///
    /// 2 seconds: while the database cannot be heard of, nothing older than that is answered.
    pub lease_ms: u64,
    /// Milliseconds for which whole answers to anonymous readers are told beyond the lease while the
    /// database does not answer, marked by `Age` and `Warning`.
    ///
    /// 0: an honest 503. More is for those who would rather show what was true a while ago.
    pub stale_if_error_ms: u64,
}

/// The default's part of the memory.
const PART: usize = 8;

/// The default where the system does not say how much memory there is.
const UNKNOWN: usize = 128 * 1024 * 1024;

impl Default for Cache {
    fn default() -> Self {
        let bytes = memory().map_or(UNKNOWN, |bytes| bytes / PART);
        Self {
            bytes,
            answers: true,
            lease_ms: 2_000,
            stale_if_error_ms: 0,
        }
    }
}

/// The bytes of memory that this process may use, as Linux tells: those of the machine or, if that
/// is less, of the process's own group (a container).
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

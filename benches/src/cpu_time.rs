//! Cost: the processor time and memory used by a process, as reported by Linux in `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// The unit of processor time in `/proc`. Linux reports hundredths of a second (`USER_HZ`),
/// whatever the rate of its own clock.
const TICK: Duration = Duration::from_millis(10);

/// The fields of `/proc/PID/stat` that are used.
struct Stat {
    parent: u32,
    cpu: Duration,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is a name in brackets, which may contain any character.
        let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok();
        Some(Self {
            parent: ticks(1)?,
            cpu: TICK * (ticks(11)? + ticks(12)?),
        })
    }
}

/// Returns the parent of a process.
pub(crate) fn parent(pid: u32) -> anyhow::Result<u32> {
    let stat = Stat::of(pid).with_context(|| format!("there is no process {pid}"))?;
    Ok(stat.parent)
}

/// Returns the processor time of a process, in user and kernel mode.
pub(crate) fn cpu(pid: u32) -> Duration {
    Stat::of(pid).map_or(Duration::ZERO, |stat| stat.cpu)
}

/// Returns the processor time of a process and of its running direct children.
pub(crate) fn cpu_of_family(pid: u32) -> Duration {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = processes
        .filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?))
        .filter(|stat| stat.parent == pid);
    cpu(pid) + children.map(|stat| stat.cpu).sum::<Duration>()
}

/// Resident memory of a process, in MiB.
pub(crate) struct Memory {
    /// Anonymous memory, which belongs to the process alone.
    pub(crate) own: u32,
    /// Memory of mapped files, counted once for each mapping.
    pub(crate) mapped: u32,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u32>().ok());
            kib.unwrap_or_default() / 1024
        };
        Self {
            own: mib("RssAnon:"),
            mapped: mib("RssFile:"),
        }
    }
}

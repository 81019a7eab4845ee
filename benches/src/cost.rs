//! Cost: how much of the machine a process has used, as Linux tells it in `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Linux counts in hundredths of a second whatever its own clock does (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// What `/proc/PID/stat` says of a process.
struct Stat {
    parent: u32,
    cpu: Duration,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is a name in brackets, and may hold anything.
        let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok();
        Some(Self {
            parent: ticks(1)?,
            cpu: TICK * (ticks(11)? + ticks(12)?),
        })
    }
}

/// Who started this process.
pub(crate) fn parent(pid: u32) -> anyhow::Result<u32> {
    let stat = Stat::of(pid).with_context(|| format!("there is no process {pid}"))?;
    Ok(stat.parent)
}

/// The time that a process has computed, in itself and in the kernel.
pub(crate) fn cpu(pid: u32) -> Duration {
    Stat::of(pid).map_or(Duration::ZERO, |stat| stat.cpu)
}

/// The same of a process and all that it has started.
pub(crate) fn cpu_of_family(pid: u32) -> Duration {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = processes
        .filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?))
        .filter(|stat| stat.parent == pid);
    cpu(pid) + children.map(|stat| stat.cpu).sum::<Duration>()
}

/// What a process has in memory, in MiB.
pub(crate) struct Memory {
    /// What is its own.
    pub(crate) own: u32,
    /// What is of files that it maps, counted as often as it maps them.
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

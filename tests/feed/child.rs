//! The roles that child processes play in these tests, so that they can be killed.

use anyhow::bail;
use khabar_tests::harness::process::{Process, Report, role};
use tokio::sync::mpsc::UnboundedSender;

/// Starts a child in this role. Its reports are sent under the number `from`.
pub(crate) fn start(
    role: &[&str],
    from: usize,
    reports: UnboundedSender<Report>,
) -> anyhow::Result<Process> {
    Process::start("child::plays_its_role", role, from, reports)
}

/// Entry point of a child. In an ordinary test run, it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plays_its_role() -> anyhow::Result<()> {
    let Some(role) = role()? else {
        return Ok(());
    };
    let words: Vec<_> = role.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["writer", url, name] => crate::soak::writer(url, name).await,
        ["reader", url, after] => crate::soak::reader(url, after.parse()?).await,
        ["scribe", url, turn] => crate::crash_recovery::scribe(url, turn.parse()?).await,
        _ => bail!("there is no role {role:?}"),
    }
}

//! Waiting for an event.

use std::time::Duration;

use anyhow::Context as _;

/// Maximum time that a test waits for anything. Durations are not under test.
pub const MAX_WAIT: Duration = Duration::from_mins(2);

/// Polls a condition until it holds. Fails after [`MAX_WAIT`].
pub async fn until<F: Future<Output = anyhow::Result<bool>>>(
    what: &str,
    mut is_so: impl FnMut() -> F,
) -> anyhow::Result<()> {
    let waited = tokio::time::timeout(MAX_WAIT, async {
        while !is_so().await? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    });
    waited.await.with_context(|| format!("never: {what}"))?
}

//! What tests need and a machine may lack: when that skips a test, and the shared folder, which
//! holds what is not ours to keep here.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::ensure;

/// Skips a test, which is said with what is missing; under `KHABAR_REQUIRE_ALL=1` that is an error.
pub fn skip(missing: &str) -> anyhow::Result<()> {
    let required = std::env::var("KHABAR_REQUIRE_ALL").is_ok_and(|value| value == "1");
    ensure!(
        !required,
        "{missing}, and KHABAR_REQUIRE_ALL=1 asks for every test"
    );
    // Not by a macro: what those print, the test runner keeps to itself.
    writeln!(std::io::stderr(), "skipped: {missing}")?;
    Ok(())
}

/// A file of the shared folder, `KHABAR_SHARED` or else the one beside the workspace; none, which
/// skips the test, where it is missing.
pub fn shared(file: &str) -> anyhow::Result<Option<PathBuf>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::var_os("KHABAR_SHARED").unwrap_or_else(|| "../shared".into());
    let file = workspace.join(folder).join(file);
    if file.exists() {
        return Ok(Some(file));
    }
    skip(&format!("{} is missing", file.display()))?;
    Ok(None)
}

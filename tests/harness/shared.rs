//! Optional test dependencies: skipping a test when one is missing, and the shared folder for files
//! that cannot be stored in this repository because they are not ours.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::ensure;

/// Reports on standard error that a test is skipped, and what is missing. With `KHABAR_REQUIRE_ALL=1`,
/// returns an error instead.
pub fn skip(missing: &str) -> anyhow::Result<()> {
    let required = std::env::var("KHABAR_REQUIRE_ALL").is_ok_and(|value| value == "1");
    ensure!(
        !required,
        "{missing}, and KHABAR_REQUIRE_ALL=1 asks for every test"
    );
    // Not `eprintln!`, because the test runner captures the output of the print macros.
    writeln!(std::io::stderr(), "skipped: {missing}")?;
    Ok(())
}

/// Returns the path of a file in the shared folder: `KHABAR_SHARED`, or by default `shared` beside the
/// workspace. If the file is missing, reports the skip and returns `None`.
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

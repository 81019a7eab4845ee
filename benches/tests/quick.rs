//! Checks that the benchmark works: archives are written, servers start, and the SQL statements
//! return the same JSON as the API.

use std::process::Command;

use anyhow::{Context as _, ensure};

#[test]
fn the_quick_run_succeeds() -> anyhow::Result<()> {
    // Cargo builds examples beside the tests, but gives a test no path to them.
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).context("a test has a folder")?;
    let output = Command::new(folder.join("examples/khabar-bench"))
        .arg("--quick")
        .output()?;
    let report = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{report}\n{errors}");
    ensure!(report.contains("SQLite, 2000 articles"), "{report}");
    let postgres = report.contains("PostgreSQL, 2000 articles");
    ensure!(
        postgres || errors.contains("there is no PostgreSQL here"),
        "{report}\n{errors}"
    );
    Ok(())
}

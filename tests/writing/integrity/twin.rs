//! Another process that serves the same newsroom: `tests/twin.rs`, which Cargo builds beside the tests
//! unless it is told which ones.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use khabar_tests::harness::TestApp;

/// The process; it ends with this.
pub(super) struct Twin {
    process: Child,
    address: SocketAddr,
}

impl Twin {
    /// Starts it on the database of an app.
    pub(super) fn of(app: &TestApp, seed: u64) -> anyhow::Result<Self> {
        // Cargo tells a test no path to an example.
        let here = std::env::current_exe()?;
        let folder = here.ancestors().nth(2).context("a test has a folder")?;
        let mut process = Command::new(folder.join("examples/khabar-twin"))
            .args([app.db().url(), &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the other process: `cargo build -p khabar-tests --example khabar-twin` builds it")?;
        let mut line = String::new();
        let output = process.stdout.take().context("it has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.with_context(|| format!("it does not serve: {line:?}"))?;
        Ok(Self { process, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        // It serves until its input ends.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

//! Another process that serves the same newsroom: `tests/second_node.rs`. Cargo builds it along with the tests,
//! unless particular targets are selected.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use khabar_tests::harness::TestApp;

/// The running process. Dropping this value stops it.
pub(super) struct Twin {
    process: Child,
    address: SocketAddr,
}

impl Twin {
    /// Starts the process on the database of an app.
    pub(super) fn of(app: &TestApp, seed: u64) -> anyhow::Result<Self> {
        // Cargo gives tests no path to an example.
        let here = std::env::current_exe()?;
        let folder = here.ancestors().nth(2).context("a test has a folder")?;
        let mut process = Command::new(folder.join("examples/khabar-second-node"))
            .args([app.db().url(), &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the other process: `cargo build -p khabar-tests --example khabar-second-node` builds it")?;
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
        // The process serves until its standard input is closed.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

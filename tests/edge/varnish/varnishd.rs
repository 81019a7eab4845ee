//! Varnish in a folder and on a port of its own, for as long as a test lasts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use khabar_tests::harness::skip;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use crate::purging::edge::PATIENCE;

/// A running Varnish.
pub(super) struct Varnish {
    address: SocketAddr,
    child: Child,
    // It goes when the test is over.
    folder: TempDir,
}

impl Drop for Varnish {
    fn drop(&mut self) {
        // Not killed: it has a process of its own to end. What cannot be stopped ends with the folder.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
    }
}

impl Varnish {
    /// One before a server, as an operator would configure it; none, which skips the test, where it is
    /// not installed.
    pub(super) async fn before(server: SocketAddr) -> anyhow::Result<Option<Self>> {
        Self::with(server, |documented| documented).await
    }

    /// The same where nothing is shown past its time while the server answers.
    pub(super) async fn without_stale_time(server: SocketAddr) -> anyhow::Result<Option<Self>> {
        let stale = "set req.grace = 30s;";
        Self::with(server, |documented| {
            assert!(documented.contains(stale), "the grace is not where it was");
            documented.replace(stale, "set req.grace = 0s;")
        })
        .await
    }

    async fn with(
        server: SocketAddr,
        changed: impl FnOnce(String) -> String,
    ) -> anyhow::Result<Option<Self>> {
        let (Some(program), true) = (program(), has_xkey()) else {
            skip("there is no varnishd here, or it has no module xkey")?;
            return Ok(None);
        };
        let documented = include_str!("../../../docs/varnish.vcl");
        let port = ".port = \"4000\"";
        ensure!(documented.contains(port), "the port is not where it was");
        let vcl = documented.replace(port, &format!(".port = \"{}\"", server.port()));
        let vcl = changed(vcl);
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("khabar.vcl");
        std::fs::write(&file, vcl)?;
        let free = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let mut varnish = Self {
            address: free,
            child: spawn(program, &folder, &file, free)?,
            folder,
        };
        varnish.is_ready().await?;
        Ok(Some(varnish))
    }

    /// Where it is asked and purged.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Waits until it listens.
    async fn is_ready(&mut self) -> anyhow::Result<()> {
        let ready = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    let said = std::fs::read_to_string(said_in(&self.folder));
                    bail!("{status}: {}", said.unwrap_or_default());
                }
                if TcpStream::connect(self.address).await.is_ok() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ready = tokio::time::timeout(PATIENCE, ready).await;
        ready.context("varnishd does not listen")?
    }
}

fn spawn(
    program: &str,
    folder: &TempDir,
    vcl: &Path,
    address: SocketAddr,
) -> anyhow::Result<Child> {
    Command::new(program)
        // Without another user's rights, which could not read the folder; nobody administers it.
        .args(["-F", "-j", "none", "-T", "none", "-s", "malloc,64m"])
        .arg("-n")
        .arg(folder.path().join("work"))
        .arg("-f")
        .arg(vcl)
        .args(["-a", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(said_in(folder))?)
        .spawn()
        .context("could not run varnishd")
}

/// What it said of itself.
fn said_in(folder: &TempDir) -> PathBuf {
    folder.path().join("said")
}

/// Whether the module is there that the documented configuration imports.
fn has_xkey() -> bool {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten();
    let mut folders = libraries.flatten().map(|library| library.path());
    folders.any(|folder| folder.join("varnish/vmods/libvmod_xkey.so").exists())
}

/// Where Debian has it: not on everybody's path.
fn program() -> Option<&'static str> {
    ["/usr/sbin/varnishd", "/usr/local/sbin/varnishd"]
        .into_iter()
        .find(|program| Path::new(program).exists())
}

//! A Varnish process for one test, with its own folder and port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use khabar_tests::harness::skip;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use khabar_tests::harness::MAX_WAIT;

/// A running Varnish. Stopped when dropped.
pub(super) struct Varnish {
    address: SocketAddr,
    child: Child,
    // Deleted at the end of the test.
    folder: TempDir,
}

impl Drop for Varnish {
    fn drop(&mut self) {
        // SIGTERM instead of SIGKILL, so that Varnish can end its worker process. A process that cannot be
        // stopped ends once the folder is gone.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
    }
}

impl Varnish {
    /// Starts Varnish in front of a server, with the documented configuration. Returns `None` and skips the
    /// test if Varnish is not installed.
    pub(super) async fn before(server: SocketAddr) -> anyhow::Result<Option<Self>> {
        Self::with(server, |documented| documented).await
    }

    /// Like [`Self::before`], but serves no expired response while the server is up.
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
        let documented = include_str!("../../../../docs/varnish.vcl");
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

    /// Returns the base URL for requests and purges.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Waits until Varnish accepts connections.
    async fn is_ready(&mut self) -> anyhow::Result<()> {
        let ready = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    let said = std::fs::read_to_string(stderr_path(&self.folder));
                    bail!("{status}: {}", said.unwrap_or_default());
                }
                if TcpStream::connect(self.address).await.is_ok() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ready = tokio::time::timeout(MAX_WAIT, ready).await;
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
        // No jail, because its user could not read the folder. No administration interface either.
        .args(["-F", "-j", "none", "-T", "none", "-s", "malloc,64m"])
        .arg("-n")
        .arg(folder.path().join("work"))
        .arg("-f")
        .arg(vcl)
        .args(["-a", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(stderr_path(folder))?)
        .spawn()
        .context("could not run varnishd")
}

/// Returns the path of the file with the standard error output of Varnish.
fn stderr_path(folder: &TempDir) -> PathBuf {
    folder.path().join("said")
}

/// Whether the `xkey` module imported by the documented configuration is installed.
fn has_xkey() -> bool {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten();
    let mut folders = libraries.flatten().map(|library| library.path());
    folders.any(|folder| folder.join("varnish/vmods/libvmod_xkey.so").exists())
}

/// Returns the path of `varnishd`. Debian installs it in a folder that is not on every user's `PATH`.
fn program() -> Option<&'static str> {
    ["/usr/sbin/varnishd", "/usr/local/sbin/varnishd"]
        .into_iter()
        .find(|program| Path::new(program).exists())
}

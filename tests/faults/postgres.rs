//! PostgreSQL over TLS, and behind a connection pooler, which is refused.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use khabar_tests::harness::{TestDb, skip, until};
use tempfile::TempDir;
use tokio::process::Command;

use crate::newsroom;
use crate::server::Launch;
use crate::standby::Standby;

/// Returns the name of the database and the folder of its socket.
fn parts(db: &TestDb) -> anyhow::Result<(&str, &str)> {
    let (address, folder) = db.url().split_once("?host=").context("no socket")?;
    let (_, name) = address.rsplit_once('/').context("no database")?;
    Ok((name, folder))
}

/// Runs a program. Returns `false` if it is not installed or fails.
async fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output().await;
    output.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn the_database_url_enables_tls() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let Some(authority) = certificates(folder.path()).await else {
        return skip("openssl is not here to make a certificate");
    };
    // PostgreSQL supports TLS over TCP only, and the test cluster listens only on a Unix socket.
    let port = free_port()?;
    let standby = Standby::on_port(&db, port).await?;
    let data = format!("{}/data", standby.folder());
    let owner = std::fs::metadata(&data)?;
    for name in ["server.key", "server.crt"] {
        let to = format!("{data}/{name}");
        std::fs::copy(folder.path().join(name), &to)?;
        std::os::unix::fs::chown(&to, Some(owner.uid()), Some(owner.gid()))?;
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600))?;
    }
    standby.promote().await?;
    standby.ask("ALTER SYSTEM SET ssl = on").await?;
    standby.ask("SELECT pg_reload_conf()").await?;
    until("the server speaks TLS", || async {
        Ok(standby.ask("SHOW ssl").await?.trim() == "on")
    })
    .await?;

    let (name, _) = parts(&db)?;
    let address = format!("postgres://khabar@localhost:{port}/{name}");
    for (parameters, works) in [
        (format!("sslmode=verify-full&sslrootcert={authority}"), true),
        ("sslmode=require".to_owned(), true),
        // No public certificate authority has signed the certificate.
        ("sslmode=verify-full".to_owned(), false),
    ] {
        let launch = Launch::over(format!("{address}?{parameters}"));
        let (ok, _, error) = launch.run(&["migrate", "status"]).await?;
        ensure!(ok == works, "{parameters}: {error}");
        ensure!(works || error.contains("certificate"), "{error}");
        if works {
            let server = launch.start().await?;
            ensure!(server.client.path("/health/ready").await?.status == 200);
            for (encrypted, expected) in [("s.ssl", true), ("NOT s.ssl", false)] {
                let statement = format!(
                    "SELECT count(*) > 0 FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                     WHERE a.application_name LIKE 'khabar%' AND {encrypted}"
                );
                let found = standby.ask(&statement).await?.trim() == "t";
                ensure!(found == expected, "{encrypted}: {found}");
            }
        }
    }
    Ok(())
}

/// Creates a server key and certificate in the folder. Returns the path of the certificate of the
/// authority that signed them, or `None` if they cannot be created.
async fn certificates(folder: &Path) -> Option<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (ca_key, ca) = (path("ca.key"), path("ca.crt"));
    let (key, request, certificate) = (path("server.key"), path("server.csr"), path("server.crt"));
    let extensions = path("extensions");
    std::fs::write(&extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n").ok()?;
    let new_key = ["-newkey", "rsa:2048", "-nodes"];
    let authority = [
        "req",
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=Authority",
        "-keyout",
        &ca_key,
    ];
    let asked = [
        "req",
        "-subj",
        "/CN=localhost",
        "-keyout",
        &key,
        "-out",
        &request,
    ];
    let signed = [
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-CAcreateserial",
        "-extfile",
        &extensions,
        "-out",
        &certificate,
    ];
    let made = run(
        "openssl",
        &[&authority[..], &new_key, &["-out", &ca]].concat(),
    )
    .await
        && run("openssl", &[&asked[..], &new_key].concat()).await
        && run("openssl", &signed).await;
    made.then_some(ca)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// A running `PgBouncer`, stopped on drop.
struct Pooler {
    _child: tokio::process::Child,
    _folder: TempDir,
    port: u16,
}

impl Pooler {
    /// Starts `PgBouncer` in front of the database, with additional lines of configuration. Returns
    /// `None` if it is not installed.
    async fn before(db: &TestDb, more: &str) -> anyhow::Result<Option<Self>> {
        let (name, socket) = parts(db)?;
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let at = folder.path().display();
        let configuration = format!(
            "[databases]\n{name} = host={socket} port=5432 user=khabar\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\n\
             logfile = {at}/log\n{more}\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration)?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
        // PgBouncer refuses to run as root.
        let mut command = Command::new("pgbouncer");
        command.arg("-q").args(["-u", "postgres"]).arg(&file);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let Ok(child) = command.spawn() else {
            return Ok(None);
        };
        until("the pooler listens", || async {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok())
        })
        .await?;
        Ok(Some(Self {
            _child: child,
            _folder: folder,
            port,
        }))
    }
}

#[tokio::test]
async fn a_connection_pooler_is_rejected_with_advice() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let (name, _) = parts(&db)?;
    for more in [
        "pool_mode = transaction",
        "pool_mode = transaction\nignore_startup_parameters = options,extra_float_digits",
        "pool_mode = session\nignore_startup_parameters = options,extra_float_digits",
    ] {
        let Some(pooler) = Pooler::before(&db, more).await? else {
            return skip("PgBouncer is not installed");
        };
        let url = format!("postgres://khabar@127.0.0.1:{}/{name}", pooler.port);
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let refused = Launch::over(url);
        let refused = tokio::time::timeout(Duration::from_secs(30), refused.run(&serve)).await?;
        let (ok, _, error) = refused?;
        ensure!(!ok, "{more}: it serves");
        ensure!(error.contains("PgBouncer"), "{more}: {error}");
    }
    Ok(())
}

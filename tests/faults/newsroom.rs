//! Test databases with a small newsroom, and tokens for its editors.

use anyhow::Context as _;
use khabar_domain::{Name, Role};
use khabar_service::auth::{Issue, issue};
use khabar_tests::harness::{Newsroom, TestDb, until};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// Returns the number of rounds for a fault that strikes at a random moment: `usual`, multiplied by the
/// environment variable `KHABAR_FAULT_ROUNDS` if it is set (`just faults` sets it).
pub(crate) fn rounds(usual: u64) -> anyhow::Result<u64> {
    const FACTOR: &str = "KHABAR_FAULT_ROUNDS";
    let factor = std::env::var(FACTOR).unwrap_or_else(|_| "1".to_owned());
    let factor: u64 = factor
        .parse()
        .with_context(|| format!("{FACTOR} is {factor:?}: a number is expected"))?;
    Ok(usual * factor)
}

/// Creates the small newsroom in each kind of database that is available on this machine.
pub(crate) async fn each() -> anyhow::Result<Vec<TestDb>> {
    let mut each = Vec::new();
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        each.push(db);
    }
    Ok(each)
}

/// Creates the small newsroom on SQLite, for tests that do not depend on the kind of database.
pub(crate) async fn sqlite() -> anyhow::Result<TestDb> {
    let db = TestDb::sqlite().await?;
    Newsroom::small()?.save(db.db()).await?;
    Ok(db)
}

/// Creates the small newsroom on PostgreSQL. Prints a message and returns `None` if PostgreSQL is not
/// installed.
pub(crate) async fn postgres() -> anyhow::Result<Option<TestDb>> {
    let db = TestDb::postgres().await?;
    if let Some(db) = &db {
        Newsroom::small()?.save(db.db()).await?;
    }
    Ok(db)
}

/// Issues a token with the given name and role.
pub(crate) async fn token(db: &TestDb, name: &str, role: Role) -> anyhow::Result<String> {
    let what = Issue {
        name: Name::parse(name)?,
        role,
        rights: None,
        expires_at: None,
    };
    let issued = issue(db.db(), khabar_tests::harness::newsroom::now(), what).await?;
    Ok(issued.credential.as_str().to_owned())
}

/// Locks a table and its rows by a transaction that is forgotten in a psql session. The table can still be
/// read. Killing the session releases the locks.
pub(crate) async fn locked(db: &TestDb, table: &str) -> anyhow::Result<Child> {
    let mut session = Command::new("psql")
        .args(["-X", "-q", db.url()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let lock =
        format!("BEGIN; SELECT 1 FROM {table} FOR UPDATE; LOCK TABLE {table} IN EXCLUSIVE MODE;\n");
    if let Some(input) = session.stdin.as_mut() {
        input.write_all(lock.as_bytes()).await?;
        input.flush().await?;
    }
    until("the table is locked", || {
        has_lock(db, table, "l.mode = 'ExclusiveLock' AND l.granted")
    })
    .await?;
    Ok(session)
}

/// Waits until a session waits for a lock of this table.
pub(crate) async fn is_awaited(db: &TestDb, table: &str) -> anyhow::Result<()> {
    until("the lock is awaited", || {
        has_lock(db, table, "NOT l.granted")
    })
    .await
}

/// Whether a session holds or awaits a lock of this table. `condition` is one on `pg_locks l`.
pub(crate) async fn has_lock(db: &TestDb, table: &str, condition: &str) -> anyhow::Result<bool> {
    let found = format!(
        "SELECT count(*) > 0 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
         WHERE d.datname = current_database() AND l.relation = '{table}'::regclass AND {condition}"
    );
    Ok(db.administer(&found).await?.trim() == "t")
}

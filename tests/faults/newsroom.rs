//! A newsroom for the server to serve, and those who write in it.

use anyhow::Context as _;
use khabar_domain::{Name, Role};
use khabar_server::identity::{Issue, issue};
use khabar_tests::harness::{Newsroom, TestDb};

/// How often a fault that comes at a random moment is tried: so often, or as many times as often as
/// `KHABAR_FAULT_ROUNDS` says (`just faults`).
pub(crate) fn rounds(usual: u64) -> anyhow::Result<u64> {
    const FACTOR: &str = "KHABAR_FAULT_ROUNDS";
    let factor = std::env::var(FACTOR).unwrap_or_else(|_| "1".to_owned());
    let factor: u64 = factor
        .parse()
        .with_context(|| format!("{FACTOR} is {factor:?}: a number is expected"))?;
    Ok(usual * factor)
}

/// The small newsroom in a database of each kind that this machine has.
pub(crate) async fn each() -> anyhow::Result<Vec<TestDb>> {
    let mut each = Vec::new();
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        each.push(db);
    }
    Ok(each)
}

/// The small newsroom on SQLite, for what does not depend on the database.
pub(crate) async fn sqlite() -> anyhow::Result<TestDb> {
    let db = TestDb::sqlite().await?;
    Newsroom::small()?.save(db.db()).await?;
    Ok(db)
}

/// The small newsroom on PostgreSQL; none, which is said, where that is not installed.
pub(crate) async fn postgres() -> anyhow::Result<Option<TestDb>> {
    let db = TestDb::postgres().await?;
    if let Some(db) = &db {
        Newsroom::small()?.save(db.db()).await?;
    }
    Ok(db)
}

/// A token of somebody with this role.
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

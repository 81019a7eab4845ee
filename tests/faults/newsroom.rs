//! Test databases with a small newsroom, and tokens for its editors.

use anyhow::Context as _;
use khabar_domain::{Name, Role};
use khabar_service::auth::{Issue, issue};
use khabar_tests::harness::{Newsroom, TestDb};

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

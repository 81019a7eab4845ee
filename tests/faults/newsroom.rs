//! A newsroom for the server to serve, and those who write in it.

use khabar_domain::{Name, Role};
use khabar_server::identity::{Issue, issue};
use khabar_tests::harness::{Newsroom, TestDb};

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

//! A database that lasts as long as a test does.

use std::time::Duration;

use khabar_persistence::{Db, Options, migration};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{postgres, skip};

/// A new, migrated, empty database of this test's own.
pub struct TestDb {
    name: &'static str,
    url: String,
    db: Db,
    // The file goes when the test is over.
    _folder: Option<TempDir>,
}

impl TestDb {
    /// On SQLite.
    pub async fn sqlite() -> anyhow::Result<Self> {
        static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
        let template = TEMPLATE.get_or_try_init(migrated_file).await?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("khabar.db");
        std::fs::write(&file, template)?;
        Self::open("SQLite", format!("sqlite:{}", file.display()), Some(folder)).await
    }

    /// On PostgreSQL; none, which is said, where that is not installed. `KHABAR_REQUIRE_ALL=1`
    /// makes that an error.
    pub async fn postgres() -> anyhow::Result<Option<Self>> {
        match postgres::database().await? {
            Ok(url) => Self::open("PostgreSQL", url, None).await.map(Some),
            Err(why) => {
                skip(&format!("there is no PostgreSQL here ({why})"))?;
                Ok(None)
            }
        }
    }

    /// One that another process has made, at its address.
    pub async fn at(url: String) -> anyhow::Result<Self> {
        let name = if url.starts_with("sqlite:") {
            "SQLite"
        } else {
            "PostgreSQL"
        };
        Self::open(name, url, None).await
    }

    /// One on each database that this machine has, SQLite first.
    pub async fn each() -> anyhow::Result<Vec<Self>> {
        let mut each = vec![Self::sqlite().await?];
        each.extend(Self::postgres().await?);
        Ok(each)
    }

    /// The same, with a cache that is large enough for a test.
    pub async fn caching(self) -> anyhow::Result<Self> {
        self.caching_in(64 * 1024 * 1024).await
    }

    /// The same, with a cache of so many bytes; one of none has the reference data.
    pub async fn caching_in(self, bytes: usize) -> anyhow::Result<Self> {
        // A busy machine may keep this process from reading the feed for longer than a server's lease.
        let lease = Duration::from_mins(1);
        let db = self.db.caching_for(bytes, lease).await?;
        Ok(Self { db, ..self })
    }

    /// Which database it is, as people call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its address, for a second process or pool.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a statement to PostgreSQL as its administrator would: what it answers.
    pub async fn administer(&self, statement: &str) -> anyhow::Result<String> {
        postgres::psql(&self.url, statement).await
    }

    /// Changes what is stored by hand, past all rules but the database's own.
    pub async fn meddle(&self, statements: &str) -> anyhow::Result<()> {
        use sqlx::Connection as _;
        let text = sqlx::AssertSqlSafe(statements.to_owned());
        if self.url.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await?;
            sqlx::raw_sql(text).execute(&mut connection).await?;
            connection.close().await?;
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.url).await?;
            sqlx::raw_sql(text).execute(&mut connection).await?;
            connection.close().await?;
        }
        Ok(())
    }

    /// Reads from a file of SQLite until this is dropped: its log cannot begin anew meanwhile.
    pub async fn reading(&self) -> anyhow::Result<sqlx::SqliteConnection> {
        use sqlx::Connection as _;
        let mut connection = sqlx::SqliteConnection::connect(&self.url).await?;
        let text = "BEGIN; SELECT count(*) FROM change_head";
        sqlx::raw_sql(text).execute(&mut connection).await?;
        Ok(connection)
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    async fn open(
        name: &'static str,
        url: String,
        folder: Option<TempDir>,
    ) -> anyhow::Result<Self> {
        let db = Db::open(&Options::new(&url)).await?;
        Ok(Self {
            name,
            url,
            db,
            _folder: folder,
        })
    }
}

/// Migrated once; every test gets a copy.
async fn migrated_file() -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("template.db");
    let url = format!("sqlite:{}", file.display());
    let db = Db::open(&Options::new(url).create()).await?;
    migration::up(&db).await?;
    // The last connection to close moves the write-ahead log into the file.
    db.close().await?;
    Ok(std::fs::read(file)?)
}

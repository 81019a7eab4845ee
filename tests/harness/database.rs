//! A temporary database for one test.

use std::time::Duration;

use khabar_persistence::{Db, Options, migration};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{postgres, skip};

/// A new, empty database with all migrations applied, for the use of one test.
pub struct TestDb {
    name: &'static str,
    url: String,
    db: Db,
    // Dropping this deletes the database file.
    _folder: Option<TempDir>,
}

impl TestDb {
    /// Creates a SQLite database.
    pub async fn sqlite() -> anyhow::Result<Self> {
        static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
        let template = TEMPLATE.get_or_try_init(migrated_file).await?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("khabar.db");
        std::fs::write(&file, template)?;
        Self::open("SQLite", format!("sqlite:{}", file.display()), Some(folder)).await
    }

    /// Creates a PostgreSQL database. If PostgreSQL is not installed, reports the skip and returns
    /// `None`. With `KHABAR_REQUIRE_ALL=1`, that is an error.
    pub async fn postgres() -> anyhow::Result<Option<Self>> {
        match postgres::database().await? {
            Ok(url) => Self::open("PostgreSQL", url, None).await.map(Some),
            Err(why) => {
                skip(&format!("there is no PostgreSQL here ({why})"))?;
                Ok(None)
            }
        }
    }

    /// Opens an existing database at this URL, for example one that another process has created.
    pub async fn at(url: String) -> anyhow::Result<Self> {
        let name = if url.starts_with("sqlite:") {
            "SQLite"
        } else {
            "PostgreSQL"
        };
        Self::open(name, url, None).await
    }

    /// Creates a database on each engine that this machine has, SQLite first.
    pub async fn each() -> anyhow::Result<Vec<Self>> {
        let mut each = vec![Self::sqlite().await?];
        each.extend(Self::postgres().await?);
        Ok(each)
    }

    /// Adds a cache of 64 MiB, which is large enough for any test.
    pub async fn caching(self) -> anyhow::Result<Self> {
        self.caching_in(64 * 1024 * 1024).await
    }

    /// Adds a cache of at most this many bytes. A cache of 0 bytes still holds the reference data.
    pub async fn caching_in(self, bytes: usize) -> anyhow::Result<Self> {
        // Longer than the default lease, because a busy machine may delay reading the change feed.
        let lease = Duration::from_mins(1);
        let db = self.db.caching_for(bytes, lease).await?;
        Ok(Self { db, ..self })
    }

    /// Returns the display name of the database engine.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the database URL, for a second process or connection pool.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a statement with `psql` as the PostgreSQL administrator and returns its output.
    pub async fn administer(&self, statement: &str) -> anyhow::Result<String> {
        postgres::psql(&self.url, statement).await
    }

    /// Runs SQL statements directly, bypassing all checks except the database's own constraints.
    pub async fn execute_sql(&self, statements: &str) -> anyhow::Result<()> {
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

    /// Opens a read transaction on a SQLite file. The write-ahead log cannot be reset until the
    /// returned connection is dropped.
    pub async fn reading(&self) -> anyhow::Result<sqlx::SqliteConnection> {
        use sqlx::Connection as _;
        let mut connection = sqlx::SqliteConnection::connect(&self.url).await?;
        let text = "BEGIN; SELECT count(*) FROM change_head";
        sqlx::raw_sql(text).execute(&mut connection).await?;
        Ok(connection)
    }

    /// Returns the database.
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

/// Returns the bytes of a migrated SQLite file. Migrations run once, and every test gets a copy.
async fn migrated_file() -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("template.db");
    let url = format!("sqlite:{}", file.display());
    let db = Db::open(&Options::new(url).create()).await?;
    migration::up(&db).await?;
    // Closing the last connection moves the write-ahead log into the file.
    db.close().await?;
    Ok(std::fs::read(file)?)
}

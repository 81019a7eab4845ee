//! A database: its pools, and what it takes to open one.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use khabar_domain::Scope;
use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    AccessMode, ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    IsolationLevel, RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use crate::change::Feed;
use crate::change::bell::{Bell, Elsewhere};
use crate::pool::Pool;
use crate::reader::Source;
use crate::sql::Dialect;
use crate::{Cache, Doing, Error, Reader, Result, Writer};

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Read replicas of a PostgreSQL database; readers take them in turn. None: the primary.
    pub replicas: Vec<String>,
    /// How many connections each pool of readers may hold.
    pub readers: u32,
    /// How many connections may write; SQLite always has one.
    pub writers: u32,
    /// Whether a SQLite file is made when there is none.
    pub create: bool,
}

impl Options {
    /// The usual pools for this address: a file that is not there is an error.
    pub fn new(url: impl Into<String>) -> Self {
        // Eight readers keep two cores busy while others wait for the disk; PostgreSQL's default
        // of 100 connections then carries a fleet of eight.
        Self {
            url: url.into(),
            replicas: Vec::new(),
            readers: 8,
            writers: 4,
            create: false,
        }
    }

    /// The same, and makes the SQLite file if there is none.
    #[must_use]
    pub fn create(self) -> Self {
        Self {
            create: true,
            ..self
        }
    }
}

/// A newsroom's database.
#[derive(Clone, Debug)]
pub struct Db {
    dialect: Dialect,
    url: Arc<str>,
    writers: DatabaseConnection,
    readers: Arc<[Pool]>,
    /// Whether the readers are replicas.
    replicated: bool,
    turn: Arc<AtomicUsize>,
    bell: Arc<Bell>,
    cache: Option<Cache>,
}

impl Db {
    /// Opens a database; it need not be migrated yet.
    pub async fn open(options: &Options) -> Result<Self> {
        let dialect = dialect(&options.url)?;
        if dialect == Dialect::Sqlite && !options.replicas.is_empty() {
            return Err(address(&options.replicas[0], "SQLite has no replicas"));
        }
        let writers = match dialect {
            Dialect::Sqlite => sqlite(&options.url, Access::Write(options.create)).await?,
            Dialect::Postgres => postgres(&options.url, options.writers).await?,
        };
        let mut readers = Vec::new();
        match dialect {
            Dialect::Sqlite => readers.push(sqlite_readers(&options.url, options.readers).await?),
            Dialect::Postgres if options.replicas.is_empty() => {
                readers.push(postgres_readers(&options.url, options.readers).await?);
            }
            Dialect::Postgres => {
                for url in &options.replicas {
                    readers.push(postgres_readers(url, options.readers).await?);
                }
            }
        }
        Ok(Self {
            dialect,
            url: options.url.as_str().into(),
            writers,
            readers: readers.into(),
            replicated: !options.replicas.is_empty(),
            turn: Arc::default(),
            bell: Arc::new(Bell::new(match dialect {
                Dialect::Sqlite => Elsewhere::Sqlite(file(&options.url)?.into()),
                Dialect::Postgres => Elsewhere::Postgres(options.url.clone()),
            })),
            cache: None,
        })
    }

    /// The same database, with a cache of at most so many bytes, which every reader asks first from
    /// now on and every writer waits for. One of no bytes still has the reference data.
    ///
    /// It must be migrated: the cache follows the change feed.
    pub async fn caching(self, most: usize) -> Result<Self> {
        let cache = Cache::follow(most, self.feed()).await?;
        Ok(Self {
            cache: Some(cache),
            ..self
        })
    }

    /// The cache, if there is one.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Waits until the cache knows of all that has been written by now, wherever it was, and has the
    /// reference data as of then; at once if there is none.
    pub async fn caught_up(&self) -> Result<()> {
        if let Some(cache) = &self.cache {
            let head = self.feed().edges().await?.head;
            cache.reaches(head).await;
            cache.settles().await;
        }
        Ok(())
    }

    /// A view of the newsroom for one request.
    pub fn reader(&self, scope: Scope) -> Reader {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        // Before anything is read: see the cache's text.
        let view = self.cache.as_ref().and_then(Cache::view);
        let source = Source::Readers(self.readers[turn].clone());
        let reader = Reader::new(source, self.dialect, scope);
        let primary = || Source::Writers(self.writers.clone());
        match view {
            Some(view) => reader.through(view, self.replicated.then(primary)),
            None => reader,
        }
    }

    /// The same, as soon as what is kept knows of all that was committed here and of the change at
    /// `position`, which another node may have committed. Where it does not come to know of them
    /// soon, the primary is read. While the feed cannot be read, replicas answer as they are whoever
    /// names no position: the primary may be what is gone.
    pub async fn reader_at(&self, scope: Scope, position: Option<i64>) -> Reader {
        let followed = self.cache.as_ref();
        let followed = followed.filter(|cache| cache.position().is_some());
        let known = match followed {
            Some(cache) => cache.ready(position.unwrap_or_default()).await,
            // A replica may lag behind.
            None => position.is_none(),
        };
        let reader = self.reader(scope);
        // Somebody may have committed since, of which neither the cache nor a replica knows yet.
        let overtaken = followed.is_some() && reader.position().is_none();
        if known && !overtaken {
            reader
        } else {
            self.primary(&reader).uncached()
        }
    }

    /// The same reader on the primary, which shows what was just written; a replica may not yet.
    pub fn primary(&self, reader: &Reader) -> Reader {
        match self.dialect {
            // Readers of one file see each commit at once.
            Dialect::Sqlite => reader.clone(),
            Dialect::Postgres => reader.on(Source::Writers(self.writers.clone())),
        }
    }

    /// The same reader after a write of its own: on the primary, and by what is kept by then.
    pub fn after_write(&self, reader: &Reader) -> Reader {
        let reader = self.primary(reader).uncached().afresh();
        match self.cache.as_ref().and_then(Cache::view) {
            Some(view) => reader.through(view, None),
            None => reader,
        }
    }

    /// Begins a transaction of writes, made at this moment.
    ///
    /// On SQLite it is IMMEDIATE: a deferred one that reads first fails when another has written.
    pub async fn writer(&self, at: DateTime<Utc>) -> Result<Writer> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = match self.dialect {
            Dialect::Sqlite => self.writers.begin_with_options(options).await,
            Dialect::Postgres => self.writers.begin().await,
        };
        Ok(Writer::new(
            transaction.doing("begin a transaction")?,
            self.dialect,
            at,
            Arc::clone(&self.bell),
            self.cache.clone(),
        ))
    }

    /// A reader of the change feed.
    pub fn feed(&self) -> Feed {
        // Without the cache, which has a feed itself.
        Feed::new(Self {
            cache: None,
            ..self.clone()
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.writers.ping().await.doing("reach the database")?;
        for reader in self.readers.iter() {
            reader.ping().await.doing("reach the database")?;
        }
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(self) -> Result<()> {
        self.bell.stop();
        if let Some(cache) = &self.cache {
            cache.stop();
        }
        for reader in self.readers.iter() {
            reader.close().await;
        }
        self.writers.close().await.doing("close the database")
    }

    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.writers
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The newsroom as it is at one moment, for reading and on the primary.
    pub(crate) async fn snapshot(&self) -> Result<DatabaseTransaction> {
        let begun = match self.dialect {
            // A connection of its own; the first read chooses the moment.
            Dialect::Sqlite => sqlite(&self.url, Access::Read).await?.begin().await,
            Dialect::Postgres => {
                let isolation = Some(IsolationLevel::RepeatableRead);
                self.writers
                    .begin_with_config(isolation, Some(AccessMode::ReadOnly))
                    .await
            }
        };
        begun.doing("begin to read at one moment")
    }

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }
}

fn dialect(url: &str) -> Result<Dialect> {
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "sqlite" => Ok(Dialect::Sqlite),
        "postgres" | "postgresql" => Ok(Dialect::Postgres),
        _ => Err(address(url, "it must start with sqlite: or postgres://")),
    }
}

fn address(url: &str, problem: &str) -> Error {
    Error::Address {
        url: without_password(url),
        problem: problem.to_owned(),
    }
}

/// The address with what stands between `:` and `@` replaced, for messages and logs.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((user, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    let name = user.split(':').next().unwrap_or_default();
    let hidden = if user.contains(':') { ":***" } else { "" };
    format!("{scheme}://{name}{hidden}@{host}")
}

/// The file that a SQLite address names.
fn file(url: &str) -> Result<String> {
    let path = url.strip_prefix("sqlite:").unwrap_or_default();
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() || path.contains(":memory:") {
        return Err(address(url, "it must name a file, as in sqlite:khabar.db"));
    }
    Ok(path.to_owned())
}

/// What is done with a file of SQLite.
#[derive(Clone, Copy)]
enum Access {
    Read,
    /// Whether the file is made when there is none.
    Write(bool),
}

/// One connection.
async fn sqlite(url: &str, access: Access) -> Result<DatabaseConnection> {
    let path = file(url)?;
    let mut connect = ConnectOptions::new(url.to_owned());
    connect
        .max_connections(1)
        .min_connections(1)
        .sqlx_logging(false)
        .idle_timeout(None)
        .max_lifetime(None);
    connect
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false);
    connect.map_sqlx_sqlite_opts(move |options| with_sqlite(options, &path, access));
    Database::connect(connect)
        .await
        .doing(&format!("open {url}"))
}

async fn sqlite_readers(url: &str, connections: u32) -> Result<Pool> {
    let path = file(url)?;
    let options =
        SqliteConnectOptions::from_str(url).map_err(|error| address(url, &error.to_string()))?;
    let pool = Pool::sqlite(with_sqlite(options, &path, Access::Read), connections).await;
    pool.doing(&format!("open {url}"))
}

/// How a file of SQLite is opened.
fn with_sqlite(options: SqliteConnectOptions, path: &str, access: Access) -> SqliteConnectOptions {
    let (reads, creates) = match access {
        Access::Read => (true, false),
        Access::Write(creates) => (false, creates),
    };
    options
        .filename(path)
        .create_if_missing(creates)
        .read_only(reads)
        .journal_mode(SqliteJournalMode::Wal)
        // With WAL, NORMAL keeps the file whole through a crash; only a power cut may lose the
        // last commits, so writes sync in full: what was acknowledged stays.
        .synchronous(if reads {
            SqliteSynchronous::Normal
        } else {
            SqliteSynchronous::Full
        })
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(30))
        .statement_cache_capacity(256)
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "memory")
        // All of the file, however large: what is not mapped is copied into each connection's cache.
        .pragma("mmap_size", "0x10000000000")
        .disable_statement_logging()
}

async fn postgres(url: &str, connections: u32) -> Result<DatabaseConnection> {
    let options = postgres_options(url)?;
    // A pool would go on trying a closed door for as long as a request may wait for a connection.
    let reached = options.connect().await;
    reached
        .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))
        .doing(&format!("reach {}", without_password(url)))?;
    let mut connect = ConnectOptions::new(url.to_owned());
    connect
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false)
        .map_sqlx_postgres_opts(move |_| options.clone());
    Database::connect(connect)
        .await
        .doing(&format!("reach {}", without_password(url)))
}

async fn postgres_readers(url: &str, connections: u32) -> Result<Pool> {
    let pool = Pool::postgres(postgres_options(url)?, connections).await;
    pool.doing(&format!("reach {}", without_password(url)))
}

/// How PostgreSQL is connected to.
fn postgres_options(url: &str) -> Result<PgConnectOptions> {
    let options =
        PgConnectOptions::from_str(url).map_err(|error| address(url, &error.to_string()))?;
    Ok(options
        .application_name("khabar")
        .statement_cache_capacity(256)
        // Every statement has one good plan, whatever its values: making it anew each time
        // took half of the database's time.
        .options([("plan_cache_mode", "force_generic_plan")])
        .disable_statement_logging())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(
            without_password("postgres://a:s3cret@h/db"),
            "postgres://a:***@h/db"
        );
        assert_eq!(without_password("postgres://a@h/db"), "postgres://a@h/db");
        assert_eq!(without_password("sqlite:x.db"), "sqlite:x.db");
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_used_is_named() {
        for (url, problem) in [
            ("mysql://h/db", "must start with"),
            ("sqlite:", "must name a file"),
            ("nonsense", "must start with"),
        ] {
            let error = Db::open(&Options::new(url)).await.unwrap_err().to_string();
            assert!(error.contains(url) && error.contains(problem), "{error}");
        }
    }
}

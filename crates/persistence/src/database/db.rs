//! A database handle: its connection pools, and how it is opened.

mod connect;
mod heads;
mod options;
mod url;
mod wal;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use khabar_domain::{Invalid, Scope};
use sea_orm::{
    AccessMode, ConnAcquireErr, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    RuntimeErr, TransactionTrait,
};
use tokio::sync::OwnedSemaphorePermit;

use self::connect::{Access, Use, pool, whole};
use self::heads::Heads;
pub use self::options::{Options, Timeouts};
use self::url::{address, dialect, file};
use crate::cache::{self, LEASE};
use crate::database::database_file::DatabaseFile;
pub use crate::database::masked_url::{without_password, without_passwords};
use crate::database::pool::Pool;
use crate::database::replica::Replica;
use crate::database::transaction::Transaction;
use crate::database::{masked_url, private_file};
use crate::feed::notifier::{Notifier, RemoteSource};
use crate::feed::{Feed, FeedBounds, Position};
use crate::query::broken::BrokenRows;
use crate::query::sql::Dialect;
use crate::session::source::Source;
use crate::{Cache, Doing, ReadSession, Result, WriteTx, feed};

/// Time limit for health checks and for reads of the feed's position.
const PING: Duration = Duration::from_millis(1_500);

/// A handle to a newsroom's database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    dialect: Dialect,
    url: Arc<str>,
    pools: Arc<Pools>,
    /// The pools that this handle uses: for reads on the primary, and for writes.
    reads: Pool,
    writes: Pool,
    /// Whether readers of this handle may use replicas.
    uses_replicas: bool,
    turn: Arc<AtomicUsize>,
    notifier: Arc<Notifier>,
    heads: Arc<Heads>,
    cache: Option<Cache>,
    broken: Arc<BrokenRows>,
}

/// The connection pools, one for each use, so that no use blocks another.
#[derive(Debug)]
struct Pools {
    read: Pool,
    write: Pool,
    feed: Pool,
    system: Pool,
    background: Pool,
    replicas: Vec<Replica>,
    /// The database file. SQLite only.
    file: Option<Arc<DatabaseFile>>,
    /// A connection for migrations and for reading a consistent snapshot of the database.
    whole: DatabaseConnection,
}

impl Db {
    /// Opens a database. It need not be migrated yet.
    pub async fn open(options: &Options) -> Result<Self> {
        let url = masked_url::without_unused_secrets(&options.url);
        let url = url.as_str();
        let dialect = dialect(url)?;
        if dialect == Dialect::Sqlite && !options.replicas.is_empty() {
            return Err(address(&options.replicas[0], "SQLite has no replicas"));
        }
        let doing = match dialect {
            Dialect::Sqlite => format!("open {}", without_password(url)),
            Dialect::Postgres => format!("reach {}", without_password(url)),
        };
        if dialect == Dialect::Sqlite {
            private_file::prepare(&file(url)?, options.create)
                .map_err(|error| address(url, &format!("its file: {error}")))?;
        }
        let database = match dialect {
            Dialect::Sqlite => Some(Arc::new(DatabaseFile::at(file(url)?))),
            Dialect::Postgres => None,
        };
        let pool_for = |used| pool(url, options, used, database.as_ref());
        // The write pool comes first, because it creates the SQLite file.
        let write = pool_for(Use::Write)?;
        connect::check(&write).await.doing(&doing)?;
        if let Some(database) = &database {
            let held = database.hold().await;
            held.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))
                .doing(&doing)?;
        }
        let read = pool_for(Use::Read)?;
        read.ping().await.doing(&doing)?;
        let background = match dialect {
            // SQLite allows a single writer.
            Dialect::Sqlite => write.clone(),
            Dialect::Postgres => pool_for(Use::Background)?,
        };
        let mut replicas = Vec::new();
        for replica in &options.replicas {
            // A replica that cannot be reached now is skipped until it can.
            let replica = masked_url::without_unused_secrets(replica);
            replicas.push(Replica::new(pool(&replica, options, Use::Read, None)?));
        }
        let create = options.create;
        let pools = Pools {
            feed: pool_for(Use::Feed)?,
            system: pool_for(Use::System)?,
            whole: whole(url, Access::Write { create }).await?,
            read,
            write,
            background,
            replicas,
            file: database,
        };
        Ok(Self {
            dialect,
            url: url.into(),
            reads: pools.read.clone(),
            writes: pools.write.clone(),
            uses_replicas: true,
            pools: Arc::new(pools),
            turn: Arc::default(),
            notifier: Arc::new(Notifier::new(match dialect {
                Dialect::Sqlite => RemoteSource::Sqlite(file(url)?.into()),
                Dialect::Postgres => {
                    RemoteSource::Postgres(Box::new(connect::postgres_options(url)?))
                }
            })),
            heads: Arc::default(),
            cache: None,
            broken: Arc::default(),
        })
    }

    /// Returns the broken rows found by readers of this database.
    pub fn broken_rows(&self) -> &BrokenRows {
        &self.broken
    }

    /// Adds a cache of at most `most` bytes. From now on every reader asks the cache first, and every
    /// writer waits for it to catch up. A cache of 0 bytes still holds the reference data.
    ///
    /// The database must be migrated, because the cache follows the change feed.
    pub async fn caching(self, most: usize) -> Result<Self> {
        self.caching_for(most, LEASE).await
    }

    /// Adds a cache as [`Db::caching`] does, with this lease: the time for which the cache answers
    /// after the feed was last read to its end.
    pub async fn caching_for(self, most: usize, lease: Duration) -> Result<Self> {
        let cache = cache::follow::follow(most, lease, self.feed()).await?;
        Ok(Self {
            cache: Some(cache),
            ..self
        })
    }

    /// Returns the cache, if there is one.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Returns a handle with connections that requests do not use, on the primary only. For reads that
    /// every request may need first, and for scheduled work.
    #[must_use]
    pub fn system(&self) -> Self {
        Self {
            reads: self.pools.system.clone(),
            writes: self.pools.background.clone(),
            uses_replicas: false,
            ..self.clone()
        }
    }

    /// Waits until the cache, including its reference data, reflects everything written so far by any
    /// node. Each step gives up after a short time-out. Returns at once if there is no cache.
    pub async fn wait_for_feed(&self) -> Result<()> {
        if let Some(cache) = &self.cache {
            let head = self.feed().bounds().await?.head;
            cache.reaches(head).await;
            cache.settles().await;
        }
        Ok(())
    }

    /// Returns a view of the newsroom for one request.
    pub fn reader(&self, scope: Scope) -> ReadSession {
        // Taken before anything is read: see the documentation of the cache.
        let view = self.cache.as_ref().and_then(Cache::view);
        let primary = self.reads.clone();
        let replicas = &self.pools.replicas;
        let source = if self.uses_replicas && !replicas.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % replicas.len();
            Source::Replica(replicas[turn].clone(), primary)
        } else {
            Source::Primary(primary)
        };
        let reader = ReadSession::new(source, self.dialect, scope)
            .knowing(self.notifier.committed())
            .remembering(Arc::clone(&self.broken));
        match (view, self.cache.as_ref()) {
            // Cached data is as of the view's own position, regardless of later writes.
            (Some(view), _) => reader.through(view),
            (None, Some(cache)) => match cache.position() {
                Some(position) => reader.at_least(position),
                None => reader,
            },
            (None, None) => reader,
        }
    }

    /// Returns a view of the newsroom for one request. It includes everything committed by this node,
    /// and the change at `position`, which another node may have committed. Waits a short time for the
    /// cache to reach them. If it does not, the view reads from the primary.
    ///
    /// A position beyond the end of the feed is [`Error::Invalid`](crate::Error::Invalid). A position from another epoch is
    /// ignored, because the change may no longer exist.
    pub async fn reader_at(&self, scope: Scope, position: Option<Position>) -> Result<ReadSession> {
        let (least, _waiting) = match position {
            Some(position) => self.reached(position).await?,
            None => (0, None),
        };
        let followed = self.cache.as_ref();
        let followed = followed.filter(|cache| cache.position().is_some());
        let known = match followed {
            Some(cache) => cache.ready(least).await,
            None => true,
        };
        let reader = self.reader(scope).knowing(least);
        // A later commit may not have reached the cache or a replica yet.
        let overtaken = followed.is_some() && !reader.has_view();
        Ok(if known && !overtaken {
            reader
        } else {
            self.primary(&reader).uncached()
        })
    }

    /// Returns the position that a reader for `position` must reach. If the cache has not reached it
    /// yet, also returns a permit to wait.
    async fn reached(&self, position: Position) -> Result<(i64, Option<OwnedSemaphorePermit>)> {
        let is_known = |known: Position| known.epoch == position.epoch && known.seq >= position.seq;
        if self.cache().and_then(Cache::position).is_some_and(is_known) {
            return Ok((position.seq, None));
        }
        let waiter = self.heads.waiter()?;
        let head = self.heads.head(self).await?;
        if head.epoch != position.epoch {
            return Ok((0, None));
        }
        if head.seq < position.seq {
            let problem = format!("is beyond {head}, the end of the change feed");
            return Err(Invalid::new("the position", problem).into());
        }
        Ok((position.seq, Some(waiter)))
    }

    /// Returns a copy of the reader on the primary, which includes the latest writes. A replica may not
    /// yet.
    pub fn primary(&self, reader: &ReadSession) -> ReadSession {
        reader.on(Source::Primary(self.reads.clone()))
    }

    /// Returns a copy of the reader for use after its own write. It reads from the primary and from the
    /// cache as it is now, and drops answers that were prefetched before the write.
    pub fn after_write(&self, reader: &ReadSession) -> ReadSession {
        let reader = self.primary(reader).uncached().afresh();
        match self.cache.as_ref().and_then(Cache::view) {
            Some(view) => reader.through(view),
            None => reader,
        }
    }

    /// Begins a write transaction. `at` is the time of its writes.
    pub async fn writer(&self, at: DateTime<Utc>) -> Result<WriteTx> {
        let transaction = Transaction::begin(&self.writes).await;
        Ok(WriteTx::new(
            transaction.doing("begin a transaction")?,
            self.dialect,
            at,
            // A connection outside the transaction, which sees what others see.
            self.pools.system.clone(),
            Arc::clone(&self.notifier),
            self.cache.clone(),
        ))
    }

    /// Returns a reader of the change feed.
    pub fn feed(&self) -> Feed {
        Feed::new(
            self.pools.feed.clone(),
            self.dialect,
            Arc::clone(&self.broken),
            Arc::clone(&self.notifier),
        )
    }

    /// Returns the ends of the change feed. Fails after 1.5 seconds without an answer.
    pub async fn bounds(&self) -> Result<FeedBounds> {
        let scope = Scope::reader(DateTime::UNIX_EPOCH);
        let reader = self.system().reader(scope).uncached();
        let bounds = tokio::time::timeout(PING, feed::bounds(&reader)).await;
        bounds.unwrap_or_else(|_| Err(late()).doing("read the change feed"))
    }

    /// Checks that the primary answers. Fails after 1.5 seconds without an answer.
    pub async fn ping(&self) -> Result<()> {
        let answered = tokio::time::timeout(PING, self.pools.system.ping()).await;
        answered
            .unwrap_or_else(|_| Err(late()))
            .doing("reach the database")
    }

    /// Whether the SQLite file was deleted, moved or replaced while it was open. Until it is back,
    /// nothing is read or written.
    pub fn has_lost_file(&self) -> bool {
        let file = self.pools.file.as_ref();
        file.is_some_and(|file| file.is_lost())
    }

    /// Closes every connection.
    pub async fn close(self) -> Result<()> {
        self.notifier.stop();
        if let Some(cache) = &self.cache {
            cache.stop();
        }
        let Pools {
            read,
            write,
            feed,
            system,
            background,
            replicas,
            file,
            whole,
        } = self.pools.as_ref();
        for pool in [read, feed, system, background] {
            pool.close().await;
        }
        for replica in replicas {
            replica.pool().close().await;
        }
        if let Some(file) = file {
            file.close().await;
        }
        // Connections that can write are closed last. On SQLite, closing them moves the write-ahead log
        // into the file.
        let closed = whole.close_by_ref().await;
        write.close().await;
        closed.doing("close the database")
    }

    /// Returns the connection of SeaORM's own pool, for migrations.
    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.pools.whole
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Begins a read-only transaction on the primary, which sees the database as it is at one moment.
    pub(crate) async fn snapshot(&self) -> Result<DatabaseTransaction> {
        let begun = match self.dialect {
            // A separate connection. The snapshot is taken at the first read.
            Dialect::Sqlite => whole(&self.url, Access::Read).await?.begin().await,
            Dialect::Postgres => {
                let isolation = Some(IsolationLevel::RepeatableRead);
                self.pools
                    .whole
                    .begin_with_config(isolation, Some(AccessMode::ReadOnly))
                    .await
            }
        };
        begun.doing("begin to read at one moment")
    }
}

fn late() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

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

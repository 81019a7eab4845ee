//! A database: its pools, and what it takes to open one.

mod connect;
mod heads;
mod options;
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
use crate::broken::BrokenRows;
use crate::cache::LEASE;
use crate::change::bell::{Bell, Elsewhere};
use crate::change::{Edges, Feed, Position};
use crate::database_file::DatabaseFile;
pub use crate::masked_url::{without_password, without_passwords};
use crate::pool::Pool;
use crate::reader::Source;
use crate::replica::Replica;
use crate::sql::Dialect;
use crate::transaction::Transaction;
use crate::{Cache, Doing, Error, Reader, Result, Writer, change, masked_url, private_file};

/// The time in which a health check wants to hear of the database.
const PING: Duration = Duration::from_millis(1_500);

/// A newsroom's database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    dialect: Dialect,
    url: Arc<str>,
    pools: Arc<Pools>,
    /// Where this handle reads on the primary, and where it writes.
    reads: Pool,
    writes: Pool,
    /// Whether readers of this handle may read on replicas.
    uses_replicas: bool,
    turn: Arc<AtomicUsize>,
    bell: Arc<Bell>,
    heads: Arc<Heads>,
    cache: Option<Cache>,
    broken: Arc<BrokenRows>,
}

/// The connections of each use, so that none keeps another waiting.
#[derive(Debug)]
struct Pools {
    read: Pool,
    write: Pool,
    feed: Pool,
    system: Pool,
    background: Pool,
    replicas: Vec<Replica>,
    /// On SQLite.
    file: Option<Arc<DatabaseFile>>,
    /// For migrations and for reading everything as it is at one moment.
    whole: DatabaseConnection,
}

impl Db {
    /// Opens a database; it need not be migrated yet.
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
        // First of all, because it makes the file of SQLite.
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
            // One may write.
            Dialect::Sqlite => write.clone(),
            Dialect::Postgres => pool_for(Use::Background)?,
        };
        let mut replicas = Vec::new();
        for replica in &options.replicas {
            // One that cannot be reached now is left out until it can.
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
            bell: Arc::new(Bell::new(match dialect {
                Dialect::Sqlite => Elsewhere::Sqlite(file(url)?.into()),
                Dialect::Postgres => Elsewhere::Postgres(Box::new(connect::postgres_options(url)?)),
            })),
            heads: Arc::default(),
            cache: None,
            broken: Arc::default(),
        })
    }

    /// The broken rows that were met by whatever reads here.
    pub fn broken_rows(&self) -> &BrokenRows {
        &self.broken
    }

    /// The same database, with a cache of at most so many bytes, which every reader asks first from
    /// now on and every writer waits for. One of no bytes still has the reference data.
    ///
    /// It must be migrated: the cache follows the change feed.
    pub async fn caching(self, most: usize) -> Result<Self> {
        self.caching_for(most, LEASE).await
    }

    /// The same database, with a cache that answers for so long after the feed was last read to its
    /// end.
    pub async fn caching_for(self, most: usize, lease: Duration) -> Result<Self> {
        let cache = Cache::follow(most, lease, self.feed()).await?;
        Ok(Self {
            cache: Some(cache),
            ..self
        })
    }

    /// The cache, if there is one.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// This database on connections that requests do not use, to the primary alone: for what every
    /// request may need first, and for what is done by the clock.
    #[must_use]
    pub fn system(&self) -> Self {
        Self {
            reads: self.pools.system.clone(),
            writes: self.pools.background.clone(),
            uses_replicas: false,
            ..self.clone()
        }
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
        // Before anything is read: see the cache's text.
        let view = self.cache.as_ref().and_then(Cache::view);
        let primary = self.reads.clone();
        let replicas = &self.pools.replicas;
        let source = if self.uses_replicas && !replicas.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % replicas.len();
            Source::Replica(replicas[turn].clone(), primary)
        } else {
            Source::Primary(primary)
        };
        let reader = Reader::new(source, self.dialect, scope)
            .knowing(self.bell.committed())
            .remembering(Arc::clone(&self.broken));
        match (view, self.cache.as_ref()) {
            // What is kept is as of its own place, whatever was written since.
            (Some(view), _) => reader.through(view),
            (None, Some(cache)) => match cache.position() {
                Some(position) => reader.at_least(position),
                None => reader,
            },
            (None, None) => reader,
        }
    }

    /// A view of the newsroom for one request, as soon as what is kept knows of all that was committed
    /// here and of the change at `position`, which another node may have committed. Where it does not
    /// come to know of them soon, the primary is read.
    ///
    /// A position beyond the end of the feed is [`Error::Invalid`]. One of another epoch asks for
    /// nothing: what it stands for may be gone.
    pub async fn reader_at(&self, scope: Scope, position: Option<Position>) -> Result<Reader> {
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
        // Somebody may have committed since, of which neither the cache nor a replica knows yet.
        let overtaken = followed.is_some() && !reader.has_view();
        Ok(if known && !overtaken {
            reader
        } else {
            self.primary(&reader).uncached()
        })
    }

    /// The place that a reader who names this position must know of; and their place among those who
    /// wait, where the cache does not know of it yet.
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

    /// The same reader on the primary, which shows what was just written; a replica may not yet.
    pub fn primary(&self, reader: &Reader) -> Reader {
        reader.on(Source::Primary(self.reads.clone()))
    }

    /// The same reader after a write of its own: on the primary, and by what is kept by then.
    pub fn after_write(&self, reader: &Reader) -> Reader {
        let reader = self.primary(reader).uncached().afresh();
        match self.cache.as_ref().and_then(Cache::view) {
            Some(view) => reader.through(view),
            None => reader,
        }
    }

    /// Begins a transaction of writes, made at this moment.
    pub async fn writer(&self, at: DateTime<Utc>) -> Result<Writer> {
        let transaction = Transaction::begin(&self.writes).await;
        Ok(Writer::new(
            transaction.doing("begin a transaction")?,
            self.dialect,
            at,
            // Another connection than the transaction's: it sees what others see.
            self.pools.system.clone(),
            Arc::clone(&self.bell),
            self.cache.clone(),
        ))
    }

    /// A reader of the change feed.
    pub fn feed(&self) -> Feed {
        Feed::new(Self {
            // It has a feed itself.
            cache: None,
            reads: self.pools.feed.clone(),
            uses_replicas: false,
            ..self.clone()
        })
    }

    /// How far the change feed goes now, within two seconds or not at all.
    pub async fn edges(&self) -> Result<Edges> {
        let scope = Scope::reader(DateTime::UNIX_EPOCH);
        let reader = self.system().reader(scope).uncached();
        let edges = tokio::time::timeout(PING, change::edges(&reader)).await;
        edges.unwrap_or_else(|_| Err(late()).doing("read the change feed"))
    }

    /// Whether the primary answers, within two seconds.
    pub async fn ping(&self) -> Result<()> {
        let answered = tokio::time::timeout(PING, self.pools.system.ping()).await;
        answered
            .unwrap_or_else(|_| Err(late()))
            .doing("reach the database")
    }

    /// Whether the file of SQLite was deleted, moved or replaced while it was open. Until it is back,
    /// nothing is read or written.
    pub fn has_lost_file(&self) -> bool {
        let file = self.pools.file.as_ref();
        file.is_some_and(|file| file.is_lost())
    }

    /// Closes every connection.
    pub async fn close(self) -> Result<()> {
        self.bell.stop();
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
        // The last to go: on SQLite it moves the write-ahead log into the file.
        let closed = whole.close_by_ref().await;
        write.close().await;
        closed.doing("close the database")
    }

    /// A connection by SeaORM's own pool, for migrations.
    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.pools.whole
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The newsroom as it is at one moment, for reading and on the primary.
    pub(crate) async fn snapshot(&self) -> Result<DatabaseTransaction> {
        let begun = match self.dialect {
            // A connection of its own; the first read chooses the moment.
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

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }
}

fn late() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
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

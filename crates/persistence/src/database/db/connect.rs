//! Connects to SQLite files and PostgreSQL servers.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::options::{Options, Timeouts};
use super::url::{address, dialect, file};
use crate::database::database_file::DatabaseFile;
use crate::database::masked_url::without_password;
use crate::database::pool::{Bounds, Looks, Pool};
use crate::query::sql::{Dialect, Sql};
use crate::{Doing, Result};

/// A use of the database that has its own connections, so that no use blocks another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Reads for requests.
    Read,
    /// Writes for requests.
    Write,
    /// The change feed and the reference data.
    Feed,
    /// Identity, health and the position of the feed: reads that every request may need first.
    System,
    /// Scheduled writes: the scheduler and maintenance.
    Background,
}

impl Use {
    const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Background)
    }

    fn bounds(self, options: &Options) -> Bounds {
        let Timeouts {
            connect,
            acquire,
            read,
            write,
            ..
        } = options.timeouts;
        let size = match self {
            Self::Read => options.read_connections,
            Self::Write => options.write_connections,
            Self::Feed | Self::System => 2,
            Self::Background => 1,
        };
        let bounds = Bounds {
            size,
            connect,
            acquire,
            statement: if self.writes() { write } else { read },
            read: None,
        };
        match self {
            // A late answer is useless: by then the cache has been bypassed, and a health check has
            // given up.
            Self::Feed | Self::System => Bounds {
                read: read.map(|read| read.min(PROMPT)),
                ..bounds
            },
            _ => bounds,
        }
    }
}

/// Time limit for reads that all other requests wait for.
const PROMPT: Duration = Duration::from_millis(1_500);

/// Creates the pool for this use of the database, without connecting yet. `database` is the file of a
/// SQLite database.
pub(super) fn pool(
    url: &str,
    options: &Options,
    used: Use,
    database: Option<&Arc<DatabaseFile>>,
) -> Result<Pool> {
    let bounds = used.bounds(options);
    let pool = match dialect(url)? {
        Dialect::Sqlite => {
            let path = file(url)?;
            let connect = SqliteConnectOptions::from_str(url)
                .map_err(|error| address(url, &error.to_string()))?;
            let access = if used.writes() {
                Access::Write {
                    create: options.create,
                }
            } else {
                Access::Read
            };
            let connect = with_sqlite(connect, &path, access, options.timeouts.lock);
            // SQLite allows a single writer.
            let size = if used.writes() { 1 } else { bounds.size };
            let looks = if used == Use::Read {
                Looks::Never
            } else {
                Looks::Always
            };
            let database = database.map(|database| (Arc::clone(database), looks));
            Pool::sqlite(connect, Bounds { size, ..bounds }, database)
        }
        Dialect::Postgres => {
            let connect = with_timeouts(postgres_options(url)?, &options.timeouts, bounds);
            Pool::postgres(connect, bounds)
        }
    };
    pool.doing(&format!("open {}", without_password(url)))
}

/// Creates one connection in SeaORM's own pool, which is opened on first use. For migrations, and for
/// reading a consistent snapshot of the database.
pub(super) async fn whole(url: &str, access: Access) -> Result<DatabaseConnection> {
    let mut connect = ConnectOptions::new(url.to_owned());
    connect
        .max_connections(1)
        .min_connections(0)
        .connect_lazy(true)
        .sqlx_logging(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false);
    match dialect(url)? {
        Dialect::Sqlite => {
            let path = file(url)?;
            connect.map_sqlx_sqlite_opts(move |options| with_sqlite(options, &path, access, None));
        }
        Dialect::Postgres => {
            let options = postgres_options(url)?;
            connect.map_sqlx_postgres_opts(move |_| options.clone());
        }
    }
    let connected: Result<_, DbErr> = Database::connect(connect).await;
    connected.doing(&format!("open {}", without_password(url)))
}

/// The access mode for a SQLite file.
#[derive(Clone, Copy)]
pub(super) enum Access {
    Read,
    Write {
        /// Whether to create the file if it does not exist.
        create: bool,
    },
}

/// Sets the options for opening a SQLite file. `lock` is the time to wait for another process that
/// writes. Defaults to 30 seconds.
fn with_sqlite(
    options: SqliteConnectOptions,
    path: &str,
    access: Access,
    lock: Option<Duration>,
) -> SqliteConnectOptions {
    let (reads, creates) = match access {
        Access::Read => (true, false),
        Access::Write { create } => (false, create),
    };
    options
        .filename(path)
        .create_if_missing(creates)
        .read_only(reads)
        .journal_mode(SqliteJournalMode::Wal)
        // With WAL, NORMAL keeps the file consistent through a crash, but a power cut may lose the last
        // commits. Writers therefore use FULL, so that acknowledged commits are durable.
        .synchronous(if reads {
            SqliteSynchronous::Normal
        } else {
            SqliteSynchronous::Full
        })
        .foreign_keys(true)
        .busy_timeout(lock.unwrap_or(Duration::from_secs(30)))
        .statement_cache_capacity(256)
        // In kilobytes. Readers map the file into memory and cache only pages of the write-ahead log.
        .pragma("cache_size", if reads { "-8192" } else { "-32768" })
        .pragma("temp_store", "memory")
        // Maps the whole file, however large. Pages that are not mapped are copied into each
        // connection's cache.
        .pragma("mmap_size", "0x10000000000")
        // Frees the disk space of a log that a long transaction, or a reader that blocked it, has made
        // grow.
        .pragma("journal_size_limit", WAL_BYTES.to_string())
        .disable_statement_logging()
}

/// Maximum size of the write-ahead log on disk when it restarts, in bytes. It usually restarts at about
/// 4 MB.
pub(super) const WAL_BYTES: u64 = 8 * 1024 * 1024;

/// Connects for the first time. Refuses a pooler between this program and PostgreSQL, because it
/// discards session settings such as time-outs. In transaction mode, a pooler also loses prepared
/// statements and `LISTEN`.
pub(super) async fn check(pool: &Pool) -> Result<(), DbErr> {
    let text = "SELECT current_setting('plan_cache_mode') AS mode".to_owned();
    let Pool::Postgres(_) = pool else {
        return pool.ping().await;
    };
    let pooled = |cause: &str| {
        let problem = format!(
            "{cause}: connect to PostgreSQL itself and not to PgBouncer or another pooler; Khabar keeps \
             pools of its own (docs/operating.md)"
        );
        DbErr::Custom(problem)
    };
    match pool.rows(Sql::new(Dialect::Postgres).statement(text)).await {
        Ok(rows) => {
            let mode = rows.first().map(|row| row.try_get::<String>("", "mode"));
            match mode.transpose()?.as_deref() {
                Some(PLAN_CACHE_MODE) => Ok(()),
                _ => Err(pooled("the session's settings were not taken over")),
            }
        }
        Err(error) if error.to_string().contains("unsupported startup parameter") => {
            Err(pooled("the server does not take the session's settings"))
        }
        Err(error) => Err(error),
    }
}

/// The plan cache mode. Every statement has one good plan, whatever its values. Planning it anew each
/// time took half of the database's time.
const PLAN_CACHE_MODE: &str = "force_generic_plan";

/// Refuses an address with several hosts, which the driver would take for a single host name.
fn one_host(url: &str) -> Result<()> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, query) = authority.split_once('?').unwrap_or((authority, ""));
    let authority = authority.split('/').next().unwrap_or_default();
    let hosts = authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts);
    let in_query = query.split('&').any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        matches!(name, "host" | "hostaddr" | "port")
            && (value.contains(',') || value.to_ascii_lowercase().contains("%2c"))
    });
    if hosts.contains(',') || in_query || query.contains("target_session_attrs") {
        let problem = "it names several hosts: name one that follows the primary (a service, a virtual \
                       address, a DNS name of your failover manager), and the standbys in `replicas`";
        return Err(address(url, problem));
    }
    Ok(())
}

/// Builds the options for connecting to PostgreSQL.
pub(super) fn postgres_options(url: &str) -> Result<PgConnectOptions> {
    one_host(url)?;
    let options =
        PgConnectOptions::from_str(url).map_err(|error| address(url, &error.to_string()))?;
    Ok(options
        .application_name("khabar")
        .statement_cache_capacity(256)
        .options([("plan_cache_mode", PLAN_CACHE_MODE)])
        // Statements without parameters quote text by doubling `'`.
        .options([("standard_conforming_strings", "on")])
        .disable_statement_logging())
}

/// Adds the time-outs that the server enforces. They apply even while this program is frozen.
fn with_timeouts(
    options: PgConnectOptions,
    timeouts: &Timeouts,
    bounds: Bounds,
) -> PgConnectOptions {
    let milliseconds = |time: Option<Duration>| time.map_or(0, |time| time.as_millis());
    let dead_peer = milliseconds(timeouts.dead_peer);
    let seconds = dead_peer.div_ceil(3 * 1_000);
    options.options([
        ("statement_timeout", milliseconds(bounds.statement)),
        ("lock_timeout", milliseconds(timeouts.lock)),
        (
            "idle_in_transaction_session_timeout",
            milliseconds(timeouts.idle_in_transaction),
        ),
        // Cancels a statement whose client has disconnected. In milliseconds.
        ("client_connection_check_interval", 1_000),
        ("tcp_user_timeout", dead_peer),
        ("tcp_keepalives_idle", seconds),
        ("tcp_keepalives_interval", seconds),
        ("tcp_keepalives_count", if seconds == 0 { 0 } else { 2 }),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_several_hosts_is_refused() {
        for url in [
            "postgres://u@a,b/news",
            "postgres://u@a:5432,b:5432/news",
            "postgres://u:p@a,b/news?target_session_attrs=read-write",
            "postgres://u@a/news?target_session_attrs=any",
            "postgres://u@/news?host=a,b",
            "postgres://u@/news?host=a%2Cb",
        ] {
            let error = postgres_options(url).unwrap_err().to_string();
            assert!(error.contains("several hosts"), "{url}: {error}");
        }
        for url in [
            "postgres://u:a,b@h/news",
            "postgres://u@h/news?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://u@localhost/a,b?host=/run/postgresql",
        ] {
            assert!(postgres_options(url).is_ok(), "{url}");
        }
    }
}

//! A stage: a database filled with an archive, and a child that serves it.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use khabar_persistence::{Db, Options};
use khabar_tests::harness::TestDb;
use sqlx::{Connection as _, PgConnection};

use crate::archive::Archive;
use crate::child::{self, Child};
use crate::in_process::InProcess;
use crate::load::Timings;
use crate::measurement::ProcessorTime;
use crate::operations::{self, OPERATIONS, Sample};
use crate::{cpu_time, load};

/// The way in which a request is answered.
#[derive(Clone, Copy)]
pub(crate) enum By {
    /// The measured server, which caches only reference data.
    Cold,
    /// The measured server with a cache for what it has read, but without caching whole responses.
    Warm,
    /// One SQL statement. Available on PostgreSQL only.
    Statement,
    /// Bytes prepared in advance.
    Ready,
}

/// A filled database and the running child.
pub(crate) struct Environment {
    pub(crate) child: Child,
    /// Time taken to write the archive.
    pub(crate) filled: Duration,
    samples: Vec<Vec<Sample>>,
    postgres: Option<Postgres>,
    // The database is deleted when the stage is dropped.
    _database: TestDb,
}

/// The database server, if it runs in a separate process.
pub(crate) struct Postgres {
    postmaster: u32,
}

impl Environment {
    /// Fills an empty database and starts the child.
    pub(crate) async fn set(database: TestDb, archive: &Archive) -> anyhow::Result<Self> {
        let begun = Instant::now();
        archive.save(database.db()).await?;
        let filled = begun.elapsed();
        let url = database.url();
        // On SQLite, closing the last connection checkpoints the write-ahead log into the database
        // file.
        database.db().clone().close().await?;
        let postgres = match database.name() {
            "PostgreSQL" => Some(Postgres::settle(url).await?),
            _ => None,
        };
        let db = Db::open(&Options::new(url)).await?;
        let samples = operations::samples(archive, &InProcess::new(db.clone())?).await?;
        db.close().await?;
        Ok(Self {
            child: Child::start(url, &samples)?,
            filled,
            samples,
            postgres,
            _database: database,
        })
    }

    /// Returns the ways in which this stage can answer requests.
    pub(crate) fn kinds(&self) -> &'static [By] {
        match self.postgres {
            Some(_) => &[By::Cold, By::Warm, By::Statement, By::Ready],
            None => &[By::Cold, By::Warm, By::Ready],
        }
    }

    /// Measures one operation.
    pub(crate) async fn measure(
        &self,
        place: usize,
        by: By,
        requests: usize,
    ) -> anyhow::Result<(Timings, ProcessorTime)> {
        let operation = &OPERATIONS[place];
        let samples = self.samples[place].iter().enumerate();
        let sent = samples.map(|(number, sample)| match by {
            By::Cold => load::post("/graphql", &sample.body(operation)),
            By::Warm => load::post(child::WARM_GRAPHQL, &sample.body(operation)),
            By::Statement => load::get(&format!("/sql/{place}/{number}")),
            By::Ready => load::get(&format!("/ready/{place}/{number}")),
        });
        let requests = match by {
            By::Cold | By::Warm | By::Statement => requests,
            // Ready bytes cost so little that a few thousand requests could not be measured.
            By::Ready => requests * 5,
        };
        let before = self.spent();
        let pace = load::run(self.child.ready.address, sent.collect(), requests).await?;
        Ok((pace, self.spent().since(before)))
    }

    fn spent(&self) -> ProcessorTime {
        let postgres = self.postgres.as_ref();
        ProcessorTime {
            server: cpu_time::cpu(self.child.pid()),
            database: postgres.map(|postgres| cpu_time::cpu_of_family(postgres.postmaster)),
        }
    }
}

impl Postgres {
    /// Runs `VACUUM (ANALYZE)` and `CHECKPOINT`, so that the database has statistics and no pending
    /// work.
    pub(crate) async fn settle(url: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        for statement in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            let done = sqlx::raw_sql(statement).execute(&mut connection).await;
            done.with_context(|| format!("{statement} failed"))?;
        }
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut connection)
            .await?;
        let postmaster = cpu_time::parent(u32::try_from(backend)?)?;
        connection.close().await?;
        Ok(Self { postmaster })
    }
}

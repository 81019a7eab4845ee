//! The run: measures every operation on one database, and some of them on a smaller archive, too.

use std::io::Write as _;
use std::{fmt, io};

use khabar_tests::harness::TestDb;

use crate::archive::Archive;
use crate::cpu_time::Memory;
use crate::environment::{By, Environment};
use crate::measurement::Measurement;
use crate::operations::{self, COMPARED, OPERATIONS};

/// The size of a run.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Number of articles in the archive.
    pub(crate) articles: usize,
    /// Number of articles in the smaller archive used for comparison.
    pub(crate) fewer: usize,
    /// Number of requests for each figure.
    pub(crate) requests: usize,
}

/// The measurements on one database.
pub(crate) struct Run {
    pub(crate) database: &'static str,
    pub(crate) articles: usize,
    pub(crate) fewer_articles: usize,
    pub(crate) filled_seconds: u64,
    pub(crate) far_page: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Memory,
}

/// The measurements of one operation.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) operation: &'static str,
    /// Average number of SQL statements per request.
    pub(crate) statements: f64,
    /// Median time in microseconds without HTTP, one request at a time.
    pub(crate) in_process_us: f64,
    pub(crate) cold: Measurement,
    pub(crate) warm: Measurement,
    pub(crate) statement: Option<Measurement>,
    pub(crate) ready: Measurement,
    /// Measurements on the smaller archive, for the operations that are compared.
    pub(crate) fewer: Option<SmallArchiveRow>,
}

/// The measurements of the API on the smaller archive.
#[derive(Default)]
pub(crate) struct SmallArchiveRow {
    pub(crate) cold: Measurement,
    pub(crate) warm: Measurement,
}

impl Row {
    fn new(operation: &'static str, statements: f64, in_process_us: f64) -> Self {
        Self {
            operation,
            statements,
            in_process_us,
            ..Self::default()
        }
    }

    fn measured(&mut self, by: By) -> &mut Measurement {
        match by {
            By::Cold => &mut self.cold,
            By::Warm => &mut self.warm,
            By::Statement => self.statement.get_or_insert_default(),
            By::Ready => &mut self.ready,
        }
    }
}

/// Runs all measurements on SQLite.
pub(crate) async fn on_sqlite(plan: Plan) -> anyhow::Result<Run> {
    Box::pin(run(plan, TestDb::sqlite().await?, TestDb::sqlite().await?)).await
}

/// Runs all measurements on PostgreSQL. Returns `None` if PostgreSQL is not installed.
pub(crate) async fn on_postgres(plan: Plan) -> anyhow::Result<Option<Run>> {
    let (Some(large), Some(small)) = (TestDb::postgres().await?, TestDb::postgres().await?) else {
        return Ok(None);
    };
    Box::pin(run(plan, large, small)).await.map(Some)
}

/// Number of rounds into which the requests of a figure are divided. Each round measures all
/// figures, so that other load on the machine affects all of them alike and hardly changes their
/// ratios.
const ROUNDS: usize = 10;

async fn run(plan: Plan, large: TestDb, small: TestDb) -> anyhow::Result<Run> {
    let name = large.name();
    let fewer_articles = plan.fewer;
    let archive = Archive::new(plan.articles)?;
    print_progress(format_args!("{name}: writing {} articles", plan.articles))?;
    let large = Environment::set(large, &archive).await?;
    print_progress(format_args!("{name}: writing {fewer_articles} articles"))?;
    let small = Environment::set(small, &Archive::new(fewer_articles)?).await?;
    let ready = &large.child.ready;
    let mut rows: Vec<Row> = OPERATIONS
        .iter()
        .zip(ready.statements.iter().zip(&ready.in_process_us))
        .map(|(operation, (statements, us))| Row::new(operation.name, *statements, *us))
        .collect();
    for round in 0..=ROUNDS {
        print_progress(format_args!("{name}: round {round} of {ROUNDS}"))?;
        if round == 1 {
            // Round 0 only warms everything up, so its figures are discarded.
            for row in &mut rows {
                *row = Row::new(row.operation, row.statements, row.in_process_us);
            }
        }
        for (place, row) in rows.iter_mut().enumerate() {
            let requests = plan.requests / ROUNDS;
            for by in large.kinds() {
                let (pace, spent) = large.measure(place, *by, requests).await?;
                row.measured(*by).add(pace, spent);
            }
            if place < COMPARED {
                let fewer = row.fewer.get_or_insert_default();
                let (pace, spent) = small.measure(place, By::Cold, requests).await?;
                fewer.cold.add(pace, spent);
                let (pace, spent) = small.measure(place, By::Warm, requests).await?;
                fewer.warm.add(pace, spent);
            }
        }
    }
    Ok(Run {
        database: name,
        articles: plan.articles,
        fewer_articles,
        filled_seconds: large.filled.as_secs(),
        far_page: operations::far_page(&archive),
        rows,
        memory: Memory::of(large.child.pid()),
    })
}

/// Prints the progress to standard error, apart from the report.
fn print_progress(what: fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(io::stderr(), "{what}")
}

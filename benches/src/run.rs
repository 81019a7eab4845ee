//! The run: every operation on one database, and the same on a smaller archive.

use std::io::Write as _;
use std::{fmt, io};

use khabar_tests::harness::TestDb;

use crate::archive::Archive;
use crate::cost::Memory;
use crate::measured::Measured;
use crate::operations::{self, COMPARED, OPERATIONS};
use crate::stage::{By, Stage};

/// How much is asked.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Articles of the archive.
    pub(crate) articles: usize,
    /// Articles of the archive that it is compared with.
    pub(crate) fewer: usize,
    /// Requests for each figure.
    pub(crate) requests: usize,
}

/// What was measured on one database.
pub(crate) struct Run {
    pub(crate) database: &'static str,
    pub(crate) articles: usize,
    pub(crate) fewer_articles: usize,
    pub(crate) filled_seconds: u64,
    pub(crate) far_page: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Memory,
}

/// One operation.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) operation: &'static str,
    /// On average.
    pub(crate) statements: f64,
    pub(crate) cold: Measured,
    pub(crate) warm: Measured,
    pub(crate) statement: Option<Measured>,
    pub(crate) ready: Measured,
    /// Among fewer articles.
    pub(crate) fewer: Option<Fewer>,
}

/// The API on fewer articles.
#[derive(Default)]
pub(crate) struct Fewer {
    pub(crate) cold: Measured,
    pub(crate) warm: Measured,
}

impl Row {
    fn new(operation: &'static str, statements: f64) -> Self {
        Self {
            operation,
            statements,
            ..Self::default()
        }
    }

    fn measured(&mut self, by: By) -> &mut Measured {
        match by {
            By::Cold => &mut self.cold,
            By::Warm => &mut self.warm,
            By::Statement => self.statement.get_or_insert_default(),
            By::Ready => &mut self.ready,
        }
    }
}

/// Runs it all on SQLite.
pub(crate) async fn on_sqlite(plan: Plan) -> anyhow::Result<Run> {
    Box::pin(run(plan, TestDb::sqlite().await?, TestDb::sqlite().await?)).await
}

/// Runs it all on PostgreSQL, if it is installed.
pub(crate) async fn on_postgres(plan: Plan) -> anyhow::Result<Option<Run>> {
    let (Some(large), Some(small)) = (TestDb::postgres().await?, TestDb::postgres().await?) else {
        return Ok(None);
    };
    Box::pin(run(plan, large, small)).await.map(Some)
}

/// In how many rounds the requests of a figure are sent, with all other figures in between: what
/// else the machine does meanwhile then disturbs all alike, and their ratios little.
const ROUNDS: usize = 10;

async fn run(plan: Plan, large: TestDb, small: TestDb) -> anyhow::Result<Run> {
    let name = large.name();
    let fewer_articles = plan.fewer;
    let archive = Archive::new(plan.articles)?;
    say(format_args!("{name}: writing {} articles", plan.articles))?;
    let large = Stage::set(large, &archive).await?;
    say(format_args!("{name}: writing {fewer_articles} articles"))?;
    let small = Stage::set(small, &Archive::new(fewer_articles)?).await?;
    let mut rows: Vec<Row> = OPERATIONS
        .iter()
        .zip(&large.child.ready.statements)
        .map(|(operation, statements)| Row::new(operation.name, *statements))
        .collect();
    for round in 0..=ROUNDS {
        say(format_args!("{name}: round {round} of {ROUNDS}"))?;
        if round == 1 {
            // The first round only warmed it all up.
            for row in &mut rows {
                *row = Row::new(row.operation, row.statements);
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

/// Says how far it is, apart from the report.
fn say(what: fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(io::stderr(), "{what}")
}

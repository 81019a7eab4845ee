//! The child: the measured server. Runs in a separate process, so that its processor time can be
//! told apart from that of the client.
//!
//! Serves the routes of `khabar serve`, once without an entity cache and once with one. Additional
//! routes serve the same responses ready-made and, on PostgreSQL, built by one statement.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::extract::{Path as Segments, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use khabar_domain::clock::SystemClock;
use khabar_persistence::{Db, Options};
use khabar_server::config::Settings;
use khabar_server::http::{self, RequestIds};
use khabar_server::router;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;

use crate::in_process::InProcess;
use crate::operations::{OPERATIONS, Operation, Sample};
use crate::peer::Peer;

/// The subcommand that runs this program as the child.
pub(crate) const SERVE: &str = "serve-for-measuring";

/// GraphQL endpoint of the server with an entity cache.
pub(crate) const WARM_GRAPHQL: &str = "/warm/graphql";
const WARM: &str = "/warm";

/// Size of the entity cache, in bytes. Large enough for everything that the samples read.
const ENTITIES: usize = 512 << 20;

/// The message that the child prints when it is ready.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Address on which the child listens.
    pub(crate) address: std::net::SocketAddr,
    /// Average number of SQL statements of each operation.
    pub(crate) statements: Vec<f64>,
    /// Median time of each operation in microseconds, executed in the child itself, without HTTP.
    pub(crate) in_process_us: Vec<f64>,
}

/// A running child.
pub(crate) struct Child {
    pub(crate) ready: Ready,
    process: Process,
    /// Standard input of the child, which serves until this is closed. Closed in any case when this
    /// process ends.
    life: Option<ChildStdin>,
}

impl Child {
    /// Starts a child on a database, with the samples that will be requested.
    pub(crate) fn start(url: &str, samples: &[Vec<Sample>]) -> anyhow::Result<Self> {
        let mut file = NamedTempFile::new()?;
        serde_json::to_writer(&mut file, samples)?;
        let mut process = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .arg(url)
            .arg(file.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the measured server")?;
        let life = process.stdin.take();
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            io::BufRead::read_line(&mut io::BufReader::new(output), &mut line)?;
        }
        if line.is_empty() {
            bail!("the measured server did not start: {}", process.wait()?);
        }
        Ok(Self {
            ready: serde_json::from_str(&line)?,
            process,
            life,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.life.take());
        let _ = self.process.wait();
    }
}

/// The state of the additional routes.
struct RouteState {
    samples: Vec<Vec<Sample>>,
    ready: Vec<Vec<Bytes>>,
    peer: Option<Peer>,
}

/// Serves until standard input is closed.
pub(crate) async fn serve(url: &str, samples: &Path) -> anyhow::Result<()> {
    let samples: Vec<Vec<Sample>> = serde_json::from_slice(&fs::read(samples)?)?;
    let options = Options::new(url);
    let opened = Db::open(&options).await?;
    let db = opened.clone().caching(0).await?;
    db.wait_for_feed().await?;
    let peer = if url.starts_with("sqlite:") {
        None
    } else {
        Some(Peer::open(url, options.read_connections).await?)
    };
    let in_process = InProcess::new(db.clone())?;
    let (mut ready, mut statements, mut in_process_us) = (Vec::new(), Vec::new(), Vec::new());
    for (operation, samples) in OPERATIONS.iter().zip(&samples) {
        let mut answers = Vec::new();
        for sample in samples {
            let answered = in_process.ask(&sample.body(operation)).await?;
            answered.data()?;
            if let Some(peer) = &peer {
                peer.compare(operation, sample, &answered).await?;
            }
            answers.push(answered.json);
        }
        ready.push(answers);
        let cost = cost_of(&in_process, operation, samples).await?;
        statements.push(cost.statements);
        in_process_us.push(cost.median.as_secs_f64() * 1e6);
    }
    let shelf = RouteState {
        samples,
        ready,
        peer,
    };
    let mut settings = Settings::default();
    settings.cache.responses = false;
    let warm = opened.caching(ENTITIES).await?;
    warm.wait_for_feed().await?;
    let clock = Arc::new(SystemClock);
    let router = router::routes(&settings, db, clock.clone())?
        .nest(WARM, router::routes(&settings, warm, clock)?)
        .merge(extra(shelf));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let ready = Ready {
        address,
        statements,
        in_process_us,
    };
    writeln!(io::stdout(), "{}", serde_json::to_string(&ready)?)?;
    http::serve(listener, router, settings.http, input_ends()).await?;
    Ok(())
}

/// The cost of an operation without HTTP.
struct Cost {
    /// Average number of SQL statements.
    statements: f64,
    /// Median time.
    median: Duration,
}

/// Executes an operation [`ASKED`] times in this process. The number of statements varies, because
/// branches of a response that load at the same time share statements.
async fn cost_of(
    in_process: &InProcess,
    operation: &Operation,
    samples: &[Sample],
) -> anyhow::Result<Cost> {
    let (mut sum, mut times) = (0.0, Vec::with_capacity(ASKED));
    for sample in samples.iter().cycle().take(ASKED) {
        let answered = in_process.ask(&sample.body(operation)).await?;
        sum += f64::from(u32::try_from(answered.statements)?);
        times.push(answered.took);
    }
    times.sort_unstable();
    Ok(Cost {
        statements: sum / f64::from(u32::try_from(ASKED)?),
        median: times.get(ASKED / 2).copied().unwrap_or_default(),
    })
}

const ASKED: usize = 100;

async fn input_ends() {
    let read = || io::copy(&mut io::stdin(), &mut io::sink());
    let _ = tokio::task::spawn_blocking(read).await;
}

/// Returns the additional routes. Requests are logged as on all other routes, so that only the way
/// the response is made differs.
fn extra(shelf: RouteState) -> Router {
    let router = Router::new()
        .route("/ready/{operation}/{sample}", get(ready))
        .route("/sql/{operation}/{sample}", get(sql))
        .with_state(Arc::new(shelf));
    http::logged(router, RequestIds::new(0))
}

/// The content type of a response.
pub(crate) const JSON: [(header::HeaderName, &str); 1] = [(
    header::CONTENT_TYPE,
    "application/graphql-response+json; charset=utf-8",
)];

async fn ready(
    State(shelf): State<Arc<RouteState>>,
    Segments((operation, sample)): Segments<(usize, usize)>,
) -> impl IntoResponse {
    let answers = shelf.ready.get(operation);
    let answer = answers.and_then(|answers| answers.get(sample));
    answer
        .map(|answer| (JSON, answer.clone()))
        .ok_or(StatusCode::NOT_FOUND)
}

async fn sql(
    State(shelf): State<Arc<RouteState>>,
    Segments((operation, sample)): Segments<(usize, usize)>,
) -> Result<impl IntoResponse, StatusCode> {
    let samples = shelf.samples.get(operation);
    let sample = samples.and_then(|samples| samples.get(sample));
    let (Some(peer), Some(sample)) = (&shelf.peer, sample) else {
        return Err(StatusCode::NOT_FOUND);
    };
    let data = peer.ask(&OPERATIONS[operation], sample).await;
    let data = data.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok((JSON, format!("{{\"data\":{data}}}")))
}

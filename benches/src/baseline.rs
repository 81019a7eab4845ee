//! Ready bytes: the least that a server can do, which is to send bytes from memory.

use std::collections::HashMap;
use std::fs;
use std::future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use bytes::Bytes;
use khabar_server::http::{self, Settings as Http};
use tokio::net::TcpListener;

use crate::child::JSON;

/// The response bodies, by path.
type Answers = Arc<HashMap<String, Bytes>>;

/// Serves the files of a folder until the process ends.
pub(crate) async fn serve(address: SocketAddr, folder: &Path) -> anyhow::Result<()> {
    let mut answers = HashMap::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?
    {
        let entry = entry?;
        let path = format!("/{}", entry.file_name().to_string_lossy());
        answers.insert(path, Bytes::from(fs::read(entry.path())?));
    }
    let router = Router::new().fallback(answer).with_state(Arc::new(answers));
    let listener = TcpListener::bind(address).await?;
    http::serve(listener, router, Http::default(), future::pending()).await?;
    Ok(())
}

async fn answer(State(answers): State<Answers>, uri: Uri) -> impl IntoResponse {
    let answer = answers.get(uri.path());
    answer
        .map(|answer| (JSON, answer.clone()))
        .ok_or(StatusCode::NOT_FOUND)
}

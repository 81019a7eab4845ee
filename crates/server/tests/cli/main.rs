//! The command as a person types it. (Here and not in `tests/`, because Cargo shows a binary to its
//! own package alone.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot go on has failed"
)]

mod archive;
mod config;
mod database;
mod demo;
mod documents;
mod purge;
mod token;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// `khabar` in a folder of its own, without this machine's configuration.
fn khabar(folder: &TempDir, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_khabar"));
    let ours = std::env::vars().filter(|(name, _)| name.starts_with("KHABAR_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command
        .current_dir(folder.path())
        .args(line.split_whitespace())
        .stdin(Stdio::null());
    command
}

fn said(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn run(folder: &TempDir, line: &str) -> (bool, String, String) {
    said(&khabar(folder, line).output().unwrap())
}

/// A server, stopped when it is dropped.
struct Serving {
    child: Child,
    greeting: Vec<String>,
}

impl Serving {
    fn start(mut command: Command, lines: usize) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let greeting = out.lines().take(lines).map(Result::unwrap).collect();
        Self { child, greeting }
    }

    fn address(&self) -> &str {
        let line = self
            .greeting
            .iter()
            .find(|line| line.contains("/graphql"))
            .unwrap();
        line.split("http://")
            .nth(1)
            .unwrap()
            .trim_end_matches("/graphql")
    }

    /// Asks by HTTP/1.1, by hand: the body of the answer.
    fn ask(&self, query: &str) -> String {
        self.ask_by("", query)
    }

    /// Sends a request with a token.
    fn ask_by(&self, token: &str, query: &str) -> String {
        self.send_by(token, &serde_json::json!({ "query": query }))
    }

    /// Sends a request's body.
    fn send(&self, body: &serde_json::Value) -> String {
        self.send_by("", body)
    }

    fn send_by(&self, token: &str, body: &serde_json::Value) -> String {
        self.exchange(token, "", body).1
    }

    /// Sends a request with additional header lines. Returns the head and the body of the response.
    fn exchange(&self, token: &str, lines: &str, body: &serde_json::Value) -> (String, String) {
        use std::io::{Read, Write};
        let authorization = match token {
            "" => String::new(),
            token => format!("authorization: Bearer {token}\r\n"),
        };
        let mut stream = std::net::TcpStream::connect(self.address()).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{authorization}{lines}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_printed_schema_is_the_committed_one() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, printed, _) = run(&folder, "schema");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema.graphql");
    assert!(ok);
    assert_eq!(
        printed,
        std::fs::read_to_string(committed).unwrap(),
        "run `just schema`"
    );
}

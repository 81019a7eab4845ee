//! The command as a person types it. (Here and not in `tests/`, because Cargo shows a binary to its
//! own package alone.)

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot go on has failed"
)]

use std::io::{BufRead, BufReader};
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
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.address()).unwrap();
        let body = serde_json::json!({ "query": query }).to_string();
        write!(
            stream,
            "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
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
fn serve_refuses_a_database_that_is_not_migrated_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, _, error) = run(
        &folder,
        "serve --listen 127.0.0.1:0 --database sqlite:mine.db",
    );
    assert!(!ok && error.contains("mine.db"), "{error}");
    let (ok, listed, _) = run(&folder, "migrate up --database sqlite:mine.db");
    assert!(
        ok && listed.starts_with("applied  m0001_newsroom"),
        "{listed}"
    );
    let (ok, listed, _) = run(&folder, "migrate down --database sqlite:mine.db");
    assert!(
        ok && listed.starts_with("pending  m0001_newsroom"),
        "{listed}"
    );
    let (ok, _, error) = run(
        &folder,
        "serve --listen 127.0.0.1:0 --database sqlite:mine.db",
    );
    assert!(!ok, "it served a database without tables");
    assert!(
        error.contains("run: khabar migrate up --database sqlite:mine.db"),
        "{error}"
    );
    let (ok, listed, _) = run(&folder, "migrate status --database sqlite:mine.db");
    assert!(ok && listed.starts_with("pending"), "{listed}");
}

#[test]
fn serve_makes_the_embedded_default_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(khabar(&folder, "serve --listen 127.0.0.1:0"), 3);
    assert_eq!(
        serving.ask("{ editions { name } }"),
        r#"{"data":{"editions":[]},"extensions":{"cost":21}}"#
    );
    assert!(folder.path().join("khabar.db").exists());
}

#[test]
fn demo_opens_a_newsroom_twice_in_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let count = "{ edition(slug: \"ar\") { articleCount } home { latest(first: 1) { nodes { headline publishedAt } } } }";
    let first = {
        let serving = Serving::start(khabar(&folder, "demo --listen 127.0.0.1:0 --data here"), 3);
        assert!(
            serving
                .greeting
                .iter()
                .any(|line| line.contains("/playground")),
            "{:?}",
            serving.greeting
        );
        serving.ask(count)
    };
    assert!(Path::new(&folder.path().join("here/demo.db")).exists());
    let second =
        Serving::start(khabar(&folder, "demo --listen 127.0.0.1:0 --data here"), 3).ask(count);
    assert!(
        first.contains("articleCount") && !first.contains("errors"),
        "{first}"
    );
    assert_eq!(first, second);
}

#[test]
fn config_says_what_is_in_force_and_where_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("khabar.toml"), "[limits]\ndepth = 9\n").unwrap();
    let mut command = khabar(&folder, "config --database postgres://k:secret@db/news");
    let (ok, said, _) = said(
        &command
            .env("KHABAR_LISTEN", "127.0.0.1:8")
            .output()
            .unwrap(),
    );
    let line = |key: &str| {
        said.lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default()
    };
    assert!(
        ok && line("limits.depth").ends_with("# khabar.toml"),
        "{said}"
    );
    assert!(
        line("listen").ends_with("# variable KHABAR_LISTEN"),
        "{said}"
    );
    assert!(
        line("database").contains("k:***@db") && !said.contains("secret"),
        "{said}"
    );
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (line, named) in [
        (
            "serve --database mysql://x",
            "must start with sqlite: or postgres://",
        ),
        ("serve --listen nowhere", "listen"),
        ("--config none.toml serve", "none.toml"),
        ("import page none.txt", "none.txt"),
        ("migrate status --database sqlite:none.db", "none.db"),
        (
            "serve --database postgres://u:secret@127.0.0.1:1/x",
            "u:***@127.0.0.1:1",
        ),
    ] {
        let (ok, _, error) = run(&folder, line);
        assert!(
            !ok && error.contains(named) && !error.contains("secret"),
            "{line}: {error}"
        );
    }
}

#[test]
fn schema_is_printed_as_it_is_committed() {
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

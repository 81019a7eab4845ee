//! Databases on the command line: migrations, and the embedded default.

use std::process::{Command, Stdio};

use crate::{Serving, khabar, run, said};

#[test]
fn serve_rejects_an_unmigrated_database_with_advice() {
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
    let (ok, listed, _) = run(
        &folder,
        "migrate down --steps 99 --yes --database sqlite:mine.db",
    );
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
fn migrate_down_asks_for_confirmation() {
    let folder = tempfile::tempdir().unwrap();
    drop(Serving::start(
        khabar(&folder, "demo --listen 127.0.0.1:0 --data here"),
        3,
    ));
    let down = "migrate down --steps 99 --database sqlite:here/demo.db";
    let status = "migrate status --database sqlite:here/demo.db";
    let (_, before, _) = run(&folder, status);
    let intact = |said: &str| {
        let (_, after, _) = run(&folder, status);
        assert_eq!(after, before, "{said}");
    };
    // Without a terminal, as in a script.
    let (ok, _, error) = run(&folder, down);
    assert!(
        !ok && error.contains("--yes") && error.contains("row(s)  article\n"),
        "{error}"
    );
    intact(&error);
    // At a terminal, whoever does not say `yes` has said no.
    let at_terminal = |response: &str| {
        let program = format!("{} {down}", env!("CARGO_BIN_EXE_khabar"));
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command", &program, "/dev/null"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keys = script.stdin.take().unwrap();
        std::io::Write::write_all(&mut keys, format!("{response}\n").as_bytes()).unwrap();
        let output = script.wait_with_output().unwrap();
        said(&output)
    };
    for response in ["", "n", "y"] {
        let (ok, asked, _) = at_terminal(response);
        assert!(!ok && asked.contains("cannot be undone"), "{asked}");
        intact(&asked);
    }
    let (ok, asked, _) = at_terminal("yes");
    assert!(ok && asked.contains("pending  m0001_newsroom"), "{asked}");
}

#[test]
fn serve_creates_the_default_database() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(khabar(&folder, "serve --listen 127.0.0.1:0"), 3);
    assert_eq!(
        serving.ask("{ editions { name } }"),
        r#"{"data":{"editions":[]},"extensions":{"cost":21}}"#
    );
    assert!(folder.path().join("khabar.db").exists());
}

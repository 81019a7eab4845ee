//! `khabar config`, and mistakes on the command line.

use crate::{khabar, run, said};

#[test]
fn config_prints_effective_values_and_their_sources() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("khabar.toml"),
        "\u{feff}[limits]\ndepth = 9\n",
    )
    .unwrap();
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
fn command_line_errors_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (line, named) in [
        (
            "serve --database mysql://x",
            "must start with sqlite: or postgres://",
        ),
        ("serve --listen nowhere", "listen"),
        ("--config none.toml serve", "none.toml"),
        ("import page none.txt", "none.txt"),
        ("token create --name x --role owner", "owner"),
        ("token create --name x --role reader --rights fly", "fly"),
        (
            "token create --name x --role reader --rights write",
            "write",
        ),
        ("token create --name x --role reader --expires soon", "soon"),
        ("token revoke nonsense", "nonsense"),
        ("documents register none.json", "none.json"),
        ("documents register", "<FILE>"),
        ("documents", "Usage"),
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

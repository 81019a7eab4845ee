//! `khabar token`.

use crate::{Serving, khabar, run};

#[test]
fn tokens_are_created_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, token, output) = run(
        &folder,
        "token create --name Layla --role editor --rights write,arrange --expires 90d",
    );
    assert!(ok, "{output}");
    // The token is all that standard output has.
    let token = token.strip_suffix('\n').unwrap();
    assert!(token.starts_with("khb_") && token.len() == 47, "{token}");
    let line = |what: &str| {
        let mut lines = output.lines();
        let line = lines.find_map(|line| line.strip_prefix(&format!("{what:8} ")));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(line("name"), "Layla");
    assert_eq!(line("rights"), "write,arrange");
    assert!(!output.contains("khb_"), "{output}");
    let id = line("id");
    let (ok, forever, _) = run(&folder, "token create --name ليلى --role admin");
    assert!(ok);

    let (ok, listed, _) = run(&folder, "token list");
    assert!(ok && !listed.contains("khb_"), "{listed}");
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert!(
        lines[1].contains("ليلى") && lines[1].contains("  all  "),
        "{listed}"
    );
    assert!(
        lines[1].contains("counts") && lines[1].ends_with("never"),
        "{listed}"
    );
    assert!(
        lines[2].starts_with(&id) && lines[2].contains("until "),
        "{listed}"
    );
    let column = lines[0].find("ROLE").unwrap();
    assert!(lines[2][column..].starts_with("editor  "), "{listed}");

    let viewer = "{ viewer { name rights } }";
    let serving = Serving::start(khabar(&folder, "serve --listen 127.0.0.1:0"), 3);
    let response = serving.ask_by(forever.trim(), viewer);
    assert!(response.contains("ليلى"), "{response}");
    let (ok, said, _) = run(&folder, &format!("token revoke {id}"));
    assert!(ok && said.contains(&id), "{said}");
    let response = serving.ask_by(token, viewer);
    assert!(response.contains("UNAUTHENTICATED"), "{response}");
    let (ok, _, error) = run(&folder, &format!("token revoke {id}"));
    assert!(!ok && error.contains("already revoked"), "{error}");
    let (_, listed, _) = run(&folder, "token list");
    assert!(listed.contains("revoked "), "{listed}");
    let log = "{ audit { nodes { name action entityType node { ... on Token { name } } } } }";
    let response = serving.ask_by(forever.trim(), log);
    let layla = r#""entityType":"token","node":{"name":"Layla"}"#;
    for action in ["token revoke", "token create"] {
        let entry = format!(r#"{{"name":"khabar","action":"{action}",{layla}}}"#);
        assert!(response.contains(&entry), "{response}");
    }
    assert!(!response.contains("khb_"), "{response}");
}

//! `khabar demo`.

use std::path::Path;

use crate::{Serving, khabar, run};

#[test]
fn demo_reopens_its_newsroom() {
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

/// The token in a demo's greeting.
fn editors_token(serving: &Serving) -> String {
    let line = serving.greeting.iter().find(|line| line.contains("khb_"));
    let line = line.unwrap_or_else(|| panic!("no token in {:?}", serving.greeting));
    assert!(line.contains("\"Authorization\""), "{line}");
    let token = line.split("Bearer ").nth(1).unwrap();
    token.trim_end_matches("\"}").to_owned()
}

#[test]
fn demo_issues_an_editor_token_and_stores_it_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut tokens = Vec::new();
    for line in ["--data here", "--data here", "--data there", ""] {
        let line = format!("demo --listen 127.0.0.1:0 {line}");
        let serving = Serving::start(khabar(&folder, line.trim()), 5);
        let token = editors_token(&serving);
        let response = serving.ask_by(&token, "mutation { createSection(input: {name: \"تجربة\", edition: \"ar\"}) { section { name } userErrors { message } } }");
        assert!(
            response.contains(r#""section":{"name":"تجربة"},"userErrors":[]"#),
            "{response}"
        );
        tokens.push(token);
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[0], tokens[2]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::metadata(folder.path().join("here/editor.token")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn two_servers_of_one_database_return_equal_responses() {
    let folder = tempfile::tempdir().unwrap();
    let here = "demo --listen 127.0.0.1:0 --data here";
    let here = Serving::start(khabar(&folder, here), 5);
    let token = editors_token(&here);
    let there = "serve --listen 127.0.0.1:0 --database sqlite:here/demo.db";
    let there = Serving::start(khabar(&folder, there), 3);
    let sections = "{ sections { id name } }";
    for turn in 0..10 {
        // So that there is something old.
        let before: serde_json::Value = serde_json::from_str(&there.ask(sections)).unwrap();
        let rename = serde_json::json!({
            "query": "mutation ($input: UpdateSectionInput!) {
                updateSection(input: $input) { userErrors { message } } }",
            "variables": {"input": {
                "id": before["data"]["sections"][0]["id"], "name": format!("باب {turn}")
            }}
        });
        let (head, renamed) = here.exchange(&token, "", &rename);
        assert!(renamed.contains(r#""userErrors":[]"#), "{renamed}");
        let position = head
            .lines()
            .find(|line| line.starts_with("khabar-position: "));
        let position = format!("{}\r\n", position.unwrap());
        let asked = serde_json::json!({ "query": sections });
        let (_, output) = there.exchange("", &position, &asked);
        assert!(output.contains(&format!("باب {turn}")), "{output}");
    }
}

#[test]
fn the_deepest_allowed_query_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let line = "demo --listen 127.0.0.1:0 --data here";
    let serving = Serving::start(khabar(&folder, line), 5);
    let nested = |levels| {
        let article = (0..levels).fold("headline".to_owned(), |inner, _| {
            format!("headline related(first: 1) {{ nodes {{ {inner} }} }}")
        });
        format!("{{ home {{ latest(first: 1) {{ nodes {{ {article} }} }} }} }}")
    };
    let mut deepest = None;
    for levels in 1.. {
        let response = serving.ask(&nested(levels));
        if response.contains("LIMIT_DEPTH") {
            break;
        }
        assert!(response.starts_with("{\"data\":{\"home\""), "{response}");
        deepest = Some(levels);
    }
    assert!(deepest >= Some(8), "{deepest:?}");
}

#[test]
fn cached_responses_are_served_and_corrections_appear_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let line = "demo --listen 127.0.0.1:0 --data here";
    let serving = Serving::start(khabar(&folder, line), 5);
    let token = editors_token(&serving);
    let home = "query Home { home { latest(first: 5) { nodes { id version headline } } } }";
    let sections = "query Sections { sections { name } }";
    for query in [home, sections] {
        assert_eq!(serving.ask(query), serving.ask(query));
    }
    let url = format!("cache stats --url http://{}", serving.address());
    let stats = || {
        let (ok, output, error) = run(&folder, &url);
        assert!(ok, "{error}");
        let line = output.lines().find(|line| line.starts_with("responses"));
        let found = line.unwrap().split_whitespace().nth(1).unwrap();
        (found.parse::<u32>().unwrap(), output)
    };
    let (before, _) = stats();
    assert_eq!(before, 2);

    let output: serde_json::Value = serde_json::from_str(&serving.ask(home)).unwrap();
    let newest = &output["data"]["home"]["latest"]["nodes"][0];
    let correction = serde_json::json!({
        "query": "mutation ($input: CorrectArticleInput!) {
            correctArticle(input: $input) { userErrors { message } } }",
        "variables": {"input": {
            "id": newest["id"], "version": newest["version"],
            "headline": "عنوان صُحّح", "note": "صُحّح العنوان."
        }}
    });
    let corrected = serving.send_by(&token, &correction);
    assert!(corrected.contains(r#""userErrors":[]"#), "{corrected}");
    assert!(serving.ask(home).contains("عنوان صُحّح"));
    serving.ask(sections);
    let (after, output) = stats();
    assert_eq!(after, before + 2, "home once more, and the sections");
    assert!(output.contains("  article\n"), "{output}");

    let (ok, _, error) = run(&folder, "cache stats --url http://127.0.0.1:1");
    assert!(
        !ok && error.contains("http://127.0.0.1:1/metrics"),
        "{error}"
    );
}

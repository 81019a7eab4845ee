//! `khabar documents`.

use crate::{Serving, khabar, run};

#[test]
fn documents_register_reads_both_manifest_formats_and_is_atomic() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    let editions = "query Editions { editions { slug } }";
    write(
        "relay.json",
        &serde_json::json!({"5f9e": editions, "77aa": "query Sections($first: Int!) { home { latest(first: $first) { nodes { slug } } } }"})
            .to_string(),
    );
    let apollo = |body: &str| {
        let operation =
            serde_json::json!({"id": "e1", "name": "Home", "type": "query", "body": body});
        serde_json::json!({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]})
            .to_string()
    };
    write(
        "apollo.json",
        &apollo("query Home { home { latest(first: 1) { nodes { slug } } } }"),
    );
    write(
        "wrong.json",
        &apollo("query Home {\n  home { lates }\n  nothing\n}"),
    );
    write(
        "other.json",
        &apollo("query Home { home { latest(first: 2) { nodes { slug } } } }"),
    );
    write(
        "dear.json",
        &apollo("{ home { latest(first: 100000) { nodes { slug } } } }"),
    );

    let (ok, _, error) = run(&folder, "documents register relay.json wrong.json");
    assert!(
        !ok && error.contains("nothing was registered: 3 errors"),
        "{error}"
    );
    assert!(
        error.contains("wrong.json: Home (e1), line 2, column 10: "),
        "{error}"
    );
    assert!(
        error.contains("wrong.json: Home (e1), line 3, column 3: "),
        "{error}"
    );
    let (ok, _, error) = run(&folder, "documents register dear.json");
    assert!(!ok && error.contains("dear.json: Home (e1)"), "{error}");
    let (ok, listed, _) = run(&folder, "documents list");
    assert!(ok && listed.trim().is_empty(), "{listed}");

    let serving = Serving::start(khabar(&folder, "serve --listen 127.0.0.1:0"), 3);
    let (ok, said, error) = run(&folder, "documents register relay.json apollo.json");
    assert!(ok, "{error}");
    assert_eq!(said, "3 documents, 3 of them new\n");
    let (ok, said, _) = run(&folder, "documents register relay.json apollo.json");
    assert!(ok && said == "3 documents, 0 of them new\n", "{said}");
    let (ok, _, error) = run(&folder, "documents register other.json");
    assert!(
        !ok && error.contains("e1") && error.contains("another text"),
        "{error}"
    );

    let (ok, listed, _) = run(&folder, "documents list");
    let names: Vec<_> = listed
        .lines()
        .map(|line| line.split("  ").nth(1).unwrap())
        .collect();
    assert!(ok && names == ["5f9e", "77aa", "e1"], "{listed}");
    let response = serving.send(&serde_json::json!({"documentId": "5f9e"}));
    assert_eq!(
        response,
        r#"{"data":{"editions":[]},"extensions":{"cost":21}}"#
    );
    let (ok, said, _) = run(&folder, "documents remove 5f9e");
    assert!(ok && said.contains("5f9e"), "{said}");
    let (ok, _, error) = run(&folder, "documents remove 5f9e");
    assert!(!ok && error.contains("5f9e"), "{error}");
}

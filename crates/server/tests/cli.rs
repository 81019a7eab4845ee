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
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
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
fn a_newsroom_is_not_destroyed_without_a_question() {
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
    let at_terminal = |answer: &str| {
        let program = format!("{} {down}", env!("CARGO_BIN_EXE_khabar"));
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command", &program, "/dev/null"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keys = script.stdin.take().unwrap();
        std::io::Write::write_all(&mut keys, format!("{answer}\n").as_bytes()).unwrap();
        let output = script.wait_with_output().unwrap();
        said(&output)
    };
    for answer in ["", "n", "y"] {
        let (ok, asked, _) = at_terminal(answer);
        assert!(!ok && asked.contains("cannot be undone"), "{asked}");
        intact(&asked);
    }
    let (ok, asked, _) = at_terminal("yes");
    assert!(ok && asked.contains("pending  m0001_newsroom"), "{asked}");
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

/// The token in a demo's greeting.
fn editors_token(serving: &Serving) -> String {
    let line = serving.greeting.iter().find(|line| line.contains("khb_"));
    let line = line.unwrap_or_else(|| panic!("no token in {:?}", serving.greeting));
    assert!(line.contains("\"Authorization\""), "{line}");
    let token = line.split("Bearer ").nth(1).unwrap();
    token.trim_end_matches("\"}").to_owned()
}

#[test]
fn demo_gives_an_editors_token_and_keeps_it_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut tokens = Vec::new();
    for line in ["--data here", "--data here", "--data there", ""] {
        let line = format!("demo --listen 127.0.0.1:0 {line}");
        let serving = Serving::start(khabar(&folder, line.trim()), 5);
        let token = editors_token(&serving);
        let answer = serving.ask_by(&token, "mutation { createSection(input: {name: \"تجربة\", edition: \"ar\"}) { section { name } userErrors { message } } }");
        assert!(
            answer.contains(r#""section":{"name":"تجربة"},"userErrors":[]"#),
            "{answer}"
        );
        tokens.push(token);
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[0], tokens[2]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let kept = std::fs::metadata(folder.path().join("here/editor.token")).unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn two_servers_of_one_newsroom_tell_the_same() {
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
        let (_, told) = there.exchange("", &position, &asked);
        assert!(told.contains(&format!("باب {turn}")), "{told}");
    }
}

#[test]
fn the_deepest_query_that_is_let_through_is_answered() {
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
        let answer = serving.ask(&nested(levels));
        if answer.contains("LIMIT_DEPTH") {
            break;
        }
        assert!(answer.starts_with("{\"data\":{\"home\""), "{answer}");
        deepest = Some(levels);
    }
    assert!(deepest >= Some(8), "{deepest:?}");
}

#[test]
fn what_is_kept_is_seen_and_a_correction_is_shown_at_once() {
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
        let (ok, told, error) = run(&folder, &url);
        assert!(ok, "{error}");
        let line = told.lines().find(|line| line.starts_with("responses"));
        let found = line.unwrap().split_whitespace().nth(1).unwrap();
        (found.parse::<u32>().unwrap(), told)
    };
    let (before, _) = stats();
    assert_eq!(before, 2);

    let told: serde_json::Value = serde_json::from_str(&serving.ask(home)).unwrap();
    let newest = &told["data"]["home"]["latest"]["nodes"][0];
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
    let (after, told) = stats();
    assert_eq!(after, before + 2, "home once more, and the sections");
    assert!(told.contains("  article\n"), "{told}");

    let (ok, _, error) = run(&folder, "cache stats --url http://127.0.0.1:1");
    assert!(
        !ok && error.contains("http://127.0.0.1:1/metrics"),
        "{error}"
    );
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, token, told) = run(
        &folder,
        "token create --name Layla --role editor --rights write,arrange --expires 90d",
    );
    assert!(ok, "{told}");
    // The token is all that standard output has.
    let token = token.strip_suffix('\n').unwrap();
    assert!(token.starts_with("khb_") && token.len() == 47, "{token}");
    let line = |what: &str| {
        let mut lines = told.lines();
        let line = lines.find_map(|line| line.strip_prefix(&format!("{what:8} ")));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(line("name"), "Layla");
    assert_eq!(line("rights"), "write,arrange");
    assert!(!told.contains("khb_"), "{told}");
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
    let answer = serving.ask_by(forever.trim(), viewer);
    assert!(answer.contains("ليلى"), "{answer}");
    let (ok, said, _) = run(&folder, &format!("token revoke {id}"));
    assert!(ok && said.contains(&id), "{said}");
    let answer = serving.ask_by(token, viewer);
    assert!(answer.contains("UNAUTHENTICATED"), "{answer}");
    let (ok, _, error) = run(&folder, &format!("token revoke {id}"));
    assert!(!ok && error.contains("revoked already"), "{error}");
    let (_, listed, _) = run(&folder, "token list");
    assert!(listed.contains("revoked "), "{listed}");
    let log = "{ audit { nodes { name action entityType node { ... on Token { name } } } } }";
    let answer = serving.ask_by(forever.trim(), log);
    let layla = r#""entityType":"token","node":{"name":"Layla"}"#;
    for action in ["token revoke", "token create"] {
        let entry = format!(r#"{{"name":"khabar","action":"{action}",{layla}}}"#);
        assert!(answer.contains(&entry), "{answer}");
    }
    assert!(!answer.contains("khb_"), "{answer}");
}

#[test]
fn trust_reads_both_kinds_of_manifest_and_registers_all_or_nothing() {
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
        !ok && error.contains("nothing was registered: 3 mistakes"),
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
    let answer = serving.send(&serde_json::json!({"documentId": "5f9e"}));
    assert_eq!(
        answer,
        r#"{"data":{"editions":[]},"extensions":{"cost":21}}"#
    );
    let (ok, said, _) = run(&folder, "documents remove 5f9e");
    assert!(ok && said.contains("5f9e"), "{said}");
    let (ok, _, error) = run(&folder, "documents remove 5f9e");
    assert!(!ok && error.contains("5f9e"), "{error}");
}

/// The next call of a webhook, answered with 200: its head and its body.
fn called(listener: &std::net::TcpListener) -> (String, String) {
    use std::io::{Read as _, Write as _};
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(&mut stream);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        head.push_str(&line.to_lowercase());
        line.clear();
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().trim().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    .unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn serve_purges_what_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!(
        "[purge.hook]\nkind = \"webhook\"\nurl = \"http://{}/hook\"\nsecret = \"{}\"\n",
        listener.local_addr().unwrap(),
        "x".repeat(32)
    );
    std::fs::write(folder.path().join("khabar.toml"), hook).unwrap();
    let (called_with, calls) = std::sync::mpsc::channel();
    std::thread::spawn(move || while called_with.send(called(&listener)).is_ok() {});
    let next = || {
        calls
            .recv_timeout(std::time::Duration::from_mins(1))
            .unwrap()
    };

    let serving = Serving::start(khabar(&folder, "serve --listen 127.0.0.1:0"), 3);
    let (head, body) = next();
    assert!(
        head.starts_with("post /hook ") && head.contains("khabar-signature: t="),
        "{head}"
    );
    assert_eq!(body, r#"{"everything":true,"upTo":0}"#);
    let (ok, token, _) = run(&folder, "token create --name Layla --role admin");
    assert!(ok);
    let edition = "mutation { createEdition(input: {name: \"خبر\", language: \"ar\", slug: \"ar\"}) { edition { name } userErrors { message } } }";
    let answer = serving.ask_by(token.trim(), edition);
    assert!(answer.contains(r#""userErrors":[]"#), "{answer}");
    // The new edition and all editions are named, by whatever call comes next with keys.
    let body = loop {
        let (_, body) = next();
        if body.contains(r#""ed""#) {
            break body;
        }
    };
    assert!(body.contains(r#""keys":["#), "{body}");
}

#[test]
fn config_says_what_is_in_force_and_where_it_came_from() {
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

#[test]
fn a_newsroom_goes_out_into_a_file_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Serving::start(khabar(&folder, "demo --listen 127.0.0.1:0 --data here"), 3);
    drop(demo);
    let (ok, told, error) = run(
        &folder,
        "export first.ndjson --database sqlite:here/demo.db",
    );
    assert!(ok && told.contains("  article\n"), "{told}{error}");
    run(&folder, "migrate up --database sqlite:copy.db");
    let (ok, restored, error) = run(&folder, "restore first.ndjson --database sqlite:copy.db");
    assert!(ok, "{error}");
    assert_eq!(restored, told);
    let (ok, streamed, error) = run(&folder, "export - --database sqlite:copy.db");
    assert!(ok, "{error}");
    let first = std::fs::read_to_string(folder.path().join("first.ndjson")).unwrap();
    assert!(streamed == first, "the copy is another newsroom");

    for (line, problem) in [
        (
            "restore first.ndjson --database sqlite:copy.db",
            "is not empty",
        ),
        (
            "restore none.ndjson --database sqlite:copy.db",
            "none.ndjson",
        ),
        ("export no/where --database sqlite:copy.db", "no/where"),
    ] {
        let (ok, _, error) = run(&folder, line);
        assert!(!ok && error.contains(problem), "{line}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn an_archive_goes_into_a_pipe_or_a_device_and_leaves_it_there() {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

    let folder = tempfile::tempdir().unwrap();
    run(&folder, "migrate up --database sqlite:a.db");
    let export = |to: &str| run(&folder, &format!("export {to} --database sqlite:a.db"));
    let (ok, whole, error) = export("-");
    assert!(ok && whole.contains("khabar"), "{error}");

    // What is redirected into a pipe, and a pipe with a name.
    let (ok, streamed, error) = export("/dev/stdout");
    assert!(ok && streamed == whole, "{error}");
    let device = std::fs::symlink_metadata("/dev/stdout").unwrap();
    assert!(device.file_type().is_symlink());
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reading = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    let (ok, told, error) = export("pipe");
    assert!(ok && told.is_empty(), "{told}{error}");
    assert_eq!(reading.join().unwrap(), whole);
    let still = std::fs::symlink_metadata(&pipe).unwrap();
    assert!(still.file_type().is_fifo(), "the pipe was replaced");

    let (ok, _, error) = export("/dev/full");
    assert!(!ok && error.contains("/dev/full"), "{error}");

    // A file that the shell has open already is written, not replaced.
    let redirected = std::fs::File::create(folder.path().join("redirected")).unwrap();
    let mut command = khabar(&folder, "export /dev/stdout --database sqlite:a.db");
    assert!(command.stdout(redirected).status().unwrap().success());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("redirected"), whole);

    // A new file is its owner's alone; one that is replaced keeps who may read it, and its links.
    let mode = |name: &str| {
        let found = std::fs::metadata(folder.path().join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    assert!(export("file").0);
    assert_eq!((read("file") == whole, mode("file")), (true, 0o600));
    let readable = std::fs::Permissions::from_mode(0o640);
    std::fs::write(folder.path().join("old"), "old").unwrap();
    std::fs::set_permissions(folder.path().join("old"), readable).unwrap();
    symlink("old", folder.path().join("link")).unwrap();
    assert!(export("link").0);
    assert_eq!((read("old") == whole, mode("old")), (true, 0o640));
    let link = std::fs::symlink_metadata(folder.path().join("link")).unwrap();
    assert!(link.file_type().is_symlink(), "the link was replaced");
}

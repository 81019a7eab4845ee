//! Purge targets in the configuration of `khabar serve`.

use std::io::{BufRead as _, BufReader};

use crate::{Serving, khabar, run};

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
fn serve_purges_the_configured_target() {
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
    let response = serving.ask_by(token.trim(), edition);
    assert!(response.contains(r#""userErrors":[]"#), "{response}");
    // The new edition and all editions are named, by whatever call comes next with keys.
    let body = loop {
        let (_, body) = next();
        if body.contains(r#""ed""#) {
            break body;
        }
    };
    assert!(body.contains(r#""keys":["#), "{body}");
}

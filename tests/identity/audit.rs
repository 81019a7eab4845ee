//! The audit log, and where a request comes from.

use khabar_domain::{Right, Rights, Role};
use khabar_server::config::Settings;
use serde_json::{Value, json};

use crate::{CREATE, Server};

const LOG: &str =
    "query ($of: ID, $first: Int, $after: String) { audit(of: $of, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { name accountId role at address action noun node { __typename id } } } }";

#[tokio::test]
async fn who_may_reads_who_wrote_what_when_and_from_where() -> anyhow::Result<()> {
    for server in Server::each().await? {
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        let admin = server.issue("ندى", Role::Admin, None).await?;
        let mut ids = Vec::new();
        for name in ["صحة", "تعليم"] {
            let seen = server
                .ask_by(&editor, CREATE, json!({"name": name}))
                .await?;
            ids.push(seen.data()?["createSection"]["section"]["id"].clone());
        }
        let seen = server.ask_by(&admin, LOG, json!({"first": 1})).await?;
        let log = &seen.data()?["audit"];
        // The newsroom itself was one write.
        assert_eq!(log["totalCount"], 3);
        let entry = json!({
            "name": "ليلى", "accountId": editor.token.account.uuid().to_string(), "role": "EDITOR",
            "at": "2024-10-11T00:00:00Z", "address": "127.0.0.1", "action": "createSection",
            "noun": "section", "node": {"__typename": "Section", "id": ids[1]},
        });
        assert_eq!(log["nodes"], json!([entry]));
        assert_eq!(log["pageInfo"]["hasNextPage"], true);
        let after = &log["pageInfo"]["endCursor"];
        let seen = server.ask_by(&admin, LOG, json!({"after": after})).await?;
        let nodes = &seen.data()?["audit"]["nodes"];
        assert_eq!(nodes.as_array().map(Vec::len), Some(2));
        assert_eq!(nodes[0]["node"]["id"], ids[0]);
        assert_eq!(
            (&nodes[1]["name"], &nodes[1]["role"]),
            (&json!("khabar"), &Value::Null)
        );

        let seen = server.ask_by(&admin, LOG, json!({"of": ids[0]})).await?;
        let log = &seen.data()?["audit"];
        assert_eq!(
            (&log["totalCount"], &log["nodes"][0]["node"]["id"]),
            (&json!(1), &ids[0])
        );
        let seen = server.ask_by(&admin, LOG, json!({"of": "x"})).await?;
        assert_eq!(seen.code(), "BAD_USER_INPUT");

        // Nobody else learns so much as how much there is.
        let narrow = Rights::of(&[Right::Publish]);
        let narrow = server.issue("ندى", Role::Admin, Some(narrow)).await?;
        for token in [&editor, &narrow] {
            let seen = server.ask_by(token, LOG, Value::Null).await?;
            assert_eq!(
                (seen.code(), &seen.json["data"]),
                ("FORBIDDEN", &Value::Null)
            );
        }
        let seen = server.ask(&[], LOG, Value::Null).await?;
        assert_eq!(
            (seen.code(), &seen.json["data"]),
            ("UNAUTHENTICATED", &Value::Null)
        );
        assert_eq!(seen.status, 200, "nobody is refused for bringing nothing");
    }
    Ok(())
}

#[tokio::test]
async fn a_trusted_proxy_tells_where_a_request_comes_from() -> anyhow::Result<()> {
    let mut trusting = Settings::default();
    trusting.auth.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    let cases = [
        (trusting, "203.0.113.5"),
        (Settings::default(), "127.0.0.1"),
    ];
    for (settings, address) in cases {
        for server in Server::each_with(settings).await? {
            let admin = server.issue("ندى", Role::Admin, None).await?;
            let headers = [
                crate::bearer(admin.credential.as_str()),
                "x-forwarded-for: 198.51.100.1, 203.0.113.5".to_owned(),
            ];
            server
                .ask(&headers, CREATE, json!({"name": "صحة"}))
                .await?
                .data()?;
            let seen = server.ask_by(&admin, LOG, json!({"first": 1})).await?;
            assert_eq!(seen.data()?["audit"]["nodes"][0]["address"], address);
        }
    }
    Ok(())
}

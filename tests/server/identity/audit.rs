//! The audit log, and the client address of requests.

use khabar_domain::article::Status;
use khabar_domain::{Right, Rights, Role, Scope};
use khabar_persistence::{Author, change, secret};
use khabar_server::config::Settings;
use khabar_service::auth::Issued;
use khabar_tests::harness::newsroom;
use serde_json::{Value, json};

use super::CREATE;
use crate::{Server, global};

const LOG: &str =
    "query ($of: ID, $first: Int, $after: String) { audit(of: $of, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { name accountId role at address action entityType entityId node { __typename id } } } }";

#[tokio::test]
async fn the_audit_log_is_readable_with_the_audit_right() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
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
        // One entry for the fixtures, two sections, and a token and an account for each of two people.
        assert_eq!(log["totalCount"], 7);
        let entry = json!({
            "name": "ليلى", "accountId": editor.token.account.uuid().to_string(), "role": "EDITOR",
            "at": "2024-10-11T00:00:00Z", "address": "127.0.0.1", "action": "createSection",
            "entityType": "section", "entityId": ids[1], "node": {"__typename": "Section", "id": ids[1]},
        });
        assert_eq!(log["nodes"], json!([entry]));
        assert_eq!(log["pageInfo"]["hasNextPage"], true);
        let after = &log["pageInfo"]["endCursor"];
        let seen = server.ask_by(&admin, LOG, json!({"after": after})).await?;
        let nodes = &seen.data()?["audit"]["nodes"];
        assert_eq!(nodes.as_array().map(Vec::len), Some(6));
        assert_eq!(nodes[0]["node"]["id"], ids[0]);
        assert_eq!(
            (&nodes[5]["name"], &nodes[5]["role"]),
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

        // Other viewers do not even see the number of entries.
        let narrow = Rights::of(&[Right::Publish]);
        let narrow = server.issue("ندى", Role::Admin, Some(narrow)).await?;
        for token in [&editor, &narrow] {
            let seen = server.ask_by(token, LOG, Value::Null).await?;
            assert_eq!(
                (seen.code(), &seen.json["data"]),
                ("FORBIDDEN", &json!({"audit": null}))
            );
        }
        let seen = server.ask(&[], LOG, Value::Null).await?;
        assert_eq!(
            (seen.code(), &seen.json["data"]),
            ("UNAUTHENTICATED", &json!({"audit": null}))
        );
        assert_eq!(seen.status, 200, "nobody is refused for bringing nothing");
    }
    Ok(())
}

/// Returns the newest entries of the log: action, name, entity type and entity ID, newest first.
async fn deeds(server: &Server, admin: &Issued, first: u8) -> anyhow::Result<Vec<[Value; 4]>> {
    let seen = server.ask_by(admin, LOG, json!({ "first": first })).await?;
    let nodes = seen.data()?["audit"]["nodes"].as_array().cloned();
    let deeds = nodes.unwrap_or_default().into_iter();
    Ok(deeds
        .map(|node| ["action", "name", "entityType", "entityId"].map(|field| node[field].clone()))
        .collect())
}

#[tokio::test]
async fn tokens_accounts_and_previews_are_audited() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let admin = server.issue("ندى", Role::Admin, None).await?;
        let token = global(12, admin.token.id.uuid());
        let account = admin.token.account.uuid().to_string();
        let create = || json!("token create");
        // The command created the token and its account. A second token reuses the account.
        assert_eq!(
            deeds(&server, &admin, 2).await?,
            [
                [create(), json!("khabar"), json!("token"), json!(token)],
                [create(), json!("khabar"), json!("account"), json!(account)],
            ]
        );
        let second = server.issue("ندى", Role::Reader, None).await?;
        let id = global(12, second.token.id.uuid());
        let latest = deeds(&server, &admin, 2).await?;
        assert_eq!(
            [&latest[0][2..], &latest[1][2..]],
            [[json!("token"), json!(id)], [json!("token"), json!(token)]]
        );

        // A preview is logged under its draft, so that the draft's history includes it.
        let draft = server.hidden("مسودة", Status::Draft, None).await?;
        let preview = "mutation ($id: ID!) { createPreview(input: {article: $id}) {
            preview { token } userErrors { code } } }";
        let seen = server
            .ask_by(&admin, preview, json!({"id": draft.id}))
            .await?;
        let secret = seen.data()?["createPreview"]["preview"]["token"].clone();
        let expected = [
            json!("createPreview"),
            json!("ندى"),
            json!("preview"),
            json!(draft.id),
        ];
        assert_eq!(deeds(&server, &admin, 1).await?, [expected]);
        let seen = server.ask_by(&admin, LOG, json!({"of": draft.id})).await?;
        let entry = &seen.data()?["audit"]["nodes"][0];
        assert_eq!(entry["node"]["id"], draft.id);

        // Neither the change feed nor the log contains a secret.
        let reader = server.db.db().reader(Scope::reader(newsroom::now()));
        let feed = change::after(&reader, 0, 9_999).await?;
        let written = format!("{feed:?} {}", seen.json);
        let secret = secret.as_str().unwrap_or_default();
        for secret in [secret, admin.credential.as_str(), &admin.credential.hash()] {
            assert!(secret.len() > 20 && !written.contains(secret));
        }
    }
    Ok(())
}

/// The key that signs previews is no node, so its entry has an opaque ID and not that of an article.
#[tokio::test]
async fn a_replaced_signing_key_is_logged_under_its_own_id() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let admin = server.issue("ندى", Role::Admin, None).await?;
        let author = Author::command("keys rotate");
        let mut writer = server.db.db().writer(newsroom::now()).await?.signed(author);
        secret::rotate_previews(&mut writer, [7; 32], false).await?;
        writer.commit().await?;
        let seen = server.ask_by(&admin, LOG, json!({"first": 1})).await?;
        let entry = json!({
            "name": "khabar", "accountId": null, "role": null, "at": "2024-10-11T00:00:00Z",
            "address": null, "action": "keys rotate", "entityType": "preview",
            "entityId": secret::preview_key_id().to_string(), "node": null,
        });
        assert_eq!(seen.data()?["audit"]["nodes"], json!([entry]));
    }
    Ok(())
}

#[tokio::test]
async fn the_audited_address_comes_from_a_trusted_proxy() -> anyhow::Result<()> {
    let mut trusting = Settings::default();
    trusting.auth.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    let cases = [
        (trusting, "203.0.113.5"),
        (Settings::default(), "127.0.0.1"),
    ];
    for (settings, address) in cases {
        for server in Server::each(&settings).await? {
            let admin = server.issue("ندى", Role::Admin, None).await?;
            let headers = [
                super::bearer(admin.credential.as_str()),
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

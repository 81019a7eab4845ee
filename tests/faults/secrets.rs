//! Secrets: the permissions of the database files, passwords in output, and the revocation of signing
//! keys and previews.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::until;
use serde_json::{Value, json};

use crate::client::Client;
use crate::newsroom;
use crate::server::Launch;

const CREATE: &str = "mutation ($headline: String!) { createArticle(input: {headline: $headline}) {
    article { id } userErrors { message } } }";
const PREVIEW: &str = "mutation ($id: ID!) { createPreview(input: {article: $id}) {
    preview { token } userErrors { code } } }";
const REVOKE: &str = "mutation ($id: ID!) { revokePreviews(input: {article: $id}) {
    article { id } userErrors { code } } }";
const READ: &str = "query ($id: ID!) { article(id: $id) { headline } }";

fn mode(file: &Path) -> anyhow::Result<u32> {
    let found = std::fs::metadata(file).with_context(|| file.display().to_string())?;
    Ok(found.permissions().mode() & 0o777)
}

#[tokio::test]
async fn database_files_are_private_to_their_owner() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("newsroom.db");
    let beside = ["", "-wal", "-shm"].map(|end| {
        let mut name = file.clone().into_os_string();
        name.push(end);
        std::path::PathBuf::from(name)
    });
    let url = format!("sqlite:{}", file.display());
    let open = ["sh", "-c", "umask 000; exec \"$@\"", "-"];
    let launch = || Launch::over(&url).through(&open);
    let (ok, _, error) = launch().run(&["migrate", "up"]).await?;
    ensure!(ok, "{error}");
    ensure!(mode(&file)? == 0o600, "{:o}", mode(&file)?);
    let server = launch().start().await?;
    for file in &beside {
        ensure!(
            mode(file)? == 0o600,
            "{}: {:o}",
            file.display(),
            mode(file)?
        );
    }
    // Permissions left open by an older version are fixed at the next start, with a WAL present too.
    server.kill().await?;
    for file in &beside {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644))?;
    }
    let server = launch().start().await?;
    for file in &beside {
        ensure!(
            mode(file)? == 0o600,
            "{}: {:o}",
            file.display(),
            mode(file)?
        );
    }
    until("it is logged", || async {
        Ok(server.log.says("database_file_permissions_tightened"))
    })
    .await?;
    let archive = folder.path().join("archive.ndjson");
    let name = archive.display().to_string();
    let (ok, _, error) = launch().run(&["export", &name]).await?;
    ensure!(ok, "{error}");
    ensure!(mode(&archive)? == 0o600, "{:o}", mode(&archive)?);
    server.kill().await
}

#[tokio::test]
async fn passwords_are_redacted() -> anyhow::Result<()> {
    const SECRET: &str = "hush7";
    for url in [
        "postgres://u:hush7@127.0.0.1:1/x".to_owned(),
        "postgres://u:hush7@ch/hush7@127.0.0.1:1/x".to_owned(),
        "postgres://127.0.0.1:1/x?user=u&password=hush7".to_owned(),
        "postgres://127.0.0.1:1/x?p%61ssword=hush7".to_owned(),
        "postgres://u:hush7@127.0.0.1:1/x?sslpassword=hush7".to_owned(),
        "postgres://u:hush7@127.0.0.1:none/x".to_owned(),
        "postgres://u:hush7@127.0.0.1:1/x?sslmode=wrong".to_owned(),
        "mysql://u:hush7@127.0.0.1/x".to_owned(),
        "sqlite:/nowhere/at/all.db?password=hush7".to_owned(),
    ] {
        let launch = Launch::over(&url)
            .set("log.filter", "trace")
            .set("replicas", &url)
            .set("purge.edge.kind", "varnish-xkey")
            .set("purge.edge.url", "http://u:hush7@127.0.0.1:1/")
            .set("graphql.cache.surrogate", "xkey");
        for command in [
            &["config"][..],
            &["migrate", "status"],
            &["migrate", "up"],
            &["token", "list"],
            &["export", "-"],
            &["serve", "--listen", "127.0.0.1:0"],
        ] {
            let (_, said, error) = launch.run(command).await?;
            ensure!(
                !said.contains(SECRET) && !error.contains(SECRET),
                "{command:?} with {url}: {said}{error}"
            );
        }
    }
    // The hint about pending migrations does not contain the password either.
    if let Some(db) = newsroom::postgres().await? {
        db.administer("DELETE FROM seaql_migrations").await?;
        let url = db.url().replace("khabar@", "khabar:hush7@");
        let (ok, _, error) = Launch::over(url).run(&["serve"]).await?;
        ensure!(!ok && error.contains("khabar migrate up"), "{error}");
        ensure!(!error.contains(SECRET), "{error}");
    }
    // Errors in the configuration file do not show the password either.
    let folder = tempfile::tempdir()?;
    for text in [
        "database = \"postgres://u:hush7@h/db\nlisten = 1",
        "replicas = \"postgres://u:hush7@h/db\"",
        "readers = \"postgres://u:hush7@h/db\"",
    ] {
        let file = folder.path().join("khabar.toml");
        std::fs::write(&file, text)?;
        let name = file.display().to_string();
        let launch = Launch::over("sqlite:x.db");
        let (ok, said, error) = launch.run(&["--config", &name, "config"]).await?;
        ensure!(!ok && !error.contains(SECRET), "{text}: {said}{error}");
    }
    Ok(())
}

/// Returns what the bearer of a preview token sees: the headline, `nothing`, or an error code.
async fn seen(client: &Client, token: &str, id: &Value) -> anyhow::Result<String> {
    let headers = [("khabar-preview", token)];
    let response = client
        .post_with(&headers, READ, json!({ "id": id }))
        .await?;
    if response.status == 401 {
        return Ok(response.code());
    }
    let headline = response.data()?["article"]["headline"].clone();
    Ok(headline.as_str().unwrap_or("nothing").to_owned())
}

#[tokio::test]
async fn signing_keys_rotate_and_previews_are_revoked_fleet_wide() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let launch = || Launch::over(db.url());
        let nodes = [launch().start().await?, launch().start().await?];
        let editors = nodes.each_ref().map(|node| node.client.with_token(&token));
        let made = editors[0]
            .post(CREATE, json!({"headline": "مسودة"}))
            .await?;
        let id = made.data()?["createArticle"]["article"]["id"].clone();
        let preview = async |editor: &Client| {
            let made = editor.post(PREVIEW, json!({ "id": id })).await?;
            let token = made.data()?["createPreview"]["preview"]["token"].clone();
            anyhow::Ok(token.as_str().context("no token")?.to_owned())
        };
        let everywhere = async |token: &str, expected: &str| {
            for node in &nodes {
                let seen = seen(&node.client, token, &id).await?;
                ensure!(
                    seen == expected,
                    "{}: {seen} instead of {expected}",
                    db.name()
                );
            }
            anyhow::Ok(())
        };
        let first = preview(&editors[0]).await?;
        everywhere(&first, "مسودة").await?;
        let rotate = async |more: &[&str]| {
            let command = [&["keys", "rotate"], more].concat();
            let (ok, _, error) = launch().run(&command).await?;
            ensure!(ok, "{error}");
            anyhow::Ok(())
        };
        // Issued tokens stay valid, and both nodes sign with the new key.
        rotate(&[]).await?;
        everywhere(&first, "مسودة").await?;
        let second = preview(&editors[1]).await?;
        everywhere(&second, "مسودة").await?;
        // Only the last two keys are accepted. With `--revoke`, only the new key is.
        rotate(&[]).await?;
        everywhere(&first, "UNAUTHENTICATED").await?;
        everywhere(&second, "مسودة").await?;
        let latest = preview(&editors[0]).await?;
        rotate(&["--revoke"]).await?;
        for revoked in [&second, &latest] {
            everywhere(revoked, "UNAUTHENTICATED").await?;
        }
        let third = preview(&editors[0]).await?;
        everywhere(&third, "مسودة").await?;

        // Previews of one article that are revoked at one node are invalid at every node.
        let other = editors[0].post(CREATE, json!({"headline": "أخرى"})).await?;
        let other = other.data()?["createArticle"]["article"]["id"].clone();
        let made = editors[0].post(PREVIEW, json!({ "id": other })).await?;
        let issued = made.data()?["createPreview"]["preview"]["token"].clone();
        let revoked = editors[0].post(REVOKE, json!({ "id": id })).await?;
        ensure!(revoked.data()?["revokePreviews"]["userErrors"] == json!([]));
        everywhere(&third, "UNAUTHENTICATED").await?;
        let fourth = preview(&editors[1]).await?;
        everywhere(&fourth, "مسودة").await?;
        let issued = issued.as_str().context("no token")?;
        ensure!(seen(&nodes[1].client, issued, &other).await? == "أخرى");

        // Without the right to publish, only previews of one's own articles can be revoked.
        let contributor = newsroom::token(&db, "نور", Role::Contributor).await?;
        let contributor = nodes[0].client.with_token(&contributor);
        let refused = contributor.post(REVOKE, json!({ "id": id })).await?;
        let errors = refused.data()?["revokePreviews"]["userErrors"].clone();
        ensure!(errors[0]["code"] == "NOT_FOUND", "{errors}");
        everywhere(&fourth, "مسودة").await?;

        let admin = newsroom::token(&db, "ندى", Role::Admin).await?;
        let log = "{ audit(first: 20) { nodes { action name entityType entityId } } }";
        let log = nodes[1]
            .client
            .with_token(&admin)
            .post(log, Value::Null)
            .await?;
        let log = log.data()?["audit"]["nodes"].to_string();
        ensure!(
            log.contains("revokePreviews") && log.contains("keys rotate"),
            "{log}"
        );
        for node in nodes {
            node.kill().await?;
        }
    }
    Ok(())
}

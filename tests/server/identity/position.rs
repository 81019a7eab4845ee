//! Read-your-writes across two nodes on one database: a client that sends back its position on the
//! second node reads what it wrote on the first.

use khabar_domain::Role;
use khabar_persistence::change::Position;
use khabar_server::config::Settings;
use khabar_tests::harness::TestDb;
use serde_json::{Value, json};

use crate::Server;

const NAMES: &str = "{ sections { id name } }";
const RENAME: &str = "mutation ($input: UpdateSectionInput!) {
    updateSection(input: $input) { section { id } userErrors { message } } }";

#[tokio::test]
async fn a_client_reads_its_own_writes_on_another_node() -> anyhow::Result<()> {
    for here in Server::each(&Settings::default()).await? {
        let there = TestDb::at(here.db.url().to_owned()).await?;
        let there = Server::over(there.caching().await?, &Settings::default()).await?;
        let editor = here.issue("ليلى", Role::Editor, None).await?;
        for turn in 0..20 {
            // Fills the cache of the second node with the old value.
            let seen = there.ask(&[], NAMES, Value::Null).await?;
            let id = seen.data()?["sections"][0]["id"].clone();
            let name = format!("قسم {turn}");
            let input = json!({"input": {"id": id, "name": name}});
            let written = here.ask_by(&editor, RENAME, input).await?;
            assert_eq!(written.data()?["updateSection"]["userErrors"], json!([]));

            let position = format!("khabar-position: {}", written.header("khabar-position"));
            let seen = there.ask(&[position], NAMES, Value::Null).await?;
            let names = seen.data()?["sections"].to_string();
            assert!(names.contains(&name), "{}: {names}", here.db.name());
            let place =
                |seen: &crate::HttpResponse| seen.header("khabar-position").parse::<Position>();
            let (seen, written) = (place(&seen)?, place(&written)?);
            assert!(seen.epoch == written.epoch && seen.seq >= written.seq);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_position_beyond_the_feed_is_rejected() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let head = server.db.db().feed().bounds().await?.position();
        let beyond = |seq| Position { seq, ..head }.to_string();
        let beyond = [beyond(head.seq + 1), beyond(i64::MAX)];
        let invalid = [
            "",
            "x",
            "-1",
            "1.5",
            "7",
            "1-",
            "+1-1",
            "1-99999999999999999999",
        ];
        for invalid in invalid.into_iter().chain(beyond.iter().map(String::as_str)) {
            let header = format!("khabar-position: {invalid}");
            let seen = server.ask(&[header], NAMES, Value::Null).await?;
            assert_eq!(
                (seen.status, seen.code()),
                (400, "BAD_USER_INPUT"),
                "{invalid}"
            );
        }
        // A position from another epoch is ignored, because its changes may no longer exist.
        let stop_and_wait = Position {
            epoch: head.epoch + 1,
            seq: head.seq + 1_000,
        };
        let stop_and_wait = format!("khabar-position: {stop_and_wait}");
        let seen = server.ask(&[stop_and_wait], NAMES, Value::Null).await?;
        assert!(seen.data()?["sections"][0]["name"].is_string());
    }
    Ok(())
}

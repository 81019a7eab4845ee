//! `khabar cache clear`: afterwards, every node reads rows that were changed in the database by hand.

use anyhow::ensure;
use khabar_tests::harness::until;
use serde_json::Value;

use crate::newsroom;
use crate::server::Launch;
use crate::writing::section;

#[tokio::test]
async fn cache_clear_reaches_every_node() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let here = Launch::over(db.url()).start().await?;
        let there = Launch::over(db.url()).start().await?;
        let (id, before) = section(&here.client).await?;
        let after = "بيد مباشرة";
        // Covers both the reference data and whole cached responses.
        let asked = format!("{{ sections {{ id name }} node(id: \"{id}\") {{ id }} }}");
        for server in [&here, &there] {
            let response = server.client.get(&asked).await?;
            ensure!(response.text.contains(&before), "{response:?}");
        }
        db.execute_sql(&format!(
            "UPDATE section SET name = '{after}' WHERE name = '{before}'"
        ))
        .await?;
        for server in [&here, &there] {
            let response = server.client.get(&asked).await?;
            ensure!(
                response.text.contains(&before),
                "it was not kept: {response:?}"
            );
        }
        let launch = Launch::over(db.url());
        let (ok, said, error) = launch.run(&["cache", "clear"]).await?;
        ensure!(ok && said.contains("every server"), "{said}{error}");
        for server in [&here, &there] {
            until("it is read", || async {
                let response = server.client.post(&asked, Value::Null).await?;
                Ok(response.text.contains(after) && !response.text.contains(&before))
            })
            .await?;
            ensure!(server.log.says("cache_cleared"), "{:?}", server.log.lines());
        }
    }
    Ok(())
}

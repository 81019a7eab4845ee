//! `khabar cache clear`: afterwards, every node reads rows that were changed in the database by hand.

use anyhow::ensure;
use khabar_tests::harness::until;
use serde_json::Value;

use crate::newsroom;
use crate::server::Launch;
use crate::writing::section;

#[tokio::test]
async fn every_node_lets_go_of_what_it_keeps() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let here = Launch::over(db.url()).start().await?;
        let there = Launch::over(db.url()).start().await?;
        let (id, before) = section(&here.client).await?;
        let after = "بيد مباشرة";
        // Covers both the reference data and whole cached responses.
        let asked = format!("{{ sections {{ id name }} node(id: \"{id}\") {{ id }} }}");
        for server in [&here, &there] {
            let answer = server.client.get(&asked).await?;
            ensure!(answer.text.contains(&before), "{answer:?}");
        }
        db.execute_sql(&format!(
            "UPDATE section SET name = '{after}' WHERE name = '{before}'"
        ))
        .await?;
        for server in [&here, &there] {
            let answer = server.client.get(&asked).await?;
            ensure!(answer.text.contains(&before), "it was not kept: {answer:?}");
        }
        let launch = Launch::over(db.url());
        let (ok, said, error) = launch.run(&["cache", "clear"]).await?;
        ensure!(ok && said.contains("every server"), "{said}{error}");
        for server in [&here, &there] {
            until("it is read", || async {
                let answer = server.client.post(&asked, Value::Null).await?;
                Ok(answer.text.contains(after) && !answer.text.contains(&before))
            })
            .await?;
            ensure!(server.log.says("cache_cleared"), "{:?}", server.log.lines());
        }
    }
    Ok(())
}

//! Guarantees of the persistence layer, tested on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot go on has failed"
)]

#[path = "persistence/bulk.rs"]
mod bulk;
#[path = "persistence/link_ids.rs"]
mod link_ids;
#[path = "persistence/newsroom.rs"]
mod newsroom;
#[path = "persistence/plans.rs"]
mod plans;
#[path = "persistence/replica.rs"]
mod replica;

use khabar_persistence::{Db, Options};
use khabar_tests::harness::TestDb;

#[tokio::test]
async fn articles_are_counted_and_paged() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        newsroom::articles_are_counted_and_paged(test.db()).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_lagging_replica_falls_back_to_the_primary() -> anyhow::Result<()> {
    // SQLite has no replicas.
    let (Some(primary), Some(replica)) = (TestDb::postgres().await?, TestDb::postgres().await?)
    else {
        return Ok(());
    };
    replica::a_lagging_replica_falls_back_to_the_primary(&primary, &replica).await
}

#[tokio::test]
async fn migrations_are_reversible() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        newsroom::migrations_are_reversible(test.db()).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_migration_normalizes_stored_urls() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        newsroom::addresses_are_normalized(&test).await?;
    }
    Ok(())
}

#[tokio::test]
async fn comments_are_counted() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        newsroom::comments_are_counted(test.db()).await;
    }
    Ok(())
}

#[tokio::test]
async fn the_change_feed_is_dense() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        newsroom::the_change_feed_is_dense(test.db()).await;
    }
    Ok(())
}

#[tokio::test]
async fn bulk_inserts_equal_single_writes() -> anyhow::Result<()> {
    for (one_by_one, at_once) in TestDb::each().await?.into_iter().zip(TestDb::each().await?) {
        bulk::bulk_inserts_equal_single_writes(one_by_one, at_once).await?;
    }
    Ok(())
}

#[tokio::test]
async fn bulk_inserts_use_several_statements() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        bulk::bulk_inserts_use_several_statements(test.db()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn bulk_inserts_are_validated_like_single_writes() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        bulk::bulk_inserts_are_validated_like_single_writes(test.db()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn ids_repeat_the_links() -> anyhow::Result<()> {
    for (test, restored) in TestDb::each().await?.into_iter().zip(TestDb::each().await?) {
        link_ids::ids_repeat_the_links(&test, &restored).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_migration_fills_in_the_ids() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        link_ids::a_migration_fills_in_the_ids(&test).await?;
    }
    Ok(())
}

#[tokio::test]
async fn people_and_topics_are_in_memory() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        link_ids::people_and_topics_are_in_memory(&test).await?;
    }
    Ok(())
}

#[tokio::test]
async fn changes_of_people_and_topics_are_seen() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        link_ids::changes_of_people_and_topics_are_seen(&test).await?;
    }
    Ok(())
}

#[tokio::test]
async fn too_many_people_are_left_out() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        link_ids::too_many_people_are_left_out(&test).await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_statement_scans_a_table() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        if test.name() == "SQLite" {
            let scans = |line: &str| {
                line.starts_with("SCAN ")
                    && !line.contains("json_each")
                    // The subquery of a count. It uses an index and is limited.
                    && line != "SCAN c"
                    // All tokens form one list, which is read in index order up to the end of a page.
                    && !line.ends_with("INDEX token_newest")
            };
            plans::no_statement_scans_a_table(test.db(), scans).await?;
        } else {
            // PostgreSQL rightly prefers a sequential scan for an empty table, so these are disabled.
            let url = format!("{}&options=-c%20enable_seqscan%3Doff", test.url());
            let db = Db::open(&Options::new(url)).await?;
            plans::no_statement_scans_a_table(&db, |line| line.contains("Seq Scan")).await?;
        }
    }
    Ok(())
}

/// Uses a second database as a replica that never catches up. Writes to the primary do not reach it.
#[tokio::test]
async fn reads_use_replicas_and_writes_the_primary() -> anyhow::Result<()> {
    let (Some(primary), Some(behind)) = (TestDb::postgres().await?, TestDb::postgres().await?)
    else {
        return Ok(());
    };
    let replicas = vec![behind.url().to_owned()];
    let options = Options {
        replicas,
        ..Options::new(primary.url())
    };
    let fleet = Db::open(&options).await?;
    newsroom::an_edition_is_written(&fleet).await;
    // The pool that wrote reads its own write, although the replica lags. Another pool reads the
    // replica.
    assert!(newsroom::the_edition_is_read(&fleet).await);
    let other = Db::open(&options).await?;
    assert!(!newsroom::the_edition_is_read(&other).await);
    assert!(newsroom::the_edition_is_read(primary.db()).await);
    Ok(())
}

#[tokio::test]
async fn sqlite_has_no_replicas() -> anyhow::Result<()> {
    let test = TestDb::sqlite().await?;
    let replicas = vec![test.url().to_owned()];
    let refused = Db::open(&Options {
        replicas,
        ..Options::new(test.url())
    })
    .await;
    let refused = refused
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(refused.ends_with("SQLite has no replicas"), "{refused}");
    Ok(())
}

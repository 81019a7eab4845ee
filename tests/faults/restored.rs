//! Restoring: values derived from other rows are recomputed, whatever the archive contains.

use anyhow::{Context as _, ensure};
use khabar_tests::harness::TestDb;
use serde_json::Value;

use crate::newsroom;
use crate::server::Launch;

/// A query for every stored count and the list that it counts.
const COUNTED: &str = "{ articles(first: 50) { totalCount nodes { slug commentCount \
    comments { totalCount nodes { id replyCount replies { nodes { id } } } } } } \
    sections { name articleCount articles { totalCount nodes { slug } } children { name } } \
    stories { totalCount nodes { title articleCount lastArticleAt articles { nodes { slug } } } } }";

/// SQL statements that corrupt every derived column.
const TAMPER: &str = "UPDATE edition SET article_count = 62; UPDATE section SET article_count = 0; \
    UPDATE story SET article_count = 7, last_article_at = NULL; \
    UPDATE person SET article_count = 9; UPDATE topic SET article_count = 9; \
    UPDATE source SET article_count = 9; UPDATE article SET comment_count = 5; \
    UPDATE comment SET reply_count = 3, report_count = 12; \
    DELETE FROM listing; DELETE FROM section_path";

async fn counted(db: &TestDb) -> anyhow::Result<Value> {
    let server = Launch::over(db.url()).start().await?;
    server.client.post(COUNTED, Value::Null).await?.data()
}

#[tokio::test]
async fn restore_recomputes_derived_values() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let right = counted(&db).await?;
        let hide = match db.name() {
            "SQLite" => "UPDATE comment SET shown = 1 - shown",
            _ => "UPDATE comment SET shown = NOT shown",
        };
        db.execute_sql(TAMPER).await?;
        db.execute_sql(hide).await?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("newsroom.ndjson");
        let file = file.to_str().context("no UTF-8")?;
        let (ok, _, err) = Launch::over(db.url()).run(&["export", file]).await?;
        ensure!(ok, "{err}");
        for empty in TestDb::each().await? {
            let (ok, _, err) = Launch::over(empty.url()).run(&["restore", file]).await?;
            ensure!(ok, "{err}");
            let restored = counted(&empty).await?;
            ensure!(restored == right, "{restored:#}\n{right:#}");
        }
    }
    Ok(())
}

//! Tests of the scan over all articles: it can be resumed, and meets each article at most once.

use std::collections::BTreeMap;

use khabar_domain::article::Status;
use khabar_domain::{Article, ArticleId, Block, RichText, derived};
use khabar_persistence::article::{self, Manuscript, Scan, ScannedArticle};
use khabar_tests::harness::{TestDb, builders, newsroom};

use crate::{edition, open};

const STATUSES: [Status; 5] = [
    Status::Published,
    Status::Draft,
    Status::Review,
    Status::Scheduled,
    Status::Withdrawn,
];

/// Returns an article whose ID sorts by this number, with a body that names it.
fn numbered(number: u128) -> anyhow::Result<Manuscript> {
    let at = usize::try_from(number)? % STATUSES.len();
    let article = Article {
        id: ArticleId::new(uuid::Uuid::from_u128(number)),
        status: STATUSES[at],
        ..builders::article(&edition()?, &format!("article {number}"), 1)?
    };
    let text = RichText::plain(&format!("The text of article {number}."));
    let blocks = vec![Block::Paragraph { text }];
    Ok(builders::manuscript(article, blocks)?)
}

async fn save(test: &TestDb, number: u128) -> anyhow::Result<()> {
    let mut writer = test.db().writer(newsroom::now()).await?;
    article::save(&mut writer, &numbered(number)?).await?;
    Ok(writer.commit().await?)
}

async fn remove(test: &TestDb, number: u128) -> anyhow::Result<()> {
    let text = format!(
        "DELETE FROM listing WHERE article_id = (SELECT id FROM article WHERE slug = 'article-{number}'); \
         DELETE FROM article_body WHERE article_id = (SELECT id FROM article WHERE slug = 'article-{number}'); \
         DELETE FROM article WHERE slug = 'article-{number}'"
    );
    test.execute_sql(&text).await
}

/// Reads a scan to its end. Returns the numbers of the articles of each batch.
async fn remaining(scan: &mut Scan) -> anyhow::Result<Vec<Vec<u128>>> {
    let mut batches = Vec::new();
    while let Some(batch) = scan.next_batch().await? {
        batches.push(numbers(&batch));
    }
    Ok(batches)
}

fn numbers(batch: &[ScannedArticle]) -> Vec<u128> {
    let ids = batch.iter().map(|found| found.article.id.uuid());
    ids.map(|id| id.as_u128()).collect()
}

#[tokio::test]
async fn every_article_is_scanned_once_with_its_body() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        open(test.db()).await?;
        for number in 1..=12 {
            save(&test, number).await?;
        }
        let mut scan = Scan::new(test.db(), 5);
        let mut found = BTreeMap::new();
        while let Some(batch) = scan.next_batch().await? {
            for one in batch {
                let number = one.article.id.uuid().as_u128();
                assert_eq!(found.insert(number, one), None, "{number}");
            }
        }
        assert_eq!(found.len(), 12);
        for (number, one) in found {
            let saved = numbered(number)?;
            assert_eq!(one.article.status, saved.article.status);
            assert_eq!(one.article.slug, saved.article.slug);
            assert_eq!(one.body, saved.body);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_scan_can_be_resumed() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        open(test.db()).await?;
        for number in 1..=7 {
            save(&test, number).await?;
        }
        let mut scan = Scan::new(test.db(), 3);
        assert_eq!(scan.position(), None);
        let first = scan.next_batch().await?.unwrap_or_default();
        assert_eq!(numbers(&first), [1, 2, 3]);
        let position = scan.position().expect("a batch was read");
        let mut resumed = Scan::new(test.db(), 2).after(position);
        assert_eq!(remaining(&mut resumed).await?, [vec![4, 5], vec![6, 7]]);
        // At the end it stays there until there are more.
        assert_eq!(resumed.next_batch().await?, None);
        save(&test, 8).await?;
        assert_eq!(remaining(&mut resumed).await?, [vec![8]]);
        // The article of the position need not exist.
        remove(&test, 3).await?;
        let mut again = Scan::new(test.db(), 10).after(position);
        assert_eq!(remaining(&mut again).await?, [vec![4, 5, 6, 7, 8]]);
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_changes_are_scanned_at_most_once() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        open(test.db()).await?;
        for number in (10..=60).step_by(10) {
            save(&test, number).await?;
        }
        let mut scan = Scan::new(test.db(), 2);
        let first = scan.next_batch().await?.unwrap_or_default();
        assert_eq!(numbers(&first), [10, 20]);
        // Before the position, and after it.
        save(&test, 15).await?;
        save(&test, 35).await?;
        remove(&test, 20).await?;
        remove(&test, 40).await?;
        assert_eq!(remaining(&mut scan).await?, [vec![30, 35], vec![50, 60]]);
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_article_does_not_stop_the_scan() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        open(test.db()).await?;
        for number in 1..=5 {
            save(&test, number).await?;
        }
        test.execute_sql("UPDATE article SET canonical_url = 'ftp://' || slug WHERE slug IN ('article-2', 'article-3')")
            .await?;
        let mut scan = Scan::new(test.db(), 1);
        let batches = remaining(&mut scan).await?;
        assert_eq!(batches, [vec![1], vec![], vec![], vec![4], vec![5]]);
        assert_eq!(test.db().broken_rows().known().len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_database_has_no_articles() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let mut scan = Scan::new(test.db(), 10);
        assert_eq!(scan.next_batch().await?, None);
        assert_eq!(scan.position(), None);
        let position = ArticleId::new(derived("article", &["none"]));
        let mut resumed = scan.after(position);
        assert_eq!(resumed.next_batch().await?, None);
        assert_eq!(resumed.position(), Some(position));
    }
    Ok(())
}

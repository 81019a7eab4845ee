//! Hidden content is not exposed on any path: by ID, slug, URL, node, list, count, filter, cursor or
//! error. The paths are derived from the schema, so new fields are covered automatically.
//!
//! There are two newsrooms, identical except that only one has hidden content. A viewer who may not
//! see it must get the same responses from both, for any query and with any hidden IDs, slugs and
//! cursors. No response may contain text of the hidden content.

mod difference;
mod hidden;
mod sample_schema;
mod walk;

use anyhow::ensure;
use khabar_domain::{Role, Viewer};
use khabar_graphql::limit::Limits;
use khabar_tests::harness::{Newsroom, TestApp, TestDb, Who, unlimited};

use self::hidden::Hidden;
use self::walk::{QuerySender, Report, Walk};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_reveals_hidden_content_on_sqlite() -> anyhow::Result<()> {
    check(TestDb::sqlite().await?, TestDb::sqlite().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_reveals_hidden_content_on_postgres() -> anyhow::Result<()> {
    match (TestDb::postgres().await?, TestDb::postgres().await?) {
        (Some(with), Some(without)) => check(with, without).await,
        _ => Ok(()),
    }
}

/// Verifies that the walk detects leaks in a schema that has them.
#[tokio::test]
async fn planted_leaks_are_detected() -> anyhow::Result<()> {
    let (with, without) = (TestDb::sqlite().await?, TestDb::sqlite().await?);
    let hidden = newsrooms(&with, &without).await?;
    let walk = Walk {
        with: TestApp::of(with, sample_schema::api()?),
        without: TestApp::of(without, sample_schema::api()?),
        hidden,
        find: None,
    };
    let report = walk.as_seen_by(&QuerySender::of(Who::anonymous())).await?;
    let mut culprit: Vec<_> = report.leaks.keys().map(String::as_str).collect();
    culprit.sort_unstable();
    ensure!(
        culprit
            == [
                "Place.counted",
                "Query.byId",
                "Query.counted",
                "Query.refused"
            ],
        "{:#?}",
        report.leaks
    );
    Ok(())
}

async fn newsrooms(with: &TestDb, without: &TestDb) -> anyhow::Result<Vec<Hidden>> {
    for db in [with, without] {
        Newsroom::small()?.save(db.db()).await?;
    }
    hidden::hide(with.db()).await
}

async fn check(with: TestDb, without: TestDb) -> anyhow::Result<()> {
    let hidden = newsrooms(&with, &without).await?;
    // Both newsrooms share an API, so that each document is validated only once.
    let api = khabar_graphql::api(Limits {
        cached_bytes: 256 << 20,
        ..unlimited()
    })?;
    let walk = Walk {
        with: TestApp::of(with, api.clone()),
        without: TestApp::of(without, api),
        hidden,
        find: Some(walk::FIND),
    };
    let report = walk.as_seen_by(&QuerySender::of(Who::anonymous())).await?;
    clean(&report)?;
    ensure!(
        report.asked > 300 && report.visited.len() > 60,
        "only {} documents were asked, and {} fields had anything to say",
        report.asked,
        report.visited.len()
    );

    // A preview gives access to its article and a contributor to their own, and to nothing else.
    let mut viewer = Viewer::anonymous();
    viewer.preview = Some(walk.hidden[0].article);
    let mut previewing = QuerySender::of(Who {
        viewer,
        name: "anonymous".to_owned(),
    });
    previewing.own = Some(0);
    let contributor = Viewer::of(hidden::writer(), Role::Contributor);
    let mut contributing = QuerySender::of(Who {
        viewer: contributor,
        name: "كاتب".to_owned(),
    });
    contributing.own = Some(1);
    for sender in [previewing, contributing] {
        let report = walk.as_seen_by(&sender).await?;
        clean(&report)?;
        // A contributor's own article is also listed by `unpublishedArticles`.
        let unpublished = (sender.own == Some(1)).then_some("Query.unpublishedArticles");
        for field in ["Query.article", "Query.node", "Query.nodes"]
            .into_iter()
            .chain(unpublished)
        {
            ensure!(
                report.opened.contains(field),
                "{field} did not open what is theirs to {:?}; these did: {:?}",
                sender.who,
                report.opened
            );
        }
    }
    Ok(())
}

fn clean(report: &Report) -> anyhow::Result<()> {
    let leaks: Vec<_> = report.leaks.values().cloned().collect();
    ensure!(leaks.is_empty(), "it shows:\n{}", leaks.join("\n\n"));
    Ok(())
}

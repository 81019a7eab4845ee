//! Faults planted in a cache, each of which the comparison of `consistency.rs` must find in one history:
//! a question is asked, something that it shows is written, and the question is asked again.
//!
//! Nothing is left to chance. The [schedule](super::schedule) says which step of the cache waits for the
//! write, and what goes wrong. Without the fault, no difference may be found in the same history.

use anyhow::{Context as _, ensure};
use khabar_persistence::cache::Point;
use khabar_persistence::change::{EntityKind, Facet};
use serde_json::{Value, json};

use super::client::{Endpoint, Query};
use super::concurrent_reads::ResponseLog;
use super::fresh;
use super::schedule::{Fault, Pause, Schedule, ScheduledSteps};
use crate::Fixture;
use crate::article::mutation;
use crate::comment::{POST, SET_ARTICLE};

/// Slug of the article of the histories.
const SLUG: &str = "جولة-في-ورش-صناعة-القوارب";

const RENAME: &str = "mutation ($input: UpdateSectionInput!) { updateSection(input: $input) {
    section { id } userErrors { message } } }";

/// A write, with a question about what it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Headline,
    Lead,
    Comment,
    SectionName,
}

/// A fault that is found by one history.
#[derive(Clone, Copy, Debug)]
struct Planted {
    write: Write,
    /// The step of the read that waits for the write. `None`: the read ends before the write begins.
    pause: Option<Point>,
    fault: Fault,
}

const PLANTED: [Planted; 7] = [
    Planted {
        write: Write::Headline,
        pause: None,
        fault: Fault::TagForgotten(EntityKind::Article, None),
    },
    Planted {
        write: Write::Lead,
        pause: None,
        fault: Fault::TagForgotten(EntityKind::Article, Some(Facet::Lead)),
    },
    Planted {
        write: Write::Comment,
        pause: None,
        fault: Fault::TagForgotten(EntityKind::Article, Some(Facet::Comments)),
    },
    Planted {
        write: Write::SectionName,
        pause: None,
        fault: Fault::TagForgotten(EntityKind::Section, None),
    },
    Planted {
        write: Write::Headline,
        pause: None,
        fault: Fault::ChangesSkipped,
    },
    Planted {
        write: Write::Headline,
        pause: Some(Point::Fill),
        fault: Fault::PositionIgnored(Point::Fill),
    },
    Planted {
        write: Write::Headline,
        pause: Some(Point::InsertResponse),
        fault: Fault::PositionIgnored(Point::InsertResponse),
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_planted_fault_is_detected() -> anyhow::Result<()> {
    for planted in PLANTED {
        for fixture in Fixture::each().await? {
            let which = format!("{planted:?} on {}", fixture.app.db().name());
            let found = history(&fixture, planted.write, planted.schedule(true)).await;
            let error = found.err().with_context(|| format!("not found: {which}"))?;
            let difference = format!("{error:#}");
            ensure!(
                difference.contains("the cache says"),
                "{which}: {difference}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_is_detected_without_one_planted() -> anyhow::Result<()> {
    for planted in PLANTED {
        for fixture in Fixture::each().await? {
            let on = fixture.app.db().name();
            history(&fixture, planted.write, planted.schedule(false))
                .await
                .with_context(|| format!("{planted:?} without its fault, on {on}"))?;
        }
    }
    Ok(())
}

impl Planted {
    fn schedule(self, is_faulty: bool) -> Schedule {
        Schedule {
            pause: self.pause.map(|point| Pause { point, passing: 1 }),
            fault: is_faulty.then_some(self.fault),
        }
    }
}

/// Runs one history. Fails if the comparison finds a difference.
async fn history(fixture: &Fixture, write: Write, schedule: Schedule) -> anyhow::Result<()> {
    let steps = ScheduledSteps::new(schedule);
    let cache = fixture.app.db().db().cache().context("no cache")?;
    cache.install_failpoints(steps.clone());
    let here = Endpoint::over(&fixture.app).await?;
    let other = fresh::another_node(fixture, 64 << 20).await?;
    let there = Endpoint::over(&other).await?;
    let write = write.prepare(fixture).await?;
    let log = ResponseLog::new(vec![write.query.clone()]);
    let asked = (0, false);

    steps.begin();
    let read = async {
        let response = here.ask(false, &write.query, None).await?;
        ensure!(!response.text.contains("\"errors\""), "{}", response.text);
        anyhow::Ok(())
    };
    if schedule.pause.is_some() {
        let overtake = async {
            steps.paused().await?;
            write.send(fixture).await?;
            steps.acknowledged();
            anyhow::Ok(())
        };
        tokio::try_join!(read, overtake)?;
    } else {
        read.await?;
        write.send(fixture).await?;
    }
    let compared = log
        .compare(&fixture.app, &fixture.editor, (&here, &there), asked)
        .await;
    steps.is_carried_out()?;
    compared
}

impl Write {
    /// Reads what the write refers to.
    async fn prepare(self, fixture: &Fixture) -> anyhow::Result<Prepared> {
        const READ: &str =
            "query ($slug: Slug!) { article(slug: $slug) { id version section { id } } }";
        let found = fixture
            .ask(&fixture.editor, READ, json!({"slug": SLUG}))
            .await?;
        let article = &found["article"];
        let (id, version) = (&article["id"], &article["version"]);
        let section = &article["section"]["id"];
        let correct = || mutation("correctArticle");
        let (shown, document, input) = match self {
            Self::Headline => (
                "headline",
                correct(),
                json!({"id": id, "version": version, "headline": "عنوان آخر", "note": "تصحيح"}),
            ),
            Self::Lead => (
                "lead",
                correct(),
                json!({"id": id, "version": version, "lead": "ملخص آخر", "note": "تصحيح"}),
            ),
            Self::Comment => {
                let open = json!({"id": id, "mode": "POST_MODERATED"});
                fixture.write(&fixture.editor, SET_ARTICLE, open).await?;
                (
                    "comments(first: 5) { totalCount nodes { text } }",
                    POST.to_owned(),
                    json!({"article": id, "text": "تعليق جديد"}),
                )
            }
            Self::SectionName => (
                "section { name }",
                RENAME.to_owned(),
                json!({"id": section, "name": "قسم آخر"}),
            ),
        };
        Ok(Prepared {
            query: Query {
                document: format!("query ($slug: Slug!) {{ article(slug: $slug) {{ {shown} }} }}"),
                variables: json!({"slug": SLUG}),
            },
            document,
            input,
        })
    }
}

/// A write that is ready to be sent.
struct Prepared {
    query: Query,
    document: String,
    input: Value,
}

impl Prepared {
    async fn send(&self, fixture: &Fixture) -> anyhow::Result<()> {
        let input = self.input.clone();
        let payload = fixture
            .write(&fixture.editor, &self.document, input)
            .await?;
        ensure!(payload["userErrors"] == json!([]), "{payload}");
        Ok(())
    }
}

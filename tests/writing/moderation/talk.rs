//! Random actions of readers and moderators: posting, editing, reporting and moderating comments while
//! the commenting settings change. The results are checked against a plain model.
//!
//! `KHABAR_SEED` sets the order. Without it, each run uses another seed. A failure reports its seed.

mod actions;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Duration, Utc};
use khabar_domain::commenting::{CommentLimits, RateLimit};
use khabar_domain::{Role, Scope};
use khabar_persistence::change::{self, Change, Write};
use khabar_tests::harness::random::{Random, seed};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use super::compare::Queue;
use super::model::{Article, Model, Refusal, Settings, WINDOW};
use crate::Fixture;
use crate::invariants::key;

/// Minimum number of steps: enough to reach each case below several times.
const STEPS: usize = 400;

/// Maximum number of steps. Each takes a minute, and after a day equal texts no longer count as repeated.
const MOST_STEPS: usize = 1_400;

/// Number of steps between two full comparisons.
const EVERY: usize = 50;

/// The mutations, with their relative frequency.
const DECK: [(&str, usize); 6] = [
    ("postComment", 8),
    ("editComment", 7),
    ("reportComment", 5),
    ("moderateComments", 5),
    ("setArticleCommenting", 2),
    ("setEditionCommenting", 1),
];

/// Cases that every run must reach.
const WORTH: [&str; 22] = [
    "posted",
    "posted where it is closed",
    "answered what is not there",
    "answered too deep",
    "posted the same again",
    "edited",
    "edited to the same",
    "edited and gone with its answers",
    "edited what they do not see",
    "edited another's comment",
    "edited what was taken back",
    "edited where it is closed",
    "edited too late",
    "edited to what they said elsewhere",
    "reported",
    "reported again",
    "reported what they do not see",
    "decided",
    "decided about what was reported",
    "decided about none",
    "an article opened, closed or moderated",
    "the edition opened, closed or moderated",
];

#[tokio::test]
async fn random_comment_writes_match_the_model() -> anyhow::Result<()> {
    let seed = seed()?;
    for fixture in Fixture::each().await? {
        let on = fixture.app.db().name();
        talk(fixture, seed)
            .await
            .with_context(|| format!("on {on}, with KHABAR_SEED={seed}"))?;
    }
    Ok(())
}

async fn talk(fixture: Fixture, seed: u64) -> anyhow::Result<()> {
    // Rate limits are tested elsewhere.
    let fast = RateLimit {
        per_minute: u32::MAX,
        per_hour: u32::MAX,
    };
    let fixture = fixture.with_comment_limits(CommentLimits {
        edit_window: WINDOW,
        posts: fast,
        posts_of_address: fast,
        edits: fast,
        reports: fast,
    });
    let mut talk = RandomRun::begin(&fixture, Random::of(seed, 0)).await?;
    while talk.steps < STEPS || !talk.missing().is_empty() {
        ensure!(talk.steps < MOST_STEPS, "never: {:?}", talk.missing());
        talk.step()
            .await
            .with_context(|| format!("step {}", talk.steps))?;
        if talk.steps % EVERY == 0 {
            talk.compare().await?;
        }
    }
    talk.compare().await
}

/// The state of a run.
struct RandomRun<'a> {
    fixture: &'a Fixture,
    random: Random,
    /// The participants. The last one is the moderator.
    people: Vec<Who>,
    model: Model,
    queue: Queue,
    covered: BTreeSet<&'static str>,
    steps: usize,
    /// The last position read in the change feed.
    seq: i64,
}

impl<'a> RandomRun<'a> {
    async fn begin(fixture: &'a Fixture, random: Random) -> anyhow::Result<Self> {
        let mut people = Vec::new();
        for name in ["هدى", "زياد", "ريم"] {
            people.push(fixture.app.who(name, Role::Reader).await?);
        }
        people.push(fixture.editor.clone());
        let mut articles = Vec::new();
        for id in fixture.articles(3).await? {
            let read =
                format!("{{ node(id: {id:?}) {{ ... on Article {{ publishedAt listedAt }} }} }}");
            let mut found = fixture.ask(&Who::anonymous(), &read, json!({})).await?;
            let node = found["node"].take();
            let published = node["publishedAt"].as_str().or(node["listedAt"].as_str());
            articles.push(Article {
                id,
                published_at: published.context("when it went out")?.parse()?,
                settings: Settings::default(),
            });
        }
        let model = Model {
            comments: Vec::new(),
            articles,
            edition: Settings::default(),
            moderator: people.len() - 1,
        };
        Ok(Self {
            fixture,
            random,
            people,
            model,
            queue: Queue::before(fixture).await?,
            covered: BTreeSet::new(),
            steps: 0,
            seq: fixture.seq().await?,
        })
    }

    fn missing(&self) -> Vec<&'static str> {
        let missing = WORTH.iter().filter(|what| !self.covered.contains(*what));
        missing.copied().collect()
    }

    /// Returns the time of this step.
    fn hour(&self) -> DateTime<Utc> {
        newsroom::now() + Duration::minutes(i64::try_from(self.steps).unwrap_or_default())
    }

    async fn compare(&self) -> anyhow::Result<()> {
        let (model, hour) = (&self.model, self.hour());
        model
            .compare(self.fixture, &self.people, &self.queue, hour)
            .await
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        self.steps += 1;
        let deck = DECK.iter();
        let deck: Vec<_> = deck
            .flat_map(|(name, times)| std::iter::repeat_n(*name, *times))
            .collect();
        let name = self.random.pick(&deck).unwrap_or("postComment");
        let before = self.model.behind_keys();
        let before: BTreeMap<_, _> = before
            .into_iter()
            .map(|((noun, id, list), value)| ((noun, id.to_owned(), list), value))
            .collect();
        let done = match name {
            "setArticleCommenting" => self.set_article().await,
            "setEditionCommenting" => self.set_edition().await,
            _ if name == "postComment" || self.model.comments.is_empty() => self.post().await,
            "editComment" => match self.editable_with_replies() {
                Some(index) if self.random.once_in(3) => self.edit_into_premoderation(index).await,
                _ => self.edit().await,
            },
            "reportComment" => self.report().await,
            _ => self.decide().await,
        };
        done.context(name)?;
        self.compare_feed(&before).await.context(name)
    }

    /// Loads the changes in the feed that have not been read yet.
    async fn changes(&self) -> anyhow::Result<Vec<Change>> {
        let reader = self.fixture.app.db().db();
        let reader = reader.reader(Scope::reader(newsroom::now()));
        Ok(change::after(&reader, self.seq, u16::MAX).await?)
    }

    /// Checks that the change feed contains the key of everything that changed.
    async fn compare_feed(
        &mut self,
        before: &BTreeMap<(&'static str, String, &'static str), String>,
    ) -> anyhow::Result<()> {
        let changes = self.changes().await?;
        self.seq = changes.last().map_or(self.seq, |last| last.seq);
        let tags = changes
            .iter()
            .filter_map(Change::write)
            .flat_map(Write::tags);
        let keys: BTreeSet<_> = tags.map(ToString::to_string).collect();
        for ((noun, id, list), now) in self.model.behind_keys() {
            let was = before.get(&(noun, id.to_owned(), list));
            // Nobody can have read the lists of a new object.
            let different = was.map_or(list.is_empty(), |was| *was != now);
            let mut named = key(noun, &json!(id))?;
            if !list.is_empty() {
                named = format!("{named}:{list}");
            }
            ensure!(
                !different || keys.contains(&named),
                "{named} was {was:?} and is {now}: the feed has {keys:?}"
            );
        }
        Ok(())
    }

    /// Sends a mutation and checks its outcome. Returns the payload if it succeeds, and `None` if it is
    /// rejected as expected. A rejection must leave no changes in the feed.
    async fn send(
        &mut self,
        who: &Who,
        document: &str,
        input: Value,
        expected: Result<(), Refusal>,
    ) -> anyhow::Result<Option<Value>> {
        let hour = self.hour();
        let payload = self.fixture.write_at(who, hour, document, input.clone());
        let payload = payload.await?;
        let errors = &payload["userErrors"];
        let Err(refusal) = expected else {
            ensure!(*errors == json!([]), "{input}: {errors}");
            return Ok(Some(payload));
        };
        let error = (&errors[0]["code"], &errors[0]["field"][0]);
        ensure!(
            error == (&json!(refusal.code), &json!(refusal.field)),
            "{input}: {errors}: {refusal:?}"
        );
        let changes = self.changes().await?;
        ensure!(changes.is_empty(), "{refusal:?}, and still {changes:?}");
        self.covered.insert(refusal.why);
        Ok(None)
    }
}

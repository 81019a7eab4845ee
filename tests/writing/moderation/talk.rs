//! Random actions of readers and moderators: posting, editing, reporting and moderating comments while
//! the commenting settings change. The results are checked against a plain model.
//!
//! `KHABAR_SEED` sets the order. Without it, each run uses another seed. A failure reports its seed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Duration, Utc};
use khabar_domain::commenting::{CommentLimits, RateLimit};
use khabar_domain::{Role, Scope};
use khabar_persistence::change::{self, Change, Write};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use super::compare::Queue;
use super::model::{Article, Model, Person, Place, Refusal, Said, Settings, WINDOW};
use crate::Desk;
use crate::comment::{EDIT, MODERATE, POST, REPORT, SET_ARTICLE, SET_EDITION};
use crate::invariants::key;
use crate::random::{Random, seed};

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
async fn any_talk_leaves_what_was_said() -> anyhow::Result<()> {
    let seed = seed()?;
    for desk in Desk::each().await? {
        let on = desk.app.db().name();
        talk(desk, seed)
            .await
            .with_context(|| format!("on {on}, with KHABAR_SEED={seed}"))?;
    }
    Ok(())
}

async fn talk(desk: Desk, seed: u64) -> anyhow::Result<()> {
    // Rate limits are tested elsewhere.
    let fast = RateLimit {
        per_minute: u32::MAX,
        per_hour: u32::MAX,
    };
    let desk = desk.saying(CommentLimits {
        edit_window: WINDOW,
        posts: fast,
        posts_of_address: fast,
        edits: fast,
        reports: fast,
    });
    let mut talk = Talk::begin(&desk, Random::of(seed, 0)).await?;
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
struct Talk<'a> {
    desk: &'a Desk,
    random: Random,
    /// The participants. The last one is the moderator.
    people: Vec<Who>,
    model: Model,
    queue: Queue,
    met: BTreeSet<&'static str>,
    steps: usize,
    /// The last position read in the change feed.
    seq: i64,
}

impl<'a> Talk<'a> {
    async fn begin(desk: &'a Desk, random: Random) -> anyhow::Result<Self> {
        let mut people = Vec::new();
        for name in ["هدى", "زياد", "ريم"] {
            people.push(desk.app.who(name, Role::Reader).await?);
        }
        people.push(desk.editor.clone());
        let mut articles = Vec::new();
        for id in desk.articles(3).await? {
            let read =
                format!("{{ node(id: {id:?}) {{ ... on Article {{ publishedAt listedAt }} }} }}");
            let mut found = desk.ask(&Who::anonymous(), &read, json!({})).await?;
            let node = found["node"].take();
            let published = node["publishedAt"].as_str().or(node["listedAt"].as_str());
            articles.push(Article {
                id,
                went_out: published.context("when it went out")?.parse()?,
                settings: Settings::default(),
            });
        }
        let model = Model {
            said: Vec::new(),
            articles,
            edition: Settings::default(),
            moderator: people.len() - 1,
        };
        Ok(Self {
            desk,
            random,
            people,
            model,
            queue: Queue::before(desk).await?,
            met: BTreeSet::new(),
            steps: 0,
            seq: desk.seq().await?,
        })
    }

    fn missing(&self) -> Vec<&'static str> {
        let missing = WORTH.iter().filter(|what| !self.met.contains(*what));
        missing.copied().collect()
    }

    /// Returns the time of this step.
    fn hour(&self) -> DateTime<Utc> {
        newsroom::now() + Duration::minutes(i64::try_from(self.steps).unwrap_or_default())
    }

    async fn compare(&self) -> anyhow::Result<()> {
        let (model, hour) = (&self.model, self.hour());
        model
            .holds(self.desk, &self.people, &self.queue, hour)
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
            _ if name == "postComment" || self.model.said.is_empty() => self.post().await,
            "editComment" => match self.answered() {
                Some(place) if self.random.once_in(3) => self.send_back(place).await,
                _ => self.edit().await,
            },
            "reportComment" => self.report().await,
            _ => self.decide().await,
        };
        done.context(name)?;
        self.told(&before).await.context(name)
    }

    /// Loads the changes in the feed that have not been read yet.
    async fn changes(&self) -> anyhow::Result<Vec<Change>> {
        let reader = self.desk.app.db().db();
        let reader = reader.reader(Scope::reader(newsroom::now()));
        Ok(change::after(&reader, self.seq, u16::MAX).await?)
    }

    /// Checks that the change feed contains the key of everything that changed.
    async fn told(
        &mut self,
        before: &BTreeMap<(&'static str, String, &'static str), String>,
    ) -> anyhow::Result<()> {
        let changes = self.changes().await?;
        self.seq = changes.last().map_or(self.seq, |last| last.seq);
        let tags = changes
            .iter()
            .filter_map(Change::write)
            .flat_map(Write::tags);
        let told: BTreeSet<_> = tags.map(ToString::to_string).collect();
        for ((noun, id, list), now) in self.model.behind_keys() {
            let was = before.get(&(noun, id.to_owned(), list));
            // Nobody can have read the lists of a new object.
            let different = was.map_or(list.is_empty(), |was| *was != now);
            let mut named = key(noun, &json!(id))?;
            if !list.is_empty() {
                named = format!("{named}:{list}");
            }
            ensure!(
                !different || told.contains(&named),
                "{named} was {was:?} and is {now}: told were {told:?}"
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
        let payload = self.desk.write_at(who, hour, document, input.clone());
        let payload = payload.await?;
        let errors = &payload["userErrors"];
        let Err(refusal) = expected else {
            ensure!(*errors == json!([]), "{input} was told {errors}");
            return Ok(Some(payload));
        };
        let told = (&errors[0]["code"], &errors[0]["field"][0]);
        ensure!(
            told == (&json!(refusal.code), &json!(refusal.field)),
            "{input} was told {errors}: {refusal:?}"
        );
        let changes = self.changes().await?;
        ensure!(changes.is_empty(), "{refusal:?}, and still {changes:?}");
        self.met.insert(refusal.why);
        Ok(None)
    }

    /// Returns a random comment, usually one of the latest, which can still be edited.
    fn comment(&mut self) -> Place {
        let many = self.model.said.len();
        let back = if self.random.once_in(3) {
            many
        } else {
            many.min(10)
        };
        many - 1 - self.random.below(back)
    }

    /// Returns a new text, or sometimes one that was posted before by anyone or by this person on this
    /// article.
    fn words(&mut self, by: Person, article: usize) -> String {
        let said = self.model.said.iter();
        let here = said.filter(|said| said.by == by && said.article == article);
        let here: Vec<_> = here.map(|said| said.text.clone()).collect();
        let all = self.model.said.iter().map(|said| said.text.clone());
        let all: Vec<_> = all.collect();
        let again = match self.random.below(6) {
            0 => self.random.pick(&all),
            1 => self.random.pick(&here),
            _ => None,
        };
        again.unwrap_or_else(|| format!("رأي {}", self.steps))
    }

    async fn post(&mut self) -> anyhow::Result<()> {
        let by = self.random.below(self.people.len());
        let mut article = self.random.below(self.model.articles.len());
        let mut parent = None;
        if !self.model.said.is_empty() && !self.random.once_in(4) {
            let place = self.comment();
            parent = Some(place);
            if !self.random.once_in(10) {
                article = self.model.said[place].article;
            }
        }
        let (text, hour) = (self.words(by, article), self.hour());
        let expected = self.model.post(by, article, parent, &text, hour);
        let input = json!({"article": self.model.articles[article].id, "text": text,
            "parent": parent.map(|parent| &self.model.said[parent].id)});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, POST, input, expected).await? else {
            return Ok(());
        };
        let status = self.model.initial_status(article);
        ensure!(payload["comment"]["status"] == status, "{payload}");
        let id = payload["comment"]["id"].as_str();
        self.met.insert("posted");
        self.model.said.push(Said {
            id: id.context("no id")?.to_owned(),
            article,
            parent,
            depth: parent.map_or(0, |parent| self.model.said[parent].depth + 1),
            by,
            text,
            status,
            reason: None,
            at: hour,
            edited: None,
            reports: Vec::new(),
            open_reports: 0,
        });
        Ok(())
    }

    /// Returns a random visible comment that has replies and can still be edited.
    fn answered(&mut self) -> Option<Place> {
        let hour = self.hour();
        let there = (0..self.model.said.len()).filter(|at| {
            let in_time = hour - self.model.said[*at].at < WINDOW;
            in_time && self.model.shown(*at) && self.model.replies(*at) > 0
        });
        let there: Vec<_> = there.collect();
        self.random.pick(&there)
    }

    /// Sets the article to pre-moderation, then edits the comment as its author.
    async fn send_back(&mut self, place: Place) -> anyhow::Result<()> {
        let said = self.model.said[place].clone();
        let article = &mut self.model.articles[said.article];
        article.settings.mode = Some("PRE_MODERATED");
        article.settings.days = Some(0);
        let input = json!({"id": article.id, "mode": "PRE_MODERATED", "closesAfterDays": 0});
        let editor = self.desk.editor.clone();
        self.send(&editor, SET_ARTICLE, input, Ok(())).await?;
        let text = format!("رأي {}", self.steps);
        self.change(said.by, place, text).await
    }

    /// Returns a comment that its author can still edit, with a text that would be rejected as repeated.
    fn echo(&mut self) -> Option<(Place, String)> {
        let hour = self.hour();
        let said = &self.model.said;
        let pairs = (0..said.len()).flat_map(|at| said.iter().map(move |other| (at, other)));
        let echoes = pairs.filter(|(at, other)| {
            let told = self.model.edit(said[*at].by, *at, &other.text, hour);
            told.is_err_and(|refusal| refusal.code == "REPEATED")
        });
        let echoes: Vec<_> = echoes.map(|(at, other)| (at, other.text.clone())).collect();
        self.random.pick(&echoes)
    }

    async fn edit(&mut self) -> anyhow::Result<()> {
        if self.random.once_in(8)
            && let Some((place, text)) = self.echo()
        {
            return self.change(self.model.said[place].by, place, text).await;
        }
        let place = self.comment();
        let old = &self.model.said[place];
        let (author, article, same) = (old.by, old.article, old.text.clone());
        let by = if self.random.once_in(4) {
            self.random.below(self.people.len())
        } else {
            author
        };
        let text = if self.random.once_in(8) {
            same
        } else {
            self.words(by, article)
        };
        self.change(by, place, text).await
    }

    /// Edits a comment to this text as the given person.
    async fn change(&mut self, by: Person, place: Place, text: String) -> anyhow::Result<()> {
        let (old, hour) = (self.model.said[place].clone(), self.hour());
        let expected = self.model.edit(by, place, &text, hour);
        let input = json!({"id": old.id, "text": text});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, EDIT, input, expected).await? else {
            return Ok(());
        };
        if text == old.text {
            self.met.insert("edited to the same");
        } else {
            let answered = self.model.shown(place) && self.model.replies(place) > 0;
            let status = self.model.initial_status(old.article);
            let said = &mut self.model.said[place];
            (said.text, said.edited, said.status) = (text, Some(hour), status);
            self.met.insert("edited");
            if answered && !self.model.shown(place) {
                self.met.insert("edited and gone with its answers");
            }
        }
        // Authors can see their own comment whatever its status.
        let said = &self.model.said[place];
        let comment = &payload["comment"];
        ensure!(
            comment["id"] == *said.id
                && comment["text"] == *said.text
                && comment["status"] == said.status,
            "{payload}"
        );
        Ok(())
    }

    async fn report(&mut self) -> anyhow::Result<()> {
        let by: Person = self.random.below(self.people.len());
        // The choice is narrow, so that the same comment is reported again.
        let (place, hour) = (self.comment(), self.hour());
        let reason = format!("سبب {}", self.steps);
        let expected = self.model.report(by, place);
        let input = json!({"id": self.model.said[place].id, "reason": reason});
        let who = self.people[by].clone();
        let Some(payload) = self.send(&who, REPORT, input, expected).await? else {
            return Ok(());
        };
        let said = &mut self.model.said[place];
        ensure!(payload["comment"]["id"] == *said.id, "{payload}");
        let edited = said.edited;
        let former = said
            .reports
            .iter()
            .position(|(reporter, ..)| *reporter == by);
        let is_of_these_words =
            |place: usize| edited.is_none_or(|edited| edited <= said.reports[place].2);
        if former.is_some_and(is_of_these_words) {
            self.met.insert("reported again");
        } else {
            if let Some(former) = former {
                said.reports.remove(former);
                self.met.insert("reported again after it was changed");
            }
            said.reports.push((by, reason, hour));
            said.open_reports += 1;
            self.met.insert("reported");
        }
        Ok(())
    }

    async fn decide(&mut self) -> anyhow::Result<()> {
        let chosen: Vec<_> = (0..=self.random.below(4)).map(|_| self.comment()).collect();
        let (decision, to, from): (_, _, &[&str]) = match self.random.below(5) {
            0 => ("HIDE", "HIDDEN", &["APPROVED", "HIDDEN"]),
            1 => ("REJECT", "REJECTED", &["PENDING", "REJECTED"]),
            _ => (
                "APPROVE",
                "APPROVED",
                &["PENDING", "APPROVED", "REJECTED", "HIDDEN"],
            ),
        };
        let fits = |at: &Place| from.contains(&self.model.said[*at].status);
        let wrong = (0..chosen.len()).filter(|place| !fits(&chosen[*place]));
        let wrong: Vec<_> = wrong
            .map(|place| json!(["ids", place.to_string()]))
            .collect();
        let fitting: Vec<_> = chosen.iter().copied().filter(fits).collect();
        let reason = format!("قرار {}", self.steps);
        let ids: Vec<_> = chosen.iter().map(|at| &self.model.said[*at].id).collect();
        let input = json!({"ids": ids, "decision": decision, "reason": reason});
        let editor = &self.desk.editor;
        let payload = self.desk.write_at(editor, self.hour(), MODERATE, input);
        let payload = payload.await?;
        let errors = payload["userErrors"].as_array().into_iter().flatten();
        let told: Vec<_> = errors.map(|error| error["field"].clone()).collect();
        ensure!(told == wrong, "{payload}: {wrong:?}");
        if fitting.is_empty() {
            self.met.insert("decided about none");
        }
        for at in fitting {
            let said = &mut self.model.said[at];
            self.met.insert("decided");
            if said.open_reports > 0 {
                self.met.insert("decided about what was reported");
            }
            (said.status, said.open_reports) = (to, 0);
            said.reason = Some(reason.clone());
        }
        Ok(())
    }

    /// Returns random settings and the input that sets them. Omitted fields are unchanged. A null unsets
    /// a field.
    fn patch(&mut self, old: Settings) -> (Settings, Value) {
        let mut new = old;
        let mut input = json!({});
        if !self.random.once_in(3) {
            // Prefer open modes, because little happens while commenting is closed.
            let modes = [
                None,
                Some("PRE_MODERATED"),
                Some("PRE_MODERATED"),
                Some("POST_MODERATED"),
                Some("POST_MODERATED"),
                Some("POST_MODERATED"),
                Some("CLOSED"),
            ];
            new.mode = self.random.pick(&modes).flatten();
            input["mode"] = json!(new.mode);
        }
        if self.random.once_in(2) {
            // With 1 day, commenting is closed on every article, as all were published earlier than that.
            let days = [None, Some(0), Some(0), Some(3_650), Some(3_650), Some(1)];
            new.days = self.random.pick(&days).flatten();
            input["closesAfterDays"] = json!(new.days);
        }
        if self.random.once_in(2) {
            let depths = [None, Some(0), Some(1), Some(4), Some(4), Some(8)];
            new.depth = self.random.pick(&depths).flatten();
            input["depth"] = json!(new.depth);
        }
        (new, input)
    }

    async fn set_article(&mut self) -> anyhow::Result<()> {
        // The last article is left out, so that it usually inherits the settings of the edition.
        let article = self.random.below(self.model.articles.len() - 1);
        let (new, mut input) = self.patch(self.model.articles[article].settings);
        input["id"] = json!(self.model.articles[article].id);
        let editor = self.desk.editor.clone();
        self.send(&editor, SET_ARTICLE, input, Ok(())).await?;
        self.model.articles[article].settings = new;
        self.met.insert("an article opened, closed or moderated");
        Ok(())
    }

    async fn set_edition(&mut self) -> anyhow::Result<()> {
        let (new, input) = self.patch(self.model.edition);
        let editor = self.desk.editor.clone();
        self.send(&editor, SET_EDITION, input, Ok(())).await?;
        self.model.edition = new;
        self.met.insert("the edition opened, closed or moderated");
        Ok(())
    }
}

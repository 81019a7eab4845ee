//! Responses returned during writes, checked against the database before and after.
//!
//! A response that reports a position in the change feed reflects at least everything known at that
//! position. If the position is the latest, the response must match the database exactly. If it is an
//! earlier one, the response may have read one part before the write and another part after it. Each of
//! its values must then come from one of the two.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use khabar_persistence::Cache;
use khabar_tests::harness::random::Random;
use khabar_tests::harness::{TestApp, Who};
use serde_json::Value;

use super::client::{Answer, Endpoint, Query};

/// Number of questions asked again after each history.
const REPEATED: usize = 3;

/// Number of questions watched during a history.
const WATCHED: usize = 3;

/// Maximum number of different questions compared after each history.
const COMPARED: usize = 12;

/// Number of recent overtaken responses to choose from: the most that can be in flight at once.
const LAST: usize = 6;

/// A question by its index, and whether it is asked as an editor.
type QueryIndex = (usize, bool);

/// A response received from one of the nodes.
struct Response {
    asked: QueryIndex,
    node: &'static str,
    answer: Answer,
}

/// The questions, and the responses received so far.
pub(super) struct ResponseLog {
    queries: Vec<Query>,
    watched: Mutex<Vec<QueryIndex>>,
    responses: Mutex<Vec<Response>>,
}

/// Number of responses checked.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Responses that had to match the database at their position.
    pub(super) exact: usize,
    /// Responses that could combine values from before and after a write.
    pub(super) between: usize,
}

/// The responses of the database before a write.
pub(super) struct PreviousResponses {
    seq: i64,
    texts: HashMap<QueryIndex, String>,
}

impl ResponseLog {
    pub(super) fn new(queries: Vec<Query>) -> Self {
        Self {
            queries,
            watched: Mutex::default(),
            responses: Mutex::default(),
        }
    }

    /// Returns a random question.
    fn ask_for(&self, random: &mut Random) -> QueryIndex {
        (random.below(self.queries.len()), random.once_in(4))
    }

    /// Returns a recent question whose response was in flight during a write. Its cached response may be
    /// wrong.
    fn overtaken(&self, seq: i64, random: &mut Random) -> Option<QueryIndex> {
        let responses = lock(&self.responses);
        let overtaken = responses.iter().rev();
        let overtaken = overtaken.filter(|response| response.answer.position < Some(seq));
        let last: Vec<_> = overtaken
            .map(|response| response.asked)
            .take(LAST)
            .collect();
        random.pick(&last)
    }

    /// Asks one question after another, watched ones more often, and records the responses.
    pub(super) async fn keep_reading(
        self: Arc<Self>,
        node: &'static str,
        endpoint: Endpoint,
        mut random: Random,
    ) -> anyhow::Result<()> {
        loop {
            let watched = random.pick(&lock(&self.watched));
            let watched = watched.filter(|_| random.once_in(4));
            let asked = watched.unwrap_or_else(|| self.ask_for(&mut random));
            let (query, as_editor) = asked;
            let query = &self.queries[query];
            let answer = endpoint.ask(as_editor, query, None).await?;
            lock(&self.responses).push(Response {
                asked,
                node,
                answer,
            });
            tokio::task::yield_now().await;
        }
    }

    /// Chooses the questions to watch, and records the database's answers to them before any write.
    pub(super) async fn before(
        &self,
        app: &TestApp,
        editor: &Who,
        random: &mut Random,
    ) -> anyhow::Result<PreviousResponses> {
        let mut texts = HashMap::new();
        for _ in 0..WATCHED {
            let asked = self.ask_for(random);
            texts.insert(asked, self.truth(app, editor, asked).await?);
        }
        let seq = app.db().db().feed().bounds().await?.head;
        *lock(&self.watched) = texts.keys().copied().collect();
        Ok(PreviousResponses { seq, texts })
    }

    /// Asks some questions again on both nodes, and checks the responses against the database. The
    /// request to the second node carries the feed position known to the first. Must not run during a
    /// write.
    pub(super) async fn ask_again(
        &self,
        app: &TestApp,
        editor: &Who,
        (here, there): (&Endpoint, &Endpoint),
        random: &mut Random,
    ) -> anyhow::Result<()> {
        let seq = app.db().db().cache().and_then(Cache::position);
        let seq = seq.context("the cache has no position")?;
        for _ in 0..REPEATED {
            let overtaken = self.overtaken(seq.seq, random);
            let overtaken = overtaken.filter(|_| !random.once_in(4));
            let asked = overtaken.unwrap_or_else(|| self.ask_for(random));
            self.compare(app, editor, (here, there), asked).await?;
        }
        Ok(())
    }

    /// Asks a question on both nodes, and checks the responses against the database. The request to the
    /// second node carries the feed position known to the first. Must not run during a write.
    pub(super) async fn compare(
        &self,
        app: &TestApp,
        editor: &Who,
        (here, there): (&Endpoint, &Endpoint),
        asked: QueryIndex,
    ) -> anyhow::Result<()> {
        let seq = app.db().db().cache().and_then(Cache::position);
        let seq = seq.context("the cache has no position")?;
        let truth = self.truth(app, editor, asked).await?;
        let (query, as_editor) = asked;
        let query = &self.queries[query];
        let nodes = [("here", here, None), ("there", there, Some(seq))];
        for (node, endpoint, position) in nodes {
            let text = endpoint.ask(as_editor, query, position).await?.text;
            ensure!(
                text == truth,
                "{node}, as {}: {query}\nthe cache says\n{text}\nthe database says\n{truth}",
                name(as_editor)
            );
        }
        Ok(())
    }

    /// Checks the responses recorded since `before` against the database then and now. Must not run
    /// during a write.
    pub(super) async fn check(
        &self,
        app: &TestApp,
        editor: &Who,
        before: PreviousResponses,
        checked: &mut Checked,
    ) -> anyhow::Result<()> {
        let seq = app.db().db().feed().bounds().await?.head;
        let responses = std::mem::take(&mut *lock(&self.responses));
        let mut says: HashMap<QueryIndex, String> = HashMap::new();
        for Response {
            asked,
            node,
            answer,
        } in responses
        {
            let was = before.texts.get(&asked);
            let is_last = answer.position == Some(seq);
            // After more than one write, the states of the database in between are not known.
            let is_between = answer.position == Some(before.seq) && seq == before.seq + 1;
            let is_known = says.contains_key(&asked) || says.len() < COMPARED;
            if !(is_known && (is_last || is_between && was.is_some())) {
                continue;
            }
            let now = match says.entry(asked) {
                Entry::Occupied(texts) => texts.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.truth(app, editor, asked).await?),
            };
            let text = answer.text;
            let (query, as_editor) = asked;
            let query = &self.queries[query];
            let who = name(as_editor);
            if is_last {
                checked.exact += 1;
                ensure!(
                    text == *now,
                    "{node}, as {who}, at {seq}: {query}\nwhile others wrote, the cache says\n\
                     {text}\nthe database says\n{now}"
                );
            } else if let Some(was) = was {
                checked.between += 1;
                ensure!(
                    text == *was || text == *now || is_mixed_from(&text, was, now)?,
                    "{node}, as {who}, between {} and {seq}: {query}\nwhile others wrote, the \
                     cache says\n{text}\nthe database said\n{was}\nand then\n{now}",
                    before.seq
                );
            }
        }
        Ok(())
    }

    async fn truth(
        &self,
        app: &TestApp,
        editor: &Who,
        asked: QueryIndex,
    ) -> anyhow::Result<String> {
        let (query, as_editor) = asked;
        let Query {
            document,
            variables,
        } = &self.queries[query];
        let nobody = Who::anonymous();
        let who = if as_editor { editor } else { &nobody };
        Ok(app.ask_uncached(who, document, variables).await?.json)
    }
}

fn name(as_editor: bool) -> &'static str {
    if as_editor { "an editor" } else { "nobody" }
}

/// Whether each value occurs in one of the two answers, in the same field.
fn is_mixed_from(text: &str, one: &str, other: &str) -> anyhow::Result<bool> {
    let mut known = BTreeSet::new();
    for text in [one, other] {
        leaves(&serde_json::from_str(text)?, "", &mut known);
    }
    let mut values = BTreeSet::new();
    leaves(&serde_json::from_str(text)?, "", &mut values);
    Ok(values.is_subset(&known))
}

/// Collects the leaf values of a response, each with the names of the fields that lead to it.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                leaves(member, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, path, found)),
        leaf => {
            found.insert((path.to_owned(), leaf.to_string()));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_mixed_response_is_detected() -> anyhow::Result<()> {
    let (one, other) = (
        r#"{"list":[{"a":1,"b":"x"}]}"#,
        r#"{"list":[{"a":2,"b":"y"},{"a":1,"b":"x"}]}"#,
    );
    ensure!(is_mixed_from(r#"{"list":[{"a":1,"b":"y"}]}"#, one, other)?);
    ensure!(!is_mixed_from(r#"{"list":[{"a":3,"b":"y"}]}"#, one, other)?);
    ensure!(!is_mixed_from(r#"{"list":[{"b":1}]}"#, one, other)?);
    Ok(())
}

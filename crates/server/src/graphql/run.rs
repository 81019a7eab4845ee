//! An operation that is carried out, and its answer kept where it may be.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use khabar_domain::{Scope, Viewer};
use khabar_graphql::answer::Api;
use khabar_graphql::document::{Kind, Ready};
use khabar_graphql::write::Holds;
use khabar_persistence::cache::{AnswerName, Record};
use khabar_persistence::{Cache, Reader};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Given;
use super::flight::{Landing, Pilot};
use super::operations::Operations;
use super::reply::Reply;
use super::whole::Whole;

/// Whether an answer that was made for somebody is what this scope would be answered.
pub(super) fn is_for(scope: Scope, whole: &Whole) -> bool {
    whole.holds_at(scope.as_of) && (!whole.is_personal() || scope.viewer == Viewer::anonymous())
}

/// What a client is told.
pub(super) enum Told {
    /// All that was asked, as of a moment.
    Whole(Arc<Whole>, DateTime<Utc>),
    /// What was true so long ago, because nobody can say what is true now.
    Stale(Arc<Whole>, Duration),
    /// Something else.
    Reply(Reply),
}

/// The answers that may be told beyond the cache's lease.
#[derive(Clone)]
pub struct Stale {
    /// Where they are kept.
    pub cache: Cache,
    /// The age that they may have.
    pub most: Duration,
}

impl Told {
    /// This, or a stale answer to an anonymous reader's query where the database did not answer.
    pub(super) fn or_stale(self, stale: Option<(Stale, AnswerName, Scope)>) -> Self {
        let is_unavailable = matches!(&self, Self::Reply(reply) if reply.is_unavailable());
        let found = stale.filter(|_| is_unavailable);
        let found = found.and_then(|(stale, name, scope)| {
            let (whole, age) = stale.cache.stale::<Whole>(&name, stale.most)?;
            is_for(scope, &whole).then_some(Self::Stale(whole, age))
        });
        found.unwrap_or(self)
    }
}

impl From<Reply> for Told {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// How long a request may take, and when that is over.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) milliseconds: u64,
    pub(super) deadline: Instant,
}

/// An operation that is to be carried out.
pub(super) struct Run {
    pub(super) api: Api,
    /// How long a request may take.
    pub(super) limit: Limit,
    /// Bytes of an answer that is kept, at most.
    pub(super) kept_bytes: usize,
    /// Among which it waits for its turn.
    pub(super) operations: Arc<Operations>,
    /// What its answer is kept under.
    pub(super) name: AnswerName,
    pub(super) ready: Ready,
    pub(super) given: Given,
}

impl Run {
    /// Whether its answer may be kept for others.
    pub(super) fn is_kept(&self) -> bool {
        self.ready.kind() == Kind::Query && self.given.keeps()
    }

    /// Carries it out for one request.
    pub(super) async fn alone(self) -> Told {
        let (reader, scope, name) = (self.given.reader.clone(), self.given.scope, self.name);
        let most = self.kept_bytes;
        let told = self.carry_out().await;
        if let (Some(reader), Told::Whole(whole, _)) = (reader, &told)
            && (scope.viewer == Viewer::anonymous() || !whole.is_personal())
        {
            keep(&reader, name, whole, most);
        }
        told
    }

    /// Carries it out for all who wait for it.
    pub(super) async fn with(self, pilot: Pilot<Whole>) -> Told {
        let (reader, name) = (self.given.reader.clone(), self.name);
        let most = self.kept_bytes;
        let told = self.carry_out().await;
        pilot.land(|| match &told {
            Told::Whole(whole, _) => match reader.map(|reader| keep(&reader, name, whole, most)) {
                Some(Some(true)) => Landing::Kept(Arc::clone(whole)),
                Some(Some(false)) => Landing::Overtaken,
                _ => Landing::Lost,
            },
            Told::Stale(..) | Told::Reply(_) => Landing::Lost,
        });
        told
    }

    async fn carry_out(self) -> Told {
        let turn = self.operations.turn(self.ready.kind(), self.limit.deadline);
        let turn = match turn.await {
            Ok(turn) => Arc::new(turn),
            Err(error) => return Reply::of_no_turn(error).into(),
        };
        let Given {
            mut data,
            scope,
            reader,
            ..
        } = self.given;
        let (about, hold) = (About::of(&self.ready), self.ready.hold());
        let is_query = self.ready.kind() == Kind::Query;
        // A write may go on when nobody waits for it any more; it counts until it has ended.
        data.insert(Holds(Arc::<OwnedSemaphorePermit>::clone(&turn)));
        let answer = self.api.run(self.ready, data);
        let answer = tokio::time::timeout_at(self.limit.deadline, answer).await;
        let Ok(answer) = answer else {
            return Reply::of_no_time(self.limit, Some(about)).into();
        };
        if !is_query || answer.is_refused() || answer.codes().next().is_some() {
            return Reply::understood(answer).to(about).into();
        }
        let recorded = reader.as_ref().and_then(Reader::record);
        let recorded = recorded.and_then(Record::recorded);
        let whole = Whole::new(answer, about, scope.as_of, hold, recorded);
        if let Some(reader) = &reader {
            reader.before_keeping().await;
        }
        Told::Whole(Arc::new(whole), scope.as_of)
    }
}

/// Keeps an answer, unless it is larger than those that are. Tells whether it is what would be
/// answered now; none where nobody knows.
fn keep(reader: &Reader, name: AnswerName, whole: &Arc<Whole>, most: usize) -> Option<bool> {
    // One such answer would take the places of many that are asked for more often.
    if whole.body().len() > most {
        return None;
    }
    let keys = whole.keys()?.to_vec();
    Some(reader.keep(name, Arc::clone(whole), whole.bytes(), keys))
}

/// What the log and the metrics say of an operation.
pub(super) struct About {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    pub(super) cost: u64,
}

impl About {
    pub(super) fn of(ready: &Ready) -> Self {
        Self {
            kind: ready.kind(),
            name: ready.name().map(str::to_owned),
            cost: ready.cost(),
        }
    }
}

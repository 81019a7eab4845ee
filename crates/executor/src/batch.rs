//! Batches: the keys of a level, loaded together.
//!
//! A key that is neither remembered nor cached waits in a queue. [`drive`] polls the whole operation, and
//! only when all of it waits are the queued keys sent, each kind as one batch. So a batch is as large as
//! it can be, without a timer and without counting turns of a runtime. One task owns everything: dropping
//! it drops all batches, and no batch can lose the task that drives it.
//!
//! Batches that were sent together are waited for together: what they lead to is one level again, and the
//! number of statements does not depend on which of them was faster.
//!
//! Results are remembered until the request ends, so a response cannot contradict itself.

use std::any::{Any, TypeId};
use std::future::poll_fn;
use std::hash::Hash;
use std::iter::repeat_with;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, Stream as _};
use hashbrown::HashMap;

use crate::Context;

/// The maximum number of keys in a batch. This is far above a page of pages, and far below the number
/// that would make a statement's list slow to send.
pub const MAX_BATCH: usize = 500;

/// The result for a key. `None` means that nothing was found.
pub type Loaded<V, E> = Result<Option<Arc<V>>, E>;

/// A key whose value is loaded together with those of other keys of its kind.
pub trait BatchKey<C: Context>: Clone + Eq + Hash + Send + Sync + 'static {
    /// The type of the value.
    type Value: Send + Sync + 'static;

    /// Returns a hash of what keys must share to be loaded by one statement. Keys of different groups
    /// are loaded in different batches, at the same time.
    fn group(&self) -> u64 {
        0
    }

    /// Returns the results that are known without waiting, such as cached ones: one for each key, or
    /// `None` where it has to be loaded.
    fn cached(context: &C, keys: &[Self]) -> Vec<Option<Loaded<Self::Value, C::Error>>>;

    /// Loads a batch. Returns one result for each key, in their order. It must not request keys of the same
    /// [`Batches`]: it would wait for itself.
    fn load(
        context: &C,
        keys: &[Self],
    ) -> impl Future<Output = Vec<Loaded<Self::Value, C::Error>>> + Send;
}

/// The state of a key that was requested.
enum Slot<V, E> {
    Waiting,
    Loaded(Loaded<V, E>),
}

type Slots<K, C> = HashMap<K, Slot<<K as BatchKey<C>>::Value, <C as Context>::Error>>;

/// The keys that were requested by one request, and their results.
pub struct Batches<C: Context>(Mutex<State<C>>);

struct State<C> {
    /// The [`Slots`] of each type of key.
    slots: HashMap<TypeId, Box<dyn Any + Send>>,
    /// The batches to send, in the order in which their first keys were requested.
    queue: Vec<Box<dyn Batch<C>>>,
    /// The number of times that results have been published.
    published: u64,
    /// The wakers of those that wait for results, other than the one of the whole operation.
    wakers: Vec<Waker>,
}

impl<C: Context> Default for Batches<C> {
    fn default() -> Self {
        Self(Mutex::new(State {
            slots: HashMap::new(),
            queue: Vec::new(),
            published: 0,
            wakers: Vec::new(),
        }))
    }
}

impl<C: Context> Batches<C> {
    /// Returns the results for these keys, in their order. Waits until they have been loaded.
    pub async fn load<K: BatchKey<C>>(
        &self,
        context: &C,
        keys: &[K],
    ) -> Vec<Loaded<K::Value, C::Error>> {
        let mut results = self.request(context, keys);
        let mut seen = None;
        poll_fn(|task| {
            let mut state = self.state();
            if seen == Some(state.published) {
                state.wakers.push(task.waker().clone());
                return Poll::Pending;
            }
            seen = Some(state.published);
            let slots = state.slots::<K>();
            let mut is_complete = true;
            for (result, key) in results.iter_mut().zip(keys) {
                if result.is_some() {
                    continue;
                }
                match slots.get(key) {
                    Some(Slot::Loaded(loaded)) => *result = Some(loaded.clone()),
                    _ => is_complete = false,
                }
            }
            if is_complete {
                Poll::Ready(())
            } else {
                state.wakers.push(task.waker().clone());
                Poll::Pending
            }
        })
        .await;
        results.into_iter().flatten().collect()
    }

    /// Adds a value that was loaded by another key, so that later requests for this key find it.
    pub fn prime<K: BatchKey<C>>(&self, key: K, value: Arc<K::Value>) {
        let mut state = self.state();
        let slot = state.slots().entry(key);
        slot.or_insert(Slot::Loaded(Ok(Some(value))));
    }

    /// Returns the results that are known, and puts the keys of the others into the queue.
    fn request<K: BatchKey<C>>(
        &self,
        context: &C,
        keys: &[K],
    ) -> Vec<Option<Loaded<K::Value, C::Error>>> {
        let mut results = Vec::with_capacity(keys.len());
        let mut new = Vec::new();
        {
            let mut state = self.state();
            let slots = state.slots::<K>();
            for (at, key) in keys.iter().enumerate() {
                results.push(match slots.get(key) {
                    Some(Slot::Loaded(loaded)) => Some(loaded.clone()),
                    Some(Slot::Waiting) => None,
                    None => {
                        slots.insert(key.clone(), Slot::Waiting);
                        new.push(at);
                        None
                    }
                });
            }
        }
        if new.is_empty() {
            return results;
        }
        let cached = if new.len() == keys.len() {
            K::cached(context, keys)
        } else {
            let keys: Vec<K> = new.iter().map(|at| keys[*at].clone()).collect();
            K::cached(context, &keys)
        };
        let mut state = self.state();
        debug_assert_eq!(new.len(), cached.len(), "one result for each key");
        let cached = cached.into_iter().chain(repeat_with(|| None));
        for (at, loaded) in new.into_iter().zip(cached) {
            match loaded {
                Some(loaded) => {
                    results[at] = Some(loaded.clone());
                    state.slots().insert(keys[at].clone(), Slot::Loaded(loaded));
                }
                None => state.enqueue(keys[at].clone()),
            }
        }
        results
    }

    fn take_queue(&self) -> Vec<Box<dyn Batch<C>>> {
        std::mem::take(&mut self.state().queue)
    }

    /// Lets the results of the batches that were sent be seen, and wakes those that wait for them: combinators
    /// such as `join_all` poll only what was woken. `task` is about to poll the operation anyway.
    fn publish(&self, task: &Waker) {
        let wakers = {
            let mut state = self.state();
            state.published += 1;
            std::mem::take(&mut state.wakers)
        };
        for waker in wakers {
            if !waker.will_wake(task) {
                waker.wake();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Context> State<C> {
    fn slots<K: BatchKey<C>>(&mut self) -> &mut Slots<K, C> {
        let slots = self.slots.entry(TypeId::of::<K>());
        let slots = slots.or_insert_with(|| Box::new(Slots::<K, C>::new()));
        match slots.downcast_mut() {
            Some(slots) => slots,
            None => unreachable!("the map is keyed by the type of what it holds"),
        }
    }

    fn enqueue<K: BatchKey<C>>(&mut self, key: K) {
        let group = key.group();
        let open = self.queue.iter_mut().find_map(|batch| {
            let waiting = batch.as_any().downcast_mut::<Waiting<K>>()?;
            (waiting.group == group && waiting.keys.len() < MAX_BATCH).then_some(waiting)
        });
        match open {
            Some(waiting) => waiting.keys.push(key),
            None => self.queue.push(Box::new(Waiting {
                group,
                keys: vec![key],
            })),
        }
    }
}

/// A batch that has not been sent yet.
struct Waiting<K> {
    group: u64,
    keys: Vec<K>,
}

/// A [`Waiting`] batch, with the type of its keys erased.
trait Batch<C: Context>: Send {
    fn as_any(&mut self) -> &mut dyn Any;

    /// Loads the batch and stores its results.
    fn send<'a>(self: Box<Self>, context: &'a C) -> BoxFuture<'a, ()>
    where
        Self: 'a;
}

impl<C: Context, K: BatchKey<C>> Batch<C> for Waiting<K> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn send<'a>(self: Box<Self>, context: &'a C) -> BoxFuture<'a, ()>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let loaded = K::load(context, &self.keys).await;
            debug_assert_eq!(loaded.len(), self.keys.len(), "one result for each key");
            let mut loaded = loaded.into_iter();
            let mut state = context.batches().state();
            for key in self.keys {
                let result = loaded.next().unwrap_or(Ok(None));
                state.slots().insert(key, Slot::Loaded(result));
            }
        })
    }
}

/// Loads the value of each key. Keys that failed, or that are `None`, load nothing.
pub async fn load_each<C: Context, K: BatchKey<C>>(
    context: &C,
    keys: Vec<Result<Option<K>, C::Error>>,
) -> Vec<Loaded<K::Value, C::Error>> {
    let mut wanted = Vec::with_capacity(keys.len());
    let mut values = Vec::with_capacity(keys.len());
    let mut places = Vec::with_capacity(keys.len());
    for (at, key) in keys.into_iter().enumerate() {
        values.push(match key {
            Ok(Some(key)) => {
                wanted.push(key);
                places.push(at);
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        });
    }
    if !wanted.is_empty() {
        let loaded = context.batches().load(context, &wanted).await;
        for (at, loaded) in places.into_iter().zip(loaded) {
            values[at] = loaded;
        }
    }
    values
}

/// Runs a future that loads from the batches of this context. Sends the queued batches whenever all of
/// it waits.
pub(crate) async fn drive<C: Context, T>(context: &C, root: impl Future<Output = T>) -> T {
    let mut root = pin!(root);
    let mut sent = FuturesUnordered::new();
    poll_fn(|task| {
        loop {
            if let Poll::Ready(done) = root.as_mut().poll(task) {
                return Poll::Ready(done);
            }
            let queue = context.batches().take_queue();
            sent.extend(queue.into_iter().map(|batch| batch.send(context)));
            if sent.is_empty() {
                return Poll::Pending;
            }
            while let Poll::Ready(Some(())) = Pin::new(&mut sent).poll_next(task) {}
            if !sent.is_empty() {
                return Poll::Pending;
            }
            context.batches().publish(task.waker());
        }
    })
    .await
}

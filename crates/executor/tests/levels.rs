//! Levels, batches and errors, with a host whose objects load each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::FutureExt as _;
use futures::future::join_all;
use khabar_executor::{
    BatchKey, Batches, ByType, Context, Field, Find, LevelFuture, Loaded, Location, Nulled,
    ObjectField, Objects, Output, Pick, ResolvedField, Resolver, Segment, Selection, SelectionSet,
    execute, json,
};

/// A number. Even numbers have a half; every number has neighbours.
struct Number(u32);

/// The context of a request. Remembers the batches that were loaded.
#[derive(Default)]
struct Numbers {
    batches: Batches<Self>,
    loaded: Mutex<Vec<Vec<u32>>>,
    /// The number whose load fails.
    fails: Option<u32>,
    /// The maximum length of a level.
    allowed: Option<usize>,
    /// The bytes that are charged.
    charged: Mutex<usize>,
}

impl Context for Numbers {
    type Error = String;

    fn batches(&self) -> &Batches<Self> {
        &self.batches
    }

    fn charge(&self, written: usize, more: usize) -> Result<(), String> {
        *self.charged.lock().unwrap() += more;
        match self.allowed {
            Some(allowed) if written > allowed => Err(format!("{written} of {allowed} bytes")),
            _ => Ok(()),
        }
    }

    fn release(&self, bytes: usize) {
        *self.charged.lock().unwrap() -= bytes;
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct ByValue(u32);

impl BatchKey<Numbers> for ByValue {
    type Value = Number;

    fn cached(_: &Numbers, keys: &[Self]) -> Vec<Option<Loaded<Number, String>>> {
        keys.iter().map(|_| None).collect()
    }

    async fn load(numbers: &Numbers, keys: &[Self]) -> Vec<Loaded<Number, String>> {
        let batch = keys.iter().map(|key| key.0).collect();
        numbers.loaded.lock().unwrap().push(batch);
        keys.iter()
            .map(|key| match key.0 {
                value if numbers.fails == Some(value) => Err(format!("{value} fails")),
                // There is no number 13.
                13 => Ok(None),
                value => Ok(Some(Arc::new(Number(value)))),
            })
            .collect()
    }
}

type Set = SelectionSet<Numbers, Number>;

fn here() -> Location {
    Location::default()
}

fn value() -> Field<Numbers, Number> {
    let write = |number: &Number, _: &Numbers, text: &mut Vec<u8>| {
        json::integer(number.0.into(), text);
        Ok(())
    };
    Field::new("value", here(), false, Resolver::value(write))
}

fn half(nullable: bool, below: Set) -> Field<Numbers, Number> {
    let key = |number: &Number, _: &Numbers| {
        Ok(number.0.is_multiple_of(2).then_some(ByValue(number.0 / 2)))
    };
    let half = Objects::keyed(key, Pick::itself(), Selection::Object(below));
    let half = if nullable {
        half
    } else {
        half.or_fail(|| "no half".to_owned())
    };
    Field::new("half", here(), nullable, Resolver::objects(half))
}

/// The list of numbers below this one.
fn range(nullable: bool, nullable_items: bool, below: Set) -> Field<Numbers, Vec<Number>> {
    let pick = Pick::items();
    let range = Objects::part(
        |numbers: &Vec<Number>| numbers,
        pick,
        Selection::Object(below),
    );
    let range = if nullable_items {
        range.with_nullable_items()
    } else {
        range
    };
    Field::new("range", here(), nullable, Resolver::objects(range))
}

fn run(numbers: &Numbers, field: Field<Numbers, Vec<Number>>, root: u32) -> (String, Vec<String>) {
    let root: Vec<Number> = (1..=root).map(Number).collect();
    let set = SelectionSet::new(vec![field]);
    let response = execute(numbers, &set, &root, Vec::new());
    let response = futures::executor::block_on(response).unwrap();
    let errors = response.errors.iter().map(|error| {
        let path = error.path().map(|segment| match segment {
            Segment::Field(key) => key.to_string(),
            Segment::Index(index) => index.to_string(),
        });
        format!("{}: {}", path.collect::<Vec<_>>().join("."), error.error)
    });
    (String::from_utf8(response.data).unwrap(), errors.collect())
}

#[test]
fn a_level_is_one_batch() {
    let numbers = Numbers::default();
    let below = half(
        true,
        SelectionSet::new(vec![value(), half(true, Set::new(vec![value()]))]),
    );
    let (data, errors) = run(&numbers, range(false, false, Set::new(vec![below])), 8);
    assert_eq!(errors, [""; 0]);
    assert_eq!(
        data,
        r#"{"range":[{"half":null},{"half":{"value":1,"half":null}},{"half":null},"#.to_owned()
            + r#"{"half":{"value":2,"half":{"value":1}}},{"half":null},"#
            + r#"{"half":{"value":3,"half":null}},{"half":null},"#
            + r#"{"half":{"value":4,"half":{"value":2}}}]}"#
    );
    // What the second level needs was loaded by the first.
    assert_eq!(*numbers.loaded.lock().unwrap(), [[1, 2, 3, 4]]);
}

/// Two fields of a level with keys of one kind share a batch.
#[test]
fn fields_of_a_level_share_a_batch() {
    let numbers = Numbers::default();
    let double = Objects::keyed(
        |number: &Number, _: &Numbers| Ok(Some(ByValue(number.0 * 2))),
        Pick::itself(),
        Selection::Object(Set::new(vec![value()])),
    );
    let set = Set::new(vec![
        half(true, Set::new(vec![value()])),
        Field::new("double", here(), true, Resolver::objects(double)),
    ]);
    run(&numbers, range(false, false, set), 3);
    assert_eq!(*numbers.loaded.lock().unwrap(), [vec![1, 2, 4, 6]]);
}

#[test]
fn a_nullable_field_that_fails_is_null() {
    let numbers = Numbers {
        fails: Some(2),
        ..Numbers::default()
    };
    let set = Set::new(vec![half(true, Set::new(vec![value()]))]);
    let (data, errors) = run(&numbers, range(false, false, set), 4);
    assert_eq!(
        data,
        r#"{"range":[{"half":null},{"half":{"value":1}},{"half":null},{"half":null}]}"#
    );
    assert_eq!(errors, ["range.3.half: 2 fails"]);
}

#[test]
fn a_required_field_that_fails_makes_its_item_null() {
    let numbers = Numbers {
        fails: Some(2),
        ..Numbers::default()
    };
    let set = Set::new(vec![half(false, Set::new(vec![value()]))]);
    let (data, errors) = run(&numbers, range(false, true, set), 4);
    assert_eq!(data, r#"{"range":[null,{"half":{"value":1}},null,null]}"#);
    assert_eq!(
        errors,
        [
            "range.0.half: no half",
            "range.2.half: no half",
            "range.3.half: 2 fails"
        ]
    );
}

/// Only the first error is reported of a list that becomes null.
#[test]
fn null_propagates_to_the_next_nullable_parent() {
    let set = || Set::new(vec![half(false, Set::new(vec![value()]))]);
    let (data, errors) = run(&Numbers::default(), range(true, false, set()), 4);
    assert_eq!(
        (data.as_str(), &errors[..]),
        (
            r#"{"range":null}"#,
            &["range.0.half: no half".to_owned()][..]
        )
    );
    let (data, errors) = run(&Numbers::default(), range(false, false, set()), 4);
    assert_eq!((data.as_str(), errors.len()), ("null", 1));
}

/// The errors of siblings that were written before are discarded with their parent.
#[test]
fn errors_of_discarded_values_are_not_reported() {
    let numbers = Numbers {
        fails: Some(2),
        ..Numbers::default()
    };
    let inner = half(true, Set::new(vec![value()]));
    let quarter = Objects::keyed(
        |number: &Number, _: &Numbers| {
            Ok(number.0.is_multiple_of(4).then_some(ByValue(number.0 / 4)))
        },
        Pick::itself(),
        Selection::Object(Set::new(vec![value()])),
    );
    let quarter = quarter.or_fail(|| "no quarter".to_owned());
    let set = Set::new(vec![
        inner,
        Field::new("quarter", here(), false, Resolver::objects(quarter)),
    ]);
    let (data, errors) = run(&numbers, range(false, true, set), 4);
    assert_eq!(
        data,
        r#"{"range":[null,null,null,{"half":null,"quarter":{"value":1}}]}"#
    );
    assert_eq!(
        errors,
        [
            "range.0.quarter: no quarter",
            "range.1.quarter: no quarter",
            "range.2.quarter: no quarter",
            "range.3.half: 2 fails",
        ]
    );
}

#[test]
fn objects_of_several_types_are_written_in_their_order() {
    let typename = |name: &'static str| {
        let write = move |_: &Number, _: &Numbers, text: &mut Vec<u8>| {
            json::string(name, text);
            Ok(())
        };
        Field::new("__typename", here(), false, Resolver::value(write))
    };
    let odd = Set::new(vec![typename("Odd"), value()]);
    let even = Set::new(vec![typename("Even"), half(true, Set::new(vec![value()]))]);
    let types = ByType::default()
        .with_type(
            |number: &Number| Some(number).filter(|it| it.0 % 2 == 1),
            odd,
        )
        .with_type(
            |number: &Number| Some(number).filter(|it| it.0 % 2 == 0),
            even,
        );
    let range = Objects::part(
        |numbers: &Vec<Number>| numbers,
        Pick::items(),
        Selection::Abstract(types),
    );
    let field = Field::new("range", here(), false, Resolver::objects(range));
    let numbers = Numbers::default();
    let (data, _) = run(&numbers, field, 4);
    assert_eq!(
        data,
        r#"{"range":[{"__typename":"Odd","value":1},{"__typename":"Even","half":{"value":1}},"#
            .to_owned()
            + r#"{"__typename":"Odd","value":3},{"__typename":"Even","half":{"value":2}}]}"#
    );
    assert_eq!(*numbers.loaded.lock().unwrap(), [[1, 2]]);
}

/// An object that appears many times is resolved once, with its errors at each of its places.
#[test]
fn repeated_objects_are_resolved_once() {
    let numbers = Numbers {
        fails: Some(1),
        ..Numbers::default()
    };
    let set =
        Set::new(vec![half(true, Set::new(vec![value()]))]).with_identity(|number| number.0.into());
    let root: Vec<Number> = (0..40).map(|at| Number(2 + at % 2)).collect();
    let set = SelectionSet::new(vec![range(false, false, set)]);
    let response = execute(&numbers, &set, &root, Vec::new());
    let response = futures::executor::block_on(response).unwrap();
    assert_eq!(
        response.data,
        format!(r#"{{"range":[{}]}}"#, [r#"{"half":null}"#; 40].join(",")).as_bytes()
    );
    assert_eq!(response.errors.len(), 20);
    assert_eq!(*numbers.loaded.lock().unwrap(), [[1]]);
}

#[test]
fn a_response_that_is_too_large_ends() {
    let set = || SelectionSet::new(vec![range(false, false, Set::new(vec![value()]))]);
    let root: Vec<Number> = (1..=50_000).map(Number).collect();
    let run = |allowed| {
        let numbers = Numbers {
            allowed,
            ..Numbers::default()
        };
        let set = set();
        let response = execute(&numbers, &set, &root, Vec::new());
        futures::executor::block_on(response).map(|response| response.data.len())
    };
    let length = run(None).unwrap();
    assert_eq!(run(Some(length)), Ok(length));
    let error = run(Some(length / 2)).unwrap_err();
    assert!(
        error.ends_with(&format!(" of {} bytes", length / 2)),
        "{error}"
    );
    let error = run(Some(length - 1)).unwrap_err();
    assert_eq!(error, format!("{length} of {} bytes", length - 1));
}

/// The length is checked between the fields of one object, not only between objects.
#[test]
fn an_object_that_is_too_large_ends() {
    let write = |_: &Vec<Number>, _: &Numbers, text: &mut Vec<u8>| {
        json::string(&"x".repeat(100_000), text);
        Ok(())
    };
    let field = |at: usize| Field::new(&format!("f{at}"), here(), false, Resolver::value(write));
    let set = SelectionSet::new((0..100).map(field).collect());
    let numbers = Numbers {
        allowed: Some(300_000),
        ..Numbers::default()
    };
    let root = Vec::new();
    let response = execute(&numbers, &set, &root, Vec::new());
    let error = futures::executor::block_on(response).unwrap_err();
    // Not the ten megabytes that the object would have.
    let written: usize = error.split(' ').next().unwrap().parse().unwrap();
    assert!(written < 500_000, "{error}");
}

/// A field whose values tell that they are large.
struct Large;

impl ObjectField<Numbers, Number> for Large {
    fn resolve<'a>(&'a self, _: &'a Numbers, _: &'a [&'a Number]) -> LevelFuture<'a, String> {
        Box::pin(async { Ok(Box::new(Large) as Box<dyn ResolvedField<String>>) })
    }
}

impl ResolvedField<String> for Large {
    fn write(&self, _: usize, out: &mut Output<String>) -> Result<(), Nulled> {
        json::string(&"x".repeat(1_000_000), out.text());
        Ok(())
    }

    fn size_hint(&self) -> usize {
        1_000_000
    }
}

/// All large values of a level are charged before the first of them is written. What is charged for a level is
/// released once.
#[test]
fn large_values_are_charged_before_they_are_written() {
    let fields = || {
        let large =
            |at: usize| Field::new(&format!("f{at}"), here(), false, Resolver::objects(Large));
        SelectionSet::new((0..5).map(large).collect())
    };
    let run = |allowed| {
        let numbers = Numbers {
            allowed,
            ..Numbers::default()
        };
        let (set, root) = (fields(), Number(1));
        let response = execute(&numbers, &set, &root, Vec::new());
        let response = futures::executor::block_on(response);
        let charged = *numbers.charged.lock().unwrap();
        (response.map(|response| response.data.len()), charged)
    };
    let (refused, charged) = run(Some(4_999_999));
    assert_eq!(refused.unwrap_err(), "5000000 of 4999999 bytes");
    assert_eq!(charged, 5_000_000);
    // The text beside the values is charged after it.
    let (length, charged) = run(None);
    assert_eq!(charged, length.unwrap());
    let (length, _) = run(Some(5_000_100));
    assert!(length.unwrap() > 5_000_000);
}

/// Errors are part of the response: many of them, with long paths, end it as text does.
#[test]
fn errors_that_are_too_many_end() {
    let fails = |_: &Number, _: &Numbers, _: &mut Vec<u8>| Err("fails".to_owned());
    let field = Field::new(&"x".repeat(1_000), here(), true, Resolver::value(fails));
    let set = SelectionSet::new(vec![range(false, false, Set::new(vec![field]))]);
    let root: Vec<Number> = (1..=10_000).map(Number).collect();
    let numbers = Numbers {
        allowed: Some(11_000_000),
        ..Numbers::default()
    };
    // The data has ten megabytes, the errors have another eleven.
    let response = execute(&numbers, &set, &root, Vec::new());
    let error = futures::executor::block_on(response).unwrap_err();
    assert!(error.ends_with(" of 11000000 bytes"), "{error}");
}

/// A number that takes longer to load than others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Slow(u32);

impl BatchKey<Numbers> for Slow {
    type Value = Number;

    fn cached(_: &Numbers, keys: &[Self]) -> Vec<Option<Loaded<Number, String>>> {
        vec![None; keys.len()]
    }

    async fn load(_: &Numbers, keys: &[Self]) -> Vec<Loaded<Number, String>> {
        let mut polls = 0;
        poll_fn(|task| {
            polls += 1;
            task.waker().wake_by_ref();
            if polls > 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        keys.iter()
            .map(|key| Ok(Some(Arc::new(Number(key.0)))))
            .collect()
    }
}

/// Keys that two batches lead to are one batch, whichever of the two was faster.
#[test]
fn batches_that_were_sent_together_lead_to_one_level() {
    let quarter = || Set::new(vec![half(true, Set::new(vec![value()]))]);
    let key = |number: &Number, _: &Numbers| Ok(Some(Slow(number.0 / 2 + 2)));
    let slow = Objects::keyed(key, Pick::itself(), Selection::Object(quarter()));
    let slow = Field::new("slow", here(), true, Resolver::objects(slow));
    let set = Set::new(vec![half(true, quarter()), slow]);
    let numbers = Numbers::default();
    let root = vec![Number(40)];
    let set = SelectionSet::new(vec![range(false, false, set)]);
    futures::executor::block_on(execute(&numbers, &set, &root, Vec::new())).unwrap();
    // The half of 40, then those of 20 and of 22.
    assert_eq!(*numbers.loaded.lock().unwrap(), [vec![20], vec![10, 11]]);
}

/// More keys than a batch may have are loaded by several.
#[test]
fn a_batch_has_a_maximum() {
    let numbers = Numbers::default();
    let set = Set::new(vec![half(true, Set::new(vec![value()]))]);
    run(&numbers, range(false, false, set), 2 * 700);
    let loaded = numbers.loaded.lock().unwrap();
    let sizes: Vec<usize> = loaded.iter().map(Vec::len).collect();
    assert_eq!(
        sizes,
        [khabar_executor::MAX_BATCH, 700 - khabar_executor::MAX_BATCH]
    );
}

/// Futures that ask for one key each are one batch, also within combinators that poll only what was woken, as
/// `join_all` does for more than thirty futures.
#[test]
fn single_loads_of_a_level_are_one_batch() {
    const COUNT: u32 = 40;
    let halves: Find<Numbers, Vec<Number>, Vec<Number>> = Box::new(|numbers, parents| {
        Box::pin(async move {
            let mut values = Vec::new();
            for parent in parents {
                let loads = parent.iter().map(|number| async {
                    let key = [ByValue(number.0)];
                    numbers.batches().load(numbers, &key).await
                });
                let loaded = join_all(loads).await;
                let found = loaded.into_iter().flatten().filter_map(Result::unwrap);
                values.push(Ok(Some(found.map(|number| Number(number.0)).collect())));
            }
            Ok(values)
        })
    });
    let set = Selection::Object(Set::new(vec![value()]));
    let field = Resolver::objects(Objects::found(halves, Pick::items(), set));
    let set = SelectionSet::new(vec![Field::new("found", here(), false, field)]);
    let (numbers, root) = (Numbers::default(), (20..20 + COUNT).map(Number).collect());
    let mut response = Box::pin(execute(&numbers, &set, &root, Vec::new()));
    // A future that is not woken fails the test, and does not hang it.
    let response = (0..4).find_map(|_| response.as_mut().now_or_never());
    let text = String::from_utf8(response.unwrap().unwrap().data).unwrap();
    assert!(text.ends_with(r#"{"value":58},{"value":59}]}"#), "{text}");
    let batches = numbers.loaded.lock().unwrap();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [40]);
}

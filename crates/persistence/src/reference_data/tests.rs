//! Tests of the reference data on its own: which writes touch it, and how changed rows replace old ones.

use std::collections::HashMap;

use khabar_domain::{Name, Person, PersonId, Slug};

use super::*;
use crate::cache::DirtyParts as _;
use crate::feed::{EntityKind, Facet};

fn person(id: u128, name: &str) -> Arc<Person> {
    Arc::new(Person {
        id: PersonId::new(Uuid::from_u128(id)),
        edition: Uuid::from_u128(100).into(),
        slug: Slug::parse(&format!("person-{id}")).unwrap(),
        name: Name::parse(name).unwrap(),
        role: None,
        biography: None,
        portrait: None,
        article_count: 0,
    })
}

fn people(ids: std::ops::Range<u128>) -> IndexedRows<Person> {
    ids.map(|id| person(id, "Old")).collect()
}

fn read(rows: &[Arc<Person>]) -> HashMap<Uuid, Arc<Person>> {
    let rows = rows.iter().cloned();
    rows.map(|row| (row.id.into(), row)).collect()
}

#[test]
fn people_and_topics_are_read_again_if_they_are_held() {
    let id = Uuid::from_u128(7);
    let held = Reference {
        people: Some(Arc::default()),
        topics: Some(Arc::default()),
        ..Reference::default()
    };
    for (reference, is_held) in [(held, true), (Reference::default(), false)] {
        for entity in [EntityKind::Person, EntityKind::Topic] {
            for tag in [
                CacheTag::one(entity, id),
                CacheTag::part(entity, id, Facet::Articles),
            ] {
                let mut dirty = DirtyRows::default();
                dirty.touch(tag);
                assert!(!dirty.is_empty(), "{tag}");
                // A row that is not here may be new.
                dirty.retain_known(&reference);
                assert_eq!(!dirty.is_empty(), is_held, "{tag}");
            }
        }
    }
}

#[test]
fn a_row_is_replaced_in_its_place() {
    let old = people(1..4);
    let new = person(2, "New");
    let ids = [new.id.into()].into();
    let replaced = old.replacing(&ids, &read(&[Arc::clone(&new)])).unwrap();
    assert_eq!(replaced.get(new.id), Some(&new));
    assert_eq!(replaced.under(Uuid::from_u128(100), &new.slug), Some(&new));
    let names: Vec<_> = replaced.rows().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["Old", "New", "Old"]);
}

#[test]
fn rows_are_sorted_anew_if_one_is_new_or_gone_or_has_another_slug() {
    let old = people(1..4);
    let new = person(4, "New");
    assert!(
        old.replacing(&[new.id.into()].into(), &read(&[new]))
            .is_none()
    );
    let gone = [Uuid::from_u128(2)].into();
    assert!(old.replacing(&gone, &HashMap::new()).is_none());
    let renamed = Person {
        slug: Slug::parse("renamed").unwrap(),
        ..Person::clone(&person(2, "Old"))
    };
    let renamed = read(&[Arc::new(renamed)]);
    assert!(old.replacing(&gone, &renamed).is_none());
}

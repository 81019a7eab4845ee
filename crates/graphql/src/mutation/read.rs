//! Reading an input: each value becomes one of the newsroom's own, or a mistake that names its
//! field.

use async_graphql::{ID, MaybeUndefined};
use khabar_domain::{ArticleId, Edition, EditionId, Invalid, MediaId, Name, Scope, Slug, WebUrl};
use khabar_persistence::article::{self, Named};
use khabar_persistence::change::Noun;
use khabar_persistence::{Page, edition, media, slug};
use uuid::Uuid;

use crate::input::edition_slug;
use crate::node::{self, Global};
use crate::scalar;
use crate::types::{UserError, UserErrorCode};
use crate::write::{Act, Refusal};

/// The edition that is named, or the newsroom's first.
pub(super) async fn edition(
    act: &Act<'_>,
    slug: Option<&scalar::Slug>,
) -> Result<Edition, Refusal> {
    let slug = edition_slug(slug.cloned())?;
    let found = edition::find(act.writer, &slug).await?;
    found.ok_or_else(|| UserError::not_found(&["edition"], "edition").into())
}

/// The id that this global id is the form of.
pub(super) fn id<Id: Global>(field: &[&str], id: &ID) -> Result<Id, Refusal> {
    node::parse(id)
        .map_err(|error| UserError::new(field, UserErrorCode::Invalid, error.message()).into())
}

/// The ids of several things of a kind, each once; at most a page of them.
pub(super) fn ids<Id: Global + PartialEq>(field: &str, given: &[ID]) -> Result<Vec<Id>, Refusal> {
    let most = usize::from(Page::MAX);
    if given.len() > most {
        let message = format!("These are {}: at most {most} are allowed.", given.len());
        return Err(UserError::new(&[field], UserErrorCode::Invalid, message).into());
    }
    let mut ids: Vec<Id> = Vec::with_capacity(given.len());
    for (at, given) in given.iter().enumerate() {
        let place = at.to_string();
        let id: Id = id(&[field, &place], given)?;
        if let Some(first) = ids.iter().position(|other| *other == id) {
            let message = format!("This is the same as at place {first}.");
            let field = [field, &place];
            return Err(UserError::new(&field, UserErrorCode::Invalid, message).into());
        }
        ids.push(id);
    }
    Ok(ids)
}

/// A whole order: each of what is there, once, and nothing else.
pub(super) fn order<Id: Global + PartialEq>(
    field: &str,
    noun: Noun,
    given: &[ID],
    there: &[Id],
) -> Result<Vec<Id>, Refusal> {
    let ids = ids(field, given)?;
    all_of(field, noun, &ids, there)?;
    let missing = there.len() - ids.len();
    if missing > 0 {
        let message = format!(
            "This is not the whole order: {missing} of {} are missing.",
            there.len()
        );
        return Err(UserError::new(&[field], UserErrorCode::Invalid, message).into());
    }
    Ok(ids)
}

/// The ids of things of a kind that an edition has.
pub(super) async fn ids_in<Id: Global + PartialEq>(
    act: &Act<'_>,
    edition: EditionId,
    noun: Noun,
    field: &str,
    given: &[ID],
) -> Result<Vec<Id>, Refusal> {
    let ids: Vec<Id> = ids(field, given)?;
    let uuids: Vec<Uuid> = ids.iter().copied().map(Into::into).collect();
    let there = edition::holds(act.writer, edition, noun, &uuids).await?;
    let there: Vec<Id> = there.into_iter().map(Id::from).collect();
    all_of(field, noun, &ids, &there)?;
    Ok(ids)
}

/// The articles of an edition that the viewer may see, in the order in which they are named.
pub(super) async fn articles(
    act: &Act<'_>,
    edition: EditionId,
    field: &str,
    given: &[ID],
) -> Result<Vec<Named>, Refusal> {
    let ids: Vec<ArticleId> = ids(field, given)?;
    let scope = Scope {
        viewer: act.viewer,
        as_of: act.writer.at(),
    };
    let mut found = article::named(act.writer, scope, &ids).await?;
    found.retain(|article| article.edition == edition);
    let there: Vec<_> = found.iter().map(|article| article.id).collect();
    all_of(field, Noun::Article, &ids, &there)?;
    let place = |article: &Named| ids.iter().position(|id| *id == article.id);
    found.sort_by_key(place);
    Ok(found)
}

/// Says which of these are not there.
fn all_of<Id: PartialEq>(
    field: &str,
    noun: Noun,
    given: &[Id],
    there: &[Id],
) -> Result<(), Refusal> {
    let absent = given
        .iter()
        .enumerate()
        .filter(|(_, id)| !there.contains(id));
    let errors: Vec<_> = absent
        .map(|(at, _)| UserError::not_found(&[field, &at.to_string()], &called(noun)))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Refusal::User(errors))
    }
}

/// What was looked for by the id in a field.
pub(super) fn found<T>(field: &[&str], noun: Noun, found: Option<T>) -> Result<T, Refusal> {
    found.ok_or_else(|| UserError::not_found(field, &called(noun)).into())
}

fn called(noun: Noun) -> String {
    noun.as_str().replace('-', " ")
}

/// The id of something that has a place in its edition. Whoever else puts things of that edition
/// in order waits from now on.
pub(super) async fn placed<Id: Global>(
    act: &Act<'_>,
    noun: Noun,
    given: &ID,
) -> Result<(Id, EditionId), Refusal> {
    let id: Id = id(&["id"], given)?;
    let edition = edition::of(act.writer, noun, id.into()).await?;
    let edition = found(&["id"], noun, edition)?;
    act.writer.lock_order(edition).await?;
    Ok((id, edition))
}

/// A place in an order, from 0.
pub(super) fn position(given: Option<i32>) -> Result<Option<usize>, Refusal> {
    let Some(position) = given else {
        return Ok(None);
    };
    let place = usize::try_from(position).map_err(|_| {
        let message = format!("The position is {position}: places are counted from 0.");
        UserError::new(&["position"], UserErrorCode::Invalid, message)
    })?;
    Ok(Some(place))
}

/// The id of media that are there.
pub(super) async fn media(act: &Act<'_>, field: &str, given: &ID) -> Result<MediaId, Refusal> {
    let id: MediaId = id(&[field], given)?;
    let there = media::get(act.writer, id).await?;
    Ok(found(&[field], Noun::Media, there)?.id)
}

/// The same for a field that may be left out or cleared.
pub(super) async fn patched_media(
    act: &Act<'_>,
    field: &str,
    patch: &MaybeUndefined<ID>,
    old: Option<MediaId>,
) -> Result<Option<MediaId>, Refusal> {
    match patch {
        MaybeUndefined::Undefined => Ok(old),
        MaybeUndefined::Null => Ok(None),
        MaybeUndefined::Value(given) => Ok(Some(media(act, field, given).await?)),
    }
}

/// A web address.
pub(super) fn url(field: &[&str], text: &str) -> Result<WebUrl, Refusal> {
    value(field, WebUrl::parse(text))
}

/// The same for a field that may be left out or cleared.
pub(super) fn patched_url(
    field: &str,
    patch: &MaybeUndefined<String>,
    old: Option<&WebUrl>,
) -> Result<Option<WebUrl>, Refusal> {
    patched(patch, old.cloned(), |given| url(&[field], given).map(Some))
}

/// What a name is to be after a patch: what is left out stays.
pub(super) fn renamed(field: &str, given: Option<&str>, old: &Name) -> Result<Name, Refusal> {
    given.map_or_else(|| Ok(old.clone()), |text| name(&[field], text))
}

/// A sentence or some after a patch.
pub(super) fn patched_text(
    field: &str,
    patch: &MaybeUndefined<String>,
    old: Option<&String>,
) -> Result<Option<String>, Refusal> {
    patched(patch, old.cloned(), |given| text(&[field], given))
}

/// A sentence or some of something new.
pub(super) fn new_text(field: &str, given: Option<&String>) -> Result<Option<String>, Refusal> {
    given.map_or(Ok(None), |given| text(&[field], given))
}

/// A value that has rules.
pub(super) fn value<T>(field: &[&str], parsed: Result<T, Invalid>) -> Result<T, Refusal> {
    parsed.map_err(|invalid| UserError::invalid(field, &invalid).into())
}

/// A name.
pub(super) fn name(field: &[&str], text: &str) -> Result<Name, Refusal> {
    value(field, Name::parse(text))
}

/// A sentence or some, which may be absent: of blank words nothing is left.
pub(super) fn text(field: &[&str], text: &str) -> Result<Option<String>, Refusal> {
    value(
        field,
        khabar_domain::invalid::text(field[field.len() - 1], text),
    )
}

/// Something that is known by a slug in an edition.
pub(super) struct Addressed {
    pub(super) noun: Noun,
    pub(super) edition: EditionId,
    pub(super) id: Uuid,
    /// The slug that it has.
    pub(super) former: Option<Slug>,
}

/// The slug that something is to have: the one that was asked for, which must be free; the one that
/// it has; or one made from what it is called, with a number behind it when something has that, or
/// had it and is still found by it.
pub(super) async fn slug(
    act: &Act<'_>,
    of: Addressed,
    asked: Option<&scalar::Slug>,
    called: &str,
) -> Result<Slug, Refusal> {
    let Addressed {
        noun,
        edition,
        id,
        former,
    } = of;
    let writer = &*act.writer;
    let slug = match (asked, &former) {
        (Some(asked), _) => {
            if slug::is_taken(writer, edition, noun, &asked.0, id).await? {
                let message = format!("The slug {:?} is taken.", asked.0.as_str());
                return Err(UserError::new(&["slug"], UserErrorCode::Taken, message).into());
            }
            asked.0.clone()
        }
        (None, Some(former)) => former.clone(),
        (None, None) => {
            let wanted = value(&["slug"], Slug::from_text(called))?;
            let (mut free, mut number) = (wanted.clone(), 1);
            while slug::is_known(writer, edition, noun, &free, id).await? {
                number += 1;
                free = value(&["slug"], wanted.numbered(number))?;
            }
            free
        }
    };
    Ok(slug)
}

/// What a field is to be after a patch: what is left out stays, null clears.
pub(super) fn patched<T, U>(
    patch: &MaybeUndefined<T>,
    old: Option<U>,
    read: impl FnOnce(&T) -> Result<Option<U>, Refusal>,
) -> Result<Option<U>, Refusal> {
    match patch {
        MaybeUndefined::Undefined => Ok(old),
        MaybeUndefined::Null => Ok(None),
        MaybeUndefined::Value(value) => read(value),
    }
}

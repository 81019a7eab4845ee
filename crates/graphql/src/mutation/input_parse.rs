//! Parsing of mutation inputs. Each function turns an input value into a domain value, or returns a
//! user error that names the field.

use async_graphql::{ID, MaybeUndefined};
use khabar_domain::{ArticleId, Edition, EditionId, Invalid, MediaId, Name, Scope, Slug, WebUrl};
use khabar_persistence::article::{self, Named};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Page, edition, media, slug};
use uuid::Uuid;

use crate::input::edition_slug;
use crate::mutate::{MutationCtx, MutationError};
use crate::node::{self, GlobalId};
use crate::scalar;
use crate::types::{UserError, UserErrorCode};

/// Loads the edition with this slug, or the default edition if the slug is absent.
pub(super) async fn edition(
    cx: &MutationCtx<'_>,
    slug: Option<&scalar::Slug>,
) -> Result<Edition, MutationError> {
    let slug = edition_slug(slug.cloned())?;
    let found = edition::find_by_slug(cx.writer, &slug).await?;
    found.ok_or_else(|| UserError::not_found(&["edition"], "edition").into())
}

/// Parses a global ID into a typed ID.
pub(super) fn id<Id: GlobalId>(field: &[&str], id: &ID) -> Result<Id, MutationError> {
    node::parse(id)
        .map_err(|error| UserError::new(field, UserErrorCode::Invalid, error.message()).into())
}

/// Parses a list of global IDs. Refuses duplicates and more IDs than fit on one page.
pub(super) fn ids<Id: GlobalId + PartialEq>(
    field: &str,
    given: &[ID],
) -> Result<Vec<Id>, MutationError> {
    let max = usize::from(Page::MAX);
    if given.len() > max {
        let message = format!(
            "At most {max} items are allowed; {} were given.",
            given.len()
        );
        return Err(UserError::new(&[field], UserErrorCode::Invalid, message).into());
    }
    let mut ids: Vec<Id> = Vec::with_capacity(given.len());
    for (index, given) in given.iter().enumerate() {
        let index = index.to_string();
        let id: Id = id(&[field, &index], given)?;
        if let Some(first) = ids.iter().position(|other| *other == id) {
            let message = format!("This item duplicates the one at position {first}.");
            let field = [field, &index];
            return Err(UserError::new(&field, UserErrorCode::Invalid, message).into());
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Parses a complete order, which must contain every existing ID exactly once and no other.
pub(super) fn order<Id: GlobalId + PartialEq>(
    field: &str,
    entity: EntityKind,
    given: &[ID],
    existing: &[Id],
) -> Result<Vec<Id>, MutationError> {
    let ids = ids(field, given)?;
    check_exist(field, entity, &ids, existing)?;
    let missing = existing.len() - ids.len();
    if missing > 0 {
        let message = format!(
            "The list must contain every item; {missing} of {} are missing.",
            existing.len()
        );
        return Err(UserError::new(&[field], UserErrorCode::Invalid, message).into());
    }
    Ok(ids)
}

/// Parses a list of global IDs of one kind. Refuses IDs that do not belong to the edition.
pub(super) async fn ids_in<Id: GlobalId + PartialEq>(
    cx: &MutationCtx<'_>,
    edition: EditionId,
    entity: EntityKind,
    field: &str,
    given: &[ID],
) -> Result<Vec<Id>, MutationError> {
    let ids: Vec<Id> = ids(field, given)?;
    let uuids: Vec<Uuid> = ids.iter().copied().map(Into::into).collect();
    let existing = edition::holds(cx.writer, edition, entity, &uuids).await?;
    let existing: Vec<Id> = existing.into_iter().map(Id::from).collect();
    check_exist(field, entity, &ids, &existing)?;
    Ok(ids)
}

/// Loads articles of an edition in the order of the given IDs. Refuses IDs of articles that are not
/// visible to the viewer or belong to another edition.
pub(super) async fn articles(
    cx: &MutationCtx<'_>,
    edition: EditionId,
    field: &str,
    given: &[ID],
) -> Result<Vec<Named>, MutationError> {
    let ids: Vec<ArticleId> = ids(field, given)?;
    let scope = Scope {
        viewer: cx.viewer,
        as_of: cx.writer.at(),
    };
    let mut found = article::named(cx.writer, scope, &ids).await?;
    found.retain(|article| article.edition == edition);
    let existing: Vec<_> = found.iter().map(|article| article.id).collect();
    check_exist(field, EntityKind::Article, &ids, &existing)?;
    let index = |article: &Named| ids.iter().position(|id| *id == article.id);
    found.sort_by_key(index);
    Ok(found)
}

/// Returns a "not found" error for each ID that does not exist.
fn check_exist<Id: PartialEq>(
    field: &str,
    entity: EntityKind,
    given: &[Id],
    existing: &[Id],
) -> Result<(), MutationError> {
    let missing = given
        .iter()
        .enumerate()
        .filter(|(_, id)| !existing.contains(id));
    let errors: Vec<_> = missing
        .map(|(index, _)| UserError::not_found(&[field, &index.to_string()], &name_of(entity)))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(MutationError::User(errors))
    }
}

/// Unwraps a looked-up value, or returns a "not found" error for the field.
pub(super) fn found<T>(
    field: &[&str],
    entity: EntityKind,
    found: Option<T>,
) -> Result<T, MutationError> {
    found.ok_or_else(|| UserError::not_found(field, &name_of(entity)).into())
}

/// Returns the name of a kind of object, for error messages.
fn name_of(entity: EntityKind) -> String {
    entity.as_str().replace('-', " ")
}

/// Parses the ID of an item that is ordered within its edition, and returns it with the edition.
/// Locks the edition's order, so that concurrent reordering waits until this write ends.
pub(super) async fn lock_order_of<Id: GlobalId>(
    cx: &MutationCtx<'_>,
    entity: EntityKind,
    given: &ID,
) -> Result<(Id, EditionId), MutationError> {
    let id: Id = id(&["id"], given)?;
    let edition = edition::of(cx.writer, entity, id.into()).await?;
    let edition = found(&["id"], entity, edition)?;
    cx.writer.lock_order(edition).await?;
    Ok((id, edition))
}

/// Parses a zero-based position in a list. Refuses negative numbers.
pub(super) fn position(given: Option<i32>) -> Result<Option<usize>, MutationError> {
    let Some(position) = given else {
        return Ok(None);
    };
    let index = usize::try_from(position).map_err(|_| {
        let message = format!("The position is {position}; it must be 0 or greater.");
        UserError::new(&["position"], UserErrorCode::Invalid, message)
    })?;
    Ok(Some(index))
}

/// Parses the global ID of existing media.
pub(super) async fn media(
    cx: &MutationCtx<'_>,
    field: &str,
    given: &ID,
) -> Result<MediaId, MutationError> {
    let id: MediaId = id(&[field], given)?;
    let existing = media::lock(cx.writer, id).await?;
    Ok(found(&[field], EntityKind::Media, existing)?.id)
}

/// Parses the optional ID of existing media in an update. An omitted field is left unchanged, and
/// null clears it.
pub(super) async fn patched_media(
    cx: &MutationCtx<'_>,
    field: &str,
    patch: &MaybeUndefined<ID>,
    old: Option<MediaId>,
) -> Result<Option<MediaId>, MutationError> {
    match patch {
        MaybeUndefined::Undefined => Ok(old),
        MaybeUndefined::Null => Ok(None),
        MaybeUndefined::Value(given) => Ok(Some(media(cx, field, given).await?)),
    }
}

/// Parses a web address.
pub(super) fn url(field: &[&str], text: &str) -> Result<WebUrl, MutationError> {
    value(field, WebUrl::parse(text))
}

/// Parses an optional web address in an update. An omitted field is left unchanged, and null clears
/// it.
pub(super) fn patched_url(
    field: &str,
    patch: &MaybeUndefined<String>,
    old: Option<&WebUrl>,
) -> Result<Option<WebUrl>, MutationError> {
    patched(patch, old.cloned(), |given| url(&[field], given).map(Some))
}

/// Applies an update to a name. An omitted name is left unchanged.
pub(super) fn patched_name(
    field: &str,
    given: Option<&str>,
    old: &Name,
) -> Result<Name, MutationError> {
    given.map_or_else(|| Ok(old.clone()), |text| name(&[field], text))
}

/// Applies an update to an optional text. An omitted field is left unchanged, and null clears it.
pub(super) fn patched_text(
    field: &str,
    patch: &MaybeUndefined<String>,
    old: Option<&String>,
) -> Result<Option<String>, MutationError> {
    patched(patch, old.cloned(), |given| text(&[field], given))
}

/// Parses an optional text of a new item. A blank text counts as absent.
pub(super) fn new_text(
    field: &str,
    given: Option<&String>,
) -> Result<Option<String>, MutationError> {
    given.map_or(Ok(None), |given| text(&[field], given))
}

/// Converts a validation error into a user error for the field.
pub(super) fn value<T>(field: &[&str], parsed: Result<T, Invalid>) -> Result<T, MutationError> {
    parsed.map_err(|invalid| UserError::invalid(field, &invalid).into())
}

/// Parses a name.
pub(super) fn name(field: &[&str], text: &str) -> Result<Name, MutationError> {
    value(field, Name::parse(text))
}

/// Parses a text of one or more sentences. Returns `None` if it is blank.
pub(super) fn text(field: &[&str], text: &str) -> Result<Option<String>, MutationError> {
    value(
        field,
        khabar_domain::invalid::text(field[field.len() - 1], text),
    )
}

/// An item that has a slug within an edition.
pub(super) struct SlugTarget {
    pub(super) entity: EntityKind,
    pub(super) edition: EditionId,
    pub(super) id: Uuid,
    /// The current slug, if the item already exists.
    pub(super) current: Option<Slug>,
}

/// Chooses the slug of an item. A requested slug is used if it is free and refused otherwise.
/// Without a request, an existing item retains its slug. A new item gets a slug generated from its
/// name, with a number appended if that slug is in use by another item or still redirects to one.
pub(super) async fn slug(
    cx: &MutationCtx<'_>,
    target: SlugTarget,
    requested: Option<&scalar::Slug>,
    name: &str,
) -> Result<Slug, MutationError> {
    let SlugTarget {
        entity,
        edition,
        id,
        current,
    } = target;
    let writer = &*cx.writer;
    let slug = match (requested, &current) {
        (Some(requested), _) => {
            if slug::is_taken(writer, edition, entity, &requested.0, id).await? {
                let message = format!("The slug {:?} is taken.", requested.0.as_str());
                return Err(UserError::new(&["slug"], UserErrorCode::Taken, message).into());
            }
            requested.0.clone()
        }
        (None, Some(current)) => current.clone(),
        (None, None) => {
            let base = value(&["slug"], Slug::from_text(name))?;
            let (mut slug, mut number) = (base.clone(), 1);
            while slug::is_known(writer, edition, entity, &slug, id).await? {
                number += 1;
                slug = value(&["slug"], base.numbered(number))?;
            }
            slug
        }
    };
    Ok(slug)
}

/// Applies an update to an optional field. An omitted field is left unchanged, and null clears it.
pub(super) fn patched<T, U>(
    patch: &MaybeUndefined<T>,
    old: Option<U>,
    read: impl FnOnce(&T) -> Result<Option<U>, MutationError>,
) -> Result<Option<U>, MutationError> {
    match patch {
        MaybeUndefined::Undefined => Ok(old),
        MaybeUndefined::Null => Ok(None),
        MaybeUndefined::Value(value) => read(value),
    }
}

//! Levels: all objects that one place of a document leads to, resolved and written together.

use std::ops::Range;
use std::sync::Arc;

use futures::future::try_join_all;
use hashbrown::HashMap;

use crate::error::{FieldError, Location, Nulled, Segment};
use crate::objects::{ObjectField, ResolvedField};
use crate::{Context, Response, json};

/// The amount of text after which a level is charged, and lets other tasks of the thread run.
pub(crate) const STRETCH: usize = 64 * 1024;

/// The room for what surrounds the texts of the level below, in bytes. A large text must not be moved for the
/// end of the response.
const ROOM: usize = 256;

/// The number of objects from which a level looks for repeated ones.
const MANY: usize = 16;

/// The function that writes a value that is known from its object alone, as JSON.
pub type WriteValue<C, T> =
    Box<dyn Fn(&T, &C, &mut Vec<u8>) -> Result<(), <C as Context>::Error> + Send + Sync>;

/// The way in which a field gets its value.
pub enum Resolver<C: Context, T> {
    /// A scalar, an enum or a list of them, written at once.
    Value(WriteValue<C, T>),
    /// Objects: parts of the parent, or loaded for all parents of the level together.
    Objects(Box<dyn ObjectField<C, T>>),
}

impl<C: Context, T: Send + Sync + 'static> Resolver<C, T> {
    /// Creates the resolver of a value. `write` appends it as JSON.
    pub fn value(
        write: impl Fn(&T, &C, &mut Vec<u8>) -> Result<(), C::Error> + Send + Sync + 'static,
    ) -> Self {
        Self::Value(Box::new(write))
    }

    /// Creates the resolver of a field that leads to objects.
    pub fn objects(objects: impl ObjectField<C, T> + 'static) -> Self {
        Self::Objects(Box::new(objects))
    }
}

/// A field of a selection set.
pub struct Field<C: Context, T> {
    response_key: Arc<str>,
    /// The response key as JSON, with its colon.
    key: Box<[u8]>,
    location: Location,
    nullable: bool,
    resolver: Resolver<C, T>,
}

impl<C: Context, T> Field<C, T> {
    /// Creates a field. `nullable` tells whether its type allows null.
    pub fn new(
        response_key: &str,
        location: Location,
        nullable: bool,
        resolver: Resolver<C, T>,
    ) -> Self {
        let mut key = Vec::with_capacity(response_key.len() + 3);
        json::string(response_key, &mut key);
        key.push(b':');
        Self {
            response_key: response_key.into(),
            key: key.into(),
            location,
            nullable,
            resolver,
        }
    }
}

/// The selection of an operation on the objects of one type.
pub struct SelectionSet<C: Context, T> {
    fields: Box<[Field<C, T>]>,
    /// The number of fields that lead to objects.
    levels: usize,
    /// The identity of an object. Objects with equal identities are equal.
    identity: Option<fn(&T) -> u128>,
}

impl<C: Context, T: Send + Sync + 'static> SelectionSet<C, T> {
    /// Creates a selection set. No two fields have the same response key.
    pub fn new(fields: Vec<Field<C, T>>) -> Self {
        let is_level = |field: &&Field<C, T>| matches!(field.resolver, Resolver::Objects(_));
        Self {
            levels: fields.iter().filter(is_level).count(),
            fields: fields.into(),
            identity: None,
        }
    }

    /// Resolves an object that appears several times in a level only once.
    #[must_use]
    pub fn with_identity(self, identity: fn(&T) -> u128) -> Self {
        Self {
            identity: Some(identity),
            ..self
        }
    }

    /// Whether all fields are known from the object alone.
    pub(crate) fn is_flat(&self) -> bool {
        self.levels == 0
    }

    /// Writes an object whose fields are all known from it alone.
    pub(crate) fn write_flat(
        &self,
        object: &T,
        context: &C,
        out: &mut Output<C::Error>,
    ) -> Result<(), Nulled> {
        self.write(0, object, context, &[], out)
    }

    /// Resolves all objects of a level.
    pub(crate) async fn resolve<'c>(
        &self,
        context: &'c C,
        objects: &[&T],
    ) -> Result<Level<'c, C>, C::Error> {
        let Some(identity) = self.identity.filter(|_| objects.len() >= MANY) else {
            return self.resolve_after(Vec::new(), context, objects).await;
        };
        let mut places = HashMap::with_capacity(objects.len());
        let mut unique = Vec::with_capacity(objects.len());
        let mut at = Vec::with_capacity(objects.len());
        for object in objects {
            at.push(*places.entry(identity(object)).or_insert_with(|| {
                unique.push(*object);
                unique.len() - 1
            }));
        }
        let mut level = self.resolve_after(Vec::new(), context, &unique).await?;
        if unique.len() < objects.len() {
            level.places = Some(at);
        }
        Ok(level)
    }

    /// Resolves all objects of a level, and writes them after the text that is given.
    pub(crate) async fn resolve_after<'c>(
        &self,
        text: Vec<u8>,
        context: &'c C,
        objects: &[&T],
    ) -> Result<Level<'c, C>, C::Error> {
        let below = self
            .fields
            .iter()
            .filter_map(|field| match &field.resolver {
                Resolver::Objects(objects_of) => Some(objects_of.resolve(context, objects)),
                Resolver::Value(_) => None,
            });
        let below = try_join_all(below).await?;
        let start = text.len();
        let mut out = Output {
            text,
            errors: Vec::new(),
            start,
            charged: start,
            error_bytes: 0,
            charged_errors: 0,
            total: 0,
            ahead: 0,
            refused: None,
        };
        out.charge_ahead(context, below.iter().map(|field| field.size_hint()).sum());
        if let Some(refused) = out.refused {
            return Err(refused);
        }
        let mut level = Level {
            text: Vec::new(),
            start,
            ends: Vec::with_capacity(objects.len()),
            places: None,
            failures: Vec::new(),
            nulls: Vec::new(),
            charged: 0,
            context,
        };
        for (at, object) in objects.iter().enumerate() {
            if self.write(at, object, context, &below, &mut out).is_err() {
                level.nulls.push(at);
            }
            level.ends.push(out.text.len());
            if !out.errors.is_empty() {
                let errors = out.errors.drain(..);
                level.failures.extend(errors.map(|error| (at, error)));
            }
            let charged = out.charged;
            let _ = out.charge(context, STRETCH);
            level.charged = out.total;
            if let Some(refused) = out.refused {
                return Err(refused);
            }
            if out.charged > charged {
                yield_now().await;
            }
        }
        let _ = out.charge(context, 1);
        level.charged = out.total;
        if let Some(refused) = out.refused {
            return Err(refused);
        }
        level.text = out.text;
        Ok(level)
    }

    /// Writes one object of a level. If it becomes null, nothing is written.
    fn write(
        &self,
        at: usize,
        object: &T,
        context: &C,
        below: &[Box<dyn ResolvedField<C::Error> + '_>],
        out: &mut Output<C::Error>,
    ) -> Result<(), Nulled> {
        let (start, errors) = (out.text.len(), out.errors.len());
        let mut below = below.iter();
        out.text.push(b'{');
        for (number, field) in self.fields.iter().enumerate() {
            if number > 0 {
                out.text.push(b',');
            }
            out.text.extend_from_slice(&field.key);
            let (value_start, errors_before) = (out.text.len(), out.errors.len());
            let written = match &field.resolver {
                Resolver::Value(write) => match write(object, context, &mut out.text) {
                    Ok(()) => Ok(()),
                    Err(error) => out.fail(error),
                },
                Resolver::Objects(_) => match below.next() {
                    Some(resolved) => resolved.write(at, out),
                    None => Err(Nulled),
                },
            };
            for error in &mut out.errors[errors_before..] {
                error.below_field(&field.response_key, field.location);
                out.error_bytes += field.key.len();
            }
            // One object may have many large texts.
            if written.is_ok() && out.charge(context, STRETCH).is_err() {
                return Err(Nulled);
            }
            if written.is_err() {
                out.text.truncate(value_start);
                if !field.nullable {
                    out.text.truncate(start);
                    out.discard(errors..errors_before);
                    return Err(Nulled);
                }
                json::null(&mut out.text);
            }
        }
        out.text.push(b'}');
        Ok(())
    }
}

/// The text of a level while it is written, and the errors in it.
pub struct Output<E> {
    pub(crate) text: Vec<u8>,
    errors: Vec<FieldError<E>>,
    /// The beginning of the level in the text.
    start: usize,
    /// The text up to here has been charged.
    charged: usize,
    /// The bytes of the errors, with what their paths have got in this level.
    error_bytes: usize,
    /// The bytes of errors that have been charged.
    charged_errors: usize,
    /// The bytes that have been charged.
    total: usize,
    /// The bytes of text that were charged before they are written.
    ahead: usize,
    /// The error that ends the response, because its text is too long.
    refused: Option<E>,
}

impl<E> Output<E> {
    /// The text, to append to.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Charges the text and the errors since the last charge, if they have at least this length.
    pub(crate) fn charge<C: Context<Error = E>>(
        &mut self,
        context: &C,
        length: usize,
    ) -> Result<(), Nulled> {
        let text = self.text.len().saturating_sub(self.charged);
        let (text, ahead) = (
            text.saturating_sub(self.ahead),
            self.ahead.saturating_sub(text),
        );
        let more = text + self.error_bytes.saturating_sub(self.charged_errors);
        if self.refused.is_none() && more >= length {
            let written = self.text.len() - self.start + self.error_bytes;
            self.refused = context.charge(written, more).err();
            self.total += more;
            (self.charged, self.charged_errors) = (self.text.len(), self.error_bytes);
            self.ahead = ahead;
        }
        match self.refused {
            Some(_) => Err(Nulled),
            None => Ok(()),
        }
    }

    /// Reports an error of the field that is being written, which makes it null.
    pub fn fail(&mut self, error: E) -> Result<(), Nulled> {
        self.report(error);
        Err(Nulled)
    }

    /// Makes room for text of at least this length, and charges it before it is written if it is large.
    fn charge_ahead<C: Context<Error = E>>(&mut self, context: &C, length: usize) {
        if length >= STRETCH {
            self.refused = context.charge(length, length).err();
            self.total += length;
            self.ahead = length;
            if self.refused.is_some() {
                return;
            }
        }
        // Some characters are longer in JSON.
        self.text.reserve(length + length / 16 + ROOM);
    }

    /// Makes the field null, and reports the error if there is one.
    pub(crate) fn absent(&mut self, error: Option<E>) -> Result<(), Nulled> {
        if let Some(error) = error {
            self.report(error);
        }
        Err(Nulled)
    }

    /// Reports an error of the field that is being written, which has a value nevertheless.
    pub fn report(&mut self, error: E) {
        let error = FieldError::new(error);
        self.error_bytes += error.bytes();
        self.errors.push(error);
    }

    /// Returns the number of errors so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors.len()
    }

    /// Forgets errors of values that are discarded because a sibling made their parent null.
    pub(crate) fn discard(&mut self, errors: Range<usize>) {
        self.errors.drain(errors);
    }

    /// Writes an item of a list, and adds its index to the paths of its errors. An item that becomes
    /// null makes the list null, unless `nullable`.
    pub(crate) fn item(
        &mut self,
        index: usize,
        nullable: bool,
        write: impl FnOnce(&mut Self) -> Result<(), Nulled>,
    ) -> Result<(), Nulled> {
        let (start, errors) = (self.text.len(), self.errors.len());
        let written = write(self);
        for error in &mut self.errors[errors..] {
            let segment = Segment::Index(index);
            self.error_bytes += segment.bytes();
            error.below(segment);
        }
        match written {
            Err(Nulled) if nullable => {
                self.text.truncate(start);
                json::null(&mut self.text);
                Ok(())
            }
            written => written,
        }
    }
}

/// A level that was written: the JSON text of each of its objects.
pub(crate) struct Level<'a, C: Context> {
    text: Vec<u8>,
    /// The beginning of the first object.
    start: usize,
    /// The end of each object.
    ends: Vec<usize>,
    /// The place of each object among those that were written, if some appear several times.
    places: Option<Vec<usize>>,
    /// The errors, each with the place of its object, in ascending order.
    failures: Vec<(usize, FieldError<C::Error>)>,
    /// The places of the objects that are null because of an error, in ascending order.
    nulls: Vec<usize>,
    /// The bytes that were charged for it, and are released with it.
    charged: usize,
    context: &'a C,
}

impl<C: Context> Drop for Level<'_, C> {
    fn drop(&mut self) {
        self.context.release(self.charged);
    }
}

impl<C: Context> Level<'_, C> {
    /// The length of the text of all objects, each as often as it appears.
    pub(crate) fn bytes(&self) -> usize {
        match &self.places {
            Some(places) => places.iter().map(|at| self.object(*at).len()).sum(),
            None => self.text.len() - self.start,
        }
    }

    /// Returns the text of an object.
    fn object(&self, at: usize) -> &[u8] {
        let start = at
            .checked_sub(1)
            .map_or(self.start, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    /// Writes an object and its errors.
    pub(crate) fn write(&self, at: usize, out: &mut Output<C::Error>) -> Result<(), Nulled> {
        let at = self.places.as_ref().map_or(at, |places| places[at]);
        if !self.failures.is_empty() {
            let first = self.failures.partition_point(|(place, _)| *place < at);
            let failures = self.failures[first..].iter();
            let own = failures.take_while(|(place, _)| *place == at);
            for (_, error) in own {
                // Each error was charged once, where it arose. An object that is repeated repeats its errors.
                if self.places.is_some() {
                    out.error_bytes += error.bytes();
                }
                out.errors.push(error.clone());
            }
        }
        if self.nulls.binary_search(&at).is_ok() {
            return Err(Nulled);
        }
        out.text.extend_from_slice(self.object(at));
        Ok(())
    }

    /// Converts the level of the root object into the response, whose data begins at `start`. It stays charged.
    pub(crate) fn into_response(mut self, start: usize) -> Response<C::Error> {
        self.charged = 0;
        let mut data = std::mem::take(&mut self.text);
        if !self.nulls.is_empty() {
            data.truncate(start);
            json::null(&mut data);
        }
        let failures = std::mem::take(&mut self.failures);
        Response {
            data,
            errors: failures.into_iter().map(|(_, error)| error).collect(),
        }
    }
}

/// Lets other tasks of the thread run.
async fn yield_now() {
    let mut has_yielded = false;
    std::future::poll_fn(|task| {
        if has_yielded {
            return std::task::Poll::Ready(());
        }
        has_yielded = true;
        task.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

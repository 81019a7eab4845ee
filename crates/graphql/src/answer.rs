//! How a request is answered: through the gate, through the engine, and out as text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use async_graphql::{Data, ServerError as RequestError};
use async_graphql::{
    Executor, Name, ObjectType, PathSegment, Request, Response, Schema, SchemaBuilder, ServerError,
    SubscriptionType, ValidationMode, Value,
};
use futures::future::BoxFuture;
use khabar_persistence::cache::AnswerName;
use serde::Serialize;

use crate::budget::{AllAnswers, AnswerBudget};
use crate::compare::Taken;
use crate::document::{Arose, Gate, Incoming, Kind, Mark, Ready, SchemaProblem};
use crate::error::{self, Code, Error, Outage};
use crate::limit::Limits;

/// What the engine is told about documents: that they were validated, how deep they may be, and what
/// becomes of a field that fails.
///
/// The engine counts the type conditions that remain in a plan as depth, one for each field at most.
#[must_use]
pub fn behind_the_gate<Q, M, S>(
    schema: SchemaBuilder<Q, M, S>,
    limits: &Limits,
) -> SchemaBuilder<Q, M, S> {
    let depth = crate::limit::length(limits.depth).saturating_mul(2);
    schema
        .validation_mode(ValidationMode::Fast)
        .limit_recursive_depth(depth)
        .directive(Mark::Nullable)
        .directive(Mark::Required)
}

/// The engine, whatever its roots are.
trait Engine: Send + Sync {
    fn run(&self, request: Request) -> BoxFuture<'_, Response>;
}

impl<E: Executor> Engine for E {
    fn run(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(self.execute(request))
    }
}

/// The API: one schema, its gate and its engine. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    gate: Arc<Gate>,
    engine: Arc<dyn Engine>,
    /// What its answers in the making take together.
    answers: Arc<AllAnswers>,
}

impl fmt::Debug for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Api")
            .field("limits", self.gate.limits())
            .finish_non_exhaustive()
    }
}

impl Api {
    /// An API of this schema, which was built [`behind_the_gate`].
    pub fn new<Q, M, S>(schema: Schema<Q, M, S>, limits: Limits) -> Result<Self, SchemaProblem>
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        Ok(Self {
            answers: AllAnswers::new(&limits),
            gate: Arc::new(Gate::new(&schema.sdl(), limits)?),
            engine: Arc::new(schema),
        })
    }

    /// Decides whether a request may run; nothing has been read or written yet.
    pub fn admit(&self, incoming: &Incoming) -> Result<Ready, Answer> {
        self.gate.admit(incoming).map_err(Answer::refused)
    }

    /// What the answer to a request is kept under, if the request is a query that was admitted before.
    pub fn answer_name(&self, incoming: &Incoming) -> Option<AnswerName> {
        self.gate.answer_name(incoming)
    }

    /// Decides whether a document may be asked for, as far as that is known without the values of its
    /// variables.
    pub fn check(&self, document: &str) -> Result<(), Vec<RequestError>> {
        self.gate.check(document)
    }

    /// Runs an operation that gives one answer; `data` is what its resolvers find in their context.
    pub async fn run(&self, ready: Ready, data: Data) -> Answer {
        if ready.kind() == Kind::Subscription {
            let error = Error::new(
                Code::SubscriptionNotSupported,
                "A subscription needs a transport that carries many answers.",
            );
            return Answer::refused(vec![error.into()]);
        }
        let (cost, kind) = (ready.cost(), ready.kind());
        let (mut request, positions) = ready.into_parts();
        request.data = data;
        let budget =
            AnswerBudget::put_into(&mut request.data, kind, self.gate.limits(), &self.answers);
        Taken::put_into(&mut request.data);
        let mut response = self.engine.run(request).await;
        for error in &mut response.errors {
            Arose::tell(error);
            error::shorten(error);
            error::complete(error);
            positions.resolve(error);
        }
        // They came in whichever order their fields were done.
        response.errors.sort_by_cached_key(place);
        let mut extensions = response.extensions;
        extensions.insert("cost".to_owned(), Value::from(cost));
        let told = Told {
            errors: &response.errors,
            data: Some(&response.data),
            extensions: &extensions,
        };
        match budget.check().and_then(|()| budget.write(&told)) {
            Ok(json) => Answer {
                outage: outage(&response.data, &response.errors),
                errors: response.errors,
                extensions,
                is_refused: false,
                json,
            },
            Err(error) => Answer::too_large(error, kind, extensions),
        }
    }

    /// Answers a request, whether it may run or not.
    pub async fn answer(&self, incoming: &Incoming, data: Data) -> Answer {
        match self.admit(incoming) {
            Ok(ready) => self.run(ready, data).await,
            Err(answer) => answer,
        }
    }
}

/// The field of every object that tells its type.
const TYPENAME: &str = "__typename";

/// What a client is told, before it is text: in the order of the selections.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    /// None, unlike null, says that nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

impl Told<'_> {
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_else(|problem| {
            tracing::error!(cause = %problem, "an error could not be written");
            Vec::new()
        })
    }
}

/// What a client is told, as text.
#[derive(Debug)]
pub struct Answer {
    errors: Vec<ServerError>,
    extensions: BTreeMap<String, Value>,
    is_refused: bool,
    outage: Option<Outage>,
    json: Vec<u8>,
}

impl Answer {
    /// An answer to a request that was not run.
    pub fn refused(mut errors: Vec<ServerError>) -> Self {
        errors.iter_mut().for_each(error::shorten);
        let extensions = BTreeMap::new();
        let told = Told {
            errors: &errors,
            data: None,
            extensions: &extensions,
        };
        Self {
            json: told.to_json(),
            is_refused: true,
            outage: None,
            extensions,
            errors,
        }
    }

    /// An answer to a request that was not run, for one reason.
    pub fn because(error: Error) -> Self {
        Self::refused(vec![error.into()])
    }

    /// An answer to a request that was run, whose data has too many bytes to be told.
    fn too_large(error: Error, kind: Kind, extensions: BTreeMap<String, Value>) -> Self {
        let mut error = ServerError::from(error);
        if kind == Kind::Mutation {
            error
                .message
                .push_str(" What the mutation wrote stays written.");
        }
        let errors = vec![error];
        let told = Told {
            errors: &errors,
            data: Some(&Value::Null),
            extensions: &extensions,
        };
        Self {
            json: told.to_json(),
            is_refused: false,
            outage: errors.iter().find_map(error::outage_of),
            extensions,
            errors,
        }
    }

    /// Whether nothing was run.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// The failure of the server itself that left nothing of what was asked, if that is what became of
    /// it. What is partly answered is an answer.
    pub fn outage(&self) -> Option<Outage> {
        self.outage
    }

    /// Whether it tells of any error.
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether it tells of a failure of the server itself, whatever it left.
    pub fn has_outage(&self) -> bool {
        self.errors
            .iter()
            .any(|error| error::outage_of(error).is_some())
    }

    /// The same without what is left of its data: fields that are null.
    #[must_use]
    pub fn without_data(mut self) -> Self {
        if !self.is_refused {
            let told = Told {
                errors: &self.errors,
                data: Some(&Value::Null),
                extensions: &self.extensions,
            };
            self.json = told.to_json();
        }
        self
    }

    /// The codes of its errors, in order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.errors
            .iter()
            .map(|error| error::code_of(error).unwrap_or_default())
    }

    /// The answer as JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        self.json.clone()
    }

    /// The JSON text alone.
    pub fn into_json(self) -> Vec<u8> {
        self.json
    }
}

/// The failure of the server itself that left nothing of what was asked: data that is null, or of which
/// every field is, each by such an error.
fn outage(data: &Value, errors: &[ServerError]) -> Option<Outage> {
    let outages: Vec<_> = errors
        .iter()
        .filter_map(|error| Some((error.path.first(), error::outage_of(error)?)))
        .collect();
    let is_lost = |(field, value): (&Name, &Value)| {
        // Its own name says nothing of the newsroom.
        let lost = |place: Option<&PathSegment>| match place {
            Some(PathSegment::Field(name)) => name == field.as_str(),
            _ => false,
        };
        field == TYPENAME || *value == Value::Null && outages.iter().any(|it| lost(it.0))
    };
    let all_lost = match data {
        Value::Null => true,
        Value::Object(fields) => fields.iter().all(is_lost),
        _ => false,
    };
    let worst = outages.iter().map(|(_, outage)| *outage).max();
    worst.filter(|_| all_lost)
}

/// Where an error stands in the document and then in the lists of the answer.
fn place(error: &ServerError) -> (Option<(usize, usize)>, Vec<usize>) {
    let at = error.locations.first().map(|at| (at.line, at.column));
    let indices = error.path.iter().filter_map(|segment| match segment {
        PathSegment::Index(index) => Some(*index),
        PathSegment::Field(_) => None,
    });
    (at, indices.collect())
}

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
        let cost = ready.cost();
        let (mut request, positions) = ready.into_parts();
        request.data = data;
        let mut response = self.engine.run(request).await;
        for error in &mut response.errors {
            Arose::tell(error);
            error::complete(error);
            positions.resolve(error);
        }
        // They came in whichever order their fields were done.
        response.errors.sort_by_cached_key(place);
        let mut extensions = response.extensions;
        extensions.insert("cost".to_owned(), Value::from(cost));
        Answer {
            data: Some(response.data),
            errors: response.errors,
            extensions,
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

/// What a client is told. It becomes text in the order of the selections.
#[derive(Debug, Serialize)]
pub struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
    /// None, unlike null, says that nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: BTreeMap<String, Value>,
}

impl Answer {
    /// An answer to a request that was not run.
    pub fn refused(errors: Vec<ServerError>) -> Self {
        Self {
            errors,
            data: None,
            extensions: BTreeMap::new(),
        }
    }

    /// An answer to a request that was not run, for one reason.
    pub fn because(error: Error) -> Self {
        Self::refused(vec![error.into()])
    }

    /// Whether nothing was run.
    pub fn is_refused(&self) -> bool {
        self.data.is_none()
    }

    /// The failure of the server itself that left nothing of what was asked, if that is what became of
    /// it: data that is null, or of which every field is, each by such an error. What is partly answered
    /// is an answer.
    pub fn outage(&self) -> Option<Outage> {
        let outages: Vec<_> = self
            .errors
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
        let all_lost = match self.data.as_ref()? {
            Value::Null => true,
            Value::Object(fields) => fields.iter().all(is_lost),
            _ => false,
        };
        let worst = outages.iter().map(|(_, outage)| *outage).max();
        worst.filter(|_| all_lost)
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
        self.data = self.data.map(|_| Value::Null);
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
        serde_json::to_vec(self).unwrap_or_else(|problem| {
            // Only a scalar whose own `Serialize` fails gets here.
            tracing::error!(cause = %problem, "an answer could not be written");
            serde_json::to_vec(&Self::because(Error::unexplained())).unwrap_or_default()
        })
    }
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

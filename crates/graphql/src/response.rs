//! Answering a request: through the gate, by the executor or the engine, and out as JSON text.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

pub use async_graphql::{Data, ServerError as RequestError};
use async_graphql::{
    Executor, Name, ObjectType, PathSegment, Request, Response, Schema, SchemaBuilder, ServerError,
    SubscriptionType, ValidationMode, Value,
};
use futures::future::BoxFuture;
use khabar_persistence::cache::ResponseCacheKey;

use crate::budget::{ResponseBudget, SharedBudget};
use crate::compare::{DiffPool, DiffTime};
use crate::context;
use crate::document::{
    ErrorPath, FieldGuard, Kind, OperationRequest, Pipeline, Positions, PreparedOperation,
    SchemaProblem,
};
use crate::error::{self, Code, Error, Outage};
use crate::json::JsonBuffer;
use crate::limit::Limits;
use crate::object::{self, Compile, Executed, ReadContext, RootFields};

/// Configures the engine for documents that the gate has already validated: a fast validation mode, a
/// depth limit, and the directives that mark how a failing field is handled.
///
/// The engine counts the type conditions that remain in a plan towards the depth. There is at most one
/// for each field, so its limit is twice `limits.depth`.
#[must_use]
pub fn configure_engine<Q, M, S>(
    schema: SchemaBuilder<Q, M, S>,
    limits: &Limits,
) -> SchemaBuilder<Q, M, S> {
    let depth = crate::limit::length(limits.depth).saturating_mul(2);
    schema
        .validation_mode(ValidationMode::Fast)
        .limit_recursive_depth(depth)
        .directive(FieldGuard::Nullable)
        .directive(FieldGuard::Required)
}

/// The engine, with the types of its roots erased.
trait Engine: Send + Sync {
    fn run(&self, request: Request) -> BoxFuture<'_, Response>;
}

impl<E: Executor> Engine for E {
    fn run(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(self.execute(request))
    }
}

/// The API: one schema with its gate and its engine. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    gate: Arc<Pipeline>,
    engine: Arc<dyn Engine>,
    /// The byte budget shared by all responses in progress.
    shared_budget: Arc<SharedBudget>,
    /// The limits for comparisons.
    diff_pool: Arc<DiffPool>,
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
    /// Creates an API for a schema that was built with [`configure_engine`]. The engine executes all of it.
    pub fn new<Q, M, S>(schema: Schema<Q, M, S>, limits: Limits) -> Result<Self, SchemaProblem>
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        Self::with_compiler(schema, limits, |_| None)
    }

    /// Creates an API that executes the queries that `compile` compiles by the executor.
    pub(crate) fn with_compiler<Q, M, S>(
        schema: Schema<Q, M, S>,
        limits: Limits,
        compile: Compile,
    ) -> Result<Self, SchemaProblem>
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        Ok(Self {
            shared_budget: SharedBudget::new(&limits),
            diff_pool: Arc::new(DiffPool::new(&limits)),
            gate: Arc::new(Pipeline::new(&schema.sdl(), limits, compile)?),
            engine: Arc::new(schema),
        })
    }

    /// Decides whether a request may run. No data is read or written at this point.
    pub fn admit(&self, incoming: &OperationRequest) -> Result<PreparedOperation, JsonResponse> {
        self.gate.admit(incoming).map_err(JsonResponse::rejected)
    }

    /// Returns the cache key of the response to a request. `None` unless the request is a query that was
    /// admitted before.
    pub fn response_cache_key(&self, incoming: &OperationRequest) -> Option<ResponseCacheKey> {
        self.gate.response_cache_key(incoming)
    }

    /// Checks whether a document is acceptable, as far as that is known without the values of its
    /// variables.
    pub fn check(&self, document: &str) -> Result<(), Vec<RequestError>> {
        self.gate.check(document)
    }

    /// Executes an operation that gives a single response. Subscriptions are refused. Resolvers find `data`
    /// in their context.
    pub async fn run(&self, ready: PreparedOperation, mut data: Data) -> JsonResponse {
        if ready.kind() == Kind::Subscription {
            let error = Error::new(
                Code::SubscriptionNotSupported,
                "Subscriptions require a transport that can carry more than one response.",
            );
            return JsonResponse::rejected(vec![error.into()]);
        }
        let (cost, kind) = (ready.cost(), ready.kind());
        data.insert(Arc::clone(&self.diff_pool));
        data.insert(Arc::<DiffTime>::default());
        if let Some(query) = ready.compiled()
            && let Some(session) = context::reader(&data)
        {
            let budget = ResponseBudget::new(kind, self.gate.limits(), &self.shared_budget);
            let variables = ready.variables();
            let context = ReadContext::new(session, variables, Arc::clone(&budget), &data);
            let executed = object::execute(query, &context).await;
            return match executed.and_then(|executed| written(executed, &ready, &budget)) {
                Ok(response) => response,
                Err(error) => JsonResponse::too_large(error, kind, extensions(cost)),
            };
        }
        data.insert(RootFields::default());
        let positions = ready.positions();
        let mut request = ready.engine_request();
        request.data = data;
        let budget = ResponseBudget::insert_into(
            &mut request.data,
            kind,
            self.gate.limits(),
            &self.shared_budget,
        );
        let mut response = self.engine.run(request).await;
        response.errors.iter_mut().for_each(ErrorPath::tell);
        finish(&mut response.errors, &positions);
        let mut extensions = extensions(cost);
        extensions.append(&mut response.extensions);
        let body = ResponseBody {
            errors: &response.errors,
            data: Some(&response.data),
            extensions: &extensions,
        };
        match budget
            .check()
            .and_then(|()| budget.write(|json| body.write(json)))
        {
            Ok(json) => JsonResponse {
                outage: outage(&response.data, &response.errors),
                errors: response.errors,
                extensions,
                is_rejected: false,
                json,
            },
            Err(error) => JsonResponse::too_large(error, kind, extensions),
        }
    }

    /// Answers a request: executes it if it is admitted, and refuses it otherwise.
    pub async fn execute_request(&self, incoming: &OperationRequest, data: Data) -> JsonResponse {
        match self.admit(incoming) {
            Ok(ready) => self.run(ready, data).await,
            Err(rejected) => rejected,
        }
    }
}

/// Completes the errors of a response, and sorts them by their place.
fn finish(errors: &mut [ServerError], positions: &Positions) {
    for error in &mut *errors {
        error::shorten(error);
        error::complete(error);
        positions.resolve(error);
    }
    // Fields finish in any order.
    errors.sort_by_cached_key(sort_key);
}

/// Returns the extensions of each response.
fn extensions(cost: u64) -> BTreeMap<String, Value> {
    BTreeMap::from([("cost".to_owned(), Value::from(cost))])
}

/// Completes a response that the executor has written.
fn written(
    executed: Executed,
    ready: &PreparedOperation,
    budget: &ResponseBudget,
) -> Result<JsonResponse, Error> {
    let Executed {
        mut text,
        mut errors,
    } = executed;
    let mut outage_of_all = None;
    if !errors.is_empty() {
        finish(&mut errors, &ready.positions());
        if errors.iter().any(|error| error::outage_of(error).is_some()) {
            let data = serde_json::from_slice(&text[object::BEGINNING.len()..]);
            let data: Value = data.map_err(|error| Error::internal(&error))?;
            outage_of_all = outage(&data, &errors);
        }
        let mut with_errors = b"{\"errors\":".to_vec();
        serde_json::to_writer(&mut with_errors, &errors)
            .map_err(|error| Error::internal(&error))?;
        with_errors.push(b',');
        with_errors.extend_from_slice(&text[1..]);
        text = with_errors;
    }
    let cost = ready.cost();
    text.extend_from_slice(format!(",\"extensions\":{{\"cost\":{cost}}}}}").as_bytes());
    budget.check_length(text.len())?;
    Ok(JsonResponse {
        outage: outage_of_all,
        errors,
        extensions: extensions(cost),
        is_rejected: false,
        json: text,
    })
}

/// The field that returns the type name of any object.
const TYPENAME: &str = "__typename";

/// The response before it is written as JSON. Data is in the order of the selections.
struct ResponseBody<'a> {
    /// Omitted if there are none.
    errors: &'a [ServerError],
    /// `None`, unlike a null value, means that nothing was executed. The member is then omitted.
    data: Option<&'a Value>,
    /// Omitted if there are none.
    extensions: &'a BTreeMap<String, Value>,
}

impl ResponseBody<'_> {
    fn write(&self, json: &mut JsonBuffer) -> io::Result<()> {
        let mut separator: &[u8] = b"{";
        if !self.errors.is_empty() {
            json.raw(separator)?;
            json.raw(b"\"errors\":")?;
            serde_json::to_writer(&mut *json, self.errors)?;
            separator = b",";
        }
        if let Some(data) = self.data {
            json.raw(separator)?;
            json.raw(b"\"data\":")?;
            json.value(data)?;
            separator = b",";
        }
        if !self.extensions.is_empty() {
            json.raw(separator)?;
            json.raw(b"\"extensions\":")?;
            let extensions = self.extensions.iter();
            json.object(extensions.map(|(name, value)| (name.as_str(), value)))?;
            separator = b",";
        }
        if separator == b"{" {
            json.raw(separator)?;
        }
        json.raw(b"}")
    }

    /// Writes a response without data, whose size needs no limit.
    fn to_json(&self) -> Vec<u8> {
        let mut json = JsonBuffer::new(usize::MAX);
        if let Err(problem) = self.write(&mut json) {
            tracing::error!(cause = %problem, "error_serialization_failed");
        }
        json.into_bytes()
    }
}

/// The response to a request, as JSON text.
#[derive(Debug)]
pub struct JsonResponse {
    errors: Vec<ServerError>,
    extensions: BTreeMap<String, Value>,
    is_rejected: bool,
    outage: Option<Outage>,
    json: Vec<u8>,
}

impl JsonResponse {
    /// Creates a response to a request that was not executed.
    pub fn rejected(mut errors: Vec<ServerError>) -> Self {
        errors.iter_mut().for_each(error::shorten);
        let extensions = BTreeMap::new();
        let body = ResponseBody {
            errors: &errors,
            data: None,
            extensions: &extensions,
        };
        Self {
            json: body.to_json(),
            is_rejected: true,
            outage: None,
            extensions,
            errors,
        }
    }

    /// Creates a response to a request that was not executed because of a single error.
    pub fn from_error(error: Error) -> Self {
        Self::rejected(vec![error.into()])
    }

    /// Creates a response to a request that was executed, but whose data exceeded the byte budget.
    fn too_large(error: Error, kind: Kind, extensions: BTreeMap<String, Value>) -> Self {
        let mut error = ServerError::from(error);
        if kind == Kind::Mutation {
            error
                .message
                .push_str(" Any changes made by the mutation have been saved.");
        }
        let errors = vec![error];
        let body = ResponseBody {
            errors: &errors,
            data: Some(&Value::Null),
            extensions: &extensions,
        };
        Self {
            json: body.to_json(),
            is_rejected: false,
            outage: errors.iter().find_map(error::outage_of),
            extensions,
            errors,
        }
    }

    /// Whether the request was refused without being executed.
    pub fn is_rejected(&self) -> bool {
        self.is_rejected
    }

    /// The server failure that left no data at all. `None` if there was no such failure, or if the request
    /// was answered in part.
    pub fn outage(&self) -> Option<Outage> {
        self.outage
    }

    /// Whether the response contains any error.
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether any error is a failure of the server itself, however much data the response still contains.
    pub fn has_outage(&self) -> bool {
        self.errors
            .iter()
            .any(|error| error::outage_of(error).is_some())
    }

    /// Replaces the data with null. Meant for responses whose remaining data is only null fields. A response
    /// that was refused is unchanged.
    #[must_use]
    pub fn without_data(mut self) -> Self {
        if !self.is_rejected {
            let body = ResponseBody {
                errors: &self.errors,
                data: Some(&Value::Null),
                extensions: &self.extensions,
            };
            self.json = body.to_json();
        }
        self
    }

    /// The codes of the errors, in order. An error without a code yields an empty string.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.errors
            .iter()
            .map(|error| error::code_of(error).unwrap_or_default())
    }

    /// Returns a copy of the response as JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        self.json.clone()
    }

    /// Converts the response into its JSON text.
    pub fn into_json(self) -> Vec<u8> {
        self.json
    }
}

/// Returns the worst server failure if no data is left: either the data is null, or every field is null
/// because of such a failure.
fn outage(data: &Value, errors: &[ServerError]) -> Option<Outage> {
    let outages: Vec<_> = errors
        .iter()
        .filter_map(|error| Some((error.path.first(), error::outage_of(error)?)))
        .collect();
    let is_lost = |(field, value): (&Name, &Value)| {
        // A type name is not content, so it does not count as data that is left.
        let is_lost_field = |segment: Option<&PathSegment>| match segment {
            Some(PathSegment::Field(name)) => name == field.as_str(),
            _ => false,
        };
        field == TYPENAME || *value == Value::Null && outages.iter().any(|it| is_lost_field(it.0))
    };
    let is_all_lost = match data {
        Value::Null => true,
        Value::Object(fields) => fields.iter().all(is_lost),
        _ => false,
    };
    let worst = outages.iter().map(|(_, outage)| *outage).max();
    worst.filter(|_| is_all_lost)
}

/// Returns the sort key of an error: its position in the document, then its list indices in the response.
fn sort_key(error: &ServerError) -> (Option<(usize, usize)>, Vec<usize>) {
    let position = error
        .locations
        .first()
        .map(|position| (position.line, position.column));
    let indices = error.path.iter().filter_map(|segment| match segment {
        PathSegment::Index(index) => Some(*index),
        PathSegment::Field(_) => None,
    });
    (position, indices.collect())
}

//! The document gate: turns what a client sent into an operation that is valid and within the limits, or
//! into errors that explain why it is not.
//!
//! The engine has validation rules of its own, and some of them violate the specification. So the engine
//! only receives documents that were parsed, limited, validated and planned here.

mod bounds;
mod deciding;
mod error_path;
mod extra_rules;
mod introspection;
mod plan;
mod position;
mod request;
mod variables;
mod weight;

use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::collections::HashMap;
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::Implementers;
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name, Node, Schema, ast};
use async_graphql::{Pos, Positioned, Request, ServerError, Variables};
use async_graphql_parser::types::{
    DocumentOperations, ExecutableDocument as EngineDocument, OperationDefinition, Selection,
    SelectionSet,
};
use khabar_persistence::cache::ResponseCacheKey;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

pub(crate) use error_path::{ErrorPath, FieldGuard};
pub use request::{DocumentId, OperationRequest};

use self::bounds::LimitExceeded;
use self::deciding::DecidingVariables;
use self::plan::Planner;
use crate::error::{Code, Error};
use crate::limit::{Limits, count, length};
use crate::object::{Compile, CompiledQuery};

/// The maximum number of errors reported for one document. More than this would not help anybody.
const ERRORS_SHOWN: usize = 20;

/// The minimum memory that a cached document takes for each byte of its text, in bytes: tokens become
/// nodes with their positions. Measured on an introspection query and on a home page.
const TREE_PER_BYTE: u32 = 32;

/// The maximum number of cached response cache keys. This is enough for the different requests of a busy hour,
/// and takes about ten megabytes.
const NAMES: u64 = 100_000;

/// A document that passed validation.
struct ValidatedDocument {
    text: String,
    hash: [u8; 32],
    document: Valid<ExecutableDocument>,
    /// The variables that decide how its operations are planned.
    deciding: DecidingVariables,
}

/// The type of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An operation that reads data.
    Query,
    /// An operation that writes data.
    Mutation,
    /// An operation that listens for events.
    Subscription,
}

/// An operation that was planned for the values of the variables that decide its plan.
struct PlannedOperation {
    operation: OperationDefinition,
    position: Pos,
    kind: Kind,
    name: Option<String>,
    cost: u64,
    root_fields: u64,
    max_age: Option<Duration>,
    /// The query as the executor runs it. `None` if the engine has to run it.
    compiled: Option<CompiledQuery>,
    /// The number of selections, which the memory that the plan takes is estimated by.
    selections: u64,
}

/// The cache key of a plan: the document, the name of the operation, and the variables that decide.
#[derive(PartialEq, Eq, Hash)]
struct PlanKey {
    document: [u8; 32],
    operation: Option<String>,
    variables: Vec<u8>,
}

/// The memory that a selection of a cached plan takes, in bytes: for the engine and for the executor.
const PLAN_PER_SELECTION: u64 = 1024;

/// An operation that was admitted and may run.
pub struct PreparedOperation {
    plan: Arc<PlannedOperation>,
    variables: JsonMap,
    text: Arc<ValidatedDocument>,
    response_cache_key: ResponseCacheKey,
}

impl PreparedOperation {
    /// The type of the operation.
    pub fn kind(&self) -> Kind {
        self.plan.kind
    }

    /// The name of the operation, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.plan.name.as_deref()
    }

    /// The cost of the operation: the fields that its response could hold, each counted by its weight.
    pub fn cost(&self) -> u64 {
        self.plan.cost
    }

    /// The number of root fields. In a mutation, each of them is a write.
    pub fn root_fields(&self) -> u64 {
        self.plan.root_fields
    }

    /// The maximum time that the response may be cached: the shortest limit of any selected field. `None` if
    /// no selected field sets one.
    pub fn max_age(&self) -> Option<Duration> {
        self.plan.max_age
    }

    /// The cache key of the response: a digest of the document, the operation name and the variables, with
    /// defaults filled in.
    pub fn response_cache_key(&self) -> ResponseCacheKey {
        self.response_cache_key
    }

    /// The query as the executor runs it, unless the engine has to run it.
    pub(crate) fn compiled(&self) -> Option<&CompiledQuery> {
        self.plan.compiled.as_ref()
    }

    /// The values of the variables.
    pub(crate) fn variables(&self) -> Variables {
        let mut variables = Variables::default();
        for (name, value) in &self.variables {
            variables.insert(
                async_graphql::Name::new(name.as_str()),
                variables::engine_value(value),
            );
        }
        variables
    }

    /// The document that the positions of the answer's errors refer to.
    pub(crate) fn positions(&self) -> Positions {
        Positions(Arc::clone(&self.text))
    }

    /// The operation as the engine runs it.
    pub(crate) fn engine_request(&self) -> Request {
        let operation = Positioned::new(self.plan.operation.clone(), self.plan.position);
        let mut request = Request::new(String::new());
        request.variables = self.variables();
        request.set_parsed_query(EngineDocument {
            operations: DocumentOperations::Single(operation),
            fragments: std::collections::HashMap::new(),
        });
        request
    }
}

/// The document that the positions of a response's errors refer to.
pub(crate) struct Positions(Arc<ValidatedDocument>);

impl Positions {
    /// Converts the positions of an error into lines and columns.
    pub(crate) fn resolve(&self, error: &mut ServerError) {
        position::resolve(error, &self.0.text);
    }
}

/// The error for a schema whose SDL the gate cannot read.
#[derive(Debug, thiserror::Error)]
#[error("could not read the schema that documents are checked against: {0}")]
pub struct SchemaProblem(String);

/// A gate that checks documents against one schema.
pub struct Pipeline {
    schema: Valid<Schema>,
    implementers: HashMap<Name, Implementers>,
    limits: Limits,
    documents: Cache<[u8; 32], Arc<ValidatedDocument>>,
    compile: Compile,
    plans: Cache<PlanKey, Arc<PlannedOperation>>,
    /// The response cache keys of admitted queries, by the digest of the request.
    names: Cache<[u8; 32], ResponseCacheKey>,
}

impl Pipeline {
    /// Creates a gate for the schema in this SDL.
    pub(crate) fn new(sdl: &str, limits: Limits, compile: Compile) -> Result<Self, SchemaProblem> {
        let schema = read_schema(sdl).map_err(|errors| SchemaProblem(errors.to_string()))?;
        let documents = Cache::builder()
            .max_capacity(limits.cached_bytes)
            .weigher(|_, admitted: &Arc<ValidatedDocument>| {
                u32::try_from(admitted.text.len())
                    .unwrap_or(u32::MAX)
                    .saturating_mul(TREE_PER_BYTE)
                    .saturating_add(1024)
            })
            .build();
        let plans = Cache::builder()
            .max_capacity(limits.cached_bytes)
            .weigher(|key: &PlanKey, plan: &Arc<PlannedOperation>| {
                let selections = plan.selections.saturating_mul(PLAN_PER_SELECTION);
                let bytes = selections.saturating_add(count(key.variables.len()) + 1024);
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .build();
        Ok(Self {
            compile,
            plans,
            implementers: schema.implementers_map(),
            schema,
            limits,
            documents,
            names: Cache::new(NAMES),
        })
    }

    /// The limits that apply to each request.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Parses, limits, validates and plans a request. The errors are those to send to the client.
    pub fn admit(
        &self,
        incoming: &OperationRequest,
    ) -> Result<PreparedOperation, Vec<ServerError>> {
        let Some(text) = &incoming.query else {
            return Err(vec![request::missing().into()]);
        };
        let admitted = self.document(text)?;
        let planned = self.plan(incoming, &admitted);
        let ready = planned.map_err(|refusal| vec![refused(refusal, &admitted.text)])?;
        if ready.kind() == Kind::Query {
            self.names
                .insert(incoming.digest(), ready.response_cache_key);
        }
        Ok(ready)
    }

    /// Returns the cache key of the response to a request. `None` unless the request is a query that was
    /// admitted before and so would be admitted again.
    pub fn response_cache_key(&self, incoming: &OperationRequest) -> Option<ResponseCacheKey> {
        self.names.get(&incoming.digest())
    }

    /// Parses, limits and validates a document without values for its variables. Each operation that can
    /// do without them is also planned. The cost of the others is only known once a request provides values.
    pub fn check(&self, text: &str) -> Result<(), Vec<ServerError>> {
        let admitted = self.document(text)?;
        if admitted.document.operations.is_empty() {
            let refusal = select(&admitted.document, None).err();
            return Err(refusal.map(|it| refused(it, text)).into_iter().collect());
        }
        let mut errors = Vec::new();
        for operation in admitted.document.operations.iter() {
            let none = JsonMap::default();
            if let Ok(defaults) = variables::coerce(&self.schema, operation, &none, &self.limits) {
                let plan = Planner::new(self, &admitted.document, &defaults).plan(operation);
                errors.extend(plan.err().map(|refusal| refused(refusal, text)));
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn plan(
        &self,
        incoming: &OperationRequest,
        admitted: &Arc<ValidatedDocument>,
    ) -> Result<PreparedOperation, LimitExceeded> {
        let name = incoming.operation_name.as_deref();
        // The name is checked first because the error for an unknown operation repeats it.
        let bytes = name.map_or(0, str::len);
        self.limits.name_bytes().check(count(bytes))?;
        let operation = select(&admitted.document, name)?;
        let variables =
            variables::coerce(&self.schema, operation, &incoming.variables, &self.limits)?;
        Ok(PreparedOperation {
            response_cache_key: response_cache_key(
                &admitted.hash,
                operation.name.as_deref(),
                &variables,
            ),
            plan: self.planned(admitted, operation, &variables)?,
            variables,
            text: Arc::clone(admitted),
        })
    }

    /// Returns the plan of an operation. Operations are planned once for the variables that decide.
    fn planned(
        &self,
        admitted: &ValidatedDocument,
        operation: &Node<Operation>,
        variables: &JsonMap,
    ) -> Result<Arc<PlannedOperation>, LimitExceeded> {
        let key = PlanKey {
            document: admitted.hash,
            operation: operation.name.as_ref().map(Name::to_string),
            variables: admitted.deciding.values(variables),
        };
        if let Some(planned) = self.plans.get(&key) {
            return Ok(planned);
        }
        let plan = Planner::new(self, &admitted.document, variables).plan(operation)?;
        let kind = match operation.operation_type {
            ast::OperationType::Query => Kind::Query,
            ast::OperationType::Mutation => Kind::Mutation,
            ast::OperationType::Subscription => Kind::Subscription,
        };
        let compiled = (kind == Kind::Query).then(|| (self.compile)(&plan.operation));
        let planned = Arc::new(PlannedOperation {
            kind,
            compiled: compiled.flatten(),
            name: key.operation.clone(),
            cost: plan.cost,
            root_fields: root_fields(&plan.operation.selection_set.node),
            max_age: plan.max_age,
            selections: plan.selections,
            operation: plan.operation,
            position: plan.position,
        });
        if plan.is_reusable {
            self.plans.insert(key, Arc::clone(&planned));
        }
        Ok(planned)
    }

    fn document(&self, text: &str) -> Result<Arc<ValidatedDocument>, Vec<ServerError>> {
        self.limits
            .bytes()
            .check(count(text.len()))
            .map_err(|error| vec![error.into()])?;
        let hash: [u8; 32] = Sha256::digest(text).into();
        if let Some(admitted) = self.documents.get(&hash) {
            return Ok(admitted);
        }
        let tree = self.parse(text)?;
        bounds::check(&tree, &self.limits).map_err(|refusal| vec![refused(refusal, text)])?;
        let document = self.validate(&tree, text)?;
        let admitted = Arc::new(ValidatedDocument {
            text: text.to_owned(),
            hash,
            deciding: DecidingVariables::of(&document),
            document,
        });
        self.documents.insert(hash, Arc::clone(&admitted));
        Ok(admitted)
    }

    fn parse(&self, text: &str) -> Result<ast::Document, Vec<ServerError>> {
        let mut parser = Parser::new()
            .token_limit(length(self.limits.tokens))
            .recursion_limit(length(self.limits.nesting));
        let parsed = parser.parse_ast(text, "document");
        for (bound, reached) in [
            (self.limits.tokens(), parser.tokens_reached()),
            (self.limits.nesting(), parser.recursion_reached()),
        ] {
            bound
                .check(count(reached))
                .map_err(|error| vec![error.into()])?;
        }
        let tree = parsed.map_err(|failure| shown(Code::ParseFailed, &failure.errors, text))?;
        if tree.definitions.is_empty() {
            return Err(vec![
                Error::new(Code::ParseFailed, "Syntax Error: the document is empty.").into(),
            ]);
        }
        Ok(tree)
    }

    fn validate(
        &self,
        tree: &ast::Document,
        text: &str,
    ) -> Result<Valid<ExecutableDocument>, Vec<ServerError>> {
        let document = tree
            .to_executable_validate(&self.schema)
            .map_err(|failure| shown(Code::ValidationFailed, &failure.errors, text))?;
        let breaches = extra_rules::check(&self.schema, &document);
        if breaches.is_empty() {
            return Ok(document);
        }
        Err(breaches
            .into_iter()
            .take(ERRORS_SHOWN)
            .map(|breach| {
                let refusal = LimitExceeded {
                    error: Error::new(Code::ValidationFailed, breach.message),
                    offset: position::offset(breach.location),
                };
                refused(refusal, text)
            })
            .collect())
    }
}

/// Counts the fields at the top level of a planned selection, under all type conditions.
fn root_fields(selections: &SelectionSet) -> u64 {
    let fields = selections
        .items
        .iter()
        .map(|selection| match &selection.node {
            Selection::InlineFragment(fragment) => root_fields(&fragment.node.selection_set.node),
            Selection::Field(_) | Selection::FragmentSpread(_) => 1,
        });
    fields.sum()
}

/// Computes the cache key of the response to an operation with these coerced variables.
fn response_cache_key(
    document: &[u8; 32],
    operation: Option<&str>,
    variables: &JsonMap,
) -> ResponseCacheKey {
    let mut hash = Sha256::new();
    hash.update(document);
    // No name contains a zero byte, so the parts cannot be confused.
    hash.update(operation.unwrap_or_default());
    hash.update([0]);
    request::digest_variables(&mut hash, variables);
    ResponseCacheKey(hash.finalize().into())
}

/// Reads the schema and adds `__Type.isOneOf`, an introspection field of the 2025 specification.
fn read_schema(sdl: &str) -> Result<Valid<Schema>, DiagnosticList> {
    let mut schema = Schema::parse(sdl, "schema.graphql").map_err(|failure| failure.errors)?;
    // Parsed on a type with another name, because the introspection types may not be redefined.
    let of_2025 = Schema::parse("type Since2025 { isOneOf: Boolean }", "since_2025.graphql")
        .map_err(|failure| failure.errors)?;
    let is_one_of = of_2025.type_field("Since2025", "isOneOf").ok().cloned();
    if let (Some(field), Some(apollo_compiler::schema::ExtendedType::Object(ty))) =
        (is_one_of, schema.types.get_mut("__Type"))
    {
        ty.make_mut().fields.insert(field.name.clone(), field);
    }
    schema.validate().map_err(|failure| failure.errors)
}

/// Selects the operation that the client asks for (§6.1).
fn select<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Node<Operation>, LimitExceeded> {
    document.operations.get(name).map_err(|_| {
        let message = match name {
            Some(name) => format!("The document has no operation named \"{name}\"."),
            None if document.operations.is_empty() => "The document has no operation.".to_owned(),
            None => "The document has several operations. Specify one of them in `operationName`."
                .to_owned(),
        };
        Error::new(Code::OperationNotFound, message).into()
    })
}

/// Converts the diagnostics of apollo-compiler into errors for the client.
fn shown(code: Code, errors: &DiagnosticList, text: &str) -> Vec<ServerError> {
    errors
        .iter()
        .take(ERRORS_SHOWN)
        .map(|diagnostic| {
            let message = diagnostic
                .error
                .unstable_compat_message()
                .unwrap_or_else(|| diagnostic.error.to_string());
            let refusal = LimitExceeded {
                error: Error::new(code, message),
                offset: position::offset(diagnostic.error.location()),
            };
            refused(refusal, text)
        })
        .collect()
}

fn refused(refusal: LimitExceeded, text: &str) -> ServerError {
    let mut error = ServerError::from(refusal.error);
    if let Some(offset) = refusal.offset {
        error.locations.push(position::at(offset));
        position::resolve(&mut error, text);
    }
    error
}

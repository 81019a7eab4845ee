//! The document gate: what a client sent becomes an operation that is right and affordable, or an
//! error that says why not.
//!
//! The engine has rules of its own for documents, and breaks the specification with some of them;
//! so it is never shown a document that was not read, limited, validated and planned here.

mod failure;
mod gaps;
mod incoming;
mod introspection;
mod plan;
mod position;
mod size;
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
use async_graphql::{Positioned, Request, ServerError};
use async_graphql_parser::types::{
    DocumentOperations, ExecutableDocument as EngineDocument, Selection, SelectionSet,
};
use khabar_persistence::cache::AnswerName;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

pub(crate) use failure::{Arose, Mark};
pub use incoming::{Incoming, Named};

use self::plan::Planner;
use self::size::Refusal;
use crate::error::{Code, Error};
use crate::limit::{Limits, count, length};

/// More errors of one document than this help nobody.
const ERRORS_SHOWN: usize = 20;

/// Bytes that a cached document takes for each byte of its text, at least: tokens become nodes with
/// their positions. Measured on an introspection query and on a home page.
const TREE_PER_BYTE: u32 = 32;

/// How many names of answers are known: as many as a busy hour has different questions, in some ten
/// megabytes.
const NAMES: u64 = 100_000;

/// A document that was found valid.
struct Admitted {
    text: String,
    hash: [u8; 32],
    document: Valid<ExecutableDocument>,
}

/// What an operation does to the newsroom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads.
    Query,
    /// It writes.
    Mutation,
    /// It listens.
    Subscription,
}

/// An operation that may run.
pub struct Ready {
    request: Request,
    text: Arc<Admitted>,
    kind: Kind,
    name: Option<String>,
    cost: u64,
    root_fields: u64,
    hold: Option<Duration>,
    answer_name: AnswerName,
}

impl Ready {
    /// What the operation does.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The operation's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What it could cost: the fields that its answer could hold.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// How many fields it has at its root: each of a mutation is a write.
    pub fn root_fields(&self) -> u64 {
        self.root_fields
    }

    /// How long its answer may be held: the shortest that a selected field says, if one does.
    pub fn hold(&self) -> Option<Duration> {
        self.hold
    }

    /// What its answer is kept under: document, operation and variables, with defaults filled in.
    pub fn answer_name(&self) -> AnswerName {
        self.answer_name
    }

    pub(crate) fn into_parts(self) -> (Request, Positions) {
        (self.request, Positions(self.text))
    }
}

/// The document that an answer's errors point into.
pub(crate) struct Positions(Arc<Admitted>);

impl Positions {
    /// Turns an error's positions into lines and columns.
    pub(crate) fn resolve(&self, error: &mut ServerError) {
        position::resolve(error, &self.0.text);
    }
}

/// The schema's own text is not what the gate can read.
#[derive(Debug, thiserror::Error)]
#[error("could not read the schema that documents are checked against: {0}")]
pub struct SchemaProblem(String);

/// What checks documents against one schema.
pub struct Gate {
    schema: Valid<Schema>,
    implementers: HashMap<Name, Implementers>,
    limits: Limits,
    documents: Cache<[u8; 32], Arc<Admitted>>,
    /// What the answers of queries are kept under, by what was sent.
    names: Cache<[u8; 32], AnswerName>,
}

impl Gate {
    /// A gate before the schema of this SDL.
    pub fn new(sdl: &str, limits: Limits) -> Result<Self, SchemaProblem> {
        let schema = read_schema(sdl).map_err(|errors| SchemaProblem(errors.to_string()))?;
        let documents = Cache::builder()
            .max_capacity(limits.cached_bytes)
            .weigher(|_, admitted: &Arc<Admitted>| {
                u32::try_from(admitted.text.len())
                    .unwrap_or(u32::MAX)
                    .saturating_mul(TREE_PER_BYTE)
                    .saturating_add(1024)
            })
            .build();
        Ok(Self {
            implementers: schema.implementers_map(),
            schema,
            limits,
            documents,
            names: Cache::new(NAMES),
        })
    }

    /// What one request may ask for.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads, limits, validates and plans; the errors are what the client is answered instead.
    pub fn admit(&self, incoming: &Incoming) -> Result<Ready, Vec<ServerError>> {
        let Some(text) = &incoming.query else {
            return Err(vec![incoming::missing().into()]);
        };
        let admitted = self.document(text)?;
        let planned = self.plan(incoming, &admitted);
        let ready = planned.map_err(|refusal| vec![refused(refusal, &admitted.text)])?;
        if ready.kind == Kind::Query {
            self.names.insert(incoming.digest(), ready.answer_name);
        }
        Ok(ready)
    }

    /// What the answer to a request is kept under, if the request is a query that was admitted
    /// before: it would be again.
    pub fn answer_name(&self, incoming: &Incoming) -> Option<AnswerName> {
        self.names.get(&incoming.digest())
    }

    /// Reads, limits and validates a document by itself, as far as that can be without values for its
    /// variables: what an operation that needs some costs is known when they come.
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

    fn plan(&self, incoming: &Incoming, admitted: &Arc<Admitted>) -> Result<Ready, Refusal> {
        let name = incoming.operation_name.as_deref();
        // It would be told again by who finds no such operation.
        let bytes = name.map_or(0, str::len);
        self.limits.name_bytes().check(count(bytes))?;
        let operation = select(&admitted.document, name)?;
        let variables =
            variables::coerce(&self.schema, operation, &incoming.variables, &self.limits)?;
        let plan = Planner::new(self, &admitted.document, &variables).plan(operation)?;

        let name = operation.name.as_ref().map(Name::to_string);
        let root_fields = fields(&plan.operation.selection_set.node);
        let planned = Positioned::new(plan.operation, plan.position);
        let mut request = Request::new(String::new());
        request.variables = async_graphql::Variables::default();
        for (name, value) in &variables {
            request.variables.insert(
                async_graphql::Name::new(name.as_str()),
                variables::engine_value(value),
            );
        }
        request.set_parsed_query(EngineDocument {
            operations: DocumentOperations::Single(planned),
            fragments: std::collections::HashMap::new(),
        });
        Ok(Ready {
            request,
            text: Arc::clone(admitted),
            kind: match operation.operation_type {
                ast::OperationType::Query => Kind::Query,
                ast::OperationType::Mutation => Kind::Mutation,
                ast::OperationType::Subscription => Kind::Subscription,
            },
            name,
            cost: plan.cost,
            root_fields,
            hold: plan.hold,
            answer_name: answer_name(&admitted.hash, operation.name.as_deref(), &variables),
        })
    }

    fn document(&self, text: &str) -> Result<Arc<Admitted>, Vec<ServerError>> {
        self.limits
            .bytes()
            .check(count(text.len()))
            .map_err(|error| vec![error.into()])?;
        let hash: [u8; 32] = Sha256::digest(text).into();
        if let Some(admitted) = self.documents.get(&hash) {
            return Ok(admitted);
        }
        let tree = self.parse(text)?;
        size::check(&tree, &self.limits).map_err(|refusal| vec![refused(refusal, text)])?;
        let document = self.validate(&tree, text)?;
        let admitted = Arc::new(Admitted {
            text: text.to_owned(),
            hash,
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
        let breaches = gaps::check(&self.schema, &document);
        if breaches.is_empty() {
            return Ok(document);
        }
        Err(breaches
            .into_iter()
            .take(ERRORS_SHOWN)
            .map(|breach| {
                let refusal = Refusal {
                    error: Error::new(Code::ValidationFailed, breach.message),
                    offset: position::offset(breach.location),
                };
                refused(refusal, text)
            })
            .collect())
    }
}

/// How many fields a planned selection has of its own, whatever types they are selected under.
fn fields(selections: &SelectionSet) -> u64 {
    let fields = selections
        .items
        .iter()
        .map(|selection| match &selection.node {
            Selection::InlineFragment(fragment) => fields(&fragment.node.selection_set.node),
            Selection::Field(_) | Selection::FragmentSpread(_) => 1,
        });
    fields.sum()
}

/// What the answer to an operation with these coerced variables is kept under.
fn answer_name(document: &[u8; 32], operation: Option<&str>, variables: &JsonMap) -> AnswerName {
    let mut hash = Sha256::new();
    hash.update(document);
    // No name has it, so that the parts cannot be confused.
    hash.update(operation.unwrap_or_default());
    hash.update([0]);
    incoming::digest_variables(&mut hash, variables);
    AnswerName(hash.finalize().into())
}

/// The schema, with what introspection can say since the specification of 2025.
fn read_schema(sdl: &str) -> Result<Valid<Schema>, DiagnosticList> {
    let mut schema = Schema::parse(sdl, "schema.graphql").map_err(|failure| failure.errors)?;
    // Spelled on a type of another name: introspection's own may not be defined again.
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

/// The operation that the client means (§6.1).
fn select<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Node<Operation>, Refusal> {
    document.operations.get(name).map_err(|_| {
        let message = match name {
            Some(name) => format!("The document has no operation named \"{name}\"."),
            None if document.operations.is_empty() => "The document has no operation.".to_owned(),
            None => {
                "The document has several operations: `operationName` must say which.".to_owned()
            }
        };
        Error::new(Code::OperationNotFound, message).into()
    })
}

/// What a client is shown of apollo-compiler's findings.
fn shown(code: Code, errors: &DiagnosticList, text: &str) -> Vec<ServerError> {
    errors
        .iter()
        .take(ERRORS_SHOWN)
        .map(|diagnostic| {
            let message = diagnostic
                .error
                .unstable_compat_message()
                .unwrap_or_else(|| diagnostic.error.to_string());
            let refusal = Refusal {
                error: Error::new(code, message),
                offset: position::offset(diagnostic.error.location()),
            };
            refused(refusal, text)
        })
        .collect()
}

fn refused(refusal: Refusal, text: &str) -> ServerError {
    let mut error = ServerError::from(refusal.error);
    if let Some(offset) = refusal.offset {
        error.locations.push(position::at(offset));
        position::resolve(&mut error, text);
    }
    error
}

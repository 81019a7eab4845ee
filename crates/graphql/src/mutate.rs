//! Writing: runs each mutation idempotently in one transaction, attributes it to its author and
//! returns its result.
//!
//! Each mutation is represented by its input. `mutations!` declares its field, its name and the
//! rights that it requires, and `Mutate` implements its execution. Everything that mutations have
//! in common is implemented here.

mod declare;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Value};
use chrono::{DateTime, Utc};
use khabar_domain::commenting::CommentLimits;
use khabar_domain::{Credential, Invalid, Right, Scope, TokenId, Viewer, id};
use khabar_persistence::account::{self, Account};
use khabar_persistence::idempotency::{self, IdempotencyKey, StoredResult};
use khabar_persistence::{Author, Db, WriteTx};
use tracing::Instrument as _;
use uuid::Uuid;

pub(crate) use self::declare::{Mutate, Mutation, mutations};
use crate::canonical;
use crate::context::ContextExt as _;
use crate::error::{Code, Error, Result};
use crate::types::{ArticleConflict, UserError, UserErrorCode};

/// Source of randomness.
pub type Random = Arc<dyn Fn() -> u128 + Send + Sync>;

/// Callback for a revoked token, so that caches of tokens reject it.
pub type OnRevoked = Arc<dyn Fn(TokenId) + Send + Sync>;

/// Everything that resolvers need to write on behalf of a request. Without it, the API is
/// read-only.
#[derive(Clone)]
pub struct WriteContext {
    /// The database to write to.
    pub db: Db,
    /// Display name of the viewer, for revisions and the audit log.
    pub name: String,
    /// Client address of the request, for the audit log.
    pub address: Option<String>,
    /// The account to create at the viewer's first write, if a token issuer vouches for them.
    pub newcomer: Option<Account>,
    /// Source of new IDs and keys. Its output must be unpredictable.
    pub random: Random,
    /// Rate limits and the edit window of comments.
    pub comments: CommentLimits,
    /// Callback to invoke with each revoked token, before the response is sent.
    pub revoked: OnRevoked,
}

/// Resources that a mutation holds until it ends, even if the client has disconnected: its slot
/// among the operations in flight.
#[derive(Clone)]
pub struct AdmissionPermit(pub Arc<dyn Any + Send + Sync>);

/// A mutation being carried out.
pub(crate) struct MutationCtx<'a> {
    /// The transaction of the mutation.
    pub(crate) writer: &'a mut WriteTx,
    /// The viewer on whose behalf the mutation runs.
    pub(crate) viewer: Viewer,
    /// Errors for parts that cannot be carried out although the rest is.
    pub(crate) errors: Vec<UserError>,
    /// A secret to disclose to the client once, in the response to the request that created it.
    pub(crate) secret: Option<Credential>,
    /// Rate limits and the edit window of comments.
    pub(crate) comments: CommentLimits,
    random: &'a Random,
}

impl MutationCtx<'_> {
    /// Generates a new ID.
    pub(crate) fn mint<Id: From<Uuid>>(&self) -> Id {
        id::mint(self.writer.at(), (self.random)()).into()
    }

    /// Generates the random bits of a new key.
    pub(crate) fn bits(&self) -> [u8; 32] {
        let mut bits = [0; 32];
        let (one, other) = bits.split_at_mut(16);
        one.copy_from_slice(&(self.random)().to_be_bytes());
        other.copy_from_slice(&(self.random)().to_be_bytes());
        bits
    }
}

/// The reason a mutation was not carried out.
#[derive(Debug)]
pub(crate) enum MutationError {
    /// Errors that the user can correct.
    User(Vec<UserError>),
    /// The mutation was based on a version that has been changed since.
    Stale(Box<ArticleConflict>),
    /// The database failed.
    Failed(khabar_persistence::Error),
    /// The viewer lacks a right, or the request is malformed.
    Api(Error),
}

impl From<UserError> for MutationError {
    fn from(error: UserError) -> Self {
        Self::User(vec![error])
    }
}

impl From<khabar_persistence::Error> for MutationError {
    fn from(error: khabar_persistence::Error) -> Self {
        match error {
            khabar_persistence::Error::Invalid(invalid) => invalid.into(),
            error => Self::Failed(error),
        }
    }
}

impl From<Invalid> for MutationError {
    fn from(invalid: Invalid) -> Self {
        UserError::new(&[], UserErrorCode::Invalid, invalid.to_string()).into()
    }
}

impl From<Error> for MutationError {
    fn from(error: Error) -> Self {
        Self::Api(error)
    }
}

/// The result of a mutation.
pub(crate) struct MutationResult<Id> {
    pub(crate) id: Option<Id>,
    /// The time at which the mutation was carried out. Earlier than now for a repeated request.
    pub(crate) at: DateTime<Utc>,
    pub(crate) errors: Vec<UserError>,
    pub(crate) conflict: Option<Box<ArticleConflict>>,
    /// The secret created by the mutation. `None` for a repeated request.
    pub(crate) secret: Option<Credential>,
    pub(crate) idempotency_key: Option<String>,
}

/// Maximum number of attempts for a write that conflicts with other writers. Two writers that
/// conflict once rarely conflict again.
const MAX_ATTEMPTS: u32 = 6;

/// Maximum delay before the second attempt, doubled before each further one. The actual delay is
/// random (full jitter), so that conflicting writers do not conflict again.
const INITIAL_BACKOFF: Duration = Duration::from_millis(10);

/// Carries out a mutation in a transaction of its own. With an idempotency key, repeated requests
/// are carried out only once.
pub(crate) async fn run<M: Mutate>(
    ctx: &Context<'_>,
    mutation: M,
) -> Result<MutationResult<M::Id>> {
    let context = ctx
        .data_opt::<WriteContext>()
        .ok_or_else(|| Error::new(Code::Forbidden, "This server is read-only."))?;
    let scope = ctx.scope()?;
    let is_guest = scope.viewer.account.is_none() && M::OPEN_TO_GUESTS;
    if !is_guest {
        require_one(scope.viewer, M::RIGHTS)?;
    }
    let (idempotency_key, input) = idempotency(ctx)?;
    let key = idempotency_key.clone().map(|key| IdempotencyKey {
        writer: scope.viewer.account.map_or_else(
            // Idempotency keys are scoped to a client: guests are distinguished by their address.
            || idempotency::ANONYMOUS.to_owned() + context.address.as_deref().unwrap_or_default(),
            |account| account.uuid().to_string(),
        ),
        key,
        action: M::NAME.to_owned(),
        input,
    });
    let author = Author {
        account: scope.viewer.account,
        name: context.name.clone(),
        role: Some(scope.viewer.role),
        address: context.address.clone(),
        action: M::NAME.to_owned(),
    };
    let refusal = if is_guest {
        check_beforehand(ctx, context, &mutation, key.as_ref()).await?
    } else {
        None
    };
    let outcome = if let Some(refusal) = refusal {
        Err(refusal)
    } else {
        let execution = Execution {
            context: context.clone(),
            scope,
            author,
            key,
            mutation,
        };
        // Runs in a separate task, so that the write completes even if the client disconnects.
        let permit = ctx.data_opt::<AdmissionPermit>().cloned();
        let task = async move {
            let outcome = execution.run().await;
            drop(permit);
            outcome
        };
        let outcome = tokio::spawn(task.in_current_span()).await;
        outcome.map_err(|error| Error::internal(&error))?
    };
    let mut result = MutationResult {
        id: None,
        at: scope.as_of,
        errors: Vec::new(),
        conflict: None,
        secret: None,
        idempotency_key,
    };
    match outcome {
        Ok(done) => {
            // Earlier reads may be outdated, and a replica may not have the write yet.
            ctx.loaders()?
                .renew(|reader| context.db.after_write(reader));
            result.id = Some(done.id);
            result.at = done.at;
            result.errors = done.errors;
            result.secret = done.secret;
        }
        Err(MutationError::User(errors)) => result.errors = errors,
        Err(MutationError::Stale(conflict)) => {
            result.errors.push(conflict.error());
            result.conflict = Some(conflict);
        }
        Err(MutationError::Failed(error)) => return Err(error.into()),
        Err(MutationError::Api(error)) => return Err(error),
    }
    Ok(result)
}

/// Returns the refusal of a write before its transaction begins, if it is refused. A write that is
/// already done is never refused here: it returns its original outcome, even if the check would
/// fail now.
async fn check_beforehand<M: Mutate>(
    ctx: &Context<'_>,
    context: &WriteContext,
    mutation: &M,
    key: Option<&IdempotencyKey>,
) -> Result<Option<MutationError>> {
    let Err(refusal) = Box::pin(mutation.check(ctx, context)).await else {
        return Ok(None);
    };
    let is_done = match key {
        Some(key) => {
            idempotency::is_known(&context.db.primary(&ctx.loaders()?.reader()), key).await?
        }
        None => false,
    };
    Ok((!is_done).then_some(refusal))
}

/// A mutation ready to run, with everything that it needs.
struct Execution<M> {
    context: WriteContext,
    scope: Scope,
    author: Author,
    key: Option<IdempotencyKey>,
    mutation: M,
}

impl<M: Mutate> Execution<M> {
    /// Carries out the mutation, and retries it if it conflicts with another writer.
    async fn run(self) -> Result<Done<M::Id>, MutationError> {
        let mut attempts = 0;
        let outcome = loop {
            attempts += 1;
            match Box::pin(self.attempt()).await {
                Err(MutationError::Failed(error))
                    if error.is_retryable() && attempts < MAX_ATTEMPTS =>
                {
                    tracing::debug!(cause = %error, write = M::NAME, "mutation_retried");
                    let max_delay = INITIAL_BACKOFF * 2_u32.pow(attempts - 1);
                    let random = (self.context.random)() % 1_000;
                    let thousandths = u32::try_from(random).unwrap_or_default();
                    tokio::time::sleep(max_delay * thousandths / 1_000).await;
                }
                // A concurrent copy of this request may have caused the refusal. If so, its outcome
                // takes precedence.
                Err(refusal @ (MutationError::User(_) | MutationError::Stale(_))) => {
                    let writer = self.context.db.writer(self.scope.as_of).await?;
                    break self.stored(&writer).await?.ok_or(refusal);
                }
                outcome => break outcome,
            }
        };
        if let Ok(done) = &outcome {
            M::committed(&self.context, done.id);
        }
        outcome
    }

    /// Carries out the mutation in one transaction.
    async fn attempt(&self) -> Result<Done<M::Id>, MutationError> {
        let context = &self.context;
        let writer = context.db.writer(self.scope.as_of).await?;
        let mut writer = writer.signed(self.author.clone());
        if let Some(done) = self.stored(&writer).await? {
            return Ok(done);
        }
        if let Some(newcomer) = &context.newcomer {
            account::ensure(&mut writer, newcomer).await?;
        }
        let mut cx = MutationCtx {
            writer: &mut writer,
            viewer: self.scope.viewer,
            errors: Vec::new(),
            secret: None,
            comments: context.comments,
            random: &context.random,
        };
        // Boxed because the futures of some mutations are large.
        let id = Box::pin(self.mutation.execute(&mut cx)).await?;
        let (errors, secret) = (cx.errors, cx.secret);
        let at = writer.at();
        if let Some(key) = &self.key {
            let result = StoredResult {
                entity_id: id.into(),
                at,
                errors: to_json(&errors)?,
            };
            idempotency::remember(&writer, key, result).await?;
        }
        writer.commit().await?;
        Ok(Done {
            id,
            at,
            errors,
            secret,
        })
    }

    /// Returns the stored outcome of an earlier request with the idempotency key, if there is one.
    async fn stored(&self, writer: &WriteTx) -> Result<Option<Done<M::Id>>, MutationError> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let Some(result) = idempotency::find_by_key(writer, key).await? else {
            return Ok(None);
        };
        Ok(Some(Done {
            id: result.entity_id.into(),
            at: result.at,
            errors: from_json(result.errors)?,
            secret: None,
        }))
    }
}

/// The outcome of a write that was carried out.
struct Done<Id> {
    id: Id,
    at: DateTime<Utc>,
    errors: Vec<UserError>,
    secret: Option<Credential>,
}

/// Serializes the errors of a partly successful write, stored to answer repeated requests.
fn to_json(errors: &[UserError]) -> Result<Option<String>> {
    let json = (!errors.is_empty()).then(|| serde_json::to_string(errors));
    json.transpose().map_err(|error| Error::internal(&error))
}

/// Deserializes the stored errors of an earlier request.
fn from_json(errors: Option<String>) -> Result<Vec<UserError>> {
    let errors = errors.map(|errors| serde_json::from_str(&errors));
    let errors = errors
        .transpose()
        .map_err(|error| Error::internal(&error))?;
    Ok(errors.unwrap_or_default())
}

/// Returns an error unless the viewer has this right: `Unauthenticated` for anonymous viewers,
/// `Forbidden` for others.
pub(crate) fn require(viewer: Viewer, right: Right) -> Result<()> {
    require_one(viewer, &[right])
}

/// Returns an error unless the viewer has one of these rights. The error names the first of them.
fn require_one(viewer: Viewer, rights: &[Right]) -> Result<()> {
    let [first, ..] = rights else {
        return Ok(());
    };
    if rights.iter().any(|right| viewer.may(*right)) {
        return Ok(());
    }
    if viewer.account.is_none() {
        return Err(Error::new(
            Code::Unauthenticated,
            "This requires a token. Send it in the header `Authorization: Bearer …`.",
        ));
    }
    let message = format!("This requires the `{}` right.", first.as_str());
    Err(Error::new(Code::Forbidden, message))
}

/// Name of the member of each input that holds the idempotency key.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotencyKey";

/// Maximum length of an idempotency key in bytes. A UUID has 36, a SHA-256 hash in hexadecimal 64.
const KEY_BYTES: usize = 256;

/// Returns the idempotency key that the client chose for this mutation, if any, and a digest of its
/// other arguments, by which a repeated request is recognised.
///
/// Returns an error if the key is too long, or contains control characters that databases may
/// reject.
fn idempotency(ctx: &Context<'_>) -> Result<(Option<String>, String)> {
    let arguments = ctx.field().arguments();
    let arguments = arguments.map_err(|error| Error::bad_input(error.message))?;
    let input = canonical::digest(&arguments, IDEMPOTENCY_KEY);
    let keys = arguments.into_iter().filter_map(|(_, input)| match input {
        Value::Object(mut members) => members.swap_remove(IDEMPOTENCY_KEY),
        _ => None,
    });
    let key = keys.into_iter().find_map(|key| match key {
        Value::String(key) => Some(key),
        _ => None,
    });
    if let Some(key) = &key {
        let length = key.len();
        let problem = if length > KEY_BYTES {
            Some(format!(
                "is {length} bytes long; at most {KEY_BYTES} are allowed"
            ))
        } else {
            let is_control = key.chars().any(char::is_control);
            is_control.then(|| "contains a control character".to_owned())
        };
        if let Some(problem) = problem {
            return Err(Error::bad_input(format!("`{IDEMPOTENCY_KEY}` {problem}.")));
        }
    }
    Ok((key, input))
}

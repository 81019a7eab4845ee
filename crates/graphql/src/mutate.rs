//! Writing: runs each mutation idempotently in one transaction, attributes it to its author and
//! returns its result.
//!
//! Each mutation is represented by its input: a type that defines its name, the right that it
//! requires and its execution. Everything that mutations have in common is implemented here.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use chrono::{DateTime, Utc};
use khabar_domain::commenting::CommentLimits;
use khabar_domain::{Invalid, Right, Scope, TokenId, Viewer, id};
use khabar_persistence::account::{self, Account};
use khabar_persistence::idempotency::{self, IdempotencyKey, StoredResult};
use khabar_persistence::{Author, Db, WriteTx};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::canonical;
use crate::context::ContextExt as _;
use crate::error::{Code, Error, Result};
use crate::node::GlobalId;
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

/// A mutation: the client's input and its execution.
pub(crate) trait Mutate: Debug + Send + Sync + 'static {
    /// Name of the mutation, also used in the audit log.
    const NAME: &'static str;
    /// The right that the viewer needs. Individual objects may require more.
    const RIGHT: Right;
    /// Whether guests may attempt the mutation. Its own checks then decide on their permissions.
    const OPEN_TO_NAMES: bool = false;
    /// Alternative rights. Each of them is sufficient in place of `RIGHT`.
    const OR: &'static [Right] = &[];
    /// The type of ID of the object that the mutation concerns.
    type Id: GlobalId + Send + 'static;

    /// The client's idempotency key for this write.
    fn idempotency_key(&self) -> Option<&str>;

    /// Refuses early what would be refused anyway, as far as a read can tell. Called only for
    /// guests, before their transaction begins. Guests may then be refused any number of times
    /// without blocking other writers.
    fn check(
        &self,
        _ctx: &Context<'_>,
        _desk: &WriteContext,
    ) -> impl Future<Output = Result<(), MutationError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Carries out the mutation and returns the ID of the object that it concerns.
    fn act(
        &self,
        act: &mut MutationCtx<'_>,
    ) -> impl Future<Output = Result<Self::Id, MutationError>> + Send;

    /// Performs follow-up work after the commit. Also called when a repeated request is answered
    /// from the stored outcome.
    fn is_done(_desk: &WriteContext, _id: Self::Id) {}
}

/// A mutation being carried out.
pub(crate) struct MutationCtx<'a> {
    /// The transaction of the mutation.
    pub(crate) writer: &'a mut WriteTx,
    /// The viewer on whose behalf the mutation runs.
    pub(crate) viewer: Viewer,
    /// Errors for parts that cannot be carried out although the rest is.
    pub(crate) errors: Vec<UserError>,
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
    pub(crate) idempotency_key: Option<String>,
}

/// Maximum number of attempts for a write that conflicts with other writers. Two writers that
/// conflict once rarely conflict again.
const TRIES: u32 = 6;

/// Maximum delay before the second attempt, doubled before each further one. The actual delay is
/// random (full jitter), so that conflicting writers do not conflict again.
const PAUSE: Duration = Duration::from_millis(10);

/// Carries out a mutation in a transaction of its own. With an idempotency key, repeated requests
/// are carried out only once.
pub(crate) async fn run<W: Mutate>(ctx: &Context<'_>, write: W) -> Result<MutationResult<W::Id>> {
    let context = ctx
        .data_opt::<WriteContext>()
        .ok_or_else(|| Error::new(Code::Forbidden, "This server is read-only."))?;
    let scope = ctx.scope()?;
    let named_only = scope.viewer.account.is_none() && W::OPEN_TO_NAMES;
    if !named_only && !W::OR.iter().any(|right| scope.viewer.may(*right)) {
        require(scope.viewer, W::RIGHT)?;
    }
    let idempotency_key = write.idempotency_key().map(str::to_owned);
    idempotency_key.as_deref().map_or(Ok(()), check_name)?;
    let input = given(ctx)?;
    let named = idempotency_key.clone().map(|key| IdempotencyKey {
        writer: scope.viewer.account.map_or_else(
            // Idempotency keys are scoped to a client: guests are distinguished by their address.
            || idempotency::ANONYMOUS.to_owned() + context.address.as_deref().unwrap_or_default(),
            |account| account.uuid().to_string(),
        ),
        key,
        action: W::NAME.to_owned(),
        input,
    });
    let author = Author {
        account: scope.viewer.account,
        name: context.name.clone(),
        role: Some(scope.viewer.role),
        address: context.address.clone(),
        action: W::NAME.to_owned(),
    };
    let refused = if named_only {
        refused_beforehand(ctx, context, &write, named.as_ref()).await?
    } else {
        None
    };
    let outcome = if let Some(refusal) = refused {
        Err(refusal)
    } else {
        let writing = Writing {
            context: context.clone(),
            scope,
            author,
            named,
            write,
        };
        // Runs in a separate task, so that the write completes even if the client disconnects.
        let holds = ctx.data_opt::<AdmissionPermit>().cloned();
        let carried_out = async move {
            let outcome = writing.carry_out().await;
            drop(holds);
            outcome
        };
        let outcome = tokio::spawn(carried_out.in_current_span()).await;
        outcome.map_err(|error| Error::internal(&error))?
    };
    let mut at = scope.as_of;
    let (id, errors, conflict) = match outcome {
        Ok(done) => {
            at = done.at;
            (Some(done.id), done.errors, None)
        }
        Err(MutationError::User(errors)) => (None, errors, None),
        Err(MutationError::Stale(conflict)) => (None, vec![conflict.error()], Some(conflict)),
        Err(MutationError::Failed(error)) => return Err(error.into()),
        Err(MutationError::Api(error)) => return Err(error),
    };
    if id.is_some() {
        // Earlier reads may be outdated, and a replica may not have the write yet.
        ctx.loaders()?
            .renew(|reader| context.db.after_write(reader));
    }
    Ok(MutationResult {
        id,
        at,
        errors,
        conflict,
        idempotency_key,
    })
}

/// Returns the refusal of a write before its transaction begins, if it is refused. A write that is
/// already done is never refused here: it returns its original outcome, even if the check would
/// fail now.
async fn refused_beforehand<W: Mutate>(
    ctx: &Context<'_>,
    context: &WriteContext,
    write: &W,
    named: Option<&IdempotencyKey>,
) -> Result<Option<MutationError>> {
    let Err(refusal) = Box::pin(write.check(ctx, context)).await else {
        return Ok(None);
    };
    let is_done = match named {
        Some(named) => {
            idempotency::is_known(&context.db.primary(&ctx.loaders()?.reader()), named).await?
        }
        None => false,
    };
    Ok((!is_done).then_some(refusal))
}

/// A mutation ready to run, with everything that it needs.
struct Writing<W> {
    context: WriteContext,
    scope: Scope,
    author: Author,
    named: Option<IdempotencyKey>,
    write: W,
}

impl<W: Mutate> Writing<W> {
    /// Carries out the write, and retries it if it conflicts with another writer.
    async fn carry_out(self) -> Result<Done<W::Id>, MutationError> {
        let Self {
            context,
            scope,
            author,
            named,
            write,
        } = self;
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            let writer = context.db.writer(scope.as_of).await?.signed(author.clone());
            match Box::pin(once(&context, scope.viewer, writer, &write, named.as_ref())).await {
                Err(MutationError::Failed(error)) if error.is_retryable() && tries < TRIES => {
                    tracing::debug!(cause = %error, write = W::NAME, "mutation_retried");
                    let most = PAUSE * 2_u32.pow(tries - 1);
                    let thousandths = u32::try_from((context.random)() % 1_000).unwrap_or_default();
                    tokio::time::sleep(most * thousandths / 1_000).await;
                }
                // A concurrent copy of this request may have caused the refusal. If so, its outcome
                // takes precedence.
                Err(refusal @ (MutationError::User(_) | MutationError::Stale(_))) => {
                    break match &named {
                        Some(named) => done_meanwhile(&context, scope, named).await?.ok_or(refusal),
                        None => Err(refusal),
                    };
                }
                outcome => break outcome,
            }
        };
        if let Ok(done) = &outcome {
            W::is_done(&context, done.id);
        }
        outcome
    }
}

/// Returns the stored outcome of the write with this idempotency key, if there is one.
async fn done_meanwhile<Id: From<Uuid>>(
    context: &WriteContext,
    scope: Scope,
    named: &IdempotencyKey,
) -> Result<Option<Done<Id>>, MutationError> {
    let writer = context.db.writer(scope.as_of).await?;
    let outcome = idempotency::find_by_key(&writer, named).await?;
    let done = outcome.map(|outcome| {
        Ok::<_, MutationError>(Done {
            id: outcome.noun_id.into(),
            at: outcome.at,
            errors: remembered(outcome.errors)?,
        })
    });
    done.transpose()
}

/// The outcome of a write that was carried out.
struct Done<Id> {
    id: Id,
    at: DateTime<Utc>,
    errors: Vec<UserError>,
}

async fn once<W: Mutate>(
    context: &WriteContext,
    viewer: Viewer,
    mut writer: WriteTx,
    write: &W,
    named: Option<&IdempotencyKey>,
) -> Result<Done<W::Id>, MutationError> {
    if let Some(named) = named
        && let Some(outcome) = idempotency::find_by_key(&writer, named).await?
    {
        return Ok(Done {
            id: outcome.noun_id.into(),
            at: outcome.at,
            errors: remembered(outcome.errors)?,
        });
    }
    if let Some(newcomer) = &context.newcomer {
        account::ensure(&mut writer, newcomer).await?;
    }
    let mut act = MutationCtx {
        writer: &mut writer,
        viewer,
        errors: Vec::new(),
        comments: context.comments,
        random: &context.random,
    };
    // Boxed because the futures of some mutations are large.
    let id = Box::pin(write.act(&mut act)).await?;
    let errors = act.errors;
    let at = writer.at();
    if let Some(named) = named {
        let outcome = StoredResult {
            noun_id: id.into(),
            at,
            errors: kept(&errors)?,
        };
        idempotency::remember(&writer, named, outcome).await?;
    }
    writer.commit().await?;
    Ok(Done { id, at, errors })
}

/// Serializes the errors of a partly successful write, stored to answer repeated requests.
fn kept(errors: &[UserError]) -> Result<Option<String>> {
    let kept = (!errors.is_empty()).then(|| serde_json::to_string(errors));
    kept.transpose().map_err(|error| Error::internal(&error))
}

/// Deserializes the stored errors of an earlier request.
fn remembered(errors: Option<String>) -> Result<Vec<UserError>> {
    let errors = errors.map(|errors| serde_json::from_str(&errors));
    let errors = errors
        .transpose()
        .map_err(|error| Error::internal(&error))?;
    Ok(errors.unwrap_or_default())
}

/// Returns an error unless the viewer has this right: `Unauthenticated` for anonymous viewers,
/// `Forbidden` for others.
pub(crate) fn require(viewer: Viewer, right: Right) -> Result<()> {
    if viewer.may(right) {
        return Ok(());
    }
    if viewer.account.is_none() {
        return Err(Error::new(
            Code::Unauthenticated,
            "This requires a token. Send it in the header `Authorization: Bearer …`.",
        ));
    }
    let message = format!("This requires the `{}` right.", right.as_str());
    Err(Error::new(Code::Forbidden, message))
}

/// Maximum length of an idempotency key in bytes. A UUID has 36, a SHA-256 hash in hexadecimal 64.
const CLIENT_MUTATION_ID: usize = 256;

/// Returns an error if an idempotency key is too long, or contains control characters that
/// databases may reject.
fn check_name(idempotency_key: &str) -> Result<()> {
    let length = idempotency_key.len();
    let problem = if length > CLIENT_MUTATION_ID {
        format!("is {length} bytes long; at most {CLIENT_MUTATION_ID} are allowed")
    } else if idempotency_key.chars().any(char::is_control) {
        "contains a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::bad_input(format!("`idempotencyKey` {problem}.")))
}

/// Returns a digest of the client's arguments, by which a repeated request is recognised.
fn given(ctx: &Context<'_>) -> Result<String> {
    let arguments = ctx.field().arguments();
    let arguments = arguments.map_err(|error| Error::bad_input(error.message))?;
    Ok(canonical::digest(&arguments, "idempotencyKey"))
}

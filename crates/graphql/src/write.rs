//! Writing: how a mutation becomes one transaction that is made once, signed and answered.
//!
//! Each mutation is its input: a type that knows its name, the right that it needs and how it is
//! carried out. Everything else is the same for all and stands here.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use chrono::{DateTime, Utc};
use khabar_domain::commenting::Limits;
use khabar_domain::{Invalid, Right, Scope, TokenId, Viewer, id};
use khabar_persistence::account::{self, Account};
use khabar_persistence::done::{self, Named, Outcome};
use khabar_persistence::{Author, Db, Writer};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::canonical;
use crate::error::{Code, Error, Result};
use crate::node::Global;
use crate::scope::Asked as _;
use crate::types::{ArticleConflict, UserError, UserErrorCode};

/// Where randomness comes from.
pub type Random = Arc<dyn Fn() -> u128 + Send + Sync>;

/// What is told of a token that is taken back, so that whoever remembers it forgets it.
pub type OnRevoked = Arc<dyn Fn(TokenId) + Send + Sync>;

/// What resolvers need to write for a request: without it, an API only reads.
#[derive(Clone)]
pub struct Desk {
    /// Where it is written.
    pub db: Db,
    /// How the viewer is called, for revisions and the audit log.
    pub name: String,
    /// Where the request came from, for the audit log.
    pub address: Option<String>,
    /// The account that is added at their first write, when an issuer vouches for them.
    pub newcomer: Option<Account>,
    /// Where new ids and keys come from: nobody may be able to guess what it gives.
    pub random: Random,
    /// How much may be said how fast.
    pub comments: Limits,
    /// Who is to hear of a token that is taken back, before the answer is sent.
    pub revoked: OnRevoked,
}

/// What a mutation holds until it has ended, even when nobody waits for it any more: its place among
/// the operations in flight.
#[derive(Clone)]
pub struct Holds(pub Arc<dyn Any + Send + Sync>);

/// A mutation: what a client sent, and how it is carried out.
pub(crate) trait Write: Debug + Send + Sync + 'static {
    /// What it is called, in the audit log too.
    const NAME: &'static str;
    /// What the viewer must be allowed to do for it; more may be asked of single things.
    const RIGHT: Right;
    /// Whether somebody who does not say who they are may try; what they may do is decided there.
    const OPEN_TO_NAMES: bool = false;
    /// Other rights of which each is enough.
    const OR: &'static [Right] = &[];
    /// The id of what it is about.
    type Id: Global + Send + 'static;

    /// The client's own name for this write.
    fn client_mutation_id(&self) -> Option<&str>;

    /// Refuses what would be refused anyway, as far as a reader can tell. It is asked before a
    /// transaction is begun for somebody without an account: strangers may be refused as often as
    /// they like, and the database writes for others meanwhile.
    fn check(
        &self,
        _ctx: &Context<'_>,
        _desk: &Desk,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        std::future::ready(Ok(()))
    }

    /// Carries it out, and tells what it was about.
    fn act(&self, act: &mut Act<'_>) -> impl Future<Output = Result<Self::Id, Refusal>> + Send;

    /// What else follows once it is committed.
    fn is_done(_desk: &Desk, _id: Self::Id) {}
}

/// A mutation being carried out.
pub(crate) struct Act<'a> {
    /// Its transaction.
    pub(crate) writer: &'a mut Writer,
    /// Who writes.
    pub(crate) viewer: Viewer,
    /// What of it cannot be done although the rest is.
    pub(crate) errors: Vec<UserError>,
    /// How much may be said how fast.
    pub(crate) comments: Limits,
    random: &'a Random,
}

impl Act<'_> {
    /// A new id.
    pub(crate) fn mint<Id: From<Uuid>>(&self) -> Id {
        id::mint(self.writer.at(), (self.random)()).into()
    }

    /// The bits of a new key.
    pub(crate) fn bits(&self) -> [u8; 32] {
        let mut bits = [0; 32];
        let (one, other) = bits.split_at_mut(16);
        one.copy_from_slice(&(self.random)().to_be_bytes());
        other.copy_from_slice(&(self.random)().to_be_bytes());
        bits
    }
}

/// Why a mutation was not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Its user can put this right.
    User(Vec<UserError>),
    /// It was made of a version that somebody has changed since.
    Stale(Box<ArticleConflict>),
    /// The database failed.
    Failed(khabar_persistence::Error),
    /// The viewer may not do it, or the request cannot be understood.
    Api(Error),
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::User(vec![error])
    }
}

impl From<khabar_persistence::Error> for Refusal {
    fn from(error: khabar_persistence::Error) -> Self {
        match error {
            khabar_persistence::Error::Invalid(invalid) => invalid.into(),
            error => Self::Failed(error),
        }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        UserError::new(&[], UserErrorCode::Invalid, invalid.to_string()).into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Api(error)
    }
}

/// What came of a mutation.
pub(crate) struct Written<Id> {
    pub(crate) id: Option<Id>,
    /// When it was carried out: earlier than now, if it was sent again.
    pub(crate) at: DateTime<Utc>,
    pub(crate) errors: Vec<UserError>,
    pub(crate) conflict: Option<Box<ArticleConflict>>,
    pub(crate) client_mutation_id: Option<String>,
}

/// How often a write is tried when others are in its way: two that meet rarely meet twice.
const TRIES: u32 = 6;

/// How long a write waits at most before it is tried the second time; before each further one, twice
/// as long. By chance, so that those that met do not meet again.
const PAUSE: Duration = Duration::from_millis(10);

/// Carries a mutation out in a transaction of its own, once, however often it is sent.
pub(crate) async fn run<W: Write>(ctx: &Context<'_>, write: W) -> Result<Written<W::Id>> {
    let desk = ctx
        .data_opt::<Desk>()
        .ok_or_else(|| Error::new(Code::Forbidden, "This server does not take anything in."))?;
    let scope = ctx.scope()?;
    let named_only = scope.viewer.account.is_none() && W::OPEN_TO_NAMES;
    if !named_only && !W::OR.iter().any(|right| scope.viewer.may(*right)) {
        require(scope.viewer, W::RIGHT)?;
    }
    let client_mutation_id = write.client_mutation_id().map(str::to_owned);
    client_mutation_id.as_deref().map_or(Ok(()), check_name)?;
    let input = given(ctx)?;
    let named = client_mutation_id.clone().map(|client_mutation_id| Named {
        writer: scope.viewer.account.map_or_else(
            // The names of one client mean nothing to another.
            || done::ANONYMOUS.to_owned() + desk.address.as_deref().unwrap_or_default(),
            |account| account.uuid().to_string(),
        ),
        client_mutation_id,
        action: W::NAME.to_owned(),
        input,
    });
    let author = Author {
        account: scope.viewer.account,
        name: desk.name.clone(),
        role: Some(scope.viewer.role),
        address: desk.address.clone(),
        action: W::NAME.to_owned(),
    };
    let refused = if named_only {
        refused_beforehand(ctx, desk, &write, named.as_ref()).await?
    } else {
        None
    };
    let outcome = if let Some(refusal) = refused {
        Err(refusal)
    } else {
        let writing = Writing {
            desk: desk.clone(),
            scope,
            author,
            named,
            write,
        };
        // In a task of its own: a client that goes away in the middle leaves it to come to its end.
        let holds = ctx.data_opt::<Holds>().cloned();
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
        Err(Refusal::User(errors)) => (None, errors, None),
        Err(Refusal::Stale(conflict)) => (None, vec![conflict.error()], Some(conflict)),
        Err(Refusal::Failed(error)) => return Err(error.into()),
        Err(Refusal::Api(error)) => return Err(error),
    };
    if id.is_some() {
        // Whatever was read before may be different now, and a replica may not know it yet.
        ctx.loaders()?.renew(|reader| desk.db.after_write(reader));
    }
    Ok(Written {
        id,
        at,
        errors,
        conflict,
        client_mutation_id,
    })
}

/// Why a write is refused before its transaction begins, if it is. What is done already is answered as
/// it was, whatever holds by now.
async fn refused_beforehand<W: Write>(
    ctx: &Context<'_>,
    desk: &Desk,
    write: &W,
    named: Option<&Named>,
) -> Result<Option<Refusal>> {
    let Err(refusal) = Box::pin(write.check(ctx, desk)).await else {
        return Ok(None);
    };
    let is_done = match named {
        Some(named) => done::is_known(&desk.db.primary(&ctx.loaders()?.reader()), named).await?,
        None => false,
    };
    Ok((!is_done).then_some(refusal))
}

/// A mutation on its way, with all that it needs.
struct Writing<W> {
    desk: Desk,
    scope: Scope,
    author: Author,
    named: Option<Named>,
    write: W,
}

impl<W: Write> Writing<W> {
    /// Carries it out, again where another writer was in the way.
    async fn carry_out(self) -> Result<Done<W::Id>, Refusal> {
        let Self {
            desk,
            scope,
            author,
            named,
            write,
        } = self;
        let mut tries = 0;
        let outcome = loop {
            tries += 1;
            let writer = desk.db.writer(scope.as_of).await?.signed(author.clone());
            match Box::pin(once(&desk, scope.viewer, writer, &write, named.as_ref())).await {
                Err(Refusal::Failed(error)) if error.is_passing() && tries < TRIES => {
                    tracing::debug!(cause = %error, write = W::NAME, "another writer was in the way");
                    let most = PAUSE * 2_u32.pow(tries - 1);
                    let thousandths = u32::try_from((desk.random)() % 1_000).unwrap_or_default();
                    tokio::time::sleep(most * thousandths / 1_000).await;
                }
                // The same write may have been under way when this one began, and be what it met.
                Err(refusal @ (Refusal::User(_) | Refusal::Stale(_))) => {
                    break match &named {
                        Some(named) => done_meanwhile(&desk, scope, named).await?.ok_or(refusal),
                        None => Err(refusal),
                    };
                }
                outcome => break outcome,
            }
        };
        if let Ok(done) = &outcome {
            W::is_done(&desk, done.id);
        }
        outcome
    }
}

/// What came of a write of this name, if one was carried out.
async fn done_meanwhile<Id: From<Uuid>>(
    desk: &Desk,
    scope: Scope,
    named: &Named,
) -> Result<Option<Done<Id>>, Refusal> {
    let writer = desk.db.writer(scope.as_of).await?;
    let outcome = done::find(&writer, named).await?;
    let done = outcome.map(|outcome| {
        Ok::<_, Refusal>(Done {
            id: outcome.noun_id.into(),
            at: outcome.at,
            errors: remembered(outcome.errors)?,
        })
    });
    done.transpose()
}

/// What was carried out.
struct Done<Id> {
    id: Id,
    at: DateTime<Utc>,
    errors: Vec<UserError>,
}

async fn once<W: Write>(
    desk: &Desk,
    viewer: Viewer,
    mut writer: Writer,
    write: &W,
    named: Option<&Named>,
) -> Result<Done<W::Id>, Refusal> {
    if let Some(named) = named
        && let Some(outcome) = done::find(&writer, named).await?
    {
        return Ok(Done {
            id: outcome.noun_id.into(),
            at: outcome.at,
            errors: remembered(outcome.errors)?,
        });
    }
    if let Some(newcomer) = &desk.newcomer {
        account::ensure(&mut writer, newcomer).await?;
    }
    let mut act = Act {
        writer: &mut writer,
        viewer,
        errors: Vec::new(),
        comments: desk.comments,
        random: &desk.random,
    };
    // On the heap: what some mutations hold while they wait is large.
    let id = Box::pin(write.act(&mut act)).await?;
    let errors = act.errors;
    let at = writer.at();
    if let Some(named) = named {
        let outcome = Outcome {
            noun_id: id.into(),
            at,
            errors: kept(&errors)?,
        };
        done::remember(&writer, named, outcome).await?;
    }
    writer.commit().await?;
    Ok(Done { id, at, errors })
}

/// What could not be done, as it is kept for whoever sends the same again.
fn kept(errors: &[UserError]) -> Result<Option<String>> {
    let kept = (!errors.is_empty()).then(|| serde_json::to_string(errors));
    kept.transpose().map_err(|error| Error::internal(&error))
}

/// What could not be done when it was sent before.
fn remembered(errors: Option<String>) -> Result<Vec<UserError>> {
    let errors = errors.map(|errors| serde_json::from_str(&errors));
    let errors = errors
        .transpose()
        .map_err(|error| Error::internal(&error))?;
    Ok(errors.unwrap_or_default())
}

/// Refuses a viewer who may not do this.
pub(crate) fn require(viewer: Viewer, right: Right) -> Result<()> {
    if viewer.may(right) {
        return Ok(());
    }
    if viewer.account.is_none() {
        return Err(Error::new(
            Code::Unauthenticated,
            "This needs a token: send it as `Authorization: Bearer …`.",
        ));
    }
    let message = format!("This needs the right `{}`.", right.as_str());
    Err(Error::new(Code::Forbidden, message))
}

/// How many bytes a client's own name for a write may have: a UUID has 36, a hash 64.
const CLIENT_MUTATION_ID: usize = 256;

/// Refuses a client's own name for a write that is too long, or that no database takes.
fn check_name(client_mutation_id: &str) -> Result<()> {
    let length = client_mutation_id.len();
    let problem = if length > CLIENT_MUTATION_ID {
        format!("has {length} bytes: it may have {CLIENT_MUTATION_ID}")
    } else if client_mutation_id.chars().any(char::is_control) {
        "has a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::bad_input(format!("`clientMutationId` {problem}.")))
}

/// What a client gave for a mutation, so that what is sent again is known as the same.
fn given(ctx: &Context<'_>) -> Result<String> {
    let arguments = ctx.field().arguments();
    let arguments = arguments.map_err(|error| Error::bad_input(error.message))?;
    Ok(canonical::digest(&arguments, "clientMutationId"))
}

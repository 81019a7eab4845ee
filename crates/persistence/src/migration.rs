//! Migrations, which create and update the tables that this program reads and writes.
//!
//! Each migration is one reversible change, written in SQL. The few type names that differ between the
//! two databases are placeholders. A migration and its record in `seaql_migrations` are written in one
//! transaction, so a killed process leaves nothing behind. Only one process migrates at a time. If
//! several start together, the first does the work and the others find it done.

mod history;
mod loss;
mod partial;
mod script;

use std::collections::HashSet;

use crate::query::sql::Dialect;
use crate::{Db, Doing, Error, Result};

pub use loss::{Loss, losses};
use script::{SCRIPTS, Script};

/// A migration and its state in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name of the migration, such as `m0001_newsroom`.
    pub name: String,
    /// The state of the migration in the database.
    pub state: State,
}

/// The state of a migration in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The migration has been applied.
    Applied,
    /// The migration has not been applied.
    Pending,
    /// An older program was killed while it applied the migration. `up` continues from that point.
    PartlyApplied,
    /// An older program was killed while it reverted the migration. `down` continues from that point.
    PartlyReverted,
    /// The migration was applied by a newer version and is unknown to this program.
    Unknown,
}

impl State {
    /// Returns the state in one or two words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::PartlyApplied => "partly applied",
            Self::PartlyReverted => "partly reverted",
            Self::Unknown => "unknown",
        }
    }
}

/// Returns every migration with its state, oldest first. Nothing is written, so a read-only role is
/// enough.
pub async fn status(db: &Db) -> Result<Vec<Step>> {
    let marked = history::marked(db.connection(), db.dialect()).await?;
    let states = states(db.connection(), db.dialect(), &marked).await?;
    let known = SCRIPTS.iter().zip(states).map(|(script, state)| Step {
        name: script.name.to_owned(),
        state,
    });
    let unknown = unknown(&marked).map(|name| Step {
        name: name.to_owned(),
        state: State::Unknown,
    });
    Ok(known.chain(unknown).collect())
}

/// The migration that introduces reserved names. Article URLs are normalised just before it is applied.
const NAMES: &str = "m0012_reserved_names";

/// Applies all pending migrations.
pub async fn up(db: &Db) -> Result<()> {
    // Usually nothing is pending. In that case, no permission to change tables is needed.
    let marked = history::marked(db.connection(), db.dialect()).await?;
    refuse_unknown(&marked)?;
    refuse_partly_reverted(&states(db.connection(), db.dialect(), &marked).await?)?;
    if pending(&marked).is_some() {
        let steps = status(db).await?;
        let has = |name: &str| {
            let mut steps = steps.iter();
            steps.any(|step| step.name == name && step.state == State::Applied)
        };
        // Normalise before the migration is applied, so that an interrupted run does it again.
        if has("m0001_newsroom") && !has(NAMES) {
            crate::tables::article::normalize_urls(db).await?;
        }
        let mut may_be_partial = true;
        while apply_next(db, may_be_partial).await? {
            // Only the first pending migration can have been interrupted.
            may_be_partial = false;
        }
    }
    crate::tables::reserved_name::complete_all(db).await
}

/// Reverts the last `steps` migrations. All data stored in the tables and columns that they created is
/// lost.
pub async fn down(db: &Db, steps: u32) -> Result<()> {
    for _ in 0..steps {
        if !revert_last(db).await? {
            break;
        }
    }
    Ok(())
}

/// Applies the oldest pending migration. Returns false if none is pending.
async fn apply_next(db: &Db, may_be_partial: bool) -> Result<bool> {
    const DOING: &str = "migrate the database";
    let (dialect, transaction) = (db.dialect(), history::begin(db).await?);
    history::install(&transaction, dialect).await?;
    let marked = history::marked(&transaction, dialect).await?;
    refuse_unknown(&marked)?;
    let Some(index) = pending(&marked) else {
        return Ok(false);
    };
    let script = &SCRIPTS[index];
    let statements = script.up(dialect);
    let done = match dialect {
        Dialect::Sqlite if may_be_partial => {
            partial::applied(&transaction, &marked, script).await?
        }
        _ => 0,
    };
    if done > 0 {
        tracing::info!(
            migration = script.name,
            done,
            of = statements.len(),
            "migration_resumed"
        );
    }
    script::run(&transaction, &statements[done..])
        .await
        .doing(DOING)?;
    history::mark(&transaction, dialect, script.name).await?;
    transaction.commit().await.doing(DOING)?;
    Ok(true)
}

/// Reverts the newest applied migration. Returns false if none is applied.
async fn revert_last(db: &Db) -> Result<bool> {
    const DOING: &str = "take a migration back";
    let (dialect, transaction) = (db.dialect(), history::begin(db).await?);
    let marked = history::marked(&transaction, dialect).await?;
    refuse_unknown(&marked)?;
    let Some(script) = last(&marked) else {
        return Ok(false);
    };
    let mut done = 0;
    if dialect == Dialect::Sqlite {
        refuse_partly_applied(&transaction, &marked).await?;
        done = partial::reverted(&transaction, &marked, script).await?;
    }
    script::run(&transaction, &script.down(dialect)[done..])
        .await
        .doing(DOING)?;
    history::unmark(&transaction, dialect, script.name).await?;
    transaction.commit().await.doing(DOING)?;
    Ok(true)
}

/// Returns the state of each migration that this program knows.
async fn states(
    connection: &impl sea_orm::ConnectionTrait,
    dialect: Dialect,
    marked: &HashSet<String>,
) -> Result<Vec<State>> {
    let mut states: Vec<State> = SCRIPTS
        .iter()
        .map(|script| {
            if marked.contains(script.name) {
                State::Applied
            } else {
                State::Pending
            }
        })
        .collect();
    // On PostgreSQL, migrations have always run in transactions.
    if dialect == Dialect::Sqlite {
        if let Some(index) = pending(marked)
            && partial::applied(connection, marked, &SCRIPTS[index]).await? > 0
        {
            states[index] = State::PartlyApplied;
        }
        if let Some(script) = last(marked)
            && partial::reverted(connection, marked, script).await? > 0
            && let Some(index) = SCRIPTS.iter().position(|other| other.name == script.name)
        {
            states[index] = State::PartlyReverted;
        }
    }
    Ok(states)
}

/// Returns the index of the oldest migration that is not recorded as applied.
fn pending(marked: &HashSet<String>) -> Option<usize> {
    SCRIPTS
        .iter()
        .position(|script| !marked.contains(script.name))
}

/// Returns the newest migration that is recorded as applied.
fn last(marked: &HashSet<String>) -> Option<&'static Script> {
    SCRIPTS
        .iter()
        .rev()
        .find(|script| marked.contains(script.name))
}

/// Returns the names of recorded migrations that this program does not know, sorted.
fn unknown(marked: &HashSet<String>) -> impl Iterator<Item = &str> {
    let known = |name: &&str| SCRIPTS.iter().any(|script| script.name == *name);
    let mut unknown: Vec<&str> = marked
        .iter()
        .map(String::as_str)
        .filter(|name| !known(name))
        .collect();
    unknown.sort_unstable();
    unknown.into_iter()
}

fn refuse_unknown(marked: &HashSet<String>) -> Result<()> {
    match unknown(marked).last() {
        None => Ok(()),
        Some(name) => Err(Error::Migration(format!(
            "it has {name}, which this version of Khabar does not know: a newer one has migrated it"
        ))),
    }
}

fn refuse_partly_reverted(states: &[State]) -> Result<()> {
    let partly = states
        .iter()
        .position(|state| *state == State::PartlyReverted);
    match partly.map(|index| SCRIPTS[index].name) {
        None => Ok(()),
        Some(name) => Err(Error::Migration(format!(
            "taking {name} back was interrupted; finish it first: khabar migrate down --steps 1"
        ))),
    }
}

async fn refuse_partly_applied(
    connection: &impl sea_orm::ConnectionTrait,
    marked: &HashSet<String>,
) -> Result<()> {
    if let Some(index) = pending(marked) {
        let script = &SCRIPTS[index];
        if partial::applied(connection, marked, script).await? > 0 {
            return Err(Error::Migration(format!(
                "applying {} was interrupted; finish it first: khabar migrate up",
                script.name
            )));
        }
    }
    Ok(())
}

//! Migrations: how a database comes to have the tables that this program reads and writes.
//!
//! Each is one change, as SQL with the few type names that the two databases spell differently
//! left open, and can be taken back. A migration and its mark in `seaql_migrations` are one
//! transaction, and one process migrates at a time: a killed one leaves nothing behind, and of several
//! that start together the first does the work and the others find it done.

mod history;
mod loss;
mod partial;
mod script;

use std::collections::HashSet;

use crate::sql::Dialect;
use crate::{Db, Doing, Error, Result};

pub use loss::{Loss, losses};
use script::{SCRIPTS, Script};

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name: `m0001_newsroom`.
    pub name: String,
    /// How far the database is with it.
    pub state: State,
}

/// How far a database is with a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The database has it.
    Applied,
    /// The database lacks it.
    Pending,
    /// An older program was killed while it applied it: `up` goes on where it stopped.
    PartlyApplied,
    /// An older program was killed while it took it back: `down` goes on where it stopped.
    PartlyReverted,
    /// This program does not know it: a newer one has applied it.
    Unknown,
}

impl State {
    /// The state as one word or two.
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

/// Every migration, oldest first. Nothing is written, so any role that may read can ask.
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

/// The migration that reserves names, with which addresses come into their normal form.
const NAMES: &str = "m0012_reserved_names";

/// Applies every migration that the database lacks.
pub async fn up(db: &Db) -> Result<()> {
    // Most often there is nothing to do, and then no right to change tables is needed.
    let marked = history::marked(db.connection(), db.dialect()).await?;
    refuse_unknown(&marked)?;
    refuse_partly_reverted(&states(db.connection(), db.dialect(), &marked).await?)?;
    if pending(&marked).is_some() {
        let steps = status(db).await?;
        let has = |name: &str| {
            let mut steps = steps.iter();
            steps.any(|step| step.name == name && step.state == State::Applied)
        };
        // Before the migration that it comes with is applied: who is stopped between does it again.
        if has("m0001_newsroom") && !has(NAMES) {
            crate::article::normalize_urls(db).await?;
        }
        let mut may_be_partial = true;
        while apply_next(db, may_be_partial).await? {
            // Of one after the other only the first can have been interrupted.
            may_be_partial = false;
        }
    }
    crate::reserved_name::complete_all(db).await
}

/// Takes back the last `steps` migrations, with all that is stored in what they made.
pub async fn down(db: &Db, steps: u32) -> Result<()> {
    for _ in 0..steps {
        if !revert_last(db).await? {
            break;
        }
    }
    Ok(())
}

/// Applies the oldest migration that the database lacks; false when it lacks none.
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
            "a migration that was interrupted is finished"
        );
    }
    script::run(&transaction, &statements[done..])
        .await
        .doing(DOING)?;
    history::mark(&transaction, dialect, script.name).await?;
    transaction.commit().await.doing(DOING)?;
    Ok(true)
}

/// Takes back the newest migration that the database has; false when it has none.
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

/// How far the database is with each migration that this program knows.
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
    // PostgreSQL has always migrated in transactions.
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

/// The place of the oldest migration without a mark.
fn pending(marked: &HashSet<String>) -> Option<usize> {
    SCRIPTS
        .iter()
        .position(|script| !marked.contains(script.name))
}

/// The newest migration with a mark.
fn last(marked: &HashSet<String>) -> Option<&'static Script> {
    SCRIPTS
        .iter()
        .rev()
        .find(|script| marked.contains(script.name))
}

/// The marks of migrations that this program does not have.
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

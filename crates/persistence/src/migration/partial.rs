//! Detection of partly applied and partly reverted migrations. Older programs migrated SQLite statement
//! by statement, so a killed process left the effects of the first statements behind, but no record of
//! them. To count these statements, the migration is repeated in an empty in-memory database, and the
//! tables, columns and indexes are compared after each statement.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};

use super::script::{SCRIPTS, Script, run};
use crate::query::sql::Dialect;
use crate::{Doing, Error, Result};

/// The names of all tables, columns and indexes.
type Schema = BTreeSet<String>;

/// Returns how many statements of an unrecorded migration have already been applied.
pub(super) async fn applied(
    connection: &impl ConnectionTrait,
    marked: &HashSet<String>,
    script: &Script,
) -> Result<usize> {
    let before = marked_before(marked, script);
    let seen = seen(connection, &before, &script.up(Dialect::Sqlite)).await;
    seen.doing("try a migration out")?.ok_or_else(|| {
        Error::Migration(format!(
            "it has some of the tables and indexes of {} and lacks others, as no interrupted migration \
             leaves it; restore it from a copy, or make it as it was before {}",
            script.name, script.name
        ))
    })
}

/// Returns how many statements that revert a migration have already run, although the migration is
/// still recorded as applied. Returns 0 if the schema was changed by hand and matches no point of the
/// script.
pub(super) async fn reverted(
    connection: &impl ConnectionTrait,
    marked: &HashSet<String>,
    script: &Script,
) -> Result<usize> {
    let mut before = marked_before(marked, script);
    before.push(script);
    let seen = seen(connection, &before, &script.down(Dialect::Sqlite)).await;
    let seen = seen.doing("try out taking a migration back")?;
    Ok(seen.unwrap_or_default())
}

fn marked_before<'a>(marked: &HashSet<String>, script: &Script) -> Vec<&'a Script> {
    SCRIPTS
        .iter()
        .take_while(|other| other.name != script.name)
        .filter(|other| marked.contains(other.name))
        .collect()
}

/// Returns how many of these statements the database has already run on top of the scripts in `before`.
/// Returns `None` if its schema matches no point in the sequence.
async fn seen(
    connection: &impl ConnectionTrait,
    before: &[&Script],
    statements: &[String],
) -> Result<Option<usize>, DbErr> {
    let there = schema(connection).await?;
    let scratch = scratch().await?;
    for script in before {
        run(&scratch, &script.up(Dialect::Sqlite)).await?;
    }
    let first = schema(&scratch).await?;
    run(&scratch, statements).await?;
    let last = schema(&scratch).await?;
    scratch.close().await?;
    // Usually nothing was started. Comparing the first and the last state is enough to see that.
    let whole: Schema = first.symmetric_difference(&last).cloned().collect();
    if !whole.is_empty() && within(&there, &whole) == within(&first, &whole) {
        return Ok(Some(0));
    }
    Ok(position(&states(before, statements).await?, &there))
}

/// Returns the schema before the first of these statements and after each one.
async fn states(before: &[&Script], statements: &[String]) -> Result<Vec<Schema>, DbErr> {
    let scratch = scratch().await?;
    for script in before {
        run(&scratch, &script.up(Dialect::Sqlite)).await?;
    }
    let mut states = vec![schema(&scratch).await?];
    for statement in statements {
        scratch.execute_unprepared(statement).await?;
        states.push(schema(&scratch).await?);
    }
    scratch.close().await?;
    Ok(states)
}

async fn scratch() -> Result<DatabaseConnection, DbErr> {
    // Each in-memory connection has its own database.
    let mut connect = ConnectOptions::new("sqlite::memory:");
    connect
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false);
    Database::connect(connect).await
}

async fn schema(connection: &impl ConnectionTrait) -> Result<Schema, DbErr> {
    let text = "SELECT type || ' ' || name AS thing FROM sqlite_master WHERE type IN ('table', 'index') \
         UNION ALL SELECT 'column ' || m.name || '.' || c.name \
         FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";
    let statement = Statement::from_string(Dialect::Sqlite.backend(), text.to_owned());
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get("", "thing")).collect()
}

/// Returns the index of the first state that matches the database. Only the names by which the states
/// differ are compared, because anything else in the schema was created by somebody else. The first
/// match is correct because a statement that leaves the schema unchanged may run again: it sets values
/// that are derived from other rows.
fn position(states: &[Schema], there: &Schema) -> Option<usize> {
    let every: Schema = states.iter().flatten().cloned().collect();
    let differing: Schema = every
        .into_iter()
        .filter(|thing| !states.iter().all(|state| state.contains(thing)))
        .collect();
    let there = within(there, &differing);
    states
        .iter()
        .position(|state| within(state, &differing) == there)
}

fn within(schema: &Schema, of: &Schema) -> Schema {
    schema.intersection(of).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Db, Options, migration};

    /// Simulates an older program that is killed after each of its statements. `up` must finish the
    /// migration, with the same schema as if it had never been interrupted.
    #[tokio::test]
    async fn what_was_interrupted_anywhere_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: String| {
            let file = folder.path().join(name);
            async move {
                let url = format!("sqlite:{}", file.display());
                Db::open(&Options::new(url).create()).await.unwrap()
            }
        };
        let whole = open("whole.db".to_owned()).await;
        migration::up(&whole).await.unwrap();
        let wanted = schema(whole.connection()).await.unwrap();
        for (place, script) in SCRIPTS.iter().enumerate() {
            let statements = script.up(Dialect::Sqlite);
            // The first script is long, and its statements are all of one kind.
            let every = if place == 0 { 6 } else { 1 };
            for killed_after in (0..=statements.len()).step_by(every) {
                let db = open(format!("{place}-{killed_after}.db")).await;
                let connection = db.connection();
                super::super::history::install(connection, Dialect::Sqlite)
                    .await
                    .unwrap();
                for before in &SCRIPTS[..place] {
                    run(connection, &before.up(Dialect::Sqlite)).await.unwrap();
                    super::super::history::mark(connection, Dialect::Sqlite, before.name)
                        .await
                        .unwrap();
                }
                run(connection, &statements[..killed_after]).await.unwrap();
                migration::up(&db)
                    .await
                    .unwrap_or_else(|error| panic!("{}, {killed_after}: {error}", script.name));
                assert_eq!(schema(connection).await.unwrap(), wanted);
                let heads = Statement::from_string(
                    Dialect::Sqlite.backend(),
                    "SELECT seq FROM change_head".to_owned(),
                );
                assert_eq!(connection.query_all_raw(heads).await.unwrap().len(), 1);
                db.close().await.unwrap();
            }
        }
    }

    /// Simulates a revert that is interrupted after each of its statements. `up` must refuse to
    /// continue it, and `down` must finish it.
    #[tokio::test]
    async fn what_was_taken_back_in_part_is_finished_by_down_alone() {
        let folder = tempfile::tempdir().unwrap();
        for (place, script) in SCRIPTS.iter().enumerate() {
            let statements = script.down(Dialect::Sqlite);
            let every = if place == 0 { 6 } else { 1 };
            for killed_after in (0..=statements.len()).step_by(every) {
                let file = folder.path().join(format!("{place}-{killed_after}.db"));
                let url = format!("sqlite:{}", file.display());
                let db = Db::open(&Options::new(url).create()).await.unwrap();
                let later = u32::try_from(SCRIPTS.len() - place - 1).unwrap();
                migration::up(&db).await.unwrap();
                migration::down(&db, later).await.unwrap();
                run(db.connection(), &statements[..killed_after])
                    .await
                    .unwrap();
                let state = migration::status(&db).await.unwrap()[place].state;
                if state == migration::State::PartlyReverted {
                    let refused = migration::up(&db).await.unwrap_err().to_string();
                    assert!(refused.contains("migrate down"), "{refused}");
                } else {
                    // No visible change has been made yet.
                    assert_eq!(state, migration::State::Applied, "{killed_after}");
                }
                migration::down(&db, 1).await.unwrap();
                migration::up(&db).await.unwrap();
                db.close().await.unwrap();
            }
        }
    }
}

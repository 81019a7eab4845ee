//! Migrations: how a database comes to have the tables that this program reads and writes.
//!
//! Each is one change, as SQL with the few type names that the two databases spell differently
//! left open, and can be taken back.

#![expect(
    elided_lifetimes_in_paths,
    reason = "async_trait must see the trait's own signature"
)]

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

use crate::{Db, Doing, Result};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        scripts! {
            "m0001_newsroom",
            "m0002_accounts",
            "m0003_desk",
            "m0004_audit",
            "m0005_commenting",
            "m0006_answers_and_paces",
            "m0007_story_merge",
            "m0008_documents_and_purges",
            "m0009_epoch",
        }
    }
}

/// The migrations of these names, oldest first; each is a script up and a script down.
macro_rules! scripts {
    ($($name:literal),+ $(,)?) => {
        vec![$(Box::new(Script {
            name: $name,
            up: include_str!(concat!("migration/", $name, "_up.sql")),
            down: include_str!(concat!("migration/", $name, "_down.sql")),
        })),+]
    };
}
use scripts;

/// A migration as SQL.
struct Script {
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

impl MigrationName for Script {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Script {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, self.up).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, self.down).await
    }
}

/// One migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name: `m0001_newsroom`.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// Every migration, oldest first.
pub async fn status(db: &Db) -> Result<Vec<Step>> {
    const DOING: &str = "read which migrations were applied";
    let known = Migrator::migrations()
        .into_iter()
        .map(|migration| migration.name().to_owned());
    let there = SchemaManager::new(db.connection())
        .has_table("seaql_migrations")
        .await
        .doing(DOING)?;
    let applied: Vec<String> = if there {
        let applied = Migrator::get_applied_migrations(db.connection())
            .await
            .doing(DOING)?;
        applied
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect()
    } else {
        Vec::new()
    };
    Ok(known
        .map(|name| Step {
            applied: applied.contains(&name),
            name,
        })
        .collect())
}

/// Applies every migration that the database lacks.
pub async fn up(db: &Db) -> Result<()> {
    Migrator::up(db.connection(), None)
        .await
        .doing("migrate the database")
}

/// Takes back the last `steps` migrations, with all that is stored in what they made.
pub async fn down(db: &Db, steps: u32) -> Result<()> {
    Migrator::down(db.connection(), Some(steps))
        .await
        .doing("take migrations back")
}

/// Runs the statements of a script, separated by `;`, with the open type names filled in.
async fn run(manager: &SchemaManager<'_>, script: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let types: [(&str, &str); 8] = match connection.get_database_backend() {
        sea_orm::DbBackend::Postgres => [
            ("{uuid}", "uuid"),
            ("{time}", "timestamptz"),
            ("{bool}", "boolean"),
            ("{int}", "integer"),
            ("{bigint}", "bigint"),
            ("{real}", "double precision"),
            ("{random}", "floor(random() * 1000000000)::bigint"),
            ("{strict}", ""),
        ],
        _ => [
            ("{uuid}", "blob"),
            ("{time}", "text"),
            ("{bool}", "integer"),
            ("{int}", "integer"),
            ("{bigint}", "integer"),
            ("{real}", "real"),
            ("{random}", "abs(random() % 1000000000)"),
            // Without it SQLite would take a word where a number belongs.
            ("{strict}", "STRICT"),
        ],
    };
    let script = types
        .iter()
        .fold(script.to_owned(), |script, (open, filled)| {
            script.replace(open, filled)
        });
    // Comments are prose, in which a semicolon ends nothing.
    let statements: String = script
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| [line, "\n"])
        .collect();
    for statement in statements
        .split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        connection.execute_unprepared(statement).await?;
    }
    Ok(())
}

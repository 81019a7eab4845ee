//! Filling: writes the archive to a database on which other servers are measured, too
//! (`benches/peers`).

use std::io::{self, Write as _};

use khabar_persistence::{Db, Options, migration};
use serde_json::{Value, json};

use crate::archive::Archive;
use crate::environment::Postgres;
use crate::in_process::InProcess;
use crate::operations::{self, OPERATIONS};

/// Migrates and fills an empty PostgreSQL database. Prints the operations and their variables to
/// standard output, as JSON.
pub(crate) async fn fill(url: &str, articles: usize) -> anyhow::Result<()> {
    let archive = Archive::new(articles)?;
    let db = Db::open(&Options::new(url)).await?;
    migration::up(&db).await?;
    archive.save(&db).await?;
    Postgres::settle(url).await?;
    let samples = operations::samples(&archive, &InProcess::new(db.clone())?).await?;
    db.close().await?;
    let operations: Vec<Value> = OPERATIONS
        .iter()
        .zip(samples)
        .map(|(operation, samples)| {
            json!({
                "name": operation.name,
                "document": operation.document,
                "statement": operation.sql,
                "samples": samples,
            })
        })
        .collect();
    let said = json!({
        "articles": articles,
        "far_page": operations::far_page(&archive),
        "operations": operations,
    });
    writeln!(io::stdout(), "{said}")?;
    Ok(())
}

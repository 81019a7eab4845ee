//! Reserved names: those of people and accounts, which nobody may sign with who has no account. They
//! are compared by their skeletons (UTS #39), so a name that looks the same is reserved as well.

use chrono::DateTime;
use khabar_domain::{Name, unicode};
use sea_orm::{ConnectionTrait as _, Statement};
use uuid::Uuid;

use crate::change::Noun;
use crate::{Db, Doing, Result, Writer};

const DOING: &str = "reserve names";

/// How many names are reserved by one transaction of [`complete`].
const AT_ONCE: usize = 500;

/// Reserves the name of a person or an account, instead of the one that it had.
pub(crate) async fn reserve(writer: &Writer, noun: Noun, id: Uuid, name: &str) -> Result<()> {
    let mut sql = writer.sql();
    let values = [
        sql.bind(id),
        sql.bind(noun.as_str()),
        sql.bind(unicode::skeleton(name)),
    ];
    let text = format!(
        "INSERT INTO reserved_name (of_id, noun, skeleton) VALUES ({}) \
         ON CONFLICT (of_id) DO UPDATE SET skeleton = excluded.skeleton",
        values.join(", ")
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Whether readers would take a name for that of a person or an account.
pub async fn is_reserved(writer: &Writer, name: &Name) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM reserved_name WHERE skeleton = {} LIMIT 1",
        sql.bind(unicode::skeleton(name.as_str()))
    );
    let found = writer.rows("find out whether a name is reserved", sql, text);
    Ok(!found.await?.is_empty())
}

/// Reserves the names that are not reserved yet: of an earlier version, or of an archive.
pub(crate) async fn complete(writer: &Writer) -> Result<()> {
    for noun in [Noun::Person, Noun::Account] {
        loop {
            let rows = writer.rows(DOING, writer.sql(), missing(noun, AT_ONCE));
            let rows = rows.await?;
            for row in &rows {
                let id: Uuid = row.try_get("", "id").doing(DOING)?;
                let name: String = row.try_get("", "name").doing(DOING)?;
                reserve(writer, noun, id, &name).await?;
            }
            if rows.len() < AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}

/// The people or accounts whose names are not reserved yet, so many at most.
fn missing(noun: Noun, most: usize) -> String {
    let table = noun.as_str();
    format!(
        "SELECT t.id, t.name FROM {table} t WHERE NOT EXISTS \
         (SELECT 1 FROM reserved_name r WHERE r.of_id = t.id) LIMIT {most}"
    )
}

/// The same for a whole database, after its migrations. Where no name is missing, nothing is written: a
/// role that may only read can ask for it.
pub(crate) async fn complete_all(db: &Db) -> Result<()> {
    let mut is_complete = true;
    for noun in [Noun::Person, Noun::Account] {
        let text = missing(noun, 1);
        let statement = Statement::from_string(db.dialect().backend(), text);
        let found = db.connection().query_one_raw(statement).await;
        is_complete &= found.doing(DOING)?.is_none();
    }
    if is_complete {
        return Ok(());
    }
    let writer = db.writer(DateTime::UNIX_EPOCH).await?;
    complete(&writer).await?;
    writer.commit().await
}

//! Reserved names: the names of people and accounts, which guests may not use. Names are compared by
//! their skeletons (UTS #39), so confusable names are reserved as well.

use chrono::DateTime;
use khabar_domain::{Name, unicode};
use sea_orm::{ConnectionTrait as _, Statement};
use uuid::Uuid;

use crate::feed::EntityKind;
use crate::{Db, Doing, Result, WriteTx};

const DOING: &str = "reserve names";

/// Maximum number of names that [`complete`] reads at a time.
const AT_ONCE: usize = 500;

/// Reserves the name of a person or an account. Replaces the name reserved for it before.
pub(crate) async fn reserve(
    writer: &WriteTx,
    entity: EntityKind,
    id: Uuid,
    name: &str,
) -> Result<()> {
    let mut sql = writer.sql();
    let values = [
        sql.bind(id),
        sql.bind(entity.as_str()),
        sql.bind(unicode::skeleton(name)),
    ];
    let text = format!(
        "INSERT INTO reserved_name (of_id, entity, skeleton) VALUES ({}) \
         ON CONFLICT (of_id) DO UPDATE SET skeleton = excluded.skeleton",
        values.join(", ")
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Whether a name could be mistaken for that of a person or an account.
pub async fn is_reserved(writer: &WriteTx, name: &Name) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM reserved_name WHERE skeleton = {} LIMIT 1",
        sql.bind(unicode::skeleton(name.as_str()))
    );
    let found = writer.rows("find out whether a name is reserved", sql, text);
    Ok(!found.await?.is_empty())
}

/// Reserves all names that are not reserved yet, such as those written by an earlier version or read from
/// an archive.
pub(crate) async fn complete(writer: &WriteTx) -> Result<()> {
    for entity in [EntityKind::Person, EntityKind::Account] {
        loop {
            let rows = writer.rows(DOING, writer.sql(), missing(entity, AT_ONCE));
            let rows = rows.await?;
            for row in &rows {
                let id: Uuid = row.try_get("", "id").doing(DOING)?;
                let name: String = row.try_get("", "name").doing(DOING)?;
                reserve(writer, entity, id, &name).await?;
            }
            if rows.len() < AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}

/// Returns a query for at most `most` people or accounts whose names are not reserved yet.
fn missing(entity: EntityKind, most: usize) -> String {
    let table = entity.as_str();
    format!(
        "SELECT t.id, t.name FROM {table} t WHERE NOT EXISTS \
         (SELECT 1 FROM reserved_name r WHERE r.of_id = t.id) LIMIT {most}"
    )
}

/// Reserves all missing names of a database after its migrations. If none is missing, nothing is written,
/// so a read-only role can call this.
pub(crate) async fn complete_all(db: &Db) -> Result<()> {
    let mut is_complete = true;
    for entity in [EntityKind::Person, EntityKind::Account] {
        let text = missing(entity, 1);
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

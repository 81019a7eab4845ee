//! Slugs: which are taken, and where those lead that their things no longer have.

use std::collections::HashMap;

use khabar_domain::{EditionId, Scope, Slug};
use uuid::Uuid;

use crate::cache::{Kept, ReadingKey};
use crate::change::Noun;
use crate::row::broken;
use crate::sql::Sql;
use crate::{BatchKey, Doing, Reader, Result, Writer};

/// The slugs that this thing had before, which still lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormerSlugs(pub Uuid);

impl BatchKey for FormerSlugs {
    type Value = Vec<Slug>;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Vec<Slug>>) -> Option<Kept> {
        // Something else that takes one of them ends what led here.
        const SLUGGED: [Noun; 6] = [
            Noun::Article,
            Noun::Person,
            Noun::Section,
            Noun::Source,
            Noun::Story,
            Noun::Topic,
        ];
        let kept = Kept::of::<Self>(value);
        let every = SLUGGED.into_iter().map(ReadingKey::every);
        Some(every.fold(kept, Kept::key))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Vec<Slug>>> {
        const DOING: &str = "find former slugs";
        let mut sql = reader.sql();
        let among = sql.among("r.target_id", keys.iter().map(|key| key.0));
        let text = format!(
            "SELECT r.target_id, r.slug FROM redirect r WHERE {among} ORDER BY r.at, r.slug"
        );
        let mut found: HashMap<Self, Vec<Slug>> = HashMap::with_capacity(keys.len());
        for row in reader.rows(DOING, sql, text).await? {
            let id: Uuid = row.try_get("", "target_id").doing(DOING)?;
            let slug: String = row.try_get("", "slug").doing(DOING)?;
            let slug = Slug::parse(&slug).map_err(broken("redirect", "slug", &slug));
            let slug = reader.met().unless_broken(slug)?;
            found.entry(Self(id)).or_default().extend(slug);
        }
        Ok(found)
    }
}

/// Whether something else of this kind has the slug in an edition.
pub async fn is_taken(
    writer: &Writer,
    edition: EditionId,
    noun: Noun,
    slug: &Slug,
    except: Uuid,
) -> Result<bool> {
    let mut sql = writer.sql();
    let text = has(&mut sql, edition, noun, slug, except);
    let rows = writer
        .rows("find out whether a slug is taken", sql, text)
        .await?;
    Ok(!rows.is_empty())
}

/// Whether something else of this kind has the slug in an edition, or had it and is still found by it:
/// what chooses a slug by itself leaves both alone.
pub async fn is_known(
    writer: &Writer,
    edition: EditionId,
    noun: Noun,
    slug: &Slug,
    except: Uuid,
) -> Result<bool> {
    let mut sql = writer.sql();
    let has = has(&mut sql, edition, noun, slug, except);
    let text = format!(
        "{has} UNION ALL SELECT 1 FROM redirect WHERE edition_id = {} AND noun = {} AND slug = {} AND target_id <> {}",
        sql.bind(edition.uuid()),
        sql.bind(noun.as_str()),
        sql.bind(slug.as_str()),
        sql.bind(except)
    );
    let rows = writer
        .rows("find out whether a slug is known", sql, text)
        .await?;
    Ok(!rows.is_empty())
}

fn has(sql: &mut Sql, edition: EditionId, noun: Noun, slug: &Slug, except: Uuid) -> String {
    format!(
        "SELECT 1 FROM {} WHERE edition_id = {} AND slug = {} AND id <> {}",
        noun.as_str(),
        sql.bind(edition.uuid()),
        sql.bind(slug.as_str()),
        sql.bind(except)
    )
}

/// Keeps the addresses in order when something that readers see gets a slug: its former one leads to
/// it, and the new one leads nowhere else.
pub async fn given(
    writer: &Writer,
    edition: EditionId,
    noun: Noun,
    former: Option<&Slug>,
    now: &Slug,
    id: Uuid,
) -> Result<()> {
    if former == Some(now) {
        return Ok(());
    }
    if let Some(former) = former {
        leave(writer, edition, noun, former, id).await?;
    }
    end(writer, edition, noun, now).await
}

/// The same after saving something that readers always see; `former` is the slug that was stored, if
/// any was.
pub(crate) async fn saved(
    writer: &Writer,
    edition: EditionId,
    noun: Noun,
    former: Option<&str>,
    now: &Slug,
    id: Uuid,
) -> Result<()> {
    let former = former.map(Slug::parse).transpose();
    let former = former.map_err(broken(noun.as_str(), "slug", id))?;
    given(writer, edition, noun, former.as_ref(), now, id).await
}

/// Lets a former slug lead to what had it. What led elsewhere by it leads here now.
pub(crate) async fn leave(
    writer: &Writer,
    edition: EditionId,
    noun: Noun,
    former: &Slug,
    to: Uuid,
) -> Result<()> {
    const DOING: &str = "leave a redirect";
    let mut sql = writer.sql();
    let values = [
        sql.bind(edition.uuid()),
        sql.bind(noun.as_str()),
        sql.bind(former.as_str()),
        sql.bind(to),
        sql.bind(writer.at()),
    ];
    let text = format!(
        "INSERT INTO redirect (edition_id, noun, slug, target_id, at) VALUES ({}) \
         ON CONFLICT (edition_id, noun, slug) DO UPDATE SET target_id = excluded.target_id, at = excluded.at",
        values.join(", ")
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// The slugs that lead to something beside its own.
pub(crate) async fn former(writer: &Writer, id: Uuid) -> Result<Vec<Slug>> {
    const DOING: &str = "find what leads to something";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT slug FROM redirect WHERE target_id = {}",
        sql.bind(id)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let mut former = Vec::with_capacity(rows.len());
    for row in rows {
        let slug: String = row.try_get("", "slug").doing(DOING)?;
        // One that cannot be read leads nowhere.
        former.extend(Slug::parse(&slug));
    }
    Ok(former)
}

/// Ends the redirect under a slug that something has again.
pub(crate) async fn end(
    writer: &Writer,
    edition: EditionId,
    noun: Noun,
    slug: &Slug,
) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM redirect WHERE edition_id = {} AND noun = {} AND slug = {}",
        sql.bind(edition.uuid()),
        sql.bind(noun.as_str()),
        sql.bind(slug.as_str())
    );
    writer.run("end a redirect", sql, text).await?;
    Ok(())
}

/// Ends the redirect under a slug, if it leads to this.
pub(crate) async fn end_to(
    writer: &Writer,
    edition: EditionId,
    noun: Noun,
    slug: &Slug,
    to: Uuid,
) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM redirect WHERE edition_id = {} AND noun = {} AND slug = {} AND target_id = {}",
        sql.bind(edition.uuid()),
        sql.bind(noun.as_str()),
        sql.bind(slug.as_str()),
        sql.bind(to)
    );
    writer.run("end a redirect to itself", sql, text).await?;
    Ok(())
}

/// Ends every redirect to something that is gone.
pub(crate) async fn forget(writer: &Writer, id: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!("DELETE FROM redirect WHERE target_id = {}", sql.bind(id));
    writer.run("end redirects", sql, text).await?;
    Ok(())
}

/// Lets what led to one thing lead to another.
pub async fn turn(writer: &Writer, from: Uuid, to: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE redirect SET target_id = {} WHERE target_id = {}",
        sql.bind(to),
        sql.bind(from)
    );
    writer.run("turn redirects", sql, text).await?;
    Ok(())
}

//! Database rows of the commenting settings of editions and articles.

use std::collections::HashMap;

use khabar_domain::commenting::{Closing, CommentPolicy, CommentSettings, Depth, Mode};
use khabar_domain::{Article, ArticleId, EditionId, Invalid, Scope};
use sea_orm::{ColumnTrait, DbErr, QueryResult};
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::query::broken::Met;
use crate::query::decode::Row;
use crate::query::row::broken;
use crate::query::sql::Sql;
use crate::query::table::table;
use crate::tables::article::table as article;
use crate::{BatchKey, Doing, ReadSession, Result, Saved, WriteTx};

/// The commenting policy of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle(pub ArticleId);

impl BatchKey for OfArticle {
    type Value = CommentPolicy;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&CommentPolicy>) -> Option<CacheMeta> {
        let meta = CacheMeta::of(value).on(EntityKind::Article, self.0);
        // Settings that the article does not have come from its edition, which is not known here.
        Some(meta.tag(CacheTag::every_part(EntityKind::Edition, Facet::Commenting)))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, CommentPolicy>> {
        let mut sql = reader.sql();
        let text = ARTICLE.text(&mut sql, keys.iter().map(|key| key.0.uuid()));
        let rows = reader.rows(QUERY, sql, text).await?;
        let policies = rows.iter().map(|row| policy(row, Some(reader.met())));
        policies
            .map(|policy| policy.map(|(id, policy)| (Self(id.into()), policy)))
            .collect()
    }
}

/// The commenting policy of an edition's articles, for settings that they do not have themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = CommentPolicy;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&CommentPolicy>) -> Option<CacheMeta> {
        Some(CacheMeta::of(value).on(EntityKind::Edition, self.0))
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, CommentPolicy>> {
        let mut sql = reader.sql();
        let text = EDITION.text(&mut sql, keys.iter().map(|key| key.0.uuid()));
        let rows = reader.rows(QUERY, sql, text).await?;
        let policies = rows.iter().map(|row| policy(row, Some(reader.met())));
        policies
            .map(|policy| policy.map(|(id, policy)| (Self(id.into()), policy)))
            .collect()
    }
}

/// Returns an article in any status with its commenting policy, for a write that depends on them.
pub async fn under(writer: &WriteTx, id: ArticleId) -> Result<Option<(Article, CommentPolicy)>> {
    let by_id = article::Column::Id.eq(id.uuid());
    let Some(found) = writer.find::<article::Entity, _>(DOING, by_id).await? else {
        return Ok(None);
    };
    let mut sql = writer.sql();
    let text = ARTICLE.text(&mut sql, [id.uuid()]);
    let rows = writer.rows(DOING, sql, text).await?;
    let policy = rows.first().map(|row| policy(row, None)).transpose()?;
    Ok(policy.map(|(_, policy)| (found, policy)))
}

/// The owner of commenting settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// An edition, whose settings apply to its articles.
    Edition(EditionId),
    /// An article, whose settings override those of its edition.
    Article(ArticleId),
}

impl Of {
    fn id(self) -> Uuid {
        match self {
            Self::Edition(id) => id.uuid(),
            Self::Article(id) => id.uuid(),
        }
    }

    const fn entity(self) -> EntityKind {
        match self {
            Self::Edition(_) => EntityKind::Edition,
            Self::Article(_) => EntityKind::Article,
        }
    }
}

/// Returns the settings of an edition or article, for a write that depends on them. If none were saved,
/// all settings are absent.
pub async fn get(writer: &WriteTx, of: Of) -> Result<CommentSettings> {
    let condition = table::Column::OfId.eq(of.id());
    let found = writer.find::<table::Entity, _>(DOING, condition).await?;
    Ok(found.unwrap_or_default())
}

/// Saves the settings of an edition or article.
pub async fn save(writer: &mut WriteTx, of: Of, settings: CommentSettings) -> Result<Saved> {
    let row = table::Model {
        of_id: of.id(),
        entity: of.entity().as_str().to_owned(),
        mode: settings.mode.map(|mode| mode.as_str().to_owned()),
        days: settings.closing.map(Closing::days),
        depth: settings.depth.map(Depth::get),
        guest_comments_allowed: settings.guest_comments_allowed,
    };
    let saved = writer
        .save::<table::Entity, _>("save how comments are taken in", row.of_id, row, |_, _| ())
        .await?;
    if saved != Saved::Unchanged {
        let (entity, id) = (of.entity(), of.id());
        let keys = vec![
            CacheTag::one(entity, id),
            CacheTag::part(entity, id, Facet::Commenting),
        ];
        writer.note(entity, id, Operation::Changed, keys);
    }
    Ok(saved)
}

const QUERY: &str = "comment_policy.of";
const DOING: &str = "read a comment policy";

/// The table whose own settings apply, and its column with the edition that provides missing ones.
struct Levels {
    table: &'static str,
    above: &'static str,
}

const ARTICLE: Levels = Levels {
    table: "article",
    above: "edition_id",
};
const EDITION: Levels = Levels {
    table: "edition",
    above: "id",
};

impl Levels {
    fn text(&self, sql: &mut Sql, ids: impl IntoIterator<Item = Uuid>) -> String {
        let Self { table, above } = self;
        let columns = |level: &str| {
            ["mode", "days", "depth", "guest_comments_allowed"]
                .map(|column| format!("{level}.{column} AS {level}_{column}"))
                .join(", ")
        };
        format!(
            "SELECT t.id, {}, {} FROM {table} t LEFT JOIN commenting own ON own.of_id = t.id \
             LEFT JOIN commenting above ON above.of_id = t.{above} WHERE {}",
            columns("own"),
            columns("above"),
            sql.among("t.id", ids)
        )
    }
}

/// Reads the policy from a row. For reads, given by `met`, comments are closed if the settings cannot
/// be read.
fn policy(row: &QueryResult, met: Option<&Met>) -> Result<(Uuid, CommentPolicy)> {
    let id: Uuid = row.try_get("", "id").query(QUERY)?;
    let level = |level: &str| -> Result<table::Model, DbErr> {
        Ok(table::Model {
            of_id: id,
            entity: String::new(),
            mode: row.try_get("", &format!("{level}_mode"))?,
            days: row.try_get("", &format!("{level}_days"))?,
            depth: row.try_get("", &format!("{level}_depth"))?,
            guest_comments_allowed: row.try_get("", &format!("{level}_guest_comments_allowed"))?,
        })
    };
    let closed = CommentSettings {
        mode: Some(Mode::Closed),
        ..CommentSettings::default()
    };
    let level = |name: &str| -> Result<CommentSettings> {
        let read = level(name).query(QUERY)?.read();
        match met {
            Some(met) => Ok(met.unless_broken(read)?.unwrap_or(closed)),
            None => read,
        }
    };
    Ok((id, CommentPolicy::of(level("own")?.over(level("above")?))))
}

impl Cacheable for CommentPolicy {
    fn describe(&self, _: &mut CacheMeta) {}
}

impl Row for table::Model {
    const TABLE: &'static str = "commenting";
    type Means = CommentSettings;

    fn read(self) -> Result<CommentSettings> {
        let broken = |column| broken("commenting", column, self.of_id);
        let mode = self.mode.as_deref().map(Mode::parse);
        let closing: Result<_, Invalid> = self.days.map(Closing::parse).transpose();
        Ok(CommentSettings {
            mode: mode.transpose().map_err(broken("mode"))?,
            closing: closing.map_err(broken("days"))?,
            depth: self
                .depth
                .map(Depth::parse)
                .transpose()
                .map_err(broken("depth"))?,
            guest_comments_allowed: self.guest_comments_allowed,
        })
    }
}

table! {
    mod table = "commenting";
    key of_id: Uuid;
    entity: String,
    mode: Option<String>,
    days: Option<i32>,
    depth: Option<i32>,
    guest_comments_allowed: Option<bool>,
}

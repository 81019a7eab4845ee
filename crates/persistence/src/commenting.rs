//! Commenting as rows: what editions and articles have decided about how comments are taken in.

use std::collections::HashMap;

use khabar_domain::commenting::{Closing, Depth, Mode, Policy, Settings};
use khabar_domain::{Article, ArticleId, EditionId, Invalid, Scope};
use sea_orm::{ColumnTrait, DbErr, QueryResult};
use uuid::Uuid;

use crate::article::table as article;
use crate::broken::Met;
use crate::cache::{Kept, ReadingKey};
use crate::cells::stored;
use crate::change::{Act, Noun, Part};
use crate::row::{Row, broken};
use crate::sql::Sql;
use crate::{BatchKey, Doing, Reader, Result, Saved, Writer};

/// How comments are taken in under this article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfArticle(pub ArticleId);

impl BatchKey for OfArticle {
    type Value = Policy;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Policy>) -> Option<Kept> {
        let kept = Kept::of::<Self>(value).on(Noun::Article, self.0);
        // What it does not decide itself, its edition does, which is not known here.
        Some(kept.key(ReadingKey::every_part(Noun::Edition, Part::Commenting)))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Policy>> {
        let mut sql = reader.sql();
        let text = ARTICLE.text(&mut sql, keys.iter().map(|key| key.0.uuid()));
        let rows = reader.rows(DOING, sql, text).await?;
        let policies = rows.iter().map(|row| policy(row, Some(reader.met())));
        policies
            .map(|policy| policy.map(|(id, policy)| (Self(id.into()), policy)))
            .collect()
    }
}

/// How comments are taken in under this edition's articles, where they do not decide it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfEdition(pub EditionId);

impl BatchKey for OfEdition {
    type Value = Policy;

    fn is_kept(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&Policy>) -> Option<Kept> {
        Some(Kept::of::<Self>(value).on(Noun::Edition, self.0))
    }

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Policy>> {
        let mut sql = reader.sql();
        let text = EDITION.text(&mut sql, keys.iter().map(|key| key.0.uuid()));
        let rows = reader.rows(DOING, sql, text).await?;
        let policies = rows.iter().map(|row| policy(row, Some(reader.met())));
        policies
            .map(|policy| policy.map(|(id, policy)| (Self(id.into()), policy)))
            .collect()
    }
}

/// An article, whatever its status, and how comments are taken in under it: for a write that
/// depends on it.
pub async fn under(writer: &Writer, id: ArticleId) -> Result<Option<(Article, Policy)>> {
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

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// An edition, for its articles.
    Edition(EditionId),
    /// An article, for itself.
    Article(ArticleId),
}

impl Of {
    fn id(self) -> Uuid {
        match self {
            Self::Edition(id) => id.uuid(),
            Self::Article(id) => id.uuid(),
        }
    }

    const fn noun(self) -> Noun {
        match self {
            Self::Edition(_) => Noun::Edition,
            Self::Article(_) => Noun::Article,
        }
    }
}

/// What it has decided, for a write that depends on it.
pub async fn find(writer: &Writer, of: Of) -> Result<Settings> {
    let condition = table::Column::OfId.eq(of.id());
    let found = writer.find::<table::Entity, _>(DOING, condition).await?;
    Ok(found.unwrap_or_default())
}

/// Makes this what it has decided.
pub async fn save(writer: &mut Writer, of: Of, settings: Settings) -> Result<Saved> {
    let row = table::Model {
        of_id: of.id(),
        noun: of.noun().as_str().to_owned(),
        mode: settings.mode.map(|mode| mode.as_str().to_owned()),
        days: settings.closing.map(Closing::days),
        depth: settings.depth.map(Depth::get),
        names_allowed: settings.names_allowed,
    };
    let saved = writer
        .save::<table::Entity, _>("save how comments are taken in", row.of_id, row, |_, _| ())
        .await?;
    if saved != Saved::Unchanged {
        let (noun, id) = (of.noun(), of.id());
        let keys = vec![noun.key(id), noun.list_key(id, Part::Commenting)];
        writer.note(noun, id, Act::Changed, keys);
    }
    Ok(saved)
}

const DOING: &str = "find how comments are taken in";

/// Whose settings count, and whose count where those are silent.
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
            ["mode", "days", "depth", "names_allowed"]
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

/// What is decided for a thing. For reading, comments are closed where a decision cannot be read.
fn policy(row: &QueryResult, met: Option<&Met>) -> Result<(Uuid, Policy)> {
    let id: Uuid = row.try_get("", "id").doing(DOING)?;
    let level = |level: &str| -> Result<table::Model, DbErr> {
        Ok(table::Model {
            of_id: id,
            noun: String::new(),
            mode: row.try_get("", &format!("{level}_mode"))?,
            days: row.try_get("", &format!("{level}_days"))?,
            depth: row.try_get("", &format!("{level}_depth"))?,
            names_allowed: row.try_get("", &format!("{level}_names_allowed"))?,
        })
    };
    let closed = Settings {
        mode: Some(Mode::Closed),
        ..Settings::default()
    };
    let level = |name: &str| -> Result<Settings> {
        let read = level(name).doing(DOING)?.read();
        match met {
            Some(met) => Ok(met.unless_broken(read)?.unwrap_or(closed)),
            None => read,
        }
    };
    Ok((id, Policy::of(level("own")?.over(level("above")?))))
}

stored!(table::Model: of_id, noun, mode, days, depth, names_allowed);

impl Row for table::Model {
    const TABLE: &'static str = "commenting";
    type Means = Settings;

    fn read(self) -> Result<Settings> {
        let broken = |column| broken("commenting", column, self.of_id);
        let mode = self.mode.as_deref().map(Mode::parse);
        let closing: Result<_, Invalid> = self.days.map(Closing::parse).transpose();
        Ok(Settings {
            mode: mode.transpose().map_err(broken("mode"))?,
            closing: closing.map_err(broken("days"))?,
            depth: self
                .depth
                .map(Depth::parse)
                .transpose()
                .map_err(broken("depth"))?,
            names_allowed: self.names_allowed,
        })
    }
}

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "commenting")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub of_id: Uuid,
        pub noun: String,
        pub mode: Option<String>,
        pub days: Option<i32>,
        pub depth: Option<i32>,
        pub names_allowed: Option<bool>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

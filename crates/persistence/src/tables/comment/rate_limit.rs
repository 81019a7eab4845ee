//! The sender of a comment, and the limits on how much they may send.

use chrono::{DateTime, Utc};
use khabar_domain::comment::Text;
use khabar_domain::commenting::{CommentLimits, REPEATED_WITHIN, RateLimit};
use khabar_domain::{AccountId, ArticleId, CommentId, Name, Network};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::feed::EntityKind;
use crate::query::sql::{Dialect, Sql};
use crate::{Doing, ReadSession, Result, WriteTx};

/// Whether the writer's account may repeat this write's action now. Earlier actions are counted in the
/// audit log. Hold [`Sender::wait`] to keep the count valid until the write. Always `true` without an
/// account.
pub async fn keeps_pace(writer: &WriteTx, pace: RateLimit) -> Result<bool> {
    let author = writer.author();
    let Some(account) = author.account else {
        return Ok(true);
    };
    let since = writer.at() - RateLimit::WINDOW;
    let times = times(writer, account, &author.action, since).await?;
    Ok(pace.allows(times, writer.at()))
}

/// Returns the times at which an account has performed an action since the given moment. Rows about
/// accounts created along the way are not counted.
async fn times(
    writer: &WriteTx,
    account: AccountId,
    action: &str,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>> {
    const DOING: &str = "count what an account has done";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT at FROM audit WHERE account_id = {} AND action = {} AND at > {} AND entity <> {}",
        sql.bind(account.uuid()),
        sql.bind(action),
        sql.bind(since),
        sql.bind(EntityKind::Account.as_str())
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let times: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get("", "at")).collect();
    times.doing(DOING)
}

/// Description of the counting queries, for error messages.
const COUNT: &str = "count what came from a sender";

/// The sender of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A sender with an account.
    Account(AccountId),
    /// A guest, who gives a name. The network is empty if the address of the guest is unknown.
    Named {
        /// The name that the guest signs with.
        name: Name,
        /// The [`Network`] of the guest's address.
        network: String,
    },
}

impl Sender {
    /// Creates a guest who writes from this address. An address that cannot be parsed is used
    /// unchanged.
    pub fn named(name: Name, address: &str) -> Self {
        let network = Network::parse(address).map(|network| network.to_string());
        let network = network.unwrap_or_else(|| address.to_owned());
        Self::Named { name, network }
    }

    /// Returns the address to store with what they send. `None` for a sender with an account.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Account(_) => None,
            Self::Named { network, .. } => Some(network),
        }
    }

    /// Blocks other senders with this account or network until the transaction ends, so that counts are
    /// still valid when the comment is written.
    pub async fn wait(&self, writer: &WriteTx) -> Result<()> {
        let mut sql = writer.sql();
        if sql.dialect == Dialect::Sqlite {
            // SQLite has a single writer.
            return Ok(());
        }
        let key = match self {
            Self::Account(account) => format!("comments of {}", account.uuid()),
            Self::Named { network, .. } => format!("comments from {network}"),
        };
        let key = sql.bind(key);
        let text = format!("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended({key}, 0))");
        writer.rows("wait for a sender", sql, text).await?;
        Ok(())
    }

    /// Whether the sender may send one more comment now.
    pub async fn keeps_pace(&self, writer: &WriteTx, limits: &CommentLimits) -> Result<bool> {
        let mut sql = writer.sql();
        let text = self.lately(&mut sql, writer.at());
        let rows = writer.rows(COUNT, sql, text).await?;
        self.allows(&rows, limits, writer.at())
    }

    /// Whether the sender may send one more comment now, as far as a reader can tell. Unlike
    /// [`Sender::keeps_pace`], this runs without a transaction, so another comment may be in progress.
    pub async fn seems_to_keep_pace(
        &self,
        reader: &ReadSession,
        limits: &CommentLimits,
    ) -> Result<bool> {
        let at = reader.scope().as_of;
        let mut sql = reader.sql();
        let text = self.lately(&mut sql, at);
        let rows = reader.rows("comment.count_of_sender", sql, text).await?;
        self.allows(&rows, limits, at)
    }

    /// Builds the statement that finds the recent comments counted against the limits.
    fn lately(&self, sql: &mut Sql, at: DateTime<Utc>) -> String {
        let condition = self.everything(sql);
        let since = sql.bind(at - RateLimit::WINDOW);
        format!(
            "SELECT author_name, posted_at FROM comment WHERE {condition} AND posted_at > {since}"
        )
    }

    fn allows(
        &self,
        rows: &[QueryResult],
        limits: &CommentLimits,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let read = |row: &QueryResult| -> Result<(String, DateTime<Utc>), sea_orm::DbErr> {
            Ok((
                row.try_get("", "author_name")?,
                row.try_get("", "posted_at")?,
            ))
        };
        let sent: Result<Vec<_>, _> = rows.iter().map(read).collect();
        let sent = sent.doing(COUNT)?;
        let theirs = sent.iter().filter(|(name, _)| match self {
            Self::Account(_) => true,
            Self::Named { name: signed, .. } => name == signed.as_str(),
        });
        let within = limits.posts.allows(theirs.map(|(_, time)| *time), at);
        let everything = || sent.iter().map(|(_, time)| *time);
        Ok(
            within
                && (self.address().is_none() || limits.posts_of_address.allows(everything(), at)),
        )
    }

    /// Whether the sender has posted the same text under this article within [`REPEATED_WITHIN`], in a
    /// comment other than `except`.
    pub async fn repeats(
        &self,
        writer: &WriteTx,
        article: ArticleId,
        words: &Text,
        except: CommentId,
    ) -> Result<bool> {
        const DOING: &str = "find what a sender has said";
        let mut sql = writer.sql();
        let mut condition = self.everything(&mut sql);
        if let Self::Named { name, .. } = self {
            condition.push_str(" AND author_name = ");
            condition.push_str(&sql.bind(name.as_str()));
        }
        let text = format!(
            "SELECT id, text FROM comment WHERE {condition} AND posted_at > {} AND article_id = {}",
            sql.bind(writer.at() - REPEATED_WITHIN),
            sql.bind(article.uuid())
        );
        for row in writer.rows(DOING, sql, text).await? {
            let id: Uuid = row.try_get("", "id").doing(DOING)?;
            let said: String = row.try_get("", "text").doing(DOING)?;
            if id != except.uuid() && Text::parse(&said).is_ok_and(|said| said.repeats(words)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Builds the condition on `comment` for everything sent from the account or network.
    fn everything(&self, sql: &mut Sql) -> String {
        match self {
            Self::Account(account) => format!("account_id = {}", sql.bind(account.uuid())),
            Self::Named { network, .. } => format!("address = {}", sql.bind(network.as_str())),
        }
    }
}

//! A comment's sender, and what came from them lately.

use chrono::{DateTime, Utc};
use khabar_domain::comment::Text;
use khabar_domain::commenting::{Limits, Pace, REPEATED_WITHIN};
use khabar_domain::{AccountId, ArticleId, CommentId, Name, Network};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::sql::{Dialect, Sql};
use crate::{Doing, Reader, Result, Writer, audit};

/// Whether this writer's account may do once more now what this write does. What it has done is in
/// the audit log; hold [`Sender::wait`] for it to stay so.
pub async fn keeps_pace(writer: &Writer, pace: Pace) -> Result<bool> {
    let author = writer.author();
    let Some(account) = author.account else {
        return Ok(true);
    };
    let since = writer.at() - Pace::WINDOW;
    let times = audit::times(writer, account, &author.action, since).await?;
    Ok(pace.allows(times, writer.at()))
}

/// What is being done when comments are counted.
const COUNT: &str = "count what came from a sender";

/// Who sends a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Somebody with an account.
    Account(AccountId),
    /// Somebody who gives a name; empty is the network of whom nobody knows from where they write.
    Named {
        /// How they sign.
        name: Name,
        /// From where they write: the [`Network`] of their address.
        network: String,
    },
}

impl Sender {
    /// Somebody who gives a name, and writes from this address.
    pub fn named(name: Name, address: &str) -> Self {
        let network = Network::parse(address).map(|network| network.to_string());
        let network = network.unwrap_or_else(|| address.to_owned());
        Self::Named { name, network }
    }

    /// The address that is kept with what they send.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Account(_) => None,
            Self::Named { network, .. } => Some(network),
        }
    }

    /// Makes others who send from there wait until this write has ended, so that what is counted is
    /// still so when it is written.
    pub async fn wait(&self, writer: &Writer) -> Result<()> {
        let mut sql = writer.sql();
        if sql.dialect == Dialect::Sqlite {
            // One writes at a time anyway.
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

    /// Whether they may send one more now.
    pub async fn keeps_pace(&self, writer: &Writer, limits: &Limits) -> Result<bool> {
        let mut sql = writer.sql();
        let text = self.lately(&mut sql, writer.at());
        let rows = writer.rows(COUNT, sql, text).await?;
        self.allows(&rows, limits, writer.at())
    }

    /// The same as far as a reader can tell, without a transaction: another comment may be under way.
    pub async fn seems_to_keep_pace(&self, reader: &Reader, limits: &Limits) -> Result<bool> {
        let at = reader.scope().as_of;
        let mut sql = reader.sql();
        let text = self.lately(&mut sql, at);
        let rows = reader.rows(COUNT, sql, text).await?;
        self.allows(&rows, limits, at)
    }

    /// The statement that finds what counts for their pace.
    fn lately(&self, sql: &mut Sql, at: DateTime<Utc>) -> String {
        let condition = self.everything(sql);
        let since = sql.bind(at - Pace::WINDOW);
        format!(
            "SELECT author_name, posted_at FROM comment WHERE {condition} AND posted_at > {since}"
        )
    }

    fn allows(&self, rows: &[QueryResult], limits: &Limits, at: DateTime<Utc>) -> Result<bool> {
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
        let kept = limits.posts.allows(theirs.map(|(_, time)| *time), at);
        let everything = || sent.iter().map(|(_, time)| *time);
        Ok(kept && (self.address().is_none() || limits.posts_of_address.allows(everything(), at)))
    }

    /// Whether they have sent the same words under the same article lately, in another comment than
    /// this one.
    pub async fn repeats(
        &self,
        writer: &Writer,
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

    /// The condition on `comment` for what came from their account or from where they write.
    fn everything(&self, sql: &mut Sql) -> String {
        match self {
            Self::Account(account) => format!("account_id = {}", sql.bind(account.uuid())),
            Self::Named { network, .. } => format!("address = {}", sql.bind(network.as_str())),
        }
    }
}

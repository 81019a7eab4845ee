//! The sizes of lists, counted up to a limit.
//!
//! Counting reads the rows of a list, so its cost grows with the list. If a list has more rows than
//! [`ReadSession::counted_rows`], counting stops there and the result is a lower bound.

use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::query::sql::Sql;
use crate::{ReadSession, Result};

/// The number of items in a list, exact or as a lower bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The number of items, or a lower bound if `is_exact` is `false`.
    pub count: i64,
    /// Whether the count is exact. If `false`, the list may have more items.
    pub is_exact: bool,
}

impl Tally {
    /// Creates an exact count.
    pub const fn exact(count: i64) -> Self {
        Self {
            count,
            is_exact: true,
        }
    }

    /// Converts the number that [`counting`] selects. A negative number is the complement of a lower bound.
    fn from_sql(number: i64) -> Self {
        if number < 0 {
            return Self {
                count: !number,
                is_exact: false,
            };
        }
        Self::exact(number)
    }
}

/// Returns an SQL expression that counts the rows of `c` that pass. If `c` has more than `most` rows, the
/// result is the complement of the count, which is negative.
fn counting(most: u64) -> String {
    let passing = "count(CASE WHEN c.passes THEN 1 END)";
    format!("CASE WHEN count(*) > {most} THEN -1 - {passing} ELSE {passing} END")
}

/// A query that counts the items in the lists of several parents.
pub(crate) struct CountQuery {
    /// The operation, to complete the sentence "could not …" in error messages.
    pub(crate) query: &'static str,
    /// The table to count. The statement aliases it as `t`.
    pub(crate) table: &'static str,
    /// The column of `t` with the id of the parent.
    pub(crate) parent: &'static str,
}

impl CountQuery {
    /// Counts every parent's list in one statement. `filter` returns a condition on `t` that an index can
    /// answer.
    pub(crate) async fn of(
        &self,
        reader: &ReadSession,
        parents: &[Uuid],
        filter: impl FnOnce(&mut Sql) -> String,
    ) -> Result<Vec<Tally>> {
        self.passing(reader, parents, |sql| (filter(sql), "TRUE".to_owned()))
            .await
    }

    /// Counts every parent's list in one statement, with two conditions on `t`. `filter` returns the
    /// condition that an index can answer and a second one that is checked for each row read.
    pub(crate) async fn passing(
        &self,
        reader: &ReadSession,
        parents: &[Uuid],
        filter: impl FnOnce(&mut Sql) -> (String, String),
    ) -> Result<Vec<Tally>> {
        let Self {
            query,
            table,
            parent,
        } = self;
        let mut sql = reader.sql();
        let from = sql.parents(parents.iter().copied());
        let (within, passes) = filter(&mut sql);
        let most = reader.counted_rows();
        let limit = most.saturating_add(1);
        let counting = counting(most);
        // The limit is written into the text rather than bound: see `KeysetQuery::text`.
        let text = format!(
            "SELECT p.place, (SELECT {counting} FROM (SELECT ({passes}) AS passes FROM {table} t \
             WHERE t.{parent} = p.id{within} LIMIT {limit}) c) FROM {from}"
        );
        let mut tallies = vec![Tally::exact(0); parents.len()];
        for row in &reader.rows(query, sql, text).await? {
            let mut cells = reader.cells(row, query)?;
            let place: i64 = cells.take()?;
            let tally = usize::try_from(place - 1)
                .ok()
                .and_then(|place| tallies.get_mut(place));
            if let Some(tally) = tally {
                *tally = Tally::from_sql(cells.take()?);
            }
        }
        Ok(tallies)
    }
}

/// Counts the rows of a table, up to the reader's limit.
pub(crate) async fn whole(
    reader: &ReadSession,
    query: &'static str,
    table: &'static str,
) -> Result<Tally> {
    let most = reader.counted_rows();
    let limit = most.saturating_add(1);
    let counting = counting(most);
    let text =
        format!("SELECT {counting} FROM (SELECT TRUE AS passes FROM {table} LIMIT {limit}) c");
    let rows = reader.rows(query, reader.sql(), text).await?;
    let number = rows.first().map(|row| reader.cells(row, query)?.take());
    Ok(Tally::from_sql(number.transpose()?.unwrap_or(0)))
}

impl Cacheable for Tally {
    fn describe(&self, _: &mut CacheMeta) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_number_is_a_lower_bound() {
        assert_eq!(Tally::from_sql(0), Tally::exact(0));
        assert_eq!(Tally::from_sql(7), Tally::exact(7));
        for count in [0, 7] {
            let is_exact = false;
            assert_eq!(Tally::from_sql(-1 - count), Tally { count, is_exact });
        }
    }
}

//! How many items lists have: counted to a limit, and said to be more beyond it.
//!
//! A count goes through the rows of a list, so its cost grows with the list. It ends after as many
//! rows as [`Reader::counted_rows`] says, and what was found until then is a lower bound.

use uuid::Uuid;

use crate::sql::Sql;
use crate::{Reader, Result};

/// How many items a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// As many, or at least as many.
    pub count: i64,
    /// Whether there are no more.
    pub is_exact: bool,
}

impl Tally {
    /// No more and no less.
    pub const fn exact(count: i64) -> Self {
        Self {
            count,
            is_exact: true,
        }
    }

    /// Out of the number that [`counting`] asks for.
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

/// The expression that counts the rows `c` that pass, up to a limit of rows looked at: where there
/// are more, its complement, which is negative.
fn counting(most: u64) -> String {
    let passing = "count(CASE WHEN c.passes THEN 1 END)";
    format!("CASE WHEN count(*) > {most} THEN -1 - {passing} ELSE {passing} END")
}

/// How many items each parent's list has.
pub(crate) struct Counted {
    /// Finishes the sentence "could not …".
    pub(crate) doing: &'static str,
    /// The table that is counted; the statement calls it `t`.
    pub(crate) table: &'static str,
    /// The column of `t` that names the parent.
    pub(crate) parent: &'static str,
}

impl Counted {
    /// Counts every parent's list by one statement. `filter` writes a condition on `t` that an index
    /// answers.
    pub(crate) async fn of(
        &self,
        reader: &Reader,
        parents: &[Uuid],
        filter: impl FnOnce(&mut Sql) -> String,
    ) -> Result<Vec<Tally>> {
        self.passing(reader, parents, |sql| (filter(sql), "TRUE".to_owned()))
            .await
    }

    /// The same, where `filter` writes a second condition that is held against each row.
    pub(crate) async fn passing(
        &self,
        reader: &Reader,
        parents: &[Uuid],
        filter: impl FnOnce(&mut Sql) -> (String, String),
    ) -> Result<Vec<Tally>> {
        let Self {
            doing,
            table,
            parent,
        } = self;
        let mut sql = reader.sql();
        let from = sql.parents(parents.iter().copied());
        let (within, passes) = filter(&mut sql);
        let most = reader.counted_rows();
        let limit = most.saturating_add(1);
        let counting = counting(most);
        // The limit stands in the text: see `Lists::text`.
        let text = format!(
            "SELECT p.place, (SELECT {counting} FROM (SELECT ({passes}) AS passes FROM {table} t \
             WHERE t.{parent} = p.id{within} LIMIT {limit}) c) FROM {from}"
        );
        let mut tallies = vec![Tally::exact(0); parents.len()];
        for row in &reader.rows(doing, sql, text).await? {
            let mut cells = reader.cells(row, doing)?;
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

/// How many rows a table has.
pub(crate) async fn whole(
    reader: &Reader,
    doing: &'static str,
    table: &'static str,
) -> Result<Tally> {
    let most = reader.counted_rows();
    let limit = most.saturating_add(1);
    let counting = counting(most);
    let text =
        format!("SELECT {counting} FROM (SELECT TRUE AS passes FROM {table} LIMIT {limit}) c");
    let rows = reader.rows(doing, reader.sql(), text).await?;
    let number = rows.first().map(|row| reader.cells(row, doing)?.take());
    Ok(Tally::from_sql(number.transpose()?.unwrap_or(0)))
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

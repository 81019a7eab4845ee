//! Measurements: the response times and the cost of a kind of request.

use std::time::Duration;

use crate::load::Timings;

/// The time and the cost of a number of requests. More rounds can be added.
#[derive(Default)]
pub(crate) struct Measurement {
    requests: u32,
    whole: Duration,
    /// Time of each request, sorted.
    each: Vec<Duration>,
    spent: ProcessorTime,
}

/// Processor time spent.
#[derive(Clone, Copy, Default)]
pub(crate) struct ProcessorTime {
    pub(crate) server: Duration,
    /// `None` if the database is part of the server.
    pub(crate) database: Option<Duration>,
}

impl ProcessorTime {
    /// Returns the time spent since an earlier reading.
    pub(crate) fn since(self, before: Self) -> Self {
        let database = self.database.zip(before.database);
        Self {
            server: self.server.saturating_sub(before.server),
            database: database.map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

impl Measurement {
    /// Adds the measurements of another round.
    pub(crate) fn add(&mut self, pace: Timings, spent: ProcessorTime) {
        self.requests += u32::try_from(pace.each.len()).unwrap_or_default();
        self.whole += pace.whole;
        self.each.extend(pace.each);
        self.each.sort_unstable();
        self.spent.server += spent.server;
        if let Some(database) = spent.database {
            *self.spent.database.get_or_insert_default() += database;
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.requests) / self.whole.as_secs_f64()
    }

    /// Returns the time within which this percentage of requests was answered.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.each.len().saturating_sub(1);
        let place = (self.each.len() * percent / 100).min(last);
        self.each.get(place).copied().unwrap_or_default()
    }

    /// Returns the processor time of the server per request.
    pub(crate) fn server(&self) -> Duration {
        self.spent.server / self.requests.max(1)
    }

    /// Returns the processor time of the database per request, or `None` if the database is part of
    /// the server.
    pub(crate) fn database(&self) -> Option<Duration> {
        let database = self.spent.database?;
        Some(database / self.requests.max(1))
    }

    /// Returns the processor time of server and database together, per request.
    pub(crate) fn total(&self) -> Duration {
        self.server() + self.database().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sum_of_the_rounds() {
        let millis = Duration::from_millis;
        let mut measured = Measurement::default();
        for each in [[5, 1], [2, 8]] {
            let pace = Timings {
                whole: millis(8),
                each: each.map(millis).to_vec(),
            };
            let before = ProcessorTime {
                server: millis(10),
                database: Some(millis(20)),
            };
            let after = ProcessorTime {
                server: millis(14),
                database: Some(millis(28)),
            };
            measured.add(pace, after.since(before));
        }
        assert_eq!(measured.percentile(50), millis(5));
        assert_eq!(measured.server(), millis(2));
        assert_eq!(measured.total(), millis(6));
        assert!((measured.per_second() - 250.0).abs() < 0.1);
    }
}

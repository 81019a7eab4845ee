//! The report: the measurements, presented for a reader who has never seen the program.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::load::CONNECTIONS;
use crate::measurement::Measurement;
use crate::operations::{FAR_PAGE, FIRST_PAGE};
use crate::run::{Row, Run, SmallArchiveRow};

/// The explanation of the columns.
pub(crate) const LEGEND: &str = "\
Each operation is answered by the API, once keeping nothing but reference data (cold) and once what
it read before (warm), by one hand-written SQL statement that makes the same JSON (on PostgreSQL,
where it was compared with the API's answer first), and by the same bytes made ready before. Times of server and database are processor time for one request, in microseconds, in
user and kernel mode; SQLite is part of the server. The last two columns say how many times as much
as the statement and as the ready bytes it costs, server and database together.";

impl Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{}, {} articles (written in {} s), {CONNECTIONS} connections",
            self.database, self.articles, self.filled_seconds
        )?;
        writeln!(out)?;
        self.table(out)?;
        writeln!(out)?;
        writeln!(
            out,
            "The server holds {} MiB of its own in memory, and {} MiB of files that it maps.",
            self.memory.own, self.memory.mapped
        )?;
        let in_process: Vec<_> = self
            .rows
            .iter()
            .map(|row| format!("{} {:.0}", row.operation, row.in_process_us))
            .collect();
        writeln!(
            out,
            "Without HTTP, in one process, an operation takes this many µs (cold, median): {}.",
            in_process.join(", ")
        )?;
        let cost = |place: usize| self.rows[place].cold.total();
        writeln!(
            out,
            "Page {} of a section costs {} times what its first page costs.",
            self.far_page,
            ratio(cost(FAR_PAGE), cost(FIRST_PAGE))
        )?;
        writeln!(
            out,
            "Among {} articles, an operation costs this many times what it costs among {}:",
            self.articles, self.fewer_articles,
        )?;
        let cold: Comparison = (|row| &row.cold, |fewer| &fewer.cold);
        let warm: Comparison = (|row| &row.warm, |fewer| &fewer.warm);
        for (how, (of, of_fewer)) in [("cold", cold), ("warm", warm)] {
            let compared = self.rows.iter().filter_map(|row| {
                let fewer = of_fewer(row.fewer.as_ref()?);
                let times = ratio(of(row).total(), fewer.total());
                Some(format!("{} {times}", row.operation))
            });
            let compared: Vec<_> = compared.collect();
            writeln!(out, "{how}: {}.", compared.join(", "))?;
        }
        Ok(())
    }
}

/// A measurement of an operation, and its counterpart on the smaller archive.
type Comparison = (
    fn(&Row) -> &Measurement,
    fn(&SmallArchiveRow) -> &Measurement,
);

impl Run {
    fn table(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = [
            "operation",
            "answered by",
            "statements",
            "requests/s",
            "p50 ms",
            "p99 ms",
            "server µs",
            "database µs",
            "together µs",
            "× statement",
            "× ready",
        ];
        let mut lines = vec![heads.map(str::to_owned)];
        lines.extend(self.rows.iter().flat_map(Row::lines));
        let widths: Vec<_> = (0..heads.len())
            .map(|column| {
                let widths = lines.iter().map(|line| line[column].chars().count());
                widths.max().unwrap_or_default()
            })
            .collect();
        for line in lines {
            let cells = line.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| match column {
                0 | 1 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

impl Row {
    fn lines(&self) -> Vec<[String; 11]> {
        let kinds = [
            ("the API, cold", Some(&self.cold), self.statements),
            ("the API, warm", Some(&self.warm), 0.0),
            ("one statement", self.statement.as_ref(), 1.0),
            ("ready bytes", Some(&self.ready), 0.0),
        ];
        let line = |(by, measured, statements): (&str, Option<&Measurement>, f64)| {
            let measured = measured?;
            let times = |other: Option<&Measurement>| {
                other
                    .filter(|other| !std::ptr::eq(*other, measured))
                    .map_or_else(String::new, |other| ratio(measured.total(), other.total()))
            };
            let of_statement = self.statement.as_ref().filter(|_| statements > 0.0);
            Some([
                self.operation.to_owned(),
                by.to_owned(),
                format!("{statements:.1}"),
                format!("{:.0}", measured.per_second()),
                millis(measured.percentile(50)),
                millis(measured.percentile(99)),
                micros(measured.server()),
                measured.database().map_or_else(|| "-".to_owned(), micros),
                micros(measured.total()),
                times(of_statement),
                times(Some(&self.ready)),
            ])
        };
        kinds.into_iter().filter_map(line).collect()
    }
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn micros(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

fn ratio(one: Duration, other: Duration) -> String {
    format!("{:.2}", one.as_secs_f64() / other.as_secs_f64())
}

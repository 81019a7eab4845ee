//! Metrics of the HTTP connections and of the log.

use std::fmt::Error;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{counter, gauge};
use crate::http::Stats;
use crate::telemetry;

/// A collector that reads the connection statistics at each scrape.
#[derive(Debug)]
pub(super) struct HttpCollector(pub(super) Arc<Stats>);

impl Collector for HttpCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let encoder = &mut encoder;
        gauge(
            encoder,
            "http_connections",
            "Open connections",
            None,
            self.0.connections(),
        )?;
        gauge(
            encoder,
            "http_buffered",
            "Memory of requests in flight and of responses that clients have not read yet",
            Some(&Unit::Bytes),
            self.0.buffered(),
        )?;
        counter(
            encoder,
            "http_refused",
            "Connections and requests for which there was no room, by what was full",
            self.0
                .refused()
                .into_iter()
                .map(|(full, count)| (vec![("full", full)], count)),
        )?;
        counter(
            encoder,
            "http_connections_ended",
            "Connections that the server ended, by why",
            self.0
                .ended()
                .into_iter()
                .map(|(why, count)| (vec![("why", why)], count)),
        )?;
        counter(
            encoder,
            "log_lines_dropped",
            "Lines of the log that could not be written",
            [(Vec::new(), telemetry::dropped())],
        )
    }
}

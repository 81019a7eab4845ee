//! Metrics of the cache: its activity and its size.

use std::fmt::Error;

use khabar_persistence::Cache;
use khabar_persistence::change::Facet;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{counter, gauge};

/// A collector that reads the statistics of a cache at each scrape.
#[derive(Debug)]
pub(super) struct CacheCollector(pub(super) Cache);

impl Collector for CacheCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let stats = self.0.stats();
        let (entities, responses) = (stats.entities, stats.responses);
        let of = |kind, count| (vec![("kind", kind)], count);
        let encoder = &mut encoder;
        counter(
            encoder,
            "cache_hits",
            "Cache lookups that found an entry",
            [
                of("entities", entities.hits),
                of("responses", responses.hits),
                of("reference", stats.referred),
            ],
        )?;
        counter(
            encoder,
            "cache_misses",
            "Cache lookups that found no entry",
            [
                of("entities", entities.misses),
                of("responses", responses.misses),
            ],
        )?;
        counter(
            encoder,
            "cache_stale_inserts",
            "Entries not stored because their data changed while they were being read",
            [
                of("entities", entities.refused),
                of("responses", responses.refused),
            ],
        )?;
        let dropped = self.0.dropped();
        counter(
            encoder,
            "cache_invalidated",
            "Entries invalidated, by the kind of the change",
            dropped.into_iter().map(|(noun, part, count)| {
                let part = part.map_or("", Facet::as_str);
                (vec![("entity", noun.as_str()), ("facet", part)], count)
            }),
        )?;
        counter(
            encoder,
            "cache_flushed",
            "Number of times the whole cache was emptied",
            [(Vec::new(), stats.cleared)],
        )?;
        gauge(
            encoder,
            "cache_entries",
            "Number of cache entries",
            None,
            stats.entries,
        )?;
        gauge(
            encoder,
            "cache_size",
            "Estimated memory of all cache entries",
            Some(&Unit::Bytes),
            stats.bytes,
        )
    }
}

//! What the cache has done and what it holds, as metrics.

use std::fmt::Error;

use khabar_persistence::Cache;
use khabar_persistence::change::Part;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{counter, gauge};

/// What one cache tells when it is asked.
#[derive(Debug)]
pub(super) struct OfCache(pub(super) Cache);

impl Collector for OfCache {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let stats = self.0.stats();
        let (entities, answers) = (stats.entities, stats.answers);
        let of = |kind, count| (vec![("kind", kind)], count);
        let encoder = &mut encoder;
        counter(
            encoder,
            "cache_hits",
            "What was asked for and kept",
            [
                of("entities", entities.hits),
                of("answers", answers.hits),
                of("reference", stats.referred),
            ],
        )?;
        counter(
            encoder,
            "cache_misses",
            "What was asked for and not kept",
            [
                of("entities", entities.misses),
                of("answers", answers.misses),
            ],
        )?;
        counter(
            encoder,
            "cache_refused",
            "What was not kept because something that it was read from was written meanwhile",
            [
                of("entities", entities.refused),
                of("answers", answers.refused),
            ],
        )?;
        let dropped = self.0.dropped();
        counter(
            encoder,
            "cache_dropped",
            "What was let go, by what was written",
            dropped.into_iter().map(|(noun, part, count)| {
                let part = part.map_or("", Part::as_str);
                (vec![("noun", noun.as_str()), ("part", part)], count)
            }),
        )?;
        counter(
            encoder,
            "cache_cleared",
            "How often everything was let go",
            [(Vec::new(), stats.cleared)],
        )?;
        gauge(
            encoder,
            "cache_entries",
            "How many answers are kept",
            None,
            stats.entries,
        )?;
        gauge(
            encoder,
            "cache_size",
            "How much room they take, about",
            Some(&Unit::Bytes),
            stats.bytes,
        )
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The boot, the module and how its sources answer.

use resmon::model::record::{Header, Record, SectionHeader, STALE};
use resmon::Source;

use super::super::family::{Label, Labels, Life, Value};
use super::{seconds_of, whole, Families, Metric, COUNTER, GAUGE, NONE, SECONDS};

/// What a record says of itself, and how many this program has lost.
struct Known {
    header: Header,
    lost_records: u64,
}

#[rustfmt::skip]
const METRICS: [Metric<Known>; 8] = [
    (GAUGE, "node_boot_time", SECONDS, "When the machine was booted, since 1970.", |known| boot_time(&known.header)),
    (COUNTER, "resource_monitor_samples", NONE, "Samples since the module was loaded.", |known| whole(known.header.seq.saturating_add(1))),
    (COUNTER, "resource_monitor_late_samples", NONE, "Samples since the module was loaded that were late by more than a tenth of the interval.", |known| whole(known.header.late_samples)),
    (COUNTER, "resource_monitor_missed_ticks", NONE, "Ticks since the module was loaded that never ran.", |known| whole(known.header.missed_ticks)),
    (COUNTER, "resource_monitor_lost_records", NONE, "Records that this exporter could not read in time since it started.", |known| whole(known.lost_records)),
    (GAUGE, "resource_monitor_callback", SECONDS, "Time that the timer callback needed for the sample before this one.", |known| seconds_of(known.header.previous_cost_ns)),
    (GAUGE, "resource_monitor_sample_timestamp", SECONDS, "When the sample was taken, since 1970.", |known| seconds_of(known.header.taken_wall_ns)),
    (GAUGE, "resource_monitor_interval", SECONDS, "The interval between two samples.", |known| seconds_of(known.header.interval_ns)),
];

/// The sections of a source, together.
struct Sections {
    source: Source,
    is_stale: bool,
    left_out: u64,
}

#[rustfmt::skip]
const SECTION_METRICS: [Metric<Sections>; 2] = [
    (GAUGE, "resource_monitor_stale", NONE, "Whether the source has not answered in time, so that its metrics are missing.", |sections| whole(u64::from(sections.is_stale))),
    (GAUGE, "resource_monitor_left_out", NONE, "Entries of the source that are missing, since the module has no room for more.", |sections| whole(sections.left_out)),
];

/// The boot's time moves by a few nanoseconds from record to record, as two clocks are read one
/// after the other. Whole seconds stay, and are what `btime` of /proc/stat has.
fn boot_time(header: &Header) -> Option<Value> {
    const SECOND_NS: u64 = 1_000_000_000;
    let since_1970_ns = header.taken_wall_ns.checked_sub(header.taken_boot_ns?)?;
    whole(since_1970_ns / SECOND_NS)
}

impl Sections {
    /// What is not sampled has no section, and no metrics here.
    fn of(record: Record<'_>, source: Source) -> Option<Self> {
        let headers = record.sections().map(|section| section.header());
        let headers = headers.filter(|header| header.kind == source.number());
        let each = |header: SectionHeader| Self {
            source,
            is_stale: header.state == STALE,
            left_out: header.left_out,
        };
        headers.map(each).reduce(|one, other| Self {
            source,
            is_stale: one.is_stale || other.is_stale,
            left_out: one.left_out.saturating_add(other.left_out),
        })
    }

    fn labels(&self) -> Labels {
        vec![Label("source", self.source.name().into())]
    }
}

pub fn add(families: &mut Families, record: Record<'_>, lost_records: u64) {
    let header = record.header();
    families.one(
        &METRICS,
        &Known {
            header,
            lost_records,
        },
    );
    let sections = Source::ALL.into_iter();
    let sections = sections.filter_map(|source| Sections::of(record, source));
    let sections: Vec<_> = sections.collect();
    families.each(&SECTION_METRICS, &sections, Sections::labels, |_| {
        Life::Machine
    });
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Disks.

use model::record::Record;
use model::source::disk;

use super::columns::{
    column, Column,
    Field::{OptionalWhole, Real},
    Merge::{Highest, Mean},
    Unit::{BytesPerSecond, Count, Milliseconds, PerSecond, Percent},
};
use super::{pairs, per_second, seconds, text};

/// A disk, by the definitions of `iostat`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Disk {
    pub name: String,
    pub reads_per_second: f64,
    pub writes_per_second: f64,
    pub discards_per_second: f64,
    pub read_bytes_per_second: f64,
    pub written_bytes_per_second: f64,
    pub discarded_bytes_per_second: f64,
    /// Requests under way at the later record.
    pub in_flight: Option<u64>,
    pub busy_percent: f64,
    /// Average time of a read, a write or a discard.
    pub await_ms: f64,
    /// Whether it is part of [`Sample::disk_total`](crate::Sample::disk_total).
    pub in_total: bool,
}

impl Disk {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("reads_per_second", PerSecond, Mean, Real(|disk| disk.reads_per_second), "Reads that were completed."),
        column("writes_per_second", PerSecond, Mean, Real(|disk| disk.writes_per_second), "Writes that were completed."),
        column("discards_per_second", PerSecond, Mean, Real(|disk| disk.discards_per_second), "Discards that were completed."),
        column("read_bytes_per_second", BytesPerSecond, Mean, Real(|disk| disk.read_bytes_per_second), "Bytes read."),
        column("written_bytes_per_second", BytesPerSecond, Mean, Real(|disk| disk.written_bytes_per_second), "Bytes written."),
        column("discarded_bytes_per_second", BytesPerSecond, Mean, Real(|disk| disk.discarded_bytes_per_second), "Bytes discarded."),
        column("in_flight", Count, Mean, OptionalWhole(|disk| disk.in_flight), "Requests under way at the later record."),
        column("busy_percent", Percent, Mean, Real(|disk| disk.busy_percent), "Share of the time with requests under way."),
        column("await_ms", Milliseconds, Highest, Real(|disk| disk.await_ms), "Average time of a read, a write or a discard, in milliseconds."),
    ];

    pub(super) fn all(before: Record<'_>, after: Record<'_>) -> Vec<Self> {
        let pairs = pairs(before, after, |then: &disk::Disk, now| then.seq == now.seq);
        pairs
            .map(|(then, now)| Self::between(&then, &now))
            .collect()
    }

    fn between(then: &disk::Disk, now: &disk::Disk) -> Self {
        let elapsed_s = seconds(now.taken_mono_ns.saturating_sub(then.taken_mono_ns));
        let rate = |then, now| per_second(then, now, elapsed_s);
        let bytes = |then: &disk::Completed, now: &disk::Completed| {
            rate(
                then.sectors.saturating_mul(disk::SECTOR_BYTES),
                now.sectors.saturating_mul(disk::SECTOR_BYTES),
            )
        };
        let kinds = |disk: &disk::Disk| [disk.reads, disk.writes, disk.discards];
        let grown = |of: fn(&disk::Completed) -> u64| -> u64 {
            let both = kinds(then).into_iter().zip(kinds(now));
            both.map(|(then, now)| of(&now).saturating_sub(of(&then)))
                .fold(0, u64::saturating_add)
        };
        let (ios, time_ns) = (grown(|kind| kind.ios), grown(|kind| kind.time_ns));
        Self {
            name: text(&now.name),
            reads_per_second: rate(then.reads.ios, now.reads.ios),
            writes_per_second: rate(then.writes.ios, now.writes.ios),
            discards_per_second: rate(then.discards.ios, now.discards.ios),
            read_bytes_per_second: bytes(&then.reads, &now.reads),
            written_bytes_per_second: bytes(&then.writes, &now.writes),
            discarded_bytes_per_second: bytes(&then.discards, &now.discards),
            in_flight: Some(now.in_flight),
            busy_percent: (rate(then.busy_ns, now.busy_ns) / 1e7).clamp(0.0, 100.0),
            await_ms: if ios == 0 {
                0.0
            } else {
                time_ns as f64 / ios as f64 / 1e6
            },
            in_total: !now.is_done_again(),
        }
    }
}

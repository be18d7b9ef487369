// SPDX-License-Identifier: GPL-2.0-or-later

//! Memory and swap.

use model::record::Record;
use model::source::activity::Activity;
use model::source::memory::{self, Buffers};

use super::columns::{
    column, Column,
    Field::{OptionalReal, OptionalWhole, Whole},
    Merge::{Last, Mean},
    Unit::{Bytes, BytesPerSecond},
};
use super::{per_second, percent, two};

/// Memory, by the definitions of `/proc/meminfo`. What is none was not told, as by a kernel log.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)] // The names are those of /proc/meminfo.
pub struct Memory {
    pub total_bytes: u64,
    /// What is not available.
    pub used_bytes: u64,
    pub free_bytes: Option<u64>,
    pub available_bytes: u64,
    pub buffers_bytes: Option<u64>,
    /// File cache without buffers and swap cache.
    pub cached_bytes: Option<u64>,
    pub swap_cached_bytes: Option<u64>,
    pub shmem_bytes: Option<u64>,
    pub slab_reclaimable_bytes: Option<u64>,
    pub slab_unreclaimable_bytes: Option<u64>,
    pub dirty_bytes: Option<u64>,
    pub writeback_bytes: Option<u64>,
    pub anon_bytes: Option<u64>,
    pub mapped_bytes: Option<u64>,
    pub page_tables_bytes: Option<u64>,
}

impl Memory {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("total_bytes", Bytes, Last, Whole(|memory| memory.total_bytes), "MemTotal."),
        column("used_bytes", Bytes, Mean, Whole(|memory| memory.used_bytes), "What is not available."),
        column("free_bytes", Bytes, Mean, OptionalWhole(|memory| memory.free_bytes), "MemFree."),
        column("available_bytes", Bytes, Mean, Whole(|memory| memory.available_bytes), "MemAvailable."),
        column("cached_bytes", Bytes, Mean, OptionalWhole(|memory| memory.cached_bytes), "Cached: file cache without buffers and swap cache."),
        column("swap_cached_bytes", Bytes, Mean, OptionalWhole(|memory| memory.swap_cached_bytes), "SwapCached."),
        column("shmem_bytes", Bytes, Mean, OptionalWhole(|memory| memory.shmem_bytes), "Shmem."),
        column("slab_reclaimable_bytes", Bytes, Mean, OptionalWhole(|memory| memory.slab_reclaimable_bytes), "SReclaimable."),
        column("slab_unreclaimable_bytes", Bytes, Mean, OptionalWhole(|memory| memory.slab_unreclaimable_bytes), "SUnreclaim."),
        column("dirty_bytes", Bytes, Mean, OptionalWhole(|memory| memory.dirty_bytes), "Dirty."),
        column("writeback_bytes", Bytes, Mean, OptionalWhole(|memory| memory.writeback_bytes), "Writeback."),
        column("anon_bytes", Bytes, Mean, OptionalWhole(|memory| memory.anon_bytes), "AnonPages."),
        column("mapped_bytes", Bytes, Mean, OptionalWhole(|memory| memory.mapped_bytes), "Mapped."),
        column("page_tables_bytes", Bytes, Mean, OptionalWhole(|memory| memory.page_tables_bytes), "PageTables."),
        column("buffers_bytes", Bytes, Mean, OptionalWhole(|memory| memory.buffers_bytes), "Buffers."),
    ];

    pub(super) fn of(record: Record<'_>) -> Option<Self> {
        let memory = record.entries::<memory::Memory>().next()?;
        let buffers = record.entries::<Buffers>().next();
        let buffers = buffers.map(|buffers| buffers.buffers);
        let bytes = |pages: u64| pages.saturating_mul(memory.page_bytes);
        let cached = memory
            .file
            .saturating_sub(memory.swap_cache)
            .saturating_sub(buffers.unwrap_or(0));
        Some(Self {
            total_bytes: bytes(memory.total),
            used_bytes: bytes(memory.total.saturating_sub(memory.available)),
            free_bytes: Some(bytes(memory.free)),
            available_bytes: bytes(memory.available),
            buffers_bytes: buffers.map(bytes),
            cached_bytes: Some(bytes(cached)),
            swap_cached_bytes: Some(bytes(memory.swap_cache)),
            shmem_bytes: Some(bytes(memory.shmem)),
            slab_reclaimable_bytes: Some(bytes(memory.slab_reclaimable)),
            slab_unreclaimable_bytes: Some(bytes(memory.slab_unreclaimable)),
            dirty_bytes: Some(bytes(memory.dirty)),
            writeback_bytes: Some(bytes(memory.writeback)),
            anon_bytes: Some(bytes(memory.anon)),
            mapped_bytes: Some(bytes(memory.mapped)),
            page_tables_bytes: Some(bytes(memory.page_tables)),
        })
    }

    /// The share that is not available.
    pub fn used_percent(&self) -> f64 {
        percent(self.used_bytes, self.total_bytes)
    }
}

/// Swap.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Swap {
    pub free_bytes: u64,
    /// None when the activity was not sampled, since that is where it is counted.
    pub in_bytes_per_second: Option<f64>,
    pub out_bytes_per_second: Option<f64>,
}

impl Swap {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("free_bytes", Bytes, Mean, Whole(|swap| swap.free_bytes), "SwapFree."),
        column("in_bytes_per_second", BytesPerSecond, Mean, OptionalReal(|swap| swap.in_bytes_per_second), "Read from it; null when the activity was not sampled, where it is counted."),
        column("out_bytes_per_second", BytesPerSecond, Mean, OptionalReal(|swap| swap.out_bytes_per_second), "Written to it; null when the activity was not sampled, where it is counted."),
    ];

    pub(super) fn between(before: Record<'_>, after: Record<'_>) -> Option<Self> {
        let memory = after.entries::<memory::Memory>().next()?;
        let activity = two::<Activity>(before, after);
        let bytes = |pages: u64| pages.saturating_mul(memory.page_bytes);
        let rate = |of: fn(&Activity) -> u64| {
            let (then, now, elapsed_s) = activity.as_ref()?;
            Some(per_second(bytes(of(then)), bytes(of(now)), *elapsed_s))
        };
        Some(Self {
            free_bytes: bytes(memory.swap_free),
            in_bytes_per_second: rate(|activity| activity.swapped_in_pages),
            out_bytes_per_second: rate(|activity| activity.swapped_out_pages),
        })
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Memory and swap.

use super::super::line::Lines;
use super::super::rates::rate;
use super::super::words::{self, words};

words! {
    /// The global VM counters, in pages; the names are those of the kernel's `enum node_stat_item`,
    /// `enum zone_stat_item` and `enum vm_event_item`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Memory: "resource_monitor_memory", kind 1 "memory" "MEMORY" {
        /// Pages the kernel manages (`totalram_pages()`).
        pub total: u64,
        /// `NR_FREE_PAGES`.
        pub free: u64,
        /// The kernel's own estimate of what new programs can use (`si_mem_available()`).
        pub available: u64,
        /// `NR_FILE_PAGES`: page cache, swap cache and buffers together.
        pub file: u64,
        /// `NR_SWAPCACHE`.
        pub swap_cache: u64,
        /// `NR_SHMEM`.
        pub shmem: u64,
        /// `NR_SLAB_RECLAIMABLE_B`.
        pub slab_reclaimable: u64,
        /// `NR_SLAB_UNRECLAIMABLE_B`.
        pub slab_unreclaimable: u64,
        /// `NR_FILE_DIRTY`.
        pub dirty: u64,
        /// `NR_WRITEBACK`.
        pub writeback: u64,
        /// `NR_ANON_MAPPED`.
        pub anon: u64,
        /// `NR_FILE_MAPPED`.
        pub mapped: u64,
        /// `NR_PAGETABLE`.
        pub page_tables: u64,
        /// Free swap slots (`nr_swap_pages`).
        pub swap_free: u64,
        /// Bytes of a page.
        pub page_bytes: u64,
    }
}

/// The word of a [`Memory`] that has [`Memory::total`].
pub(in super::super) const TOTAL_AT: usize = 0;

/// The word of a [`Memory`] that has [`Memory::available`].
pub(in super::super) const AVAILABLE_AT: usize = 2;

words! {
    /// Memory counters that can be read in process context only.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Buffers: "resource_monitor_buffers", kind 9 "buffers" "BUFFERS" {
        /// Pages of the file cache that are those of block devices.
        pub buffers: u64,
    }
}

/// `mem total=…kB used=…kB …`; `buffers` is in pages, as the counters are.
pub fn log(memory: &Memory, buffers: u64, page_kib: u64, lines: &mut Lines<'_>) {
    let kib = |pages: u64| pages.saturating_mul(page_kib);
    let used = memory.total.saturating_sub(memory.available);
    let cached = memory
        .file
        .saturating_sub(memory.swap_cache)
        .saturating_sub(buffers);
    let slab = memory
        .slab_reclaimable
        .saturating_add(memory.slab_unreclaimable);
    lines.line(|line| {
        line.text("mem")
            .kib(" total=", kib(memory.total))
            .kib(" used=", kib(used))
            .kib(" free=", kib(memory.free))
            .kib(" available=", kib(memory.available))
            .kib(" buffers=", kib(buffers))
            .kib(" cached=", kib(cached))
            .kib(" shmem=", kib(memory.shmem))
            .kib(" slab=", kib(slab))
            .kib(" dirty=", kib(memory.dirty))
            .kib(" writeback=", kib(memory.writeback))
            .kib(" anon=", kib(memory.anon))
            .kib(" mapped=", kib(memory.mapped))
            .kib(" pagetables=", kib(memory.page_tables))
    });
}

/// Pages that were swapped in some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// Read from swap.
    pub in_pages: u64,
    /// Written to swap.
    pub out_pages: u64,
    /// The time.
    pub elapsed_ns: u64,
}

/// `swap free=…kB in=…kB/s out=…kB/s`, without the rates where they are not known.
pub fn log_swap(memory: &Memory, swapped: Option<Swapped>, page_kib: u64, lines: &mut Lines<'_>) {
    let kib = |pages: u64| pages.saturating_mul(page_kib);
    lines.line(|line| {
        line.text("swap").kib(" free=", kib(memory.swap_free));
        if let Some(swapped) = swapped {
            let rate = |pages| rate(kib(pages), 1, swapped.elapsed_ns);
            line.kib(" in=", rate(swapped.in_pages))
                .text("/s")
                .kib(" out=", rate(swapped.out_pages))
                .text("/s");
        }
        line
    });
}

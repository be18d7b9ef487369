// SPDX-License-Identifier: GPL-2.0

//! The global VM counters, in pages.
//!
//! C headers: [`include/linux/vmstat.h`](srctree/include/linux/vmstat.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/swap.h`](srctree/include/linux/swap.h)

use super::cpu::Cpu;
use kernel::{
    bindings,
    page::PAGE_SIZE, //
};

/// Size of a page in KiB, the unit of `/proc/meminfo`.
pub(crate) const PAGE_KIB: u64 = (PAGE_SIZE / 1024) as u64;

/// Reads an `atomic_long_t` as `global_node_page_state_pages()` and `global_zone_page_state()` do:
/// what is below zero, since per-CPU parts of it are not folded in yet, counts as zero.
///
/// # Safety
///
/// `counter` must point to a live `atomic_long_t`.
unsafe fn read_counter(counter: *const bindings::atomic_long_t) -> u64 {
    // SAFETY: An `atomic_long_t` is one `long`, and the caller promises that it is live. Others
    // change it atomically, hence the volatile read, as `atomic_long_read()` does it.
    let value = unsafe { counter.cast::<isize>().read_volatile() };
    u64::try_from(value).unwrap_or(0)
}

macro_rules! counters {
    ($array:ident: $($(#[$doc:meta])* $name:ident = $item:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Context
        ///
        /// Any context; takes no locks.
        pub(crate) fn $name() -> u64 {
            // SAFETY: The item is a constant index of this static array of counters.
            unsafe {
                read_counter(
                    (&raw const bindings::$array)
                        .cast::<bindings::atomic_long_t>()
                        .add(bindings::$item as usize),
                )
            }
        }
    )*};
}

counters! { vm_zone_stat:
    /// Free pages.
    free = zone_stat_item_NR_FREE_PAGES;
}

counters! { vm_node_stat:
    /// Pages of files, swap cache and buffers included.
    file = node_stat_item_NR_FILE_PAGES;
    /// Pages of shared memory and tmpfs.
    shmem = node_stat_item_NR_SHMEM;
    /// Pages of slabs that can be given back.
    slab_reclaimable = node_stat_item_NR_SLAB_RECLAIMABLE_B;
    /// Pages of slabs that cannot be given back.
    slab_unreclaimable = node_stat_item_NR_SLAB_UNRECLAIMABLE_B;
    /// Pages that wait to be written back.
    dirty = node_stat_item_NR_FILE_DIRTY;
    /// Pages that are being written back.
    writeback = node_stat_item_NR_WRITEBACK;
    /// Mapped anonymous pages.
    anon = node_stat_item_NR_ANON_MAPPED;
    /// Mapped pages of files.
    mapped = node_stat_item_NR_FILE_MAPPED;
    /// Pages of page tables.
    page_tables = node_stat_item_NR_PAGETABLE;
}

#[cfg(CONFIG_SWAP)]
counters! { vm_node_stat:
    /// Pages that are in memory and in swap.
    swap_cache = node_stat_item_NR_SWAPCACHE;
}

/// Pages that are in memory and in swap: none on a kernel without swap.
#[cfg(not(CONFIG_SWAP))]
pub(crate) fn swap_cache() -> u64 {
    0
}

/// All pages that the kernel manages, as `totalram_pages()`.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn total() -> u64 {
    // SAFETY: A static counter.
    unsafe { read_counter(&raw const bindings::_totalram_pages) }
}

/// The kernel's estimate of what can be allocated without swapping.
///
/// # Context
///
/// Any context; takes no locks (`mm/show_mem.c`: counters and watermarks are read).
pub(crate) fn available() -> u64 {
    // SAFETY: No preconditions.
    let pages = unsafe { bindings::si_mem_available() };
    u64::try_from(pages).unwrap_or(0)
}

/// Free swap slots, as `get_nr_swap_pages()`.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn swap_free() -> u64 {
    #[cfg(CONFIG_SWAP)]
    // SAFETY: A static counter.
    return unsafe { read_counter(&raw const bindings::nr_swap_pages) };
    #[cfg(not(CONFIG_SWAP))]
    0
}

/// Pages that `cpu` has read from and written to swap since boot: `PSWPIN` and `PSWPOUT`.
///
/// When a CPU has gone offline, `vm_events_fold_cpu()` moves its counts to another a while after it
/// left the online mask, so it is the sum over the possible CPUs that never misses any.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn swapped(cpu: Cpu) -> (u64, u64) {
    #[cfg(all(CONFIG_SWAP, CONFIG_VM_EVENT_COUNTERS))]
    {
        // SAFETY: `vm_event_states` is a per-CPU variable of the kernel image.
        let events = unsafe { cpu.per_cpu_ptr(&raw const bindings::vm_event_states) };
        let event = |item: bindings::vm_event_item| {
            // SAFETY: `events` points to a live array of `unsigned long` that `item`, a constant,
            // is an index of. Its CPU changes it as we look, hence the volatile read.
            let count = unsafe { events.cast::<usize>().add(item as usize).read_volatile() };
            count as u64
        };
        (
            event(bindings::vm_event_item_PSWPIN),
            event(bindings::vm_event_item_PSWPOUT),
        )
    }
    #[cfg(not(all(CONFIG_SWAP, CONFIG_VM_EVENT_COUNTERS)))]
    {
        let _ = cpu;
        (0, 0)
    }
}

/// Pages of block devices' own page cache (`nr_blockdev_pages()`), which `/proc/meminfo` calls
/// Buffers.
///
/// # Context
///
/// Process context: `si_meminfo()` takes a plain spinlock.
pub(crate) fn buffers() -> u64 {
    let mut info = bindings::sysinfo::default();
    // SAFETY: `info` is a place that may be written.
    unsafe { bindings::si_meminfo(&mut info) };
    info.bufferram as u64
}

// SPDX-License-Identifier: GPL-2.0

//! The global VM counters, in pages.
//!
//! C headers: [`include/linux/vmstat.h`](srctree/include/linux/vmstat.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/swap.h`](srctree/include/linux/swap.h)

use super::cpu::{
    self,
    CpuNumber, //
};
use kernel::{
    bindings,
    page::PAGE_SIZE, //
};

/// Size of a page in KiB, the unit of `/proc/meminfo`.
pub(crate) const PAGE_KIB: u64 = (PAGE_SIZE / 1024) as u64;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: u64 = PAGE_SIZE as u64;

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

/// Reads a count of `cpu` since boot, or 0 on a kernel that does not count.
///
/// When a CPU has gone offline, `vm_events_fold_cpu()` moves its counts to another a while after it
/// left the online mask, so it is the sum over the possible CPUs that never misses any.
macro_rules! vm_event {
    ($cpu:expr, $item:ident) => {{
        #[cfg(CONFIG_VM_EVENT_COUNTERS)]
        {
            // SAFETY: `vm_event_states` is a per-CPU variable of the kernel image, an array of
            // `unsigned long` that the item, a constant, is an index of. The CPU changes it as we
            // look, hence the volatile read.
            let count = unsafe {
                $cpu.per_cpu_ptr(&raw const bindings::vm_event_states)
                    .cast::<usize>()
                    .add(bindings::$item as usize)
                    .read_volatile()
            };
            count as u64
        }
        #[cfg(not(CONFIG_VM_EVENT_COUNTERS))]
        {
            let _ = $cpu;
            0u64
        }
    }};
}

/// Whether the kernel can swap.
pub(crate) const HAS_SWAP: bool = cfg!(CONFIG_SWAP);

/// Whether the kernel counts page faults and the like.
pub(crate) const HAS_EVENTS: bool = cfg!(CONFIG_VM_EVENT_COUNTERS);

/// What the virtual memory did on one CPU since boot.
pub(crate) struct Events {
    /// `PGFAULT`: page faults, major ones included.
    pub(crate) faults: u64,
    /// `PGMAJFAULT`.
    pub(crate) major_faults: u64,
    /// `PGPGIN`, in sectors.
    pub(crate) paged_in_sectors: u64,
    /// `PGPGOUT`, in sectors.
    pub(crate) paged_out_sectors: u64,
    /// `PSWPIN`: pages read from swap. 0 on a kernel without swap, as the next one.
    pub(crate) swapped_in_pages: u64,
    /// `PSWPOUT`: pages written to swap.
    pub(crate) swapped_out_pages: u64,
    /// `OOM_KILL`.
    pub(crate) oom_kills: u64,
}

/// What the virtual memory did on `cpu` since boot.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn events(cpu: CpuNumber) -> Events {
    Events {
        faults: vm_event!(cpu, vm_event_item_PGFAULT),
        major_faults: vm_event!(cpu, vm_event_item_PGMAJFAULT),
        paged_in_sectors: vm_event!(cpu, vm_event_item_PGPGIN),
        paged_out_sectors: vm_event!(cpu, vm_event_item_PGPGOUT),
        #[cfg(CONFIG_SWAP)]
        swapped_in_pages: vm_event!(cpu, vm_event_item_PSWPIN),
        #[cfg(not(CONFIG_SWAP))]
        swapped_in_pages: 0,
        #[cfg(CONFIG_SWAP)]
        swapped_out_pages: vm_event!(cpu, vm_event_item_PSWPOUT),
        #[cfg(not(CONFIG_SWAP))]
        swapped_out_pages: 0,
        oom_kills: vm_event!(cpu, vm_event_item_OOM_KILL),
    }
}

/// `OOM_KILL` since boot, of all CPUs together; 0 where the kernel does not count it.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn oom_kills() -> u64 {
    cpu::possible().fold(0, |sum: u64, cpu| {
        sum.wrapping_add(vm_event!(cpu, vm_event_item_OOM_KILL))
    })
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

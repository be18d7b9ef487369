// SPDX-License-Identifier: GPL-2.0

//! The record of one sample: raw counters and times, as a row of 64-bit words.
//!
//! ```text
//! | Header, 7 words | Memory, 16 words | Cpu, 12 words | Cpu, 12 words | … one per online CPU
//! ```
//!
//! The timer callback writes the words and computes nothing; whoever reads them makes rates out
//! of two records (see [`super::rates`]).

/// When and under which number a sample was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Sequence number; the first sample after loading is 0.
    pub seq: u64,
    /// `CLOCK_MONOTONIC` when the sample was taken, in nanoseconds.
    pub taken_mono_ns: u64,
    /// `CLOCK_REALTIME` when the sample was taken, in nanoseconds since 1970.
    pub taken_wall_ns: u64,
    /// `CLOCK_MONOTONIC` when the sample was due, in nanoseconds.
    pub due_mono_ns: u64,
    /// The interval in force, in nanoseconds.
    pub interval_ns: u64,
    /// Ticks that were due between the sample before and this one, but never ran.
    pub missed_ticks: u64,
    /// Nanoseconds the timer callback needed for the sample before this one.
    pub previous_cost_ns: u64,
}

impl Header {
    /// Number of words of a header.
    pub const WORDS: usize = 7;

    /// The header as words.
    pub fn to_words(&self) -> [u64; Self::WORDS] {
        [
            self.seq,
            self.taken_mono_ns,
            self.taken_wall_ns,
            self.due_mono_ns,
            self.interval_ns,
            self.missed_ticks,
            self.previous_cost_ns,
        ]
    }

    /// Reads a header from exactly [`Self::WORDS`] words.
    pub fn from_words(words: &[u64]) -> Option<Self> {
        let &[seq, taken_mono_ns, taken_wall_ns, due_mono_ns, interval_ns, missed_ticks, previous_cost_ns] =
            words
        else {
            return None;
        };
        Some(Self {
            seq,
            taken_mono_ns,
            taken_wall_ns,
            due_mono_ns,
            interval_ns,
            missed_ticks,
            previous_cost_ns,
        })
    }
}

/// The global VM counters, in pages; the names are those of the kernel's `enum node_stat_item`,
/// `enum zone_stat_item` and `enum vm_event_item`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
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
    /// `PSWPIN` since boot, summed over the CPUs.
    pub swapped_in: u64,
    /// `PSWPOUT` since boot, summed over the CPUs.
    pub swapped_out: u64,
}

impl Memory {
    /// Number of words of the memory counters.
    pub const WORDS: usize = 16;

    /// The counters as words.
    pub fn to_words(&self) -> [u64; Self::WORDS] {
        [
            self.total,
            self.free,
            self.available,
            self.file,
            self.swap_cache,
            self.shmem,
            self.slab_reclaimable,
            self.slab_unreclaimable,
            self.dirty,
            self.writeback,
            self.anon,
            self.mapped,
            self.page_tables,
            self.swap_free,
            self.swapped_in,
            self.swapped_out,
        ]
    }

    /// Reads the counters from exactly [`Self::WORDS`] words.
    pub fn from_words(words: &[u64]) -> Option<Self> {
        let &[total, free, available, file, swap_cache, shmem, slab_reclaimable, slab_unreclaimable, dirty, writeback, anon, mapped, page_tables, swap_free, swapped_in, swapped_out] =
            words
        else {
            return None;
        };
        Some(Self {
            total,
            free,
            available,
            file,
            swap_cache,
            shmem,
            slab_reclaimable,
            slab_unreclaimable,
            dirty,
            writeback,
            anon,
            mapped,
            page_tables,
            swap_free,
            swapped_in,
            swapped_out,
        })
    }
}

/// Time that a CPU has spent in each mode since boot, in nanoseconds.
///
/// As in the kernel, `user` includes `guest` and `nice` includes `guest_nice`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// `CPUTIME_USER`.
    pub user: u64,
    /// `CPUTIME_NICE`.
    pub nice: u64,
    /// `CPUTIME_SYSTEM`.
    pub system: u64,
    /// `CPUTIME_SOFTIRQ`.
    pub softirq: u64,
    /// `CPUTIME_IRQ`.
    pub irq: u64,
    /// `CPUTIME_IDLE`.
    pub idle: u64,
    /// `CPUTIME_IOWAIT`.
    pub iowait: u64,
    /// `CPUTIME_STEAL`.
    pub steal: u64,
    /// `CPUTIME_GUEST`.
    pub guest: u64,
    /// `CPUTIME_GUEST_NICE`.
    pub guest_nice: u64,
}

/// The counters of one online CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// The CPU's number.
    pub id: u32,
    /// Changes when the CPU has gone offline: counters of two epochs are not comparable.
    pub epoch: u32,
    /// Time in each mode.
    pub times: Times,
}

impl Cpu {
    /// Number of words of one CPU.
    pub const WORDS: usize = 12;

    /// The CPU's counters as words.
    pub fn to_words(&self) -> [u64; Self::WORDS] {
        let t = &self.times;
        [
            u64::from(self.id),
            u64::from(self.epoch),
            t.user,
            t.nice,
            t.system,
            t.softirq,
            t.irq,
            t.idle,
            t.iowait,
            t.steal,
            t.guest,
            t.guest_nice,
        ]
    }

    /// Reads a CPU's counters from exactly [`Self::WORDS`] words.
    pub fn from_words(words: &[u64]) -> Option<Self> {
        let &[id, epoch, user, nice, system, softirq, irq, idle, iowait, steal, guest, guest_nice] =
            words
        else {
            return None;
        };
        Some(Self {
            id: u32::try_from(id).ok()?,
            epoch: u32::try_from(epoch).ok()?,
            times: Times {
                user,
                nice,
                system,
                softirq,
                irq,
                idle,
                iowait,
                steal,
                guest,
                guest_nice,
            },
        })
    }
}

/// Offset of the memory counters in a record, in words.
pub const MEMORY_AT: usize = Header::WORDS;

/// Offset of the first CPU in a record, in words.
pub const CPUS_AT: usize = Header::WORDS + Memory::WORDS;

/// Number of words of a record of `cpus` CPUs.
pub const fn words_for(cpus: usize) -> usize {
    CPUS_AT.saturating_add(cpus.saturating_mul(Cpu::WORDS))
}

/// A record, as its words.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    words: &'a [u64],
}

impl<'a> Record<'a> {
    /// Looks at `words` as a record; what does not hold a header and the memory counters is none.
    pub fn new(words: &'a [u64]) -> Option<Self> {
        (words.len() >= CPUS_AT).then_some(Self { words })
    }

    /// When and under which number the sample was taken.
    pub fn header(&self) -> Header {
        self.words
            .get(..MEMORY_AT)
            .and_then(Header::from_words)
            .unwrap_or_default()
    }

    /// The memory counters.
    pub fn memory(&self) -> Memory {
        self.words
            .get(MEMORY_AT..CPUS_AT)
            .and_then(Memory::from_words)
            .unwrap_or_default()
    }

    /// How many words the record has.
    pub fn word_count(&self) -> usize {
        self.words.len()
    }

    /// How many CPUs were online.
    pub fn cpu_count(&self) -> usize {
        self.cpu_words().len() / Cpu::WORDS
    }

    /// The online CPUs, by ascending number.
    pub fn cpus(&self) -> impl Iterator<Item = Cpu> + 'a {
        self.cpu_words()
            .chunks_exact(Cpu::WORDS)
            .filter_map(Cpu::from_words)
    }

    fn cpu_words(&self) -> &'a [u64] {
        self.words.get(CPUS_AT..).unwrap_or_default()
    }
}

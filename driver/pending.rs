// SPDX-License-Identifier: GPL-2.0

//! The samples that wait for the reporter, in memory that is taken once at load.
//!
//! The timer callback writes, and never waits for who reads: a ring of slots, each with a version
//! as in a sequence lock. A reader that was overtaken notices and gets nothing.
//!
//! Every word is read and written whole, so that reading a slot while it is written is a mistake
//! that does no harm and is found.

use crate::{
    model::{
        record::{
            self,
            Cpu,
            Header,
            Memory,
            SectionHeader, //
        },
        words::Words, //
    },
    sys::{
        cpu,
        rwonce::{
            self,
            RwOnce, //
        }, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Relaxed,
                Release, //
            },
            Atomic, //
        },
        Arc, //
    },
};

/// Most records that are kept: five seconds at the shortest interval.
const MAX_RECORDS: usize = 512;

/// Fewest records that are kept, however large they are: the one that is being written, and
/// enough for a reader that is a little late.
const MIN_RECORDS: usize = 4;

/// Memory for records, as far as [`MIN_RECORDS`] allows.
const MAX_BYTES: usize = 1 << 20;

/// Version of a slot that is being written or was never written.
const NO_VERSION: u64 = 0;

/// One record's place.
struct Slot {
    /// Sequence number plus one of the record, or [`NO_VERSION`].
    version: Atomic<u64>,
    /// How many of its words are the record.
    len: RwOnce<usize>,
}

/// The last samples, as records of CPU and memory.
pub(crate) struct Pending {
    slots: KVVec<Slot>,
    /// The words of all slots, one slot after the other.
    words: KVVec<RwOnce<u64>>,
    /// Words of a slot.
    slot_words: usize,
    /// Sequence number of the next record: all before it were written.
    next_seq: Atomic<u64>,
}

impl Pending {
    /// Makes room for samples, each for a record of all CPUs the machine can have.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let slot_words = Self::record_words();
        let bytes = slot_words.saturating_mul(size_of::<u64>());
        let count = MAX_BYTES
            .checked_div(bytes)
            .unwrap_or(0)
            .clamp(MIN_RECORDS, MAX_RECORDS);
        let mut slots = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            let slot = Slot {
                version: Atomic::new(NO_VERSION),
                len: RwOnce::new(0),
            };
            slots.push(slot, GFP_KERNEL)?;
        }
        let all_words = count.saturating_mul(slot_words);
        let mut words = KVVec::with_capacity(all_words, GFP_KERNEL)?;
        for _ in 0..all_words {
            words.push(RwOnce::new(0), GFP_KERNEL)?;
        }
        let pending = Self {
            slots,
            words,
            slot_words,
            next_seq: Atomic::new(0),
        };
        Ok(Arc::new(pending, GFP_KERNEL)?)
    }

    /// Words of the largest record.
    pub(crate) fn record_words() -> usize {
        record::words_for(cpu::id_count())
    }

    /// Sequence number of the next record.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq.load(Acquire)
    }

    /// Sequence number of the oldest record that can still be there.
    pub(crate) fn oldest_seq(&self) -> u64 {
        // The oldest slot may be being written.
        let whole = self.slots.len().saturating_sub(1) as u64;
        self.next_seq().saturating_sub(whole)
    }

    /// Begins the next record; nobody sees it before [`RecordWriter::publish`].
    ///
    /// Only the timer callback calls this, which never runs twice at once.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn begin(&self) -> Option<RecordWriter<'_>> {
        let seq = self.next_seq.load(Relaxed);
        let (slot, words) = self.slot(seq)?;
        slot.version.store(NO_VERSION, Relaxed);
        // The version must be gone before a word changes.
        rwonce::write_barrier();
        let (head, cpus) = words.split_at_checked(record::CPUS_AT)?;
        Some(RecordWriter {
            pending: self,
            seq,
            slot,
            head,
            cpus,
        })
    }

    /// Copies the record `seq` into `words`, and gives the words that are it. None when it is not
    /// there yet or not there any more.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn read<'a>(&self, seq: u64, words: &'a mut [u64]) -> Option<&'a [u64]> {
        let (slot, slot_words) = self.slot(seq)?;
        let version = seq.wrapping_add(1);
        if slot.version.load(Acquire) != version {
            return None;
        }
        let words = words.get_mut(..slot.len.read())?;
        for (to, from) in words.iter_mut().zip(slot_words) {
            *to = from.read();
        }
        // The words must have been read before the version is looked at again.
        rwonce::read_barrier();
        if slot.version.load(Relaxed) != version {
            return None;
        }
        Some(words)
    }

    /// The slot of the record `seq`, and its words.
    fn slot(&self, seq: u64) -> Option<(&Slot, &[RwOnce<u64>])> {
        let count = self.slots.len() as u64;
        let index = seq.checked_rem(count)? as usize;
        let from = index.saturating_mul(self.slot_words);
        let words = self.words.get(from..)?.get(..self.slot_words)?;
        Some((self.slots.get(index)?, words))
    }
}

/// A record that is being written.
pub(crate) struct RecordWriter<'a> {
    pending: &'a Pending,
    seq: u64,
    slot: &'a Slot,
    /// Places of the header and the memory counters.
    head: &'a [RwOnce<u64>],
    /// Places of the CPUs that are still to come.
    cpus: &'a [RwOnce<u64>],
}

impl RecordWriter<'_> {
    /// The sequence number.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Adds a CPU. The slot has room for every CPU the machine can have.
    pub(crate) fn push_cpu(&mut self, cpu: &Cpu) {
        self.cpus = store(self.cpus, cpu);
    }

    /// Adds what there is once, and lets readers see the record. Its sizes are filled in here.
    /// The last CPU was read before `cpus_mono_ns`, and the memory counters after it.
    pub(crate) fn publish(self, tick: &Header, memory: &Memory, cpus_mono_ns: u64) {
        let used = self.pending.slot_words.saturating_sub(self.cpus.len());
        let count = used.saturating_sub(record::CPUS_AT) / Cpu::LEN;
        let section = SectionHeader {
            first_mono_ns: cpus_mono_ns,
            last_mono_ns: cpus_mono_ns,
            ..SectionHeader::of::<Memory>(1)
        };
        let sized = Header::of(used);
        let head = store(
            self.head,
            &Header {
                magic: sized.magic,
                version: sized.version,
                size_bytes: sized.size_bytes,
                header_bytes: sized.header_bytes,
                ..*tick
            },
        );
        let head = store(head, &section);
        let head = store(head, memory);
        store(
            head,
            &SectionHeader {
                first_mono_ns: tick.taken_mono_ns,
                last_mono_ns: cpus_mono_ns,
                ..SectionHeader::of::<Cpu>(count)
            },
        );
        self.slot.len.write(used);
        let next = self.seq.wrapping_add(1);
        self.slot.version.store(next, Release);
        self.pending.next_seq.store(next, Release);
    }
}

/// Stores `value` in the first places and gives back the rest. What does not fit is not stored.
#[inline(always)]
fn store<'a, T: Words>(places: &'a [RwOnce<u64>], value: &T) -> &'a [RwOnce<u64>] {
    let Some((first, rest)) = places.split_at_checked(T::LEN) else {
        return places;
    };
    let mut places = first.iter();
    value.put(&mut |word| {
        if let Some(place) = places.next() {
            place.write(word);
        }
    });
    rest
}

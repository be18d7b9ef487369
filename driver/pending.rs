// SPDX-License-Identifier: GPL-2.0

//! The samples that wait for the reporter, as records of CPU and memory, in memory that is taken
//! once at load.

use super::{
    copy,
    slots::{
        SlotWriter,
        Slots, //
    }, //
};
use crate::{
    model::{
        record::{
            section_words,
            Header,
            SectionHeader,
            SECTION_SIZE_AT,
            SIZE_AT,
            TAKEN_MONO_AT,
            WORD_BYTES, //
        },
        source::{
            cpu::Cpu,
            memory::Memory, //
        },
        words::Words, //
    },
    sys::{
        cpu,
        rwonce::RwOnce, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Most records that are kept: five seconds at the shortest interval.
const MAX_RECORDS: usize = 512;

/// Fewest records that are kept, however large they are: the one that is being written, and
/// enough for a reader that is a little late.
const MIN_RECORDS: usize = 4;

/// Memory for records, as far as [`MIN_RECORDS`] allows.
const MAX_BYTES: usize = 1 << 20;

/// Where the CPUs begin in the record that the timer callback writes. Before them are the header,
/// the memory counters, and the header of their own section.
const CPUS_AT: usize = Header::LEN + section_words::<Memory>(1) + SectionHeader::LEN;

/// The word of it that has the bytes of the section of the CPUs, which comes last.
pub(super) const CPUS_SIZE_AT: usize = CPUS_AT - SectionHeader::LEN + SECTION_SIZE_AT;

/// Words before that section.
pub(super) const BEFORE_CPUS: usize = CPUS_AT - SectionHeader::LEN;

/// Words of the record that the timer callback writes when `cpus` CPUs are online.
const fn words_for(cpus: usize) -> usize {
    CPUS_AT.saturating_add(cpus.saturating_mul(Cpu::LEN))
}

/// The last samples, as records of CPU and memory.
pub(crate) struct Pending(Slots);

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
        Ok(Arc::new(Self(Slots::new(count, slot_words)?), GFP_KERNEL)?)
    }

    /// Words of the largest record.
    pub(crate) fn record_words() -> usize {
        words_for(cpu::id_count())
    }

    /// Sequence number of the next record.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn next_seq(&self) -> u64 {
        self.0.next_seq()
    }

    /// Sequence number of the oldest record that can still be there.
    pub(crate) fn oldest_seq(&self) -> u64 {
        self.0.oldest_seq()
    }

    /// Begins the next record with `tick`, which says when the sample is taken. Nobody sees it before
    /// [`SampleWriter::publish`], and one that was begun before is abandoned.
    ///
    /// Only the timer callback calls this and [`Self::resume`]. It never runs twice at once.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn begin(&self, tick: &Header) -> Option<SampleWriter<'_>> {
        let writer = self.resume(0)?;
        let header = Header {
            seq: writer.slot.seq(),
            ..*tick
        };
        copy::put(writer.head, &header);
        Some(writer)
    }

    /// Goes on with the record that was begun, which has `cpus` CPUs.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn resume(&self, cpus: usize) -> Option<SampleWriter<'_>> {
        let slot = self.0.begin()?;
        let (head, all) = slot.words().split_at_checked(CPUS_AT)?;
        let rest = all.get(cpus.saturating_mul(Cpu::LEN)..)?;
        Some(SampleWriter {
            slot,
            head,
            cpus: rest,
        })
    }

    /// When the sample `seq` was taken, by `CLOCK_MONOTONIC`; none when it is not there.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn taken_mono_ns(&self, seq: u64) -> Option<u64> {
        self.0.word(seq, TAKEN_MONO_AT)
    }

    /// Copies the record `seq` into `words`, and gives the words that are it. None when it is not
    /// there yet or not there any more.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn read<'a>(&self, seq: u64, words: &'a mut [u64]) -> Option<&'a [u64]> {
        self.0.read(seq, words)
    }
}

/// A record of CPU and memory that is being written.
pub(crate) struct SampleWriter<'a> {
    slot: SlotWriter<'a>,
    /// Places of the header and the memory counters.
    head: &'a [RwOnce<u64>],
    /// Places of the CPUs that are still to come.
    cpus: &'a [RwOnce<u64>],
}

impl SampleWriter<'_> {
    /// Adds a CPU. The slot has room for every CPU the machine can have.
    pub(crate) fn push_cpu(&mut self, cpu: &Cpu) {
        self.cpus = copy::put(self.cpus, cpu);
    }

    /// How many CPUs it has.
    pub(crate) fn cpu_count(&self) -> usize {
        self.used_words().saturating_sub(CPUS_AT) / Cpu::LEN
    }

    fn used_words(&self) -> usize {
        self.slot.words().len().saturating_sub(self.cpus.len())
    }

    /// Adds the memory counters, and lets readers see the record. Its sizes are filled in here. The
    /// CPUs were read from `first_mono_ns` to `last_mono_ns`, and the memory counters after that.
    pub(crate) fn publish(self, memory: &Memory, first_mono_ns: u64, last_mono_ns: u64) {
        let (used, count) = (self.used_words(), self.cpu_count());
        if let Some(size) = self.head.get(SIZE_AT) {
            size.write(used.saturating_mul(WORD_BYTES) as u64);
        }
        let head = self.head.get(Header::LEN..).unwrap_or_default();
        let head = copy::put(
            head,
            &SectionHeader {
                first_mono_ns: last_mono_ns,
                last_mono_ns,
                ..SectionHeader::of::<Memory>(1)
            },
        );
        let head = copy::put(head, memory);
        copy::put(
            head,
            &SectionHeader {
                first_mono_ns,
                last_mono_ns,
                ..SectionHeader::of::<Cpu>(count)
            },
        );
        self.slot.publish(used);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A ring of slots, in memory that is allocated once.
//!
//! One context writes and never waits for readers: each slot has a version, as in a sequence lock.
//! A reader that was lapped notices and gets nothing.
//!
//! Every word is read and written whole, so that reading a slot while it is written is a mistake
//! that does no harm and is found.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::copy;
use crate::sys::rwonce::{
    self,
    RwOnce, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        ordering::{
            Acquire,
            Relaxed,
            Release, //
        },
        Atomic, //
    }, //
};

/// Version of a slot that is being written or was never written.
const NO_VERSION: u64 = 0;

/// A slot for one record.
struct Slot {
    /// Sequence number plus one of the record, or [`NO_VERSION`].
    version: Atomic<u64>,
    /// How many of its words are the record.
    len: RwOnce<usize>,
}

/// The last records, each of at most as many words as a slot has.
pub(crate) struct Slots {
    slots: KVVec<Slot>,
    /// The words of all slots, one slot after the other.
    words: KVVec<RwOnce<u64>>,
    /// Words of a slot.
    slot_words: usize,
    /// Sequence number of the next record: all before it were written.
    next_seq: Atomic<u64>,
}

impl Slots {
    /// Makes `count` slots of `slot_words` words.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(count: usize, slot_words: usize) -> Result<Self> {
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
        Ok(Self {
            slots,
            words,
            slot_words,
            next_seq: Atomic::new(0u64),
        })
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

    /// Begins the next record; nobody sees it before [`SlotWriter::publish`].
    ///
    /// One context at a time may call this, and each call sees what the one before did.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn begin(&self) -> Option<SlotWriter<'_>> {
        let seq = self.next_seq.load(Relaxed);
        let (slot, words) = self.slot(seq)?;
        slot.version.store(NO_VERSION, Relaxed);
        // The version must be gone before a word changes.
        rwonce::write_barrier();
        Some(SlotWriter {
            slots: self,
            seq,
            slot,
            words,
        })
    }

    /// Copies the record `seq` into `words`, and returns the words that are it. None when it is not
    /// there yet or was overwritten.
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
        copy::load(slot_words, words);
        // The words must have been read before the version is looked at again.
        rwonce::read_barrier();
        if slot.version.load(Relaxed) != version {
            return None;
        }
        Some(words)
    }

    /// The word `index` of the record `seq`. None when that is not there yet or was overwritten.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn word(&self, seq: u64, index: usize) -> Option<u64> {
        let (slot, words) = self.slot(seq)?;
        let version = seq.wrapping_add(1);
        let is_there = slot.version.load(Acquire) == version;
        let word = words.get(index).filter(|_| is_there)?.read();
        // As in `read`.
        rwonce::read_barrier();
        (slot.version.load(Relaxed) == version).then_some(word)
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
pub(crate) struct SlotWriter<'a> {
    slots: &'a Slots,
    seq: u64,
    slot: &'a Slot,
    words: &'a [RwOnce<u64>],
}

impl<'a> SlotWriter<'a> {
    /// The sequence number.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// The words of the slot.
    pub(crate) fn words(&self) -> &'a [RwOnce<u64>] {
        self.words
    }

    /// Lets readers see the record, which is the first `len` words of the slot.
    pub(crate) fn publish(self, len: usize) {
        self.slot.len.write(len);
        let next = self.seq.wrapping_add(1);
        self.slot.version.store(next, Release);
        self.slots.next_seq.store(next, Release);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A ring of words that are read while others overwrite them.
//!
//! Positions count words since load, so they only grow.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    copy,
    ring_memory::RingMemory, //
};
use crate::{
    model::{
        frame::Parts,
        sum::{
            Sum,
            SUM_WORDS, //
        }, //
    },
    sys::rwonce::RwOnce, //
};

/// The words of a ring, in memory that is allocated once.
pub(crate) struct Ring(RingMemory);

impl Ring {
    /// Makes a ring.
    pub(crate) fn new(memory: RingMemory) -> Self {
        Self(memory)
    }

    /// Where it is.
    pub(crate) fn memory(&self) -> &RingMemory {
        &self.0
    }

    /// Number of words.
    pub(crate) fn len(&self) -> usize {
        self.0.words().len()
    }

    /// The word at `position`; none when the ring is empty.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn word(&self, position: u64) -> Option<&RwOnce<u64>> {
        self.from(position).0.first()
    }

    /// The words from `position` on, at most once around.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn words(&self, position: u64) -> impl Iterator<Item = &RwOnce<u64>> {
        let (end, start) = self.from(position);
        Iterator::chain(end.iter(), start)
    }

    /// The `len` words from `position` on, at most once around.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn parts(&self, position: u64, len: usize) -> Parts<'_, RwOnce<u64>> {
        let (first, rest) = self.slices(position, len);
        Parts::new(first, rest)
    }

    /// The same: those before the end of the ring, and those at its start.
    #[inline(always)]
    fn slices(&self, position: u64, len: usize) -> (&[RwOnce<u64>], &[RwOnce<u64>]) {
        let (end, start) = self.from(position);
        let first = end.get(..len).unwrap_or(end);
        let rest = start.get(..len.saturating_sub(first.len()));
        (first, rest.unwrap_or_default())
    }

    /// The words from `position` on that lie before the end of the ring.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn slice(&self, position: u64) -> &[RwOnce<u64>] {
        self.from(position).0
    }

    /// Copies the words from `position` on to `to`. They may be overwritten meanwhile.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn load(&self, position: u64, to: &mut [u64]) {
        let (end, start) = self.from(position);
        let (first, rest) = to
            .split_at_mut_checked(end.len().min(to.len()))
            .unwrap_or_default();
        copy::load(end, first);
        copy::load(start, rest);
    }

    /// Overwrites the words from `position` on with `from`.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(crate) fn store(&self, position: u64, from: &[u64]) {
        let (end, start) = self.from(position);
        let (first, rest) = from
            .split_at_checked(end.len().min(from.len()))
            .unwrap_or_default();
        copy::store(first, end);
        copy::store(rest, start);
    }

    /// Puts the sum of the `len` words from `position` on behind them, and has all reach memory, if that outlives
    /// the machine. Otherwise nobody needs it.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(crate) fn seal(&self, position: u64, len: usize) {
        let memory = self.memory();
        if !memory.outlives() {
            return;
        }
        let (first, rest) = self.slices(position, len);
        let sum = copy::add_up(copy::add_up(Sum::new(), first), rest);
        self.store(position.saturating_add(len as u64), &sum.words());
        let (first, rest) = self.slices(position, len.saturating_add(SUM_WORDS));
        memory.write_back(first);
        memory.write_back(rest);
    }

    /// The ring from `position` on: what is left until its end, and then from its start.
    fn from(&self, position: u64) -> (&[RwOnce<u64>], &[RwOnce<u64>]) {
        let all = self.0.words();
        let at = position.checked_rem(all.len() as u64).unwrap_or(0) as usize;
        let (start, end) = all.split_at_checked(at).unwrap_or_default();
        (end, start)
    }
}

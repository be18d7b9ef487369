// SPDX-License-Identifier: GPL-2.0

//! Memory for a snapshot of a source.

use crate::{
    model::source::Snapshot,
    sys::clock, //
};
use core::ops::ControlFlow;
use kernel::prelude::*;

/// A snapshot that is being taken, or was. The memory is allocated once.
pub(crate) struct Table<E> {
    /// `CLOCK_MONOTONIC` before the first entry was read.
    pub(super) first_mono_ns: u64,
    /// The same, after the last one was.
    pub(super) last_mono_ns: u64,
    pub(super) entries: KVVec<E>,
    /// Entries that there was no room for.
    pub(super) left_out: u64,
}

/// When the last of some sources was taken, and the next one is begun with: these follow one another, and
/// the clock is read once for both.
pub(super) struct Lap {
    /// `CLOCK_MONOTONIC`.
    pub(super) mono_ns: u64,
}

impl Lap {
    /// Before the first one.
    pub(super) fn now() -> Self {
        Self {
            mono_ns: clock::monotonic_now_ns(),
        }
    }
}

impl<E> Table<E> {
    /// Makes an empty table.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new(capacity: usize) -> Result<Self> {
        Ok(Self {
            first_mono_ns: 0,
            last_mono_ns: 0,
            entries: KVVec::with_capacity(capacity, GFP_KERNEL)?,
            left_out: 0,
        })
    }

    /// Begins a snapshot, at `now_ns` by `CLOCK_MONOTONIC`. It ends then as well, unless
    /// [`Self::finish`] says otherwise.
    pub(super) fn start(&mut self, now_ns: u64) {
        self.first_mono_ns = now_ns;
        self.last_mono_ns = now_ns;
        self.entries.clear();
        self.left_out = 0;
    }

    /// Ends the snapshot: all entries were read.
    pub(super) fn finish(&mut self, lap: &mut Lap) {
        *lap = Lap::now();
        self.last_mono_ns = lap.mono_ns;
    }

    /// Adds an entry, or counts it if there is no room for it.
    pub(super) fn push(&mut self, entry: E) {
        if self.entries.push_within_capacity(entry).is_err() {
            self.leave_out(1);
        }
    }

    /// Counts entries that there is no room for.
    pub(super) fn leave_out(&mut self, count: usize) {
        self.left_out = self.left_out.saturating_add(count as u64);
    }

    /// Breaks off when there is no room for another entry.
    pub(super) fn has_room(&self) -> ControlFlow<()> {
        if self.entries.len() < self.entries.capacity() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// What was taken.
    pub(super) fn snapshot(&self) -> Snapshot<'_, E> {
        Snapshot {
            taken_mono_ns: self.first_mono_ns,
            entries: &self.entries,
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The snapshots that the lines of a source are made of.

use crate::{
    driver::history::RecordWriter,
    model::{
        line::Line,
        record::SectionHeader,
        source::{
            Entry,
            Pair,
            Snapshot, //
        }, //
    },
    sys::clock, //
};
use core::{
    mem,
    ops::ControlFlow, //
};
use kernel::{
    prelude::*,
    time::Instant, //
};

/// A snapshot's place. Its size is fixed when it is made.
pub(super) struct Table<E> {
    /// `CLOCK_MONOTONIC` before the first entry was read.
    first_mono_ns: u64,
    /// The same, after the last one was.
    last_mono_ns: u64,
    entries: KVVec<E>,
    left_out: u64,
}

impl<E> Table<E> {
    pub(super) fn new(capacity: usize) -> Result<Self> {
        Ok(Self {
            first_mono_ns: 0,
            last_mono_ns: 0,
            entries: KVVec::with_capacity(capacity, GFP_KERNEL)?,
            left_out: 0,
        })
    }

    /// Begins a snapshot that is taken now.
    pub(super) fn start(&mut self) {
        self.first_mono_ns = clock::monotonic_ns(Instant::now());
        self.entries.clear();
        self.left_out = 0;
    }

    /// Ends the snapshot: all entries were read.
    pub(super) fn finish(&mut self) {
        self.last_mono_ns = clock::monotonic_ns(Instant::now());
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

    fn snapshot(&self) -> Snapshot<'_, E> {
        Snapshot {
            taken_mono_ns: self.first_mono_ns,
            entries: &self.entries,
        }
    }
}

/// What the snapshot before is good for.
#[derive(PartialEq, Eq)]
enum Base {
    /// There is none.
    None,
    /// It is the one before the next, whatever was logged.
    Recent,
    /// The lines before were made of it, so the next lines begin there.
    Logged,
}

/// The last snapshot, and the one that it is compared with.
pub(super) struct Snapshots<E> {
    base_is: Base,
    base: Table<E>,
    /// Whether `now` is a snapshot that was not logged.
    has_now: bool,
    now: Table<E>,
    /// How many entries were left out when that was last logged.
    said_left_out: u64,
}

impl<E: Entry> Snapshots<E> {
    pub(super) fn new(capacity: usize) -> Result<Self> {
        Ok(Self {
            base_is: Base::None,
            base: Table::new(capacity)?,
            has_now: false,
            now: Table::new(capacity)?,
            said_left_out: 0,
        })
    }

    /// Makes way for the next snapshot.
    pub(super) fn advance(&mut self) {
        if self.base_is != Base::Logged {
            self.rebase();
        }
        self.has_now = false;
    }

    /// Adds a snapshot, in exchange for the place of another.
    pub(super) fn put(&mut self, taken: &mut Table<E>) {
        mem::swap(&mut self.now, taken);
        self.has_now = true;
    }

    /// Has the next lines begin with the last snapshot.
    pub(super) fn rebase(&mut self) {
        if mem::take(&mut self.has_now) {
            mem::swap(&mut self.base, &mut self.now);
            self.base_is = Base::Recent;
        } else if self.base_is == Base::Logged {
            self.base_is = Base::Recent;
        }
    }

    /// Forgets all snapshots.
    pub(super) fn forget(&mut self) {
        self.base_is = Base::None;
        self.has_now = false;
    }

    /// Adds what there is to a record.
    pub(super) fn record(&self, record: &mut RecordWriter<'_>) {
        if self.has_now {
            let header = SectionHeader {
                left_out: self.now.left_out,
                first_mono_ns: self.now.first_mono_ns,
                last_mono_ns: self.now.last_mono_ns,
                ..SectionHeader::of::<E>(self.now.entries.len())
            };
            record.section(&header, &self.now.entries);
        }
    }

    /// The last snapshot and the one that lines of it begin with, if there are both.
    pub(super) fn pair(&self) -> Option<Pair<'_, E>> {
        let has_both = self.has_now && self.base_is != Base::None;
        has_both.then(|| (self.base.snapshot(), self.now.snapshot()))
    }

    /// Makes lines of what there is.
    pub(super) fn log(&mut self, name: &str, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        if !self.has_now {
            return;
        }
        let base = (self.base_is != Base::None).then(|| self.base.snapshot());
        E::log(base, self.now.snapshot(), line, print);
        let left_out = self.now.left_out;
        if left_out != mem::replace(&mut self.said_left_out, left_out) && left_out != 0 {
            line.start(name)
                .text(" table is full: ")
                .number(left_out)
                .text(" devices are not sampled");
            print(line);
        }
        self.rebase();
        self.base_is = Base::Logged;
    }
}

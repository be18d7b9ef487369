// SPDX-License-Identifier: GPL-2.0

//! The snapshots that the lines of a source are made of.

use super::table::Table;
use crate::{
    driver::{
        log::Log,
        record_writer::RecordWriter, //
    },
    model::{
        event::watch::Watch,
        record::SectionHeader,
        source::{
            Entry,
            Pair, //
        }, //
    }, //
};
use core::mem;
use kernel::prelude::*;

/// Which snapshots there are: the newest, and the base that the next lines compare it with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Neither.
    Empty,
    /// The newest, without a base.
    First,
    /// A base that was not logged. The next snapshot replaces it.
    Base,
    /// A base that was not logged, and the newest.
    Pair,
    /// The base that the last lines ended with, so that the next lines begin there.
    LoggedBase,
    /// The base that the last lines ended with, and the newest.
    LoggedPair,
}

/// The newest snapshot, and the one that it is compared with.
pub(crate) struct Snapshots<E> {
    state: State,
    base: Table<E>,
    newest: Table<E>,
    /// How many entries were left out when that was last logged.
    logged_left_out: u64,
}

impl<E: Entry> Snapshots<E> {
    /// Makes room for snapshots of at most `capacity` entries.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new(capacity: usize) -> Result<Self> {
        Ok(Self {
            state: State::Empty,
            base: Table::new(capacity)?,
            newest: Table::new(capacity)?,
            logged_left_out: 0,
        })
    }

    /// Makes way for the next snapshot.
    pub(super) fn advance(&mut self) {
        match self.state {
            State::LoggedBase | State::LoggedPair => self.state = State::LoggedBase,
            State::Empty | State::First | State::Base | State::Pair => self.rebase(),
        }
    }

    /// Stores the newest snapshot, and swaps another one's memory into `taken` for reuse.
    pub(super) fn put(&mut self, taken: &mut Table<E>) {
        mem::swap(&mut self.newest, taken);
        self.state = match self.state {
            State::Empty | State::First => State::First,
            State::Base | State::Pair => State::Pair,
            State::LoggedBase | State::LoggedPair => State::LoggedPair,
        };
    }

    /// Makes the newest snapshot the base of the next lines, whatever was logged.
    pub(super) fn rebase(&mut self) {
        match self.state {
            State::First | State::Pair | State::LoggedPair => {
                mem::swap(&mut self.base, &mut self.newest);
                self.state = State::Base;
            }
            State::LoggedBase => self.state = State::Base,
            State::Empty | State::Base => (),
        }
    }

    /// Forgets all snapshots.
    pub(super) fn forget(&mut self) {
        self.state = State::Empty;
    }

    /// Adds the newest snapshot to a record.
    pub(super) fn record(&self, record: &mut RecordWriter<'_>) {
        if let Some(newest) = self.newest() {
            let header = SectionHeader {
                left_out: newest.left_out,
                first_mono_ns: newest.first_mono_ns,
                last_mono_ns: newest.last_mono_ns,
                ..SectionHeader::of::<E>(newest.entries.len())
            };
            record.section(&header, &newest.entries);
        }
    }

    /// The base and the newest snapshot, if there are both.
    pub(super) fn pair(&self) -> Option<Pair<'_, E>> {
        self.base()
            .zip(self.newest())
            .map(|(base, newest)| (base.snapshot(), newest.snapshot()))
    }

    /// Passes what triggers look at to `watch`.
    pub(super) fn watch(&self, watch: &mut Watch<'_>) {
        if let Some(newest) = self.newest() {
            E::watch(newest.snapshot(), watch);
        }
    }

    /// Logs the newest snapshot, which is the base of the next lines.
    pub(super) fn log(&mut self, name: &str, log: &mut Log<'_>) {
        let Some(newest) = self.newest() else { return };
        log.entries(self.base().map(Table::snapshot), newest.snapshot());
        let left_out = newest.left_out;
        if left_out != mem::replace(&mut self.logged_left_out, left_out) && left_out != 0 {
            log.lines.line(|line| {
                line.text(name)
                    .text(" table is full: ")
                    .number(left_out)
                    .text(" devices are not sampled")
            });
        }
        self.rebase();
        self.state = State::LoggedBase;
    }

    fn newest(&self) -> Option<&Table<E>> {
        match self.state {
            State::First | State::Pair | State::LoggedPair => Some(&self.newest),
            State::Empty | State::Base | State::LoggedBase => None,
        }
    }

    fn base(&self) -> Option<&Table<E>> {
        match self.state {
            State::Base | State::Pair | State::LoggedBase | State::LoggedPair => Some(&self.base),
            State::Empty | State::First => None,
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Sources whose read cannot block: the reporter reads them itself, all in so little time that they have one
//! for all.

use super::{
    snapshots::Snapshots,
    table::Table,
    Outcome, //
    Room,
    SampledSource,
    Source,
};
use crate::{
    driver::{
        log::Log,
        record_writer::RecordWriter, //
    },
    model::{
        event::watch::Watch,
        line::Lines,
        source::{
            Entry,
            Pair, //
        }, //
    }, //
};
use kernel::prelude::*;

/// A source that is sampled by its caller.
pub(crate) struct Inline<S: Source> {
    source: S,
    /// Where the next snapshot is taken.
    table: Table<S::Entry>,
    snapshots: Snapshots<S::Entry>,
    /// What came of the last one; none when the source is off.
    outcome: Option<Outcome>,
}

impl<S: Source> Inline<S> {
    /// Makes room for its snapshots.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(source: S) -> Result<Self> {
        Ok(Self {
            source,
            table: Table::new(S::CAPACITY)?,
            snapshots: Snapshots::new(S::CAPACITY)?,
            outcome: None,
        })
    }

    /// The snapshot that this sample is compared with and that of this sample, if there are both.
    pub(crate) fn pair(&self) -> Option<Pair<'_, S::Entry>> {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.pair(),
            Some(Outcome::Late | Outcome::Absent) | None => None,
        }
    }
}

impl<S: Source> SampledSource for Inline<S> {
    fn announce(&self, lines: &mut Lines<'_>) {
        super::announce(&self.source, lines);
    }

    fn room(&self) -> Room {
        Room::of(&self.source)
    }

    fn begin(&mut self, now_ns: u64) -> bool {
        if !S::switch().is_on() {
            self.snapshots.forget();
            self.outcome = None;
            return false;
        }
        self.snapshots.advance();
        self.table.start(now_ns);
        let outcome = self.source.take(&mut self.table);
        if outcome == Outcome::Snapshot {
            self.snapshots.put(&mut self.table);
        }
        self.outcome = Some(outcome);
        true
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.record(record),
            Some(Outcome::Late) => super::record_stale(&self.source, record),
            Some(Outcome::Absent) | None => (),
        }
    }

    fn watch(&self, watch: &mut Watch<'_>) {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.watch(watch),
            Some(Outcome::Late) => watch.late(S::Entry::WATCHED),
            Some(Outcome::Absent) | None => (),
        }
    }

    fn log(&mut self, log: &mut Log<'_>) {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.log(S::switch().name(), log),
            Some(Outcome::Late) => super::log_stale(&self.source, log),
            Some(Outcome::Absent) | None => (),
        }
    }

    fn restart(&mut self) {
        self.snapshots.rebase();
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Sources whose read cannot block: the reporter reads them itself.

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
        cost::CostMeter,
        record_writer::RecordWriter, //
    },
    model::{
        line::Lines,
        source::Pair, //
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
    cost: CostMeter,
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
            cost: CostMeter::new(),
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

    fn begin(&mut self) {
        if !S::switch().is_on() {
            self.snapshots.forget();
            self.outcome = None;
            return;
        }
        self.snapshots.advance();
        let outcome = super::take(&self.source, &mut self.table, &self.cost);
        if outcome == Outcome::Snapshot {
            self.snapshots.put(&mut self.table);
        }
        self.outcome = Some(outcome);
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.record(record),
            Some(Outcome::Late) => super::record_stale(&self.source, record),
            Some(Outcome::Absent) | None => (),
        }
    }

    fn log(&mut self, lines: &mut Lines<'_>) {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.log(S::switch().name(), lines),
            Some(Outcome::Late) => super::log_stale(&self.source, lines),
            Some(Outcome::Absent) | None => (),
        }
    }

    fn restart(&mut self) {
        self.snapshots.rebase();
    }

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.cost);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Sources that are read at once, since they cannot make anybody wait.

use super::{
    snapshots::{
        Snapshots,
        Table, //
    },
    Outcome, //
    SampledSource,
    Source,
};
use crate::{
    driver::{
        cost::CostMeter,
        history::RecordWriter, //
    },
    model::{
        line::Line,
        source::Pair, //
    }, //
};
use kernel::prelude::*;

/// A source that is sampled by whoever asks for it.
pub(super) struct Inline<S: Source> {
    source: S,
    /// Where the next snapshot is taken.
    table: Table<S::Entry>,
    snapshots: Snapshots<S::Entry>,
    /// What came of the last one; none when the source is off.
    outcome: Option<Outcome>,
    cost: CostMeter,
}

impl<S: Source> Inline<S> {
    pub(super) fn new(source: S) -> Result<Self> {
        Ok(Self {
            source,
            table: Table::new(S::CAPACITY)?,
            snapshots: Snapshots::new(S::CAPACITY)?,
            outcome: None,
            cost: CostMeter::new(),
        })
    }

    /// The snapshot that this sample is compared with and that of this sample, if there are both.
    pub(super) fn pair(&self) -> Option<Pair<'_, S::Entry>> {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.pair(),
            Some(Outcome::Late | Outcome::Absent) | None => None,
        }
    }
}

impl<S: Source> SampledSource for Inline<S> {
    fn announce(&self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        super::announce(&self.source, line, print);
    }

    fn begin(&mut self) {
        if !S::switch().is_on() {
            self.snapshots.forget();
            self.outcome = None;
            return;
        }
        self.snapshots.advance();
        let outcome = self
            .cost
            .measure(|| super::take(&self.source, &mut self.table));
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

    fn log(&mut self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        match self.outcome {
            Some(Outcome::Snapshot) => self.snapshots.log(S::switch().name(), line, print),
            Some(Outcome::Late) => super::log_stale(&self.source, line, print),
            Some(Outcome::Absent) | None => (),
        }
    }

    fn start_over(&mut self) {
        self.snapshots.rebase();
    }

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.cost);
    }
}

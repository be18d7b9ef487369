// SPDX-License-Identifier: GPL-2.0

//! Sources that are read at once, since they cannot make anybody wait.

use super::{
    snapshots::{
        Snapshots,
        Table, //
    },
    Sampling,
    Source,
    Taken, //
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
    taken: Option<Taken>,
    cost: CostMeter,
}

impl<S: Source> Inline<S> {
    pub(super) fn new(source: S) -> Result<Self> {
        Ok(Self {
            source,
            table: Table::new(S::CAPACITY)?,
            snapshots: Snapshots::new(S::CAPACITY)?,
            taken: None,
            cost: CostMeter::new(),
        })
    }

    /// The snapshot that this sample is compared with and that of this sample, if there are both.
    pub(super) fn pair(&self) -> Option<Pair<'_, S::Entry>> {
        match self.taken {
            Some(Taken::Whole) => self.snapshots.pair(),
            Some(Taken::Busy | Taken::Nothing) | None => None,
        }
    }
}

impl<S: Source> Sampling for Inline<S> {
    fn announce(&self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        super::announce(&self.source, line, print);
    }

    fn begin(&mut self) {
        if !S::switch().is_on() {
            self.snapshots.forget();
            self.taken = None;
            return;
        }
        self.snapshots.advance();
        let taken = self
            .cost
            .measure(|| super::take(&self.source, &mut self.table));
        if taken == Taken::Whole {
            self.snapshots.put(&mut self.table);
        }
        self.taken = Some(taken);
    }

    fn record(&self, record: &mut RecordWriter<'_>) {
        match self.taken {
            Some(Taken::Whole) => self.snapshots.record(record),
            Some(Taken::Busy) => super::record_stale(&self.source, record),
            Some(Taken::Nothing) | None => (),
        }
    }

    fn log(&mut self, line: &mut Line, print: &mut dyn FnMut(&Line)) {
        match self.taken {
            Some(Taken::Whole) => self.snapshots.log(S::switch().name(), line, print),
            Some(Taken::Busy) => super::log_stale(&self.source, line, print),
            Some(Taken::Nothing) | None => (),
        }
    }

    fn start_over(&mut self) {
        self.snapshots.rebase();
    }

    fn cost(&self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.cost);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What is sampled in process context: a file per source, and how they are sampled.
//!
//! CPU and memory are not here, since the timer callback reads them (`driver/sampler.rs`). The list of
//! sources is `driver/sources.rs`; the words and lines of each are in `model/source/`.

pub(super) mod activity;
pub(super) mod disk;
pub(super) mod fs;
pub(super) mod inline;
pub(super) mod load;
pub(super) mod net;
pub(super) mod oom_kills;
pub(super) mod pressure;
pub(super) mod queued;
pub(super) mod round;
pub(super) mod running;
mod snapshots;
mod table;
pub(super) mod tasks;
pub(super) mod tcp;

use super::{
    cost::CostMeter,
    log::Log,
    record_writer::RecordWriter, //
};
use crate::{
    model::{
        event::watch::Watch,
        line::{
            Line,
            Lines, //
        },
        record::{
            section_words,
            SectionHeader,
            STALE, //
        },
        source::Entry, //
    },
    sys::param::SwitchParam, //
};
use table::{
    Lap,
    Table, //
};

/// How many disks, and interfaces, may come after load before fewer records have room.
const SPARE_DEVICES: usize = 4;

/// Something that can be sampled.
pub(crate) trait Source: Send + Sync + 'static {
    /// What its snapshots are made of.
    type Entry: Entry + Send + 'static;

    /// Most entries of a snapshot. Memory for them is allocated at load.
    const CAPACITY: usize;

    /// Whether taking it may not come to an end, as when a server does not answer.
    const MAY_HANG: bool = false;

    /// How many entries a snapshot has on this machine, with some to spare.
    fn usual_entries(&self) -> usize {
        Self::CAPACITY
    }

    /// The parameter that switches it on and off. Its name is that of the source.
    fn switch() -> &'static SwitchParam;

    /// Why this kernel does not offer it, as a sentence for the log. It is tried nevertheless.
    fn absence(&self) -> Option<&'static str> {
        None
    }

    /// Adds to `line` what the lines of the source begin with.
    fn label<'a>(&self, line: &'a mut Line) -> &'a mut Line {
        line.text(Self::switch().name())
    }

    /// What a record says when this is late.
    fn when_stale(&self) -> Option<Self::Entry> {
        None
    }

    /// Reads what there is now.
    ///
    /// # Context
    ///
    /// Process context. A source that may sleep, or wait for others, has to be
    /// [`Queued`](queued::Queued).
    fn take(&self, table: &mut Table<Self::Entry>) -> Outcome;
}

/// What came of taking a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is one.
    Snapshot,
    /// There is none this time.
    Late,
    /// There is nothing to take, so there is no line either.
    Absent,
}

/// Words of a record that sections take.
#[derive(Clone, Copy, Default)]
pub(crate) struct Room {
    /// On this machine, with some to spare.
    pub(super) usual_words: usize,
    /// At most.
    pub(super) max_words: usize,
}

impl Room {
    /// The room of the one section of `source`.
    fn of<S: Source>(source: &S) -> Self {
        Self {
            usual_words: section_words::<S::Entry>(source.usual_entries().min(S::CAPACITY)),
            max_words: section_words::<S::Entry>(S::CAPACITY),
        }
    }

    /// The room of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            usual_words: self.usual_words.saturating_add(other.usual_words),
            max_words: self.max_words.saturating_add(other.max_words),
        }
    }
}

/// How a source is sampled. All of this runs in process context, one call at a time.
pub(crate) trait SampledSource {
    /// Says in the log if this kernel does not offer the source.
    fn announce(&self, lines: &mut Lines<'_>);

    /// The room that it needs in a record.
    fn room(&self) -> Room;

    /// Takes a snapshot, or requests one. It is `now_ns` by `CLOCK_MONOTONIC`. Returns whether anything was
    /// read.
    fn begin(&mut self, now_ns: u64) -> bool;

    /// Adds the snapshot to a record, or that it is late.
    fn record(&self, record: &mut RecordWriter<'_>);

    /// Passes what triggers look at to `watch`.
    fn watch(&self, watch: &mut Watch<'_>);

    /// Logs the snapshot compared with that of the lines before, or says that it is late.
    fn log(&mut self, log: &mut Log<'_>);

    /// Restarts the log: the next lines begin with the newest snapshot.
    fn restart(&mut self);

    /// Passes what taking the snapshots has cost to `add`, if they are not taken in [`Self::begin`].
    fn cost(&self, _add: &mut dyn FnMut(&CostMeter)) {}
}

/// Takes a snapshot of `source` into `table`, and counts how long that takes.
fn take<S: Source>(
    source: &S,
    table: &mut Table<S::Entry>,
    cost: &CostMeter,
    lap: &mut Lap,
) -> Outcome {
    table.start(lap.mono_ns);
    let outcome = source.take(table);
    table.finish(lap);
    cost.add(table.last_mono_ns.saturating_sub(table.first_mono_ns));
    outcome
}

/// `no pressure: the kernel is built without CONFIG_PSI or CONFIG_CGROUPS`
fn announce<S: Source>(source: &S, lines: &mut Lines<'_>) {
    if let Some(absence) = source.absence().filter(|_| S::switch().is_on()) {
        lines.line(|line| {
            line.text("no ")
                .text(S::switch().name())
                .text(": ")
                .text(absence)
        });
    }
}

/// Adds to a record that `source` is late.
fn record_stale<S: Source>(source: &S, record: &mut RecordWriter<'_>) {
    let entry = source.when_stale();
    let header = SectionHeader {
        state: STALE,
        ..SectionHeader::of::<S::Entry>(entry.iter().count())
    };
    record.section(&header, entry.as_slice());
}

/// `disk stale`
fn log_stale<S: Source>(source: &S, log: &mut Log<'_>) {
    if log.is_full {
        log.lines.line(|line| source.label(line).text(" stale"));
    }
}

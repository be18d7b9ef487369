// SPDX-License-Identifier: GPL-2.0

//! What is sampled besides CPU and memory, in process context: a file per source.
//!
//! A new source is a file here, which implements [`Source`], and a line in [`Sources`]; what its
//! snapshots hold and which lines they make is in `model/source/`.

mod activity;
mod disk;
mod fs;
mod inline;
mod load;
mod net;
mod pressure;
mod queued;
mod snapshots;

use super::{
    cost::CostMeter,
    history::RecordWriter, //
};
use crate::{
    model::{
        line::Line,
        record::{
            SectionHeader,
            STALE, //
        },
        source::{
            activity::Activity,
            Entry,
            Pair, //
        }, //
    },
    sys::param::SwitchParam, //
};
pub(crate) use fs::FileSystems;
use inline::Inline;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use queued::Queued;
pub(crate) use queued::Round;
use snapshots::Table;

/// Most disks that are sampled.
pub(crate) const MAX_DISKS: usize = <disk::Disks as Source>::CAPACITY;

/// Most interfaces that are sampled.
pub(crate) const MAX_NETS: usize = <net::Interfaces as Source>::CAPACITY;

/// Something that can be sampled.
trait Source: Send + Sync + 'static {
    /// What its snapshots are made of.
    type Entry: Entry + Send + 'static;

    /// Most entries of a snapshot. Memory for them is taken at load.
    const CAPACITY: usize;

    /// The parameter that switches it on and off. Its name is that of the source.
    fn switch() -> &'static SwitchParam;

    /// Why this kernel does not offer it, as a sentence for the log. It is tried nevertheless.
    fn absence(&self) -> Option<&'static str> {
        None
    }

    /// Begins `line` with what its lines begin with.
    fn label<'a>(&self, line: &'a mut Line) -> &'a mut Line {
        line.start(Self::switch().name())
    }

    /// What a record says when this is late.
    fn when_stale(&self) -> Option<Self::Entry> {
        None
    }

    /// Reads what there is now.
    ///
    /// # Context
    ///
    /// Process context. If it may sleep, or wait for others, it has to be [`Queued`].
    fn take(&self, table: &mut Table<Self::Entry>) -> Outcome;
}

/// What came of taking a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// There is one.
    Snapshot,
    /// There is none this time.
    Late,
    /// There is nothing to take, so there is no line either.
    Absent,
}

/// How a source is sampled. All of this runs in process context, one call at a time.
pub(crate) trait SampledSource {
    /// Says in the log if this kernel does not offer the source.
    fn announce(&self, line: &mut Line, print: &mut dyn FnMut(&Line));

    /// Takes a snapshot, or has it taken.
    fn begin(&mut self);

    /// Adds the snapshot to a record, or that it is late.
    fn record(&self, record: &mut RecordWriter<'_>);

    /// Makes lines of the snapshot and of that of the lines before, or says that it is late.
    fn log(&mut self, line: &mut Line, print: &mut dyn FnMut(&Line));

    /// Has the next lines begin with the last snapshot.
    fn start_over(&mut self);

    /// Hands over what taking the snapshots has cost.
    fn cost(&self, add: &mut dyn FnMut(&CostMeter));
}

/// Makes the structure of all sources.
macro_rules! sources {
    ($($name:ident: $sampling:ty = $new:expr,)*) => {
        /// All sources, in the order of their lines.
        pub(crate) struct Sources {
            round: Arc<Round>,
            $($name: $sampling,)*
        }

        impl Sources {
            /// Makes all sources.
            ///
            /// # Errors
            ///
            /// `ENOMEM` when there is no memory.
            pub(crate) fn new(round: Arc<Round>, file_systems: Arc<FileSystems>) -> Result<Self> {
                $(let $name: $sampling = $new(&round, &file_systems)?;)*
                Ok(Self { round, $($name,)* })
            }

            /// Does the same with each of them.
            pub(crate) fn for_each(&mut self, mut each: impl FnMut(&mut dyn SampledSource)) {
                $(each(&mut self.$name);)*
            }
        }
    };
}

sources! {
    load: Inline<load::LoadAverages> = |_, _| Inline::new(load::LoadAverages),
    activity: Inline<activity::VmActivity> =
        |_, _| Inline::new(activity::VmActivity::new()?),
    pressure: Inline<pressure::SystemPressure> =
        |_, _| Inline::new(pressure::SystemPressure::new()),
    disk: Queued<disk::Disks> = |round, _| Queued::new(round, disk::Disks),
    net: Queued<net::Interfaces> = |round, _| Queued::new(round, net::Interfaces),
    fs: Arc<FileSystems> = |_, shared: &Arc<FileSystems>| -> Result<_> { Ok(shared.clone()) },
}

impl Sources {
    /// The activity of the snapshot that was taken last and that of the one before, which lines of
    /// the activity are made of.
    pub(crate) fn activity(&self) -> Option<Pair<'_, Activity>> {
        self.activity.pair()
    }

    /// Takes a snapshot of each, or has it taken.
    pub(crate) fn begin(&mut self) {
        self.round.start();
        self.for_each(|source| source.begin());
    }

    /// Waits until all snapshots are there, or it is `until_ns` by `CLOCK_MONOTONIC`.
    pub(crate) fn wait(&self, until_ns: u64) {
        self.round.wait(until_ns);
    }
}

/// Takes a snapshot of `source` into `table`.
fn take<S: Source>(source: &S, table: &mut Table<S::Entry>) -> Outcome {
    table.start();
    let outcome = source.take(table);
    table.finish();
    outcome
}

/// `no pressure: the kernel is built without CONFIG_PSI or CONFIG_CGROUPS`
fn announce<S: Source>(source: &S, line: &mut Line, print: &mut dyn FnMut(&Line)) {
    if let Some(absence) = source.absence().filter(|_| S::switch().is_on()) {
        line.start("no ")
            .text(S::switch().name())
            .text(": ")
            .text(absence);
        print(line);
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
fn log_stale<S: Source>(source: &S, line: &mut Line, print: &mut dyn FnMut(&Line)) {
    source.label(line).text(" stale");
    print(line);
}

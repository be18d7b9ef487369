// SPDX-License-Identifier: GPL-2.0

//! The list of the sources that are sampled in process context.

use super::{
    cost::CostMeter,
    oom_marks::OomMarks,
    source::{
        activity::VmActivity,
        disk::Disks,
        fs::FileSystems,
        inline::Inline,
        load::LoadAverages,
        net::Interfaces,
        oom_kills::OomKills,
        pressure::SystemPressure,
        queued::Queued,
        round::Rounds,
        running::RunningTasks,
        tasks::TaskCensus,
        tcp::TcpCounters,
        Room, //
        SampledSource,
    }, //
};
use crate::{
    model::source::{
        activity::Activity,
        oom_kill::OomKill,
        Pair, //
    },
    sys::clock, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Makes the structure of all sources.
macro_rules! sources {
    ($($name:ident: $sampling:ty = $new:expr,)*) => {
        /// All sources, in the order of their lines.
        pub(crate) struct Sources {
            rounds: Arc<Rounds>,
            /// Of those that cannot block together.
            cost: CostMeter,
            $($name: $sampling,)*
        }

        impl Sources {
            /// Makes all sources. Not on the stack of the caller, which is short of it.
            ///
            /// # Errors
            ///
            /// `ENOMEM` when there is no memory.
            #[inline(never)]
            pub(super) fn new(
                rounds: Arc<Rounds>,
                file_systems: Arc<FileSystems>,
                marks: Arc<OomMarks>,
            ) -> Result<KBox<Self>> {
                $(let $name: $sampling = $new(&rounds, &file_systems, &marks)?;)*
                let sources = Self {
                    rounds,
                    cost: CostMeter::new(),
                    $($name,)*
                };
                Ok(KBox::new(sources, GFP_KERNEL)?)
            }

            /// Passes each of them to `each`.
            pub(super) fn for_each(&mut self, mut each: impl FnMut(&mut dyn SampledSource)) {
                $(each(&mut self.$name);)*
            }
        }
    };
}

sources! {
    load: Inline<LoadAverages> = |_, _, _| Inline::new(LoadAverages),
    running: Inline<RunningTasks> = |_, _, _| Inline::new(RunningTasks::new()),
    activity: Inline<VmActivity> = |_, _, _| Inline::new(VmActivity::new()?),
    pressure: Inline<SystemPressure> = |_, _, _| Inline::new(SystemPressure::new()),
    disk: Queued<Disks> = |rounds, _, _| Queued::new(rounds, Disks),
    net: Queued<Interfaces> = |rounds, _, _| Queued::new(rounds, Interfaces),
    tcp: Inline<TcpCounters> = |_, _, _| Inline::new(TcpCounters),
    fs: Arc<FileSystems> = |_, shared: &Arc<FileSystems>, _| -> Result<_> { Ok(shared.clone()) },
    // It looks whether there are any, so it comes before who takes them.
    tasks: TaskCensus = |_, _, marks: &Arc<OomMarks>| TaskCensus::new(marks.clone()),
    oom_kills: OomKills = |_, _, marks: &Arc<OomMarks>| OomKills::new(marks.clone()),
}

impl Sources {
    /// The room that they need in a record.
    pub(super) fn room(&mut self) -> Room {
        let mut room = Room::default();
        self.for_each(|source| room = room.and(source.room()));
        room
    }

    /// The newest snapshot of the activity and the one that it is compared with.
    pub(super) fn activity(&self) -> Option<Pair<'_, Activity>> {
        self.activity.pair()
    }

    /// Says whether there is an event in the newest sample.
    pub(super) fn set_trouble(&mut self, is_trouble: bool) {
        self.tasks.set_trouble(is_trouble);
    }

    /// The first process that was killed as memory ran out since the sample before.
    pub(super) fn killed(&self) -> Option<&OomKill> {
        self.oom_kills.killed()
    }

    /// Begins a round, at `start_ns` by `CLOCK_MONOTONIC`: takes or requests a snapshot of each. Returns when
    /// that is done.
    pub(super) fn begin(&mut self, start_ns: u64) -> u64 {
        self.rounds.start();
        let mut was_read = false;
        self.for_each(|source| was_read |= source.begin(start_ns));
        let now_ns = clock::monotonic_now_ns();
        if was_read {
            self.cost.add(now_ns.saturating_sub(start_ns));
        }
        now_ns
    }

    /// Passes what taking the snapshots has cost to `add`: of those that cannot block together, and of each
    /// of the others.
    pub(super) fn costs(&mut self, add: &mut dyn FnMut(&CostMeter)) {
        add(&self.cost);
        self.for_each(|source| source.cost(add));
    }
}

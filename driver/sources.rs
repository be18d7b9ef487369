// SPDX-License-Identifier: GPL-2.0

//! The list of the sources that are sampled in process context.

use super::{
    cost::CostMeter,
    source::{
        activity::VmActivity,
        disk::Disks,
        fs::FileSystems,
        inline::Inline,
        load::LoadAverages,
        net::Interfaces,
        pressure::SystemPressure,
        queued::Queued,
        round::Rounds,
        running::RunningTasks,
        tcp::TcpCounters,
        Room, //
        SampledSource,
    }, //
};
use crate::{
    model::source::{
        activity::Activity,
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
            /// Makes all sources.
            ///
            /// # Errors
            ///
            /// `ENOMEM` when there is no memory.
            pub(super) fn new(rounds: Arc<Rounds>, file_systems: Arc<FileSystems>) -> Result<Self> {
                $(let $name: $sampling = $new(&rounds, &file_systems)?;)*
                Ok(Self {
                    rounds,
                    cost: CostMeter::new(),
                    $($name,)*
                })
            }

            /// Passes each of them to `each`.
            pub(super) fn for_each(&mut self, mut each: impl FnMut(&mut dyn SampledSource)) {
                $(each(&mut self.$name);)*
            }
        }
    };
}

sources! {
    load: Inline<LoadAverages> = |_, _| Inline::new(LoadAverages),
    running: Inline<RunningTasks> = |_, _| Inline::new(RunningTasks::new()),
    activity: Inline<VmActivity> = |_, _| Inline::new(VmActivity::new()?),
    pressure: Inline<SystemPressure> = |_, _| Inline::new(SystemPressure::new()),
    disk: Queued<Disks> = |rounds, _| Queued::new(rounds, Disks),
    net: Queued<Interfaces> = |rounds, _| Queued::new(rounds, Interfaces),
    tcp: Inline<TcpCounters> = |_, _| Inline::new(TcpCounters),
    fs: Arc<FileSystems> = |_, shared: &Arc<FileSystems>| -> Result<_> { Ok(shared.clone()) },
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

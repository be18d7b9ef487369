// SPDX-License-Identifier: GPL-2.0

//! The list of the sources that are sampled in process context.

use super::source::{
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
};
use crate::model::source::{
    activity::Activity,
    Pair, //
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
                Ok(Self { rounds, $($name,)* })
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

    /// Begins a round: takes or requests a snapshot of each.
    pub(super) fn begin(&mut self) {
        self.rounds.start();
        self.for_each(|source| source.begin());
    }
}

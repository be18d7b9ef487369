// SPDX-License-Identifier: GPL-2.0-or-later

//! How many tasks run, and how many are blocked.

use super::super::brief::Brief;
use super::super::event::{watch::Watch, Trigger};
use super::super::line::Lines;
use super::super::words::{self, words};
use super::{Entry, Snapshot, Taken};
use core::borrow::Borrow;

words! {
    /// Tasks of the whole system in some states, at the moment of the sample.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Running: "resource_monitor_running", kind 11 "running" "RUNNING" {
        /// Tasks that run or wait for a CPU (NR_RUNNING). The thread that samples is one of them.
        pub running: u64,
        /// Tasks that wait for I/O (NR_IOWAIT).
        pub blocked: u64,
        /// Tasks that are stalled on memory: they reclaim some, or wait for pages to be read back
        /// (NR_MEMSTALL).
        pub memory_stalled: u64,
    }
}

impl Entry for Running {
    const WATCHED: &'static [Trigger] = &[Trigger::RunQueue];

    /// `running tasks=… blocked=… memstall=…`
    fn log(_before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        for tasks in after.entries {
            lines.line(|line| {
                line.text("running tasks=")
                    .number(tasks.running)
                    .text(" blocked=")
                    .number(tasks.blocked)
                    .text(" memstall=")
                    .number(tasks.memory_stalled)
            });
        }
    }

    fn sum<T: Borrow<Self>>(
        _before: Option<Taken<impl Iterator<Item = T> + Clone>>,
        mut after: Taken<impl Iterator<Item = T>>,
        brief: &mut Brief,
    ) {
        brief.running = after.entries.next().map(|tasks| tasks.borrow().running);
    }

    fn watch(now: Snapshot<'_, Self>, watch: &mut Watch<'_>) {
        if let [tasks] = now.entries {
            watch.running(tasks.running);
        }
    }
}

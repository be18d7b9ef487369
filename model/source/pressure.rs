// SPDX-License-Identifier: GPL-2.0-or-later

//! How long tasks were held up for want of a CPU, of memory and of I/O.

use super::super::brief::Brief;
use super::super::event::{watch::Watch, Trigger};
use super::super::line::Lines;
use super::super::rates::share_of_time;
use super::super::words::{self, words};
use super::{Entry, Snapshot, Taken};
use core::borrow::Borrow;

words! {
    /// Time since boot in which tasks were held up, in nanoseconds: `some` of them or, though there
    /// was work to do, all of them (`full`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Pressure: "resource_monitor_pressure", kind 5 "pressure" "PRESSURE" {
        /// Some waited for a CPU.
        pub cpu_some_ns: u64,
        /// Some waited for memory.
        pub memory_some_ns: u64,
        /// All waited for memory.
        pub memory_full_ns: u64,
        /// Some waited for I/O.
        pub io_some_ns: u64,
        /// All waited for I/O.
        pub io_full_ns: u64,
    }
}

impl Entry for Pressure {
    const WATCHED: &'static [Trigger] = &[
        Trigger::MemoryFull,
        Trigger::MemorySome,
        Trigger::IoFull,
        Trigger::CpuSome,
    ];

    /// `pressure cpu_some=…% mem_some=…% mem_full=…% io_some=…% io_full=…%`
    fn log(before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        let Some(before) = before else { return };
        let elapsed_ns = after.elapsed_ns(&before);
        let share = |now: u64, then: u64| share_of_time(now.saturating_sub(then), elapsed_ns);
        for (then, now) in before.entries.iter().zip(after.entries) {
            lines.line(|line| {
                line.text("pressure")
                    .percent(" cpu_some=", share(now.cpu_some_ns, then.cpu_some_ns))
                    .percent(" mem_some=", share(now.memory_some_ns, then.memory_some_ns))
                    .percent(" mem_full=", share(now.memory_full_ns, then.memory_full_ns))
                    .percent(" io_some=", share(now.io_some_ns, then.io_some_ns))
                    .percent(" io_full=", share(now.io_full_ns, then.io_full_ns))
            });
        }
    }

    fn sum<T: Borrow<Self>>(
        before: Option<Taken<impl Iterator<Item = T> + Clone>>,
        after: Taken<impl Iterator<Item = T>>,
        brief: &mut Brief,
    ) {
        let Some(before) = before else { return };
        let elapsed_ns = after.elapsed_ns(&before);
        let share = |now: u64, then: u64| share_of_time(now.saturating_sub(then), elapsed_ns);
        let mut pairs = before.entries.zip(after.entries);
        brief.pressure = pairs.next().map(|(then, now)| {
            let (then, now) = (then.borrow(), now.borrow());
            [
                share(now.cpu_some_ns, then.cpu_some_ns),
                share(now.memory_some_ns, then.memory_some_ns),
                share(now.io_some_ns, then.io_some_ns),
            ]
        });
    }

    fn watch(now: Snapshot<'_, Self>, watch: &mut Watch<'_>) {
        if let [pressure] = now.entries {
            watch.pressure(now.taken_mono_ns, pressure);
        }
    }
}

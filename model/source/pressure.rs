// SPDX-License-Identifier: GPL-2.0-or-later

//! How long tasks were held up for want of a CPU, of memory and of I/O.

use super::super::line::Line;
use super::super::rates::share_of_time;
use super::super::record::Content;
use super::super::words::{min_len, words, Fields, Words};
use super::{Entry, Snapshot};

/// Time since boot in which tasks were held up, in nanoseconds: `some` of them or, though there
/// was work to do, all of them (`full`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
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

words! {
    Pressure as "resource_monitor_pressure" {
        cpu_some_ns: u64,
        memory_some_ns: u64,
        memory_full_ns: u64,
        io_some_ns: u64,
        io_full_ns: u64,
    }
}

impl Content for Pressure {
    const KIND: u64 = 5;
}

impl Entry for Pressure {
    /// `pressure cpu_some=…% mem_some=…% mem_full=…% io_some=…% io_full=…%`
    fn log(
        before: Option<Snapshot<'_, Self>>,
        after: Snapshot<'_, Self>,
        line: &mut Line,
        print: &mut dyn FnMut(&Line),
    ) {
        let Some(before) = before else { return };
        let elapsed_ns = after.elapsed_ns(&before);
        let share = |now: u64, then: u64| share_of_time(now.saturating_sub(then), elapsed_ns);
        for (then, now) in before.entries.iter().zip(after.entries) {
            line.start("pressure")
                .percent(" cpu_some=", share(now.cpu_some_ns, then.cpu_some_ns))
                .percent(" mem_some=", share(now.memory_some_ns, then.memory_some_ns))
                .percent(" mem_full=", share(now.memory_full_ns, then.memory_full_ns))
                .percent(" io_some=", share(now.io_some_ns, then.io_some_ns))
                .percent(" io_full=", share(now.io_full_ns, then.io_full_ns));
            print(line);
        }
    }
}

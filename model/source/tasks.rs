// SPDX-License-Identifier: GPL-2.0-or-later

//! Which processes there are, and which of them use most of the CPUs and of the memory.

use super::super::line::{Line, Lines};
use super::super::rates::rate;
use super::super::text::Text;
use super::super::words::{self, words};
use super::Snapshot;

/// Bytes of the longest name of a task (`TASK_COMM_LEN` without the NUL).
pub const MAX_COMM: usize = 15;

words! {
    /// All processes at the time of a census. Threads of one process are not told apart.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Tasks: "resource_monitor_tasks", kind 13 "tasks" "TASKS" {
        /// Processes, zombies and kernel threads included.
        pub processes: u64,
        /// Threads of them all, but of those that were left out.
        pub threads: u64,
        /// CPU time of processes that have ended since the module was loaded, as far as no entry and no
        /// census ever had it, in nanoseconds: those that came and went between two censuses, and what
        /// the others used after the last one. It is what their parents were told when they waited.
        pub ended_ns: u64,
    }
}

words! {
    /// A process that is among those with the most CPU time since the census before, or with the most
    /// resident memory. It keeps its place while it is listed; a place without one is zeros.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Task: "resource_monitor_task", kind 14 "task" "TASK" {
        /// Process ID, in the first namespace (tgid); 0 where there is no process.
        pub pid: u32,
        /// `CLOCK_BOOTTIME` when it started, in nanoseconds. With `pid` it tells processes of one boot apart.
        pub start_boot_ns: u64,
        /// User ID, in the first namespace.
        pub uid: u32,
        /// State of its first thread, as the letter in `/proc/PID/stat`: R, S, D, T, t, Z, X, P, or I.
        pub state: u32,
        /// Number of threads.
        pub threads: u64,
        /// Identity of its cgroup in the default hierarchy: the inode of its folder. 0 where there is none.
        pub cgroup_id: u64,
        /// Name (comm). Empty when names are off.
        pub comm: Text<MAX_COMM>,
        /// CPU time of all its threads, those that have ended included, in nanoseconds.
        pub cpu_ns: u64,
        /// Resident memory in KiB; 0 for a kernel thread.
        pub rss_kb: u64,
        /// Memory in swap in KiB.
        pub swap_kb: u64,
        /// Page faults that needed I/O (major).
        pub major_faults: u64,
        /// Bytes that it had read from disks. As in `/proc/PID/io`, those of children that it has waited for are
        /// part of this.
        pub read_bytes: u64,
        /// Bytes that it had written to disks, or will have; of its children as well.
        pub written_bytes: u64,
        /// `CLOCK_MONOTONIC` of the census before it was listed, in nanoseconds.
        pub since_mono_ns: u64,
        /// Its `cpu_ns` then.
        pub since_cpu_ns: u64,
    }
}

/// CPU time that a process has used in some time, both in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU time.
    pub cpu_ns: u64,
    /// The time in which it was used; 0 when there is nothing to compare with.
    pub elapsed_ns: u64,
}

impl Used {
    /// Tenths of a percent of one CPU: with 4 threads that run it is 4000.
    pub fn share(&self) -> u64 {
        rate(self.cpu_ns, 1, self.elapsed_ns).saturating_add(500_000) / 1_000_000
    }
}

impl Task {
    /// Whether there is a process in this place.
    pub fn is_there(&self) -> bool {
        self.pid != 0
    }

    /// Whether both are one process.
    pub fn is_same(&self, other: &Self) -> bool {
        self.pid == other.pid && self.start_boot_ns == other.start_boot_ns
    }

    /// What it has used from the census `before` to the one at `taken_mono_ns`, which it is of. When it
    /// was not listed before, or that is the same census, it is what it has used since the census before
    /// it was listed.
    pub fn used(&self, taken_mono_ns: u64, before: Option<Snapshot<'_, Self>>) -> Used {
        let listed = before.and_then(|before| {
            let then = before.entries.iter().find(|then| then.is_same(self))?;
            (before.taken_mono_ns < taken_mono_ns).then_some((before.taken_mono_ns, then.cpu_ns))
        });
        let (since_ns, cpu_ns) = listed.unwrap_or((self.since_mono_ns, self.since_cpu_ns));
        Used {
            cpu_ns: self.cpu_ns.saturating_sub(cpu_ns),
            elapsed_ns: taken_mono_ns.saturating_sub(since_ns),
        }
    }
}

/// How many processes have a line, of those with the most CPU time and of those with the most memory.
const LOGGED: usize = 3;

/// `tasks processes=… threads=… ended=…%` and, for the first by CPU time and by memory,
/// `task=NAME pid=… cpu=…% rss=…kB`, without names `task pid=…`. The shares are of one CPU.
pub fn log(
    before: Option<(Tasks, Snapshot<'_, Task>)>,
    totals: &Tasks,
    now: Snapshot<'_, Task>,
    names: bool,
    lines: &mut Lines<'_>,
) {
    lines.line(|line| {
        line.text("tasks processes=")
            .number(totals.processes)
            .text(" threads=")
            .number(totals.threads);
        match &before {
            Some((then, snapshot)) if now.elapsed_ns(snapshot) != 0 => {
                let ended = Used {
                    cpu_ns: totals.ended_ns.saturating_sub(then.ended_ns),
                    elapsed_ns: now.elapsed_ns(snapshot),
                };
                share(line, " ended=", ended)
            }
            _ => line,
        }
    });
    let before = before.map(|(_, snapshot)| snapshot);
    let used = |task: &Task| task.used(now.taken_mono_ns, before);
    let mut by_cpu = First::new(|task: &Task| used(task).share());
    let mut by_memory = First::new(|task: &Task| task.rss_kb);
    for task in now.entries.iter().filter(|task| task.is_there()) {
        by_cpu.add(task);
        by_memory.add(task);
    }
    for task in by_cpu
        .tasks()
        .chain(by_memory.tasks().filter(|task| !by_cpu.has(task)))
    {
        lines.line(|line| {
            if names && !task.comm.as_bytes().is_empty() {
                line.text("task=").name(task.comm.as_bytes());
            } else {
                line.text("task");
            }
            line.text(" pid=").number(u64::from(task.pid));
            share(line, " cpu=", used(task)).kib(" rss=", task.rss_kb)
        });
    }
}

fn share<'a>(line: &'a mut Line, key: &str, used: Used) -> &'a mut Line {
    line.text(key).tenths(used.share()).text("%")
}

/// The first few of processes by some value.
struct First<'a, V> {
    value: V,
    tasks: [Option<(u64, &'a Task)>; LOGGED],
}

impl<'a, V: Fn(&Task) -> u64> First<'a, V> {
    fn new(value: V) -> Self {
        Self {
            value,
            tasks: [None; LOGGED],
        }
    }

    fn add(&mut self, task: &'a Task) {
        let value = (self.value)(task);
        let mut new = Some((value, task)).filter(|(value, _)| *value != 0);
        for place in &mut self.tasks {
            let is_more =
                new.is_some_and(|(value, _)| place.is_none_or(|(other, _)| value > other));
            if is_more {
                core::mem::swap(place, &mut new);
            }
        }
    }

    fn tasks(&self) -> impl Iterator<Item = &'a Task> + '_ {
        self.tasks.iter().flatten().map(|(_, task)| *task)
    }

    fn has(&self, task: &Task) -> bool {
        self.tasks().any(|listed| listed.is_same(task))
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Processes: how many there are, and which use most of the CPUs and of the memory.

use model::record::{Content, Record, Section, STALE};
use model::source::tasks::{self, Used};
use model::source::Snapshot;

use super::columns::{
    column, Column,
    Field::{OptionalReal, OptionalWhole, Whole},
    Merge::{Last, Mean},
    Unit::{Bytes, BytesPerSecond, Count, PerSecond, PercentOfOne, Seconds},
};
use super::{left_out, name, per_second, seconds};

/// All processes at the time of a census. A record without one of its own repeats the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TaskTotals {
    /// Zombies and kernel threads included.
    pub processes: u64,
    /// Threads of them all.
    pub threads: u64,
    /// What processes that have ended have used since the census before, in percent of one CPU, as far
    /// as no census saw it. None when there is none to compare with.
    pub ended_percent: Option<f64>,
    /// Processes that the census did not get to.
    pub left_out: Option<u64>,
    /// Seconds from the census to the later record.
    pub census_age_s: Option<f64>,
    /// Whether the earlier record had another census.
    pub is_new: bool,
}

/// A process that is among those with the most CPU time since the census before, or with the most
/// resident memory.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Task {
    /// Process ID, in the first namespace.
    pub pid: u32,
    /// Its name, which is whatever it wants; none where the module keeps no names.
    pub comm: Option<String>,
    /// User ID, in the first namespace.
    pub uid: Option<u32>,
    /// State of its first thread, as the letter in `/proc/PID/stat`; `?` where that is none.
    pub state: char,
    /// Number of threads.
    pub threads: Option<u64>,
    /// CPU time since the census before, in percent of one CPU. None when it was not there yet.
    pub cpu_percent: Option<f64>,
    /// All its CPU time.
    pub cpu_s: Option<f64>,
    /// Resident memory; 0 for a kernel thread.
    pub rss_bytes: u64,
    /// Memory in swap.
    pub swap_bytes: Option<u64>,
    /// Page faults that needed a disk. None, as the next two, when it was not listed before.
    pub major_faults_per_second: Option<f64>,
    /// Read from disks.
    pub read_bytes_per_second: Option<f64>,
    /// Written to disks, now or later.
    pub written_bytes_per_second: Option<f64>,
    /// Identity of its cgroup: the inode of its folder.
    pub cgroup_id: Option<u64>,
    /// When it started, in seconds since 1970.
    pub started_s: Option<f64>,
    /// The same in seconds since the boot. With `pid` it tells processes of one boot apart.
    pub started_since_boot_s: Option<f64>,
}

impl TaskTotals {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("processes", Count, Mean, Whole(|tasks| tasks.processes), "Processes, zombies and kernel threads included."),
        column("threads", Count, Mean, Whole(|tasks| tasks.threads), "Threads of all processes."),
        column("ended_percent", PercentOfOne, Mean, OptionalReal(|tasks| tasks.ended_percent), "What processes that came and went have used since the census before, in percent of one CPU, as far as no census saw it. Null when there is none to compare with."),
        column("left_out", Count, Last, OptionalWhole(|tasks| tasks.left_out), "Processes that the census did not get to."),
        column("census_age_s", Seconds, Last, OptionalReal(|tasks| tasks.census_age_s), "Seconds from the census to the later record."),
    ];

    pub(super) fn between(before: Record<'_>, after: Record<'_>) -> Option<Self> {
        let (now_ns, now) = totals(after)?;
        let then = totals(before);
        let ended_percent = then.and_then(|(then_ns, then)| {
            percent_of_one(Used {
                cpu_ns: now.ended_ns.saturating_sub(then.ended_ns),
                elapsed_ns: now_ns.saturating_sub(then_ns),
            })
        });
        let taken_ns = after.header().taken_mono_ns;
        Some(Self {
            processes: now.processes,
            threads: now.threads,
            ended_percent,
            left_out: Some(left_out::<tasks::Tasks>(after).max(left_out::<tasks::Task>(after))),
            census_age_s: Some(seconds(taken_ns.saturating_sub(now_ns))),
            is_new: then.is_none_or(|(then_ns, _)| then_ns != now_ns),
        })
    }
}

impl Task {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("threads", Count, Last, OptionalWhole(|task| task.threads), "Number of threads."),
        column("cpu_percent", PercentOfOne, Mean, OptionalReal(|task| task.cpu_percent), "CPU time since the census before, in percent of one CPU: 400 with four threads that run. Null when it was not there yet."),
        column("cpu_s", Seconds, Last, OptionalReal(|task| task.cpu_s), "All its CPU time."),
        column("rss_bytes", Bytes, Last, Whole(|task| task.rss_bytes), "Resident memory; 0 for a kernel thread."),
        column("swap_bytes", Bytes, Last, OptionalWhole(|task| task.swap_bytes), "Memory in swap."),
        column("major_faults_per_second", PerSecond, Mean, OptionalReal(|task| task.major_faults_per_second), "Page faults that needed a disk. Null, as the next two, when it was not listed before."),
        column("read_bytes_per_second", BytesPerSecond, Mean, OptionalReal(|task| task.read_bytes_per_second), "Bytes read from disks."),
        column("written_bytes_per_second", BytesPerSecond, Mean, OptionalReal(|task| task.written_bytes_per_second), "Bytes written to disks, now or later."),
    ];

    /// Those that a record lists, without what takes an earlier one: what each has used is from the
    /// census before it was listed, and there are no rates.
    pub fn of(record: &crate::Record) -> Vec<Self> {
        let record = record.raw();
        record.map_or_else(Vec::new, |record| Self::all(None, record))
    }

    pub(super) fn all(before: Option<Record<'_>>, after: Record<'_>) -> Vec<Self> {
        let Some((now_ns, now)) = listed(after) else {
            return Vec::new();
        };
        // Of the same census there is nothing to compare.
        let before = before.and_then(listed);
        let before = before.filter(|(then_ns, _)| *then_ns < now_ns);
        let tasks = now.iter().filter(|task| task.is_there());
        tasks
            .map(|task| {
                let snapshot = before.as_ref().map(|(then_ns, then)| Snapshot {
                    taken_mono_ns: *then_ns,
                    entries: then,
                });
                Self::at(task, now_ns, snapshot, after)
            })
            .collect()
    }

    fn at(
        task: &tasks::Task,
        now_ns: u64,
        before: Option<Snapshot<'_, tasks::Task>>,
        record: Record<'_>,
    ) -> Self {
        let then = before.and_then(|before| {
            let then = before.entries.iter().find(|then| then.is_same(task))?;
            Some((then, seconds(now_ns.saturating_sub(before.taken_mono_ns))))
        });
        let rate = |of: fn(&tasks::Task) -> u64| {
            then.map(|(then, elapsed_s)| per_second(of(then), of(task), elapsed_s))
        };
        let header = record.header();
        let age_ns = header
            .taken_boot_ns
            .map(|now| now.saturating_sub(task.start_boot_ns));
        let letter = u8::try_from(task.state).ok().map(char::from);
        Self {
            pid: task.pid,
            comm: name(&task.comm),
            uid: Some(task.uid),
            state: letter.filter(char::is_ascii_alphabetic).unwrap_or('?'),
            threads: Some(task.threads),
            cpu_percent: percent_of_one(task.used(now_ns, before)),
            cpu_s: Some(seconds(task.cpu_ns)),
            rss_bytes: task.rss_kb.saturating_mul(1024),
            swap_bytes: Some(task.swap_kb.saturating_mul(1024)),
            major_faults_per_second: rate(|task| task.major_faults),
            read_bytes_per_second: rate(|task| task.read_bytes),
            written_bytes_per_second: rate(|task| task.written_bytes),
            cgroup_id: Some(task.cgroup_id).filter(|id| *id != 0),
            started_s: age_ns.map(|age_ns| seconds(header.taken_wall_ns.saturating_sub(age_ns))),
            started_since_boot_s: Some(seconds(task.start_boot_ns)),
        }
    }
}

/// None when no time has passed.
fn percent_of_one(used: Used) -> Option<f64> {
    (used.elapsed_ns != 0).then(|| used.cpu_ns as f64 / used.elapsed_ns as f64 * 100.0)
}

/// The totals of a record, and when the census was.
fn totals(record: Record<'_>) -> Option<(u64, tasks::Tasks)> {
    let section = section::<tasks::Tasks>(record)?;
    Some((section.header().first_mono_ns, section.entries().next()?))
}

/// The tasks that a record lists, and when the census was.
fn listed(record: Record<'_>) -> Option<(u64, Vec<tasks::Task>)> {
    let section = section::<tasks::Task>(record)?;
    let mut entries = Vec::with_capacity(section.count::<tasks::Task>());
    entries.extend(section.entries::<tasks::Task>());
    Some((section.header().first_mono_ns, entries))
}

/// The section of a kind in a record, if it was taken.
fn section<C: Content>(record: Record<'_>) -> Option<Section<'_>> {
    let mut sections = record.sections();
    sections.find(|section| {
        let header = section.header();
        header.kind == C::KIND && header.state != STALE
    })
}

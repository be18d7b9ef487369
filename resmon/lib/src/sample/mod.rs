// SPDX-License-Identifier: GPL-2.0-or-later

//! What happened between two records. A source is a file here: its structure, how that is made of
//! records, and its columns.

mod activity;
mod census;
pub mod columns;
mod cpu;
mod disk;
mod event;
mod from_log;
mod fs;
mod load;
mod memory;
mod net;
mod oom_kill;
mod pressure;
mod running;
mod samples;
mod task;
mod tcp;

use std::fmt;
use std::time::{Duration, SystemTime};

use model::record::{self, Content, STALE};
use model::source;
use model::text::Text;

use crate::life::is_one_life;
use crate::{Record, Source};
use census::Census;
use columns::{
    column, Column,
    Field::{OptionalReal, OptionalWhole, Whole},
    Merge::{Highest, Last, Sum},
    Part,
    Unit::{Count, Seconds},
};

pub use activity::Activity;
pub use cpu::{Cpu, CpuTimes};
pub use disk::Disk;
pub use event::{Event, EventState, EventUnit};
pub use from_log::FromLog;
pub(crate) use from_log::Total;
pub use fs::{FileSystem, FileSystemState, Usage};
pub use load::Load;
pub use memory::{Memory, Swap};
pub use net::{Net, NetDirection};
pub use oom_kill::{OomKill, OomOutcome};
pub use pressure::Pressure;
pub use running::Running;
pub use samples::Samples;
pub use task::{Task, TaskTotals};
pub use tcp::Tcp;

/// What happened between two records.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Sample {
    /// Sequence number of the later record.
    pub seq: Option<u64>,
    /// When that was taken, in seconds since 1970; since boot in a kernel log without the time of day.
    pub time_s: f64,
    /// Seconds from the boot to it, in which time in suspend counts (`CLOCK_BOOTTIME`); of a kernel log its
    /// time stamp, in which it does not.
    pub since_boot_s: Option<f64>,
    /// The boot that the records are of, as the module tells boots apart: see [`model::record::Header::boot_id`].
    pub module_boot_id: Option<Id>,
    /// The load of the module that they are of.
    pub module_load_id: Option<Id>,
    /// Seconds from one to the other.
    pub elapsed_s: Option<f64>,
    /// The interval in force, in seconds; of a kernel log the usual time between two of its samples.
    pub interval_s: Option<f64>,
    /// Seconds that the later one was taken after it was due.
    pub late_s: Option<f64>,
    /// Records in between that this reader has lost.
    pub lost_records: u64,
    /// Samples since the module was loaded that were late by more than a tenth of the interval.
    pub late_samples: Option<u64>,
    /// Ticks since the module was loaded that never ran.
    pub missed_ticks: Option<u64>,
    /// All online CPUs together.
    pub cpu: Option<CpuTimes>,
    /// Each CPU that was online all the time.
    pub cpus: Vec<Cpu>,
    /// Memory.
    pub memory: Option<Memory>,
    /// Swap.
    pub swap: Option<Swap>,
    /// The load averages.
    pub load: Option<Load>,
    /// Tasks that run, and that are blocked.
    pub running: Option<Running>,
    /// The activity of the virtual memory, and interrupts.
    pub activity: Option<Activity>,
    /// Time for which tasks were held up.
    pub pressure: Option<Pressure>,
    /// Whole disks that are in use, in the kernel's order.
    pub disks: Vec<Disk>,
    /// Network interfaces, in the kernel's order.
    pub nets: Vec<Net>,
    /// TCP.
    pub tcp: Option<Tcp>,
    /// What is mounted at the paths that are watched.
    pub file_systems: Vec<FileSystem>,
    /// All processes, at the time of a census.
    pub tasks: Option<TaskTotals>,
    /// Those of them that use most of the CPUs or of the memory, in no order.
    pub top_tasks: Vec<Task>,
    /// Processes that were chosen to be killed as memory ran out, before the later record.
    pub oom_kills: Vec<OomKill>,
    /// More of these, for which that had no room.
    pub oom_kills_left_out: u64,
    /// Events that begin, go on or end with the later record.
    pub events: Vec<Event>,
    /// What has not answered in time, or had no room: all or some of it is missing here.
    pub incomplete: Vec<Source>,
    /// Where it is from when it was made of the lines of a kernel log, which have less than records; none of
    /// records.
    pub from_log: Option<FromLog>,
    /// Whether disks were sampled for both records.
    #[cfg_attr(feature = "serde", serde(skip))]
    has_disks: bool,
    /// The same for interfaces.
    #[cfg_attr(feature = "serde", serde(skip))]
    has_nets: bool,
    /// When the census was, and how many tasks a record has room for.
    #[cfg_attr(feature = "serde", serde(skip))]
    census: Option<Census>,
    /// What a line said of all disks together.
    #[cfg_attr(feature = "serde", serde(skip))]
    disk_sum: Option<Total>,
    /// The same of all interfaces.
    #[cfg_attr(feature = "serde", serde(skip))]
    net_sum: Option<Total>,
}

impl Sample {
    /// The numbers that each sample has, whatever was sampled.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("time_s", Seconds, Last, OptionalReal(|sample| sample.wall_s()), "When the later record was taken, in seconds since 1970."),
        column("seq", Count, Last, OptionalWhole(|sample| sample.seq), "Sequence number of the later record; the first one after loading is 0."),
        column("elapsed_s", Seconds, Sum, OptionalReal(|sample| sample.elapsed_s), "Seconds from the one record to the other."),
        column("interval_s", Seconds, Last, OptionalReal(|sample| sample.interval_s), "The interval in force, in seconds; of a kernel log the usual time between two of its samples."),
        column("late_s", Seconds, Highest, OptionalReal(|sample| sample.late_s), "Seconds that the later record was taken after it was due."),
        column("lost_records", Count, Sum, Whole(|sample| sample.lost_records), "Records in between that this reader has lost, as it was too slow."),
        column("late_samples", Count, Last, OptionalWhole(|sample| sample.late_samples), "Samples since the module was loaded that were late by more than a tenth of the interval."),
        column("missed_ticks", Count, Last, OptionalWhole(|sample| sample.missed_ticks), "Ticks since the module was loaded that never ran."),
    ];

    /// The columns of its fields, in the order of CSV.
    #[rustfmt::skip]
    pub fn parts() -> Vec<Part> {
        vec![
            Part::one("cpu", "Shares of the time of all online CPUs together.", "cpu_", CpuTimes::COLUMNS, |s| s.cpu.as_ref()),
            Part::one("memory", "By the definitions of /proc/meminfo.", "memory_", Memory::COLUMNS, |s| s.memory.as_ref()),
            Part::one("swap", "Swap.", "swap_", Swap::COLUMNS, |s| s.swap.as_ref()),
            Part::one("load", "The load averages.", "load_", Load::COLUMNS, |s| s.load.as_ref()),
            Part::one("activity", "What the virtual memory does, and how often the CPUs are interrupted.", "", Activity::COLUMNS, |s| s.activity.as_ref()),
            Part::one("pressure", "Shares of the time for which some tasks, or all that had work to do, were held up.", "pressure_", Pressure::COLUMNS, |s| s.pressure.as_ref()),
            Part::total("disks", "All disks together.", "disk_", Disk::COLUMNS, |s, of| s.disk_total(of)),
            Part::total("nets", "All interfaces together, received.", "net_received_", NetDirection::COLUMNS, |s, of| s.net_total(|net| of(&net.received))),
            Part::total("nets", "All interfaces together, transmitted.", "net_transmitted_", NetDirection::COLUMNS, |s, of| s.net_total(|net| of(&net.transmitted))),
            Part::one("running", "Tasks in some states.", "running_", Running::COLUMNS, |s| s.running.as_ref()),
            Part::one("tcp", "TCP, over IPv4 and IPv6 together.", "tcp_", Tcp::COLUMNS, |s| s.tcp.as_ref()),
            Part::one("tasks", "All processes, at the time of a census: not each sample has a new one.", "tasks_", TaskTotals::COLUMNS, |s| s.tasks.as_ref()),
        ]
    }

    /// What happened from `before` to `after`; none when they are not in this order, or of two
    /// boots, or of two loads of the module.
    pub fn between(before: &Record, after: &Record) -> Option<Self> {
        let (before, after) = (before.raw()?, after.raw()?);
        let (then, now) = (before.header(), after.header());
        let is_later = now.seq > then.seq && now.taken_mono_ns > then.taken_mono_ns;
        if !is_later || !is_one_life(&then, &now) {
            return None;
        }
        Some(Self {
            seq: Some(now.seq),
            time_s: seconds(now.taken_wall_ns),
            since_boot_s: now.taken_boot_ns.map(seconds),
            module_boot_id: now.boot_id.map(Id),
            module_load_id: now.load_id.map(Id),
            elapsed_s: Some(seconds(now.taken_mono_ns - then.taken_mono_ns)),
            interval_s: Some(seconds(now.interval_ns)),
            late_s: Some(seconds(now.taken_mono_ns.saturating_sub(now.due_mono_ns))),
            lost_records: now.lost_records,
            late_samples: Some(now.late_samples),
            missed_ticks: Some(now.missed_ticks),
            cpu: CpuTimes::between(before, after),
            cpus: Cpu::all(before, after),
            memory: Memory::of(after),
            swap: Swap::between(before, after),
            load: Load::of(after),
            running: Running::of(after),
            activity: Activity::between(before, after),
            pressure: Pressure::between(before, after),
            disks: Disk::all(before, after),
            nets: Net::all(before, after),
            tcp: Tcp::between(before, after),
            file_systems: FileSystem::all(after),
            tasks: TaskTotals::between(before, after),
            top_tasks: Task::all(Some(before), after),
            oom_kills: OomKill::all(after),
            oom_kills_left_out: left_out::<source::oom_kill::OomKill>(after),
            events: Event::all(after),
            incomplete: incomplete(after),
            from_log: None,
            has_disks: both_have::<source::disk::Disk>(before, after),
            has_nets: both_have::<source::net::Net>(before, after),
            census: Census::of(after),
            disk_sum: None,
            net_sum: None,
        })
    }

    /// Has it be taken at another time, in seconds since 1970: all times that it has move with it.
    pub fn set_time(&mut self, time_s: f64) {
        let later_s = time_s - self.time_s;
        self.time_s = time_s;
        let started = self.top_tasks.iter_mut().map(|task| &mut task.started_s);
        for started_s in started.flatten() {
            *started_s += later_s;
        }
        for kill in &mut self.oom_kills {
            kill.time_s += later_s;
        }
    }

    /// The sum of something over all disks, without those whose work is done again by others, which
    /// count it, or in memory: disks of the device mapper, of `md`, `loop`, `zram` and the like. None
    /// when disks were not sampled.
    pub fn disk_total(&self, of: impl Fn(&Disk) -> f64) -> Option<f64> {
        if let Some(sum) = self.disk_sum {
            return Some(of(&sum.as_disk())).filter(|sum| sum.is_finite());
        }
        let disks = self.disks.iter().filter(|disk| disk.in_total);
        // A sum of no floats at all would be -0.
        let sum = disks.fold(0.0, |sum, disk| sum + of(disk));
        (self.has_disks && sum.is_finite()).then_some(sum)
    }

    /// The sum of something over all interfaces, without that of the machine to itself and those on
    /// top of others, which count the same: bridges, bonds, VLANs and the like. None when interfaces
    /// were not sampled.
    pub fn net_total(&self, of: impl Fn(&Net) -> f64) -> Option<f64> {
        if let Some(sum) = self.net_sum {
            return Some(of(&sum.as_net())).filter(|sum| sum.is_finite());
        }
        let nets = self.nets.iter().filter(|net| net.in_total);
        let sum = nets.fold(0.0, |sum, net| sum + of(net));
        (self.has_nets && sum.is_finite()).then_some(sum)
    }

    /// When the later record was taken, in seconds since 1970, where that is known.
    pub fn wall_s(&self) -> Option<f64> {
        let is_known = self.from_log.is_none_or(|log| log.has_wall_clock);
        is_known.then_some(self.time_s)
    }

    /// When the later record was taken.
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(self.time_s).unwrap_or_default()
    }
}

/// A number drawn at random or made like one, shown in hexadecimal: programs that read JSON may not
/// keep all of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(pub u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn seconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64()
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    (part as f64 / whole as f64 * 100.0).clamp(0.0, 100.0)
}

/// How much came from `then` to `now`, per second.
fn per_second(then: u64, now: u64, elapsed_s: f64) -> f64 {
    if elapsed_s <= 0.0 {
        return 0.0;
    }
    now.saturating_sub(then) as f64 / elapsed_s
}

/// How many entries of a kind a record had no room for.
fn left_out<C: Content>(record: record::Record<'_>) -> u64 {
    let headers = record.sections().map(|section| section.header());
    let headers = headers.filter(|header| header.kind == C::KIND);
    headers.fold(0, |sum, header| sum.saturating_add(header.left_out))
}

/// None for no text, as where names are off.
fn name<const MAX: usize>(name: &Text<MAX>) -> Option<String> {
    Some(text(name)).filter(|name| !name.is_empty())
}

fn text<const MAX: usize>(text: &Text<MAX>) -> String {
    String::from_utf8_lossy(text.as_bytes()).into_owned()
}

/// The one entry of a kind in both records, and the seconds between the times that they were taken.
fn two<C: Content>(before: record::Record<'_>, after: record::Record<'_>) -> Option<(C, C, f64)> {
    let taken = |record: record::Record<'_>| {
        record.sections().find_map(|section| {
            let entry = section.entries().next()?;
            Some((section.header().first_mono_ns, entry))
        })
    };
    let ((then_ns, then), (now_ns, now)) = (taken(before)?, taken(after)?);
    Some((then, now, seconds(now_ns.checked_sub(then_ns)?)))
}

/// Whether there was an answer about entries of this kind for both records.
fn both_have<C: Content>(before: record::Record<'_>, after: record::Record<'_>) -> bool {
    [before, after].into_iter().all(|record| {
        let mut headers = record.sections().map(|section| section.header());
        headers.any(|header| header.kind == C::KIND && header.state != STALE)
    })
}

/// Entries of the same things in both records.
fn pairs<'a, C: Content + 'a>(
    before: record::Record<'a>,
    after: record::Record<'a>,
    are_same: impl Fn(&C, &C) -> bool + 'a,
) -> impl Iterator<Item = (C, C)> + 'a {
    let mut then: Vec<C> = before.entries().collect();
    after.entries().filter_map(move |now: C| {
        let at = then.iter().position(|then| are_same(then, &now))?;
        Some((then.swap_remove(at), now))
    })
}

fn incomplete(record: record::Record<'_>) -> Vec<Source> {
    let is_incomplete = |source: &Source| {
        let mut headers = record.sections().map(|section| section.header());
        headers.any(|header| {
            let is_whole = header.state != STALE && header.left_out == 0;
            header.kind == source.number() && !is_whole
        })
    };
    Source::ALL.into_iter().filter(is_incomplete).collect()
}

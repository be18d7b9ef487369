// SPDX-License-Identifier: GPL-2.0-or-later

use std::fmt;
use std::io::Read;
use std::time::{Duration, SystemTime};

use model::record::{self, STALE};
use model::source::cpu::{self, Mode, Spent};
use model::source::memory::Buffers;
use model::source::{activity, disk, fs, load, memory, net, pressure};
use model::text::Text;

use crate::life::is_one_life;
use crate::{Record, Records, Result, Source, WallClock};

/// What happened between two records.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Sample {
    /// Sequence number of the later record.
    pub seq: u64,
    /// When that was taken, in seconds since 1970.
    pub time_s: f64,
    /// Seconds from the boot to it, in which time in suspend counts (`CLOCK_BOOTTIME`).
    pub since_boot_s: Option<f64>,
    /// The boot that the records are of, as the module tells boots apart: see [`model::record::Header::boot_id`].
    pub module_boot_id: Option<Id>,
    /// The load of the module that they are of.
    pub module_load_id: Option<Id>,
    /// Seconds from one to the other.
    pub elapsed_s: f64,
    /// The interval in force, in seconds.
    pub interval_s: f64,
    /// Seconds that the later one was taken after it was due.
    pub late_s: f64,
    /// Records in between that this reader has lost.
    pub lost_records: u64,
    /// Samples since the module was loaded that were late by more than a tenth of the interval.
    pub late_samples: u64,
    /// Ticks since the module was loaded that never ran.
    pub missed_ticks: u64,
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
    /// The activity of the virtual memory, and interrupts.
    pub activity: Option<Activity>,
    /// Time for which tasks were held up.
    pub pressure: Option<Pressure>,
    /// Whole disks that are in use, in the kernel's order.
    pub disks: Vec<Disk>,
    /// Network interfaces, in the kernel's order.
    pub nets: Vec<Net>,
    /// What is mounted at the paths that are watched.
    pub file_systems: Vec<FileSystem>,
    /// What has not answered in time, or had no room: all or some of it is missing here.
    pub incomplete: Vec<Source>,
    /// Whether disks were sampled for both records.
    #[cfg_attr(feature = "serde", serde(skip))]
    has_disks: bool,
    /// The same for interfaces.
    #[cfg_attr(feature = "serde", serde(skip))]
    has_nets: bool,
}

/// A number drawn at random or made like one, shown in hexadecimal: programs that read JSON may not
/// keep all of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Shares of CPU time. Guests are not counted as user.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)] // The modes are those of /proc/stat.
pub struct CpuTimes {
    pub user_percent: f64,
    pub nice_percent: f64,
    pub system_percent: f64,
    pub idle_percent: f64,
    pub iowait_percent: f64,
    pub irq_percent: f64,
    pub softirq_percent: f64,
    pub steal_percent: f64,
    pub guest_percent: f64,
}

/// A CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Cpu {
    /// Its number.
    pub id: u32,
    /// What it did.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub times: CpuTimes,
}

/// Memory, by the definitions of `/proc/meminfo`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)] // The names are those of /proc/meminfo.
pub struct Memory {
    pub total_bytes: u64,
    /// What is not available.
    pub used_bytes: u64,
    pub free_bytes: u64,
    pub available_bytes: u64,
    pub buffers_bytes: Option<u64>,
    /// File cache without buffers and swap cache.
    pub cached_bytes: u64,
    pub swap_cached_bytes: u64,
    pub shmem_bytes: u64,
    pub slab_reclaimable_bytes: u64,
    pub slab_unreclaimable_bytes: u64,
    pub dirty_bytes: u64,
    pub writeback_bytes: u64,
    pub anon_bytes: u64,
    pub mapped_bytes: u64,
    pub page_tables_bytes: u64,
}

/// Swap.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Swap {
    pub free_bytes: u64,
    /// None when the activity was not sampled, since that is where it is counted.
    pub in_bytes_per_second: Option<f64>,
    pub out_bytes_per_second: Option<f64>,
}

/// The load averages.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Load {
    pub one_minute: f64,
    pub five_minutes: f64,
    pub fifteen_minutes: f64,
}

/// What the virtual memory does, and how often the CPUs are interrupted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Activity {
    /// Major ones included.
    pub faults_per_second: f64,
    pub major_faults_per_second: f64,
    pub paged_in_bytes_per_second: f64,
    pub paged_out_bytes_per_second: f64,
    pub interrupts_per_second: f64,
    pub soft_interrupts_per_second: f64,
    /// Since the module was loaded.
    pub oom_kills: u64,
}

/// Shares of the time for which some tasks, or all that had work to do, were held up.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Pressure {
    pub cpu_some_percent: f64,
    pub memory_some_percent: f64,
    pub memory_full_percent: f64,
    pub io_some_percent: f64,
    pub io_full_percent: f64,
}

/// A disk, by the definitions of `iostat`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Disk {
    pub name: String,
    pub reads_per_second: f64,
    pub writes_per_second: f64,
    pub discards_per_second: f64,
    pub read_bytes_per_second: f64,
    pub written_bytes_per_second: f64,
    pub discarded_bytes_per_second: f64,
    /// Requests under way at the later record.
    pub in_flight: u64,
    pub busy_percent: f64,
    /// Average time of a read, a write or a discard.
    pub await_ms: f64,
    /// Whether it is part of [`Sample::disk_total`].
    pub in_total: bool,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Net {
    pub name: String,
    pub received: NetDirection,
    pub transmitted: NetDirection,
    /// Whether it is part of [`Sample::net_total`].
    pub in_total: bool,
}

/// What an interface carried in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct NetDirection {
    pub bytes_per_second: f64,
    pub packets_per_second: f64,
    pub errors_per_second: f64,
    pub drops_per_second: f64,
}

/// What is mounted at a path.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FileSystem {
    /// The path.
    pub path: String,
    /// What was found there.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub state: FileSystemState,
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "state", rename_all = "lowercase"))]
#[non_exhaustive]
pub enum FileSystemState {
    /// A file system.
    Mounted(Usage),
    /// Nothing.
    Absent,
    /// It could not be asked.
    Failed {
        /// The `errno`.
        errno: u32,
    },
    /// It has not answered in time.
    Stale,
}

/// How full a file system is.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Usage {
    /// The type, as in `/proc/filesystems`.
    pub kind: String,
    pub size_bytes: u64,
    pub used_bytes: u64,
    /// For anybody.
    pub available_bytes: u64,
    /// Of what anybody may use, as `df` shows it.
    pub used_percent: f64,
    pub inodes: u64,
    pub inodes_used_percent: f64,
    /// Whether nobody can write to it there: the mount or the whole file system is read-only.
    pub read_only: Option<bool>,
}

/// Bytes of a sector.
const SECTOR_BYTES: u64 = 512;

impl Sample {
    /// What happened from `before` to `after`; none when they are not in this order, or of two
    /// boots, or of two loads of the module.
    pub fn between(before: &Record, after: &Record) -> Option<Self> {
        let (before, after) = (before.raw()?, after.raw()?);
        let (then, now) = (before.header(), after.header());
        let is_later = now.seq > then.seq && now.taken_mono_ns > then.taken_mono_ns;
        if !is_later || !is_one_life(&then, &now) {
            return None;
        }
        let elapsed_s = seconds(now.taken_mono_ns - then.taken_mono_ns);
        let memory = after.entries::<memory::Memory>().next();
        let activity = two(before, after);
        Some(Self {
            seq: now.seq,
            time_s: seconds(now.taken_wall_ns),
            since_boot_s: now.taken_boot_ns.map(seconds),
            module_boot_id: now.boot_id.map(Id),
            module_load_id: now.load_id.map(Id),
            elapsed_s,
            interval_s: seconds(now.interval_ns),
            late_s: seconds(now.taken_mono_ns.saturating_sub(now.due_mono_ns)),
            lost_records: now.lost_records,
            late_samples: now.late_samples,
            missed_ticks: now.missed_ticks,
            cpu: CpuTimes::of(&cpu::spent_together(before, after).spent),
            cpus: cpu::spent_per_cpu(before, after)
                .filter_map(|(id, spent)| {
                    let times = CpuTimes::of(&spent)?;
                    Some(Cpu { id, times })
                })
                .collect(),
            memory: memory.map(|memory| Memory::of(&memory, after.entries().next())),
            swap: memory.map(|memory| Swap::of(&memory, activity)),
            load: after.entries().next().map(Load::of),
            activity: activity.map(|(then, now, s)| Activity::between(&then, &now, s)),
            pressure: two(before, after).map(|(then, now, s)| Pressure::between(&then, &now, s)),
            disks: pairs(before, after, |then: &disk::Disk, now| then.seq == now.seq)
                .map(|(then, now)| Disk::between(&then, &now))
                .collect(),
            nets: pairs(before, after, |then: &net::Net, now| now.continues(then))
                .map(|(then, now)| Net::between(&then, &now))
                .collect(),
            file_systems: after
                .entries()
                .map(|fs: fs::Fs| FileSystem::of(&fs))
                .collect(),
            incomplete: incomplete(after),
            has_disks: both_have::<disk::Disk>(before, after),
            has_nets: both_have::<net::Net>(before, after),
        })
    }

    /// The sum of something over all disks, without those whose work is done again by others, which
    /// count it, or in memory: disks of the device mapper, of `md`, `loop`, `zram` and the like. None
    /// when disks were not sampled.
    pub fn disk_total(&self, of: impl Fn(&Disk) -> f64) -> Option<f64> {
        let disks = self.disks.iter().filter(|disk| disk.in_total);
        // A sum of no floats at all would be -0.
        let sum = disks.fold(0.0, |sum, disk| sum + of(disk));
        self.has_disks.then_some(sum)
    }

    /// The sum of something over all interfaces, without that of the machine to itself and those on
    /// top of others, which count the same: bridges, bonds, VLANs and the like. None when interfaces
    /// were not sampled.
    pub fn net_total(&self, of: impl Fn(&Net) -> f64) -> Option<f64> {
        let nets = self.nets.iter().filter(|net| net.in_total);
        let sum = nets.fold(0.0, |sum, net| sum + of(net));
        self.has_nets.then_some(sum)
    }

    /// When the later record was taken.
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(self.time_s).unwrap_or_default()
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

fn text<const MAX: usize>(text: &Text<MAX>) -> String {
    String::from_utf8_lossy(text.as_bytes()).into_owned()
}

/// The one entry of a kind in both records, and the seconds between the times that they were taken.
fn two<C: record::Content>(
    before: record::Record<'_>,
    after: record::Record<'_>,
) -> Option<(C, C, f64)> {
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
fn both_have<C: record::Content>(before: record::Record<'_>, after: record::Record<'_>) -> bool {
    [before, after].into_iter().all(|record| {
        let mut headers = record.sections().map(|section| section.header());
        headers.any(|header| header.kind == C::KIND && header.state != STALE)
    })
}

/// Entries of the same things in both records.
fn pairs<'a, C: record::Content + 'a>(
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

impl CpuTimes {
    fn of(spent: &Spent) -> Option<Self> {
        let whole = spent.total();
        let share = |part| percent(part, whole);
        (whole != 0).then(|| Self {
            user_percent: share(spent.of(Mode::User)),
            nice_percent: share(spent.of(Mode::Nice)),
            system_percent: share(spent.of(Mode::System)),
            idle_percent: share(spent.of(Mode::Idle)),
            iowait_percent: share(spent.of(Mode::Iowait)),
            irq_percent: share(spent.of(Mode::Irq)),
            softirq_percent: share(spent.of(Mode::Softirq)),
            steal_percent: share(spent.of(Mode::Steal)),
            guest_percent: share(spent.of(Mode::Guest)),
        })
    }

    /// All but idle and waiting for disks.
    pub fn busy_percent(&self) -> f64 {
        (100.0 - self.idle_percent - self.iowait_percent).clamp(0.0, 100.0)
    }
}

impl Memory {
    fn of(memory: &memory::Memory, buffers: Option<Buffers>) -> Self {
        let bytes = |pages: u64| pages.saturating_mul(memory.page_bytes);
        let buffers = buffers.map(|buffers| buffers.buffers);
        let cached = memory
            .file
            .saturating_sub(memory.swap_cache)
            .saturating_sub(buffers.unwrap_or(0));
        Self {
            total_bytes: bytes(memory.total),
            used_bytes: bytes(memory.total.saturating_sub(memory.available)),
            free_bytes: bytes(memory.free),
            available_bytes: bytes(memory.available),
            buffers_bytes: buffers.map(bytes),
            cached_bytes: bytes(cached),
            swap_cached_bytes: bytes(memory.swap_cache),
            shmem_bytes: bytes(memory.shmem),
            slab_reclaimable_bytes: bytes(memory.slab_reclaimable),
            slab_unreclaimable_bytes: bytes(memory.slab_unreclaimable),
            dirty_bytes: bytes(memory.dirty),
            writeback_bytes: bytes(memory.writeback),
            anon_bytes: bytes(memory.anon),
            mapped_bytes: bytes(memory.mapped),
            page_tables_bytes: bytes(memory.page_tables),
        }
    }

    /// The share that is not available.
    pub fn used_percent(&self) -> f64 {
        percent(self.used_bytes, self.total_bytes)
    }
}

impl Swap {
    fn of(
        memory: &memory::Memory,
        activity: Option<(activity::Activity, activity::Activity, f64)>,
    ) -> Self {
        let bytes = |pages: u64| pages.saturating_mul(memory.page_bytes);
        let rate = |of: fn(&activity::Activity) -> u64| {
            let (then, now, elapsed_s) = activity.as_ref()?;
            Some(per_second(bytes(of(then)), bytes(of(now)), *elapsed_s))
        };
        Self {
            free_bytes: bytes(memory.swap_free),
            in_bytes_per_second: rate(|activity| activity.swapped_in_pages),
            out_bytes_per_second: rate(|activity| activity.swapped_out_pages),
        }
    }
}

impl Load {
    fn of(load: load::Load) -> Self {
        let value = |load: u64| load as f64 / 2048.0;
        Self {
            one_minute: value(load.one_minute),
            five_minutes: value(load.five_minutes),
            fifteen_minutes: value(load.fifteen_minutes),
        }
    }
}

impl Activity {
    fn between(then: &activity::Activity, now: &activity::Activity, elapsed_s: f64) -> Self {
        let rate = |then, now| per_second(then, now, elapsed_s);
        let bytes = |sectors: u64| sectors.saturating_mul(SECTOR_BYTES);
        Self {
            faults_per_second: rate(then.faults, now.faults),
            major_faults_per_second: rate(then.major_faults, now.major_faults),
            paged_in_bytes_per_second: rate(
                bytes(then.paged_in_sectors),
                bytes(now.paged_in_sectors),
            ),
            paged_out_bytes_per_second: rate(
                bytes(then.paged_out_sectors),
                bytes(now.paged_out_sectors),
            ),
            interrupts_per_second: rate(then.device_interrupts, now.device_interrupts)
                + rate(then.cpu_interrupts, now.cpu_interrupts),
            soft_interrupts_per_second: rate(then.soft_interrupts, now.soft_interrupts),
            oom_kills: now.oom_kills,
        }
    }
}

impl Pressure {
    fn between(then: &pressure::Pressure, now: &pressure::Pressure, elapsed_s: f64) -> Self {
        let share = |then, now| (per_second(then, now, elapsed_s) / 1e7).clamp(0.0, 100.0);
        Self {
            cpu_some_percent: share(then.cpu_some_ns, now.cpu_some_ns),
            memory_some_percent: share(then.memory_some_ns, now.memory_some_ns),
            memory_full_percent: share(then.memory_full_ns, now.memory_full_ns),
            io_some_percent: share(then.io_some_ns, now.io_some_ns),
            io_full_percent: share(then.io_full_ns, now.io_full_ns),
        }
    }
}

impl Disk {
    fn between(then: &disk::Disk, now: &disk::Disk) -> Self {
        let elapsed_s = seconds(now.taken_mono_ns.saturating_sub(then.taken_mono_ns));
        let rate = |then, now| per_second(then, now, elapsed_s);
        let bytes = |then: &disk::Completed, now: &disk::Completed| {
            rate(
                then.sectors.saturating_mul(SECTOR_BYTES),
                now.sectors.saturating_mul(SECTOR_BYTES),
            )
        };
        let kinds = |disk: &disk::Disk| [disk.reads, disk.writes, disk.discards];
        let grown = |of: fn(&disk::Completed) -> u64| -> u64 {
            let both = kinds(then).into_iter().zip(kinds(now));
            both.map(|(then, now)| of(&now).saturating_sub(of(&then)))
                .fold(0, u64::saturating_add)
        };
        let (ios, time_ns) = (grown(|kind| kind.ios), grown(|kind| kind.time_ns));
        Self {
            name: text(&now.name),
            reads_per_second: rate(then.reads.ios, now.reads.ios),
            writes_per_second: rate(then.writes.ios, now.writes.ios),
            discards_per_second: rate(then.discards.ios, now.discards.ios),
            read_bytes_per_second: bytes(&then.reads, &now.reads),
            written_bytes_per_second: bytes(&then.writes, &now.writes),
            discarded_bytes_per_second: bytes(&then.discards, &now.discards),
            in_flight: now.in_flight,
            busy_percent: (rate(then.busy_ns, now.busy_ns) / 1e7).clamp(0.0, 100.0),
            await_ms: if ios == 0 {
                0.0
            } else {
                time_ns as f64 / ios as f64 / 1e6
            },
            in_total: !is_done_again(now),
        }
    }
}

/// Whether the work of a disk is done again by others, which count it, or in memory.
///
/// The kernel says so of most disks that are made of others. Of these it does not: ramdisks (`brd`)
/// and loop devices, which have a major number of their own, and `zram`, which has a name of its
/// own. A record of version 1 has neither, so that there only names are left.
fn is_done_again(disk: &disk::Disk) -> bool {
    const RAMDISK_MAJOR: u32 = 1;
    const LOOP_MAJOR: u32 = 7;
    let is_of = |driver: &&str| is_numbered(disk.name.as_bytes(), driver);
    match (disk.flags, disk.major) {
        (Some(flags), Some(major)) => {
            flags & disk::HAS_SLAVES != 0
                || matches!(major, RAMDISK_MAJOR | LOOP_MAJOR)
                || is_of(&"zram")
        }
        _ => ["dm-", "md", "loop", "bcache", "drbd", "zram", "ram"]
            .iter()
            .any(is_of),
    }
}

/// Whether what an interface carries goes through another one, too, or stays in the machine.
///
/// A record of version 1 does not have the former. There only the names that these interfaces mostly
/// have are left: bridges, bonds and the like, and VLANs, which have a number behind a dot.
fn is_carried_again(net: &net::Net) -> bool {
    let name = net.name.as_bytes();
    let is_vlan = || {
        let mut parts = name.rsplitn(2, |byte| *byte == b'.');
        let number = parts.next().unwrap_or_default();
        parts.next().is_some() && !number.is_empty() && number.iter().all(u8::is_ascii_digit)
    };
    match net.flags {
        Some(flags) => flags & (net::LOOPBACK | net::HAS_LOWER) != 0,
        None => {
            name == b"lo"
                || ["br", "virbr", "docker", "bond", "team", "vlan"]
                    .iter()
                    .any(|kind| is_numbered(name, kind))
                || is_vlan()
        }
    }
}

/// Whether a name is that of a driver with a number behind it, as md127 and md_d0, but not mdfoo.
fn is_numbered(name: &[u8], driver: &str) -> bool {
    let number = name.strip_prefix(driver.as_bytes());
    let first = number.and_then(|number| number.first());
    first.is_some_and(|first| first.is_ascii_digit() || *first == b'_')
}

impl Net {
    fn between(then: &net::Net, now: &net::Net) -> Self {
        let elapsed_s = seconds(now.taken_mono_ns.saturating_sub(then.taken_mono_ns));
        let rate = |then, now| per_second(then, now, elapsed_s);
        let direction = |then: &net::Carried, now: &net::Carried| NetDirection {
            bytes_per_second: rate(then.bytes, now.bytes),
            packets_per_second: rate(then.packets, now.packets),
            errors_per_second: rate(then.errors, now.errors),
            drops_per_second: rate(then.drops, now.drops),
        };
        Self {
            name: text(&now.name),
            received: direction(&then.rx, &now.rx),
            transmitted: direction(&then.tx, &now.tx),
            in_total: !is_carried_again(now),
        }
    }
}

impl FileSystem {
    fn of(fs: &fs::Fs) -> Self {
        Self {
            path: text(&fs.path),
            state: match &fs.state {
                fs::State::Mounted(usage) => FileSystemState::Mounted(Usage::of(usage)),
                fs::State::Absent => FileSystemState::Absent,
                fs::State::Failed(errno) => FileSystemState::Failed { errno: *errno },
                fs::State::Stale => FileSystemState::Stale,
            },
        }
    }
}

impl Usage {
    fn of(usage: &fs::Usage) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(usage.block_bytes);
        let used = usage.blocks.saturating_sub(usage.free);
        let used_inodes = usage.inodes.saturating_sub(usage.free_inodes);
        Self {
            kind: text(&usage.kind),
            size_bytes: bytes(usage.blocks),
            used_bytes: bytes(used),
            available_bytes: bytes(usage.available),
            used_percent: percent(used, used.saturating_add(usage.available)),
            inodes: usage.inodes,
            inodes_used_percent: percent(used_inodes, usage.inodes),
            read_only: usage.flags.map(|flags| flags & fs::READ_ONLY != 0),
        }
    }
}

/// Samples of records, each with the one before it.
#[derive(Debug)]
pub struct Samples<R> {
    records: Records<R>,
    clock: WallClock,
    /// How many records were read.
    count: u64,
    before: Option<Record>,
}

impl<R: Read> Samples<R> {
    /// Makes samples of `records`. The first one needs two.
    pub fn new(records: Records<R>) -> Self {
        Self::by_clock(records, WallClock::default())
    }

    /// Makes samples of `records`, which were taken when `clock` says so.
    pub fn by_clock(records: Records<R>, clock: WallClock) -> Self {
        Self {
            records,
            clock,
            count: 0,
            before: None,
        }
    }

    /// The next sample; none when [`Records::try_next`] has none.
    ///
    /// # Errors
    ///
    /// Those of [`Records::try_next`].
    pub fn try_next(&mut self) -> Result<Option<Sample>> {
        while let Some(record) = self.records.try_next()? {
            let time_s = self.clock.time_s(self.count, &record.header());
            self.count += 1;
            // Recordings that were put together may have the same record more than once.
            let is_known = self.before.as_ref().is_some_and(|before| {
                let (before, now) = (before.header(), record.header());
                now.boot_id.is_some() && is_one_life(&before, &now) && now.seq <= before.seq
            });
            if is_known {
                continue;
            }
            let before = self.before.replace(record);
            let sample = before
                .zip(self.before.as_ref())
                .and_then(|(before, now)| Sample::between(&before, now));
            if let Some(mut sample) = sample {
                sample.time_s = time_s;
                return Ok(Some(sample));
            }
        }
        Ok(None)
    }

    /// The records that the samples are made of.
    pub fn records(&self) -> &Records<R> {
        &self.records
    }
}

impl<R: Read> Iterator for Samples<R> {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

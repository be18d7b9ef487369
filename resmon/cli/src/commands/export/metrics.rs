// SPDX-License-Identifier: GPL-2.0-or-later

//! A record as metrics.
//!
//! The values are the raw counters, since Prometheus makes rates itself; those that fell are held
//! up later, in [`Shown`](super::family::Shown). Names, units and labels are those of node_exporter
//! where the meaning is the same, so that what dashboards and alerts made for it ask of these is
//! answered. What differs:
//!
//! - `node_vmstat_*` are gauges. node_exporter has them untyped; a counter of OpenMetrics would have
//!   to be named `…_total`, and parsers of the classic text format refuse its type `unknown`.
//! - `node_vmstat_oom_kill` counts from when the module was loaded.
//! - Labels that the module knows nothing of are left out, such as the `device` of a file system.

use std::time::Duration;

use resmon::model::record::{self, Header, STALE};
use resmon::model::source::cpu::{Cpu, Times};
use resmon::model::source::memory::{Buffers, Memory};
use resmon::model::source::{activity, disk, fs, load, net, pressure};
use resmon::{Record, Source};

use super::family::{Description, Family, Kind, Label, Labels, Life, Sample, Unit, Value};

/// What `record` has, and how many records this program has lost.
pub fn of_record(record: &Record, lost_records: u64) -> Vec<Family> {
    let mut families = Families::default();
    // A `Record` was looked at when it was made, so there is always one to look at.
    if let Some(record) = record.raw() {
        families.cpus(record);
        families.memory(record);
        families.activity(record);
        families.load(record);
        families.pressure(record);
        families.disks(record);
        families.nets(record);
        families.file_systems(record);
        families.boot_time(&record.header());
        families.module(lost_records, &record.header());
        families.sections(record);
    }
    families.0
}

/// What depends on the time of the scrape: the time, since 1970, and whether records come.
pub fn of_scrape(time: Duration, is_up: bool) -> [Family; 2] {
    let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    [
        Family::gauge(
            (
                "node_time",
                Some(Unit::Seconds),
                "The machine's time, since 1970.",
            ),
            Labels::new(),
            Value::Seconds(time_ns),
        ),
        Family::gauge(
            (
                "resource_monitor_up",
                None,
                "Whether records come: 0 when there was none for three intervals and 5 s.",
            ),
            Labels::new(),
            u64::from(is_up),
        ),
    ]
}

/// Bytes of a sector.
const SECTOR_BYTES: u64 = 512;

/// A load of 1, as the kernel keeps it: `FIXED_1` of `include/linux/sched/loadavg.h`.
const FIXED_1: f64 = 2048.0;

/// Makes families of metrics, one after the other.
#[derive(Debug, Default)]
struct Families(Vec<Family>);

impl Families {
    fn add(
        &mut self,
        kind: Kind,
        description: Description,
        samples: impl IntoIterator<Item = Sample>,
    ) {
        let family = Family::new(kind, description, samples);
        // A machine without disks has no families about them, rather than empty ones.
        if !family.samples.is_empty() {
            self.0.push(family);
        }
    }

    fn counters(&mut self, description: Description, samples: impl IntoIterator<Item = Sample>) {
        self.add(Kind::Counter, description, samples);
    }

    fn gauges(
        &mut self,
        description: Description,
        samples: impl IntoIterator<Item = (Labels, Value)>,
    ) {
        let samples = samples.into_iter();
        let samples = samples.map(|(labels, value)| Sample::new(labels, value, Life::Machine));
        self.add(Kind::Gauge, description, samples);
    }

    fn counter(&mut self, description: Description, value: impl Into<Value>) {
        let sample = Sample::new(Labels::new(), value, Life::Machine);
        self.counters(description, [sample]);
    }

    fn gauge(&mut self, description: Description, value: impl Into<Value>) {
        self.0
            .push(Family::gauge(description, Labels::new(), value));
    }

    fn cpus(&mut self, record: record::Record<'_>) {
        type Time = fn(&Times) -> u64;
        const MODES: [(&str, Time); 8] = [
            ("user", |times| times.user),
            ("nice", |times| times.nice),
            ("system", |times| times.system),
            ("idle", |times| times.idle),
            ("iowait", |times| times.iowait),
            ("irq", |times| times.irq),
            ("softirq", |times| times.softirq),
            ("steal", |times| times.steal),
        ];
        const GUESTS: [(&str, Time); 2] = [
            ("user", |times| times.guest),
            ("nice", |times| times.guest_nice),
        ];
        let times = |modes: &'static [(&str, Time)]| {
            record.entries::<Cpu>().flat_map(move |cpu| {
                modes.iter().map(move |(mode, time)| {
                    let labels = vec![
                        Label("cpu", cpu.id.to_string().into()),
                        Label("mode", (*mode).into()),
                    ];
                    let life = Life::Cpu { epoch: cpu.epoch };
                    Sample::new(labels, Value::Seconds(time(&cpu.times)), life)
                })
            })
        };
        self.counters(
            (
                "node_cpu",
                Some(Unit::Seconds),
                "Seconds the CPUs spent in each mode; user and nice include guests.",
            ),
            times(&MODES),
        );
        self.counters(
            (
                "node_cpu_guest",
                Some(Unit::Seconds),
                "Seconds the CPUs spent in guests (VMs) for each mode.",
            ),
            times(&GUESTS),
        )
    }

    fn memory(&mut self, record: record::Record<'_>) {
        let Some(memory) = record.entries::<Memory>().next() else {
            return;
        };
        let buffers = record.entries::<Buffers>().next();
        let buffers = buffers.map(|buffers| buffers.buffers);
        // As /proc/meminfo has it. Without the buffers it is not known.
        let cached = buffers.map(|buffers| {
            let file = memory.file.saturating_sub(memory.swap_cache);
            file.saturating_sub(buffers)
        });
        let slab = memory
            .slab_reclaimable
            .saturating_add(memory.slab_unreclaimable);
        let fields = [
            ("node_memory_MemTotal", Some(memory.total)),
            ("node_memory_MemFree", Some(memory.free)),
            ("node_memory_MemAvailable", Some(memory.available)),
            ("node_memory_Buffers", buffers),
            ("node_memory_Cached", cached),
            ("node_memory_SwapCached", Some(memory.swap_cache)),
            ("node_memory_SwapFree", Some(memory.swap_free)),
            ("node_memory_Shmem", Some(memory.shmem)),
            ("node_memory_Slab", Some(slab)),
            ("node_memory_SReclaimable", Some(memory.slab_reclaimable)),
            ("node_memory_SUnreclaim", Some(memory.slab_unreclaimable)),
            ("node_memory_Dirty", Some(memory.dirty)),
            ("node_memory_Writeback", Some(memory.writeback)),
            ("node_memory_AnonPages", Some(memory.anon)),
            ("node_memory_Mapped", Some(memory.mapped)),
            ("node_memory_PageTables", Some(memory.page_tables)),
        ];
        for (name, pages) in fields {
            if let Some(pages) = pages {
                self.gauge(
                    (
                        name,
                        Some(Unit::Bytes),
                        "Memory, as the field of this name in /proc/meminfo.",
                    ),
                    pages.saturating_mul(memory.page_bytes),
                );
            }
        }
    }

    fn activity(&mut self, record: record::Record<'_>) {
        let Some(activity) = record.entries::<activity::Activity>().next() else {
            return;
        };
        let kib = |sectors: u64| sectors / (1024 / SECTOR_BYTES);
        const COUNT: &str = "Count since boot, as /proc/vmstat has it.";
        const PAGES: &str = "Pages since boot, as /proc/vmstat has it.";
        const KIB: &str = "KiB since boot, as /proc/vmstat has it.";
        const KILLS: &str = "Processes killed for want of memory since the module was loaded.";
        let fields = [
            ("node_vmstat_pgfault", COUNT, activity.faults),
            ("node_vmstat_pgmajfault", COUNT, activity.major_faults),
            ("node_vmstat_pgpgin", KIB, kib(activity.paged_in_sectors)),
            ("node_vmstat_pgpgout", KIB, kib(activity.paged_out_sectors)),
            ("node_vmstat_pswpin", PAGES, activity.swapped_in_pages),
            ("node_vmstat_pswpout", PAGES, activity.swapped_out_pages),
            ("node_vmstat_oom_kill", KILLS, activity.oom_kills),
        ];
        for (name, help, value) in fields {
            self.gauge((name, None, help), value);
        }
        self.counter(
            ("node_intr", None, "Interrupts serviced."),
            activity
                .device_interrupts
                .saturating_add(activity.cpu_interrupts),
        )
    }

    fn load(&mut self, record: record::Record<'_>) {
        let Some(load) = record.entries::<load::Load>().next() else {
            return;
        };
        let fields = [
            ("node_load1", "1m load average.", load.one_minute),
            ("node_load5", "5m load average.", load.five_minutes),
            ("node_load15", "15m load average.", load.fifteen_minutes),
        ];
        for (name, help, load) in fields {
            self.gauge((name, None, help), Value::Real(load as f64 / FIXED_1));
        }
    }

    fn pressure(&mut self, record: record::Record<'_>) {
        let Some(pressure) = record.entries::<pressure::Pressure>().next() else {
            return;
        };
        let fields = [
            (
                "node_pressure_cpu_waiting",
                "Time in which some tasks waited for a CPU.",
                pressure.cpu_some_ns,
            ),
            (
                "node_pressure_memory_waiting",
                "Time in which some tasks waited for memory.",
                pressure.memory_some_ns,
            ),
            (
                "node_pressure_memory_stalled",
                "Time in which no task could go on for want of memory.",
                pressure.memory_full_ns,
            ),
            (
                "node_pressure_io_waiting",
                "Time in which some tasks waited for I/O.",
                pressure.io_some_ns,
            ),
            (
                "node_pressure_io_stalled",
                "Time in which no task could go on because of I/O.",
                pressure.io_full_ns,
            ),
        ];
        for (name, help, ns) in fields {
            self.counter((name, Some(Unit::Seconds), help), Value::Seconds(ns));
        }
    }

    fn disks(&mut self, record: record::Record<'_>) {
        type Of = fn(&disk::Disk) -> Value;
        const SECONDS: Option<Unit> = Some(Unit::Seconds);
        const BYTES: Option<Unit> = Some(Unit::Bytes);
        fn bytes(sectors: u64) -> Value {
            sectors.saturating_mul(SECTOR_BYTES).into()
        }
        // As the kernel makes it of these.
        fn weighted(disk: &disk::Disk) -> Value {
            let kinds = [disk.reads, disk.writes, disk.discards, disk.flushes];
            let times = kinds.into_iter().map(|kind| kind.time_ns);
            Value::Seconds(times.fold(0, u64::saturating_add))
        }
        let counters: [(Description, Of); 13] = [
            (
                ("node_disk_reads_completed", None, "Reads completed."),
                |disk| disk.reads.ios.into(),
            ),
            (("node_disk_read", BYTES, "Bytes read."), |disk| {
                bytes(disk.reads.sectors)
            }),
            (
                ("node_disk_read_time", SECONDS, "Time spent by all reads."),
                |disk| Value::Seconds(disk.reads.time_ns),
            ),
            (
                ("node_disk_writes_completed", None, "Writes completed."),
                |disk| disk.writes.ios.into(),
            ),
            (("node_disk_written", BYTES, "Bytes written."), |disk| {
                bytes(disk.writes.sectors)
            }),
            (
                ("node_disk_write_time", SECONDS, "Time spent by all writes."),
                |disk| Value::Seconds(disk.writes.time_ns),
            ),
            (
                ("node_disk_discards_completed", None, "Discards completed."),
                |disk| disk.discards.ios.into(),
            ),
            (
                (
                    "node_disk_discarded_sectors",
                    None,
                    "Sectors of 512 bytes discarded.",
                ),
                |disk| disk.discards.sectors.into(),
            ),
            (
                (
                    "node_disk_discard_time",
                    SECONDS,
                    "Time spent by all discards.",
                ),
                |disk| Value::Seconds(disk.discards.time_ns),
            ),
            (
                ("node_disk_flush_requests", None, "Flushes completed."),
                |disk| disk.flushes.ios.into(),
            ),
            (
                (
                    "node_disk_flush_requests_time",
                    SECONDS,
                    "Time spent by all flushes.",
                ),
                |disk| Value::Seconds(disk.flushes.time_ns),
            ),
            (
                ("node_disk_io_time", SECONDS, "Time with I/O under way."),
                |disk| Value::Seconds(disk.busy_ns),
            ),
            (
                (
                    "node_disk_io_time_weighted",
                    SECONDS,
                    "Time spent by all requests of any kind.",
                ),
                weighted,
            ),
        ];
        let labels = |disk: &disk::Disk| vec![Label::text("device", &disk.name)];
        let disks = || record.entries::<disk::Disk>();
        for (description, of) in counters {
            let samples = disks().map(|disk| {
                let life = Life::Disk { seq: disk.seq };
                Sample::new(labels(&disk), of(&disk), life)
            });
            self.counters(description, samples);
        }
        self.gauges(
            ("node_disk_io_now", None, "Requests under way."),
            disks().map(|disk| (labels(&disk), disk.in_flight.into())),
        );
    }

    fn nets(&mut self, record: record::Record<'_>) {
        const BYTES: Option<Unit> = Some(Unit::Bytes);
        type Of = fn(&net::Net) -> u64;
        let counters: [(Description, Of); 8] = [
            (("node_network_receive", BYTES, "Bytes received."), |net| {
                net.rx.bytes
            }),
            (
                ("node_network_receive_packets", None, "Packets received."),
                |net| net.rx.packets,
            ),
            (
                (
                    "node_network_receive_errs",
                    None,
                    "Packets received that were bad.",
                ),
                |net| net.rx.errors,
            ),
            (
                (
                    "node_network_receive_drop",
                    None,
                    "Packets received that were dropped, or missed.",
                ),
                |net| net.rx.drops,
            ),
            (
                ("node_network_transmit", BYTES, "Bytes transmitted."),
                |net| net.tx.bytes,
            ),
            (
                (
                    "node_network_transmit_packets",
                    None,
                    "Packets transmitted.",
                ),
                |net| net.tx.packets,
            ),
            (
                (
                    "node_network_transmit_errs",
                    None,
                    "Packets that could not be transmitted.",
                ),
                |net| net.tx.errors,
            ),
            (
                (
                    "node_network_transmit_drop",
                    None,
                    "Packets dropped before they were transmitted.",
                ),
                |net| net.tx.drops,
            ),
        ];
        for (description, of) in counters {
            let nets = record.entries::<net::Net>();
            let samples = nets.map(|net| {
                let labels = vec![Label::text("device", &net.name)];
                Sample::new(labels, of(&net), Life::Net { index: net.index })
            });
            self.counters(description, samples);
        }
    }

    fn file_systems(&mut self, record: record::Record<'_>) {
        const BYTES: Option<Unit> = Some(Unit::Bytes);
        fn bytes(usage: &fs::Usage, blocks: u64) -> u64 {
            blocks.saturating_mul(usage.block_bytes)
        }
        type Of = fn(&fs::Usage) -> u64;
        let gauges: [(Description, Of); 5] = [
            (
                ("node_filesystem_size", BYTES, "Size of the file system."),
                |usage| bytes(usage, usage.blocks),
            ),
            (("node_filesystem_free", BYTES, "Free space."), |usage| {
                bytes(usage, usage.free)
            }),
            (
                (
                    "node_filesystem_avail",
                    BYTES,
                    "Free space that anybody may use.",
                ),
                |usage| bytes(usage, usage.available),
            ),
            (
                (
                    "node_filesystem_files",
                    None,
                    "Inodes; 0 when there is no limit.",
                ),
                |usage| usage.inodes,
            ),
            (
                ("node_filesystem_files_free", None, "Free inodes."),
                |usage| usage.free_inodes,
            ),
        ];
        let labels = |fs: &fs::Fs| {
            let mut labels = vec![Label::text("mountpoint", &fs.path)];
            if let fs::State::Mounted(usage) = &fs.state {
                labels.push(Label::text("fstype", &usage.kind));
            }
            labels
        };
        for (description, of) in gauges {
            let samples = record.entries::<fs::Fs>().filter_map(|fs| match &fs.state {
                fs::State::Mounted(usage) => Some((labels(&fs), of(usage).into())),
                fs::State::Absent | fs::State::Failed(_) | fs::State::Stale => None,
            });
            self.gauges(description, samples);
        }
        let read_only = record.entries::<fs::Fs>().filter_map(|fs| match &fs.state {
            fs::State::Mounted(usage) => {
                let is_read_only = usage.flags? & fs::READ_ONLY != 0;
                Some((labels(&fs), u64::from(is_read_only).into()))
            }
            fs::State::Absent | fs::State::Failed(_) | fs::State::Stale => None,
        });
        self.gauges(
            (
                "node_filesystem_readonly",
                None,
                "Whether nobody can write to the file system there.",
            ),
            read_only,
        );
        let errors = record.entries::<fs::Fs>().filter_map(|fs| match &fs.state {
            fs::State::Mounted(_) => Some((labels(&fs), Value::Whole(0))),
            fs::State::Failed(_) | fs::State::Stale => Some((labels(&fs), Value::Whole(1))),
            // Nothing is mounted, as for node_exporter, which does not show it either.
            fs::State::Absent => None,
        });
        self.gauges(
            (
                "node_filesystem_device_error",
                None,
                "Whether the file system failed to answer, or did not in time.",
            ),
            errors,
        )
    }

    /// The boot's time moves by a few nanoseconds from record to record, as two clocks are read one
    /// after the other. Whole seconds stay, and are what `btime` of /proc/stat has.
    fn boot_time(&mut self, header: &Header) {
        const SECOND_NS: u64 = 1_000_000_000;
        let since_1970_ns = header
            .taken_boot_ns
            .and_then(|since_boot_ns| header.taken_wall_ns.checked_sub(since_boot_ns));
        if let Some(ns) = since_1970_ns {
            self.gauge(
                (
                    "node_boot_time",
                    Some(Unit::Seconds),
                    "When the machine was booted, since 1970.",
                ),
                ns / SECOND_NS,
            );
        }
    }

    fn module(&mut self, lost_records: u64, header: &Header) {
        const SECONDS: Option<Unit> = Some(Unit::Seconds);
        let counters = [
            (
                "resource_monitor_samples",
                "Samples since the module was loaded.",
                header.seq.saturating_add(1),
            ),
            (
                "resource_monitor_late_samples",
                "Samples since the module was loaded that were late by more than a tenth of the interval.",
                header.late_samples,
            ),
            (
                "resource_monitor_missed_ticks",
                "Ticks since the module was loaded that never ran.",
                header.missed_ticks,
            ),
            (
                "resource_monitor_lost_records",
                "Records that this exporter could not read in time since it started.",
                lost_records,
            ),
        ];
        for (name, help, value) in counters {
            self.counter((name, None, help), value);
        }
        let times = [
            (
                "resource_monitor_callback",
                "Time that the timer callback needed for the sample before this one.",
                header.previous_cost_ns,
            ),
            (
                "resource_monitor_sample_timestamp",
                "When the sample was taken, since 1970.",
                header.taken_wall_ns,
            ),
            (
                "resource_monitor_interval",
                "The interval between two samples.",
                header.interval_ns,
            ),
        ];
        for (name, help, ns) in times {
            self.gauge((name, SECONDS, help), Value::Seconds(ns));
        }
    }

    fn sections(&mut self, record: record::Record<'_>) {
        // What is not sampled has no section, and no sample here.
        let samples = |of: fn(&record::SectionHeader) -> u64| {
            Source::ALL.into_iter().filter_map(move |source| {
                let headers = record.sections().map(|section| section.header());
                let value = headers
                    .filter(|header| header.kind == source.number())
                    .map(|header| of(&header))
                    .reduce(u64::saturating_add)?;
                Some((vec![Label("source", source.name().into())], value))
            })
        };
        let stale = samples(|header| u64::from(header.state == STALE));
        self.gauges(
            (
                "resource_monitor_stale",
                None,
                "Whether the source has not answered in time, so that its metrics are missing.",
            ),
            stale.map(|(labels, sections)| (labels, sections.min(1).into())),
        );
        let left_out = samples(|header| header.left_out);
        self.gauges(
            (
                "resource_monitor_left_out",
                None,
                "Entries of the source that are missing, since the module has no room for more.",
            ),
            left_out.map(|(labels, entries)| (labels, entries.into())),
        )
    }
}

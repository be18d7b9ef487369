// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon export` as Prometheus, and others, see it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod util;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use resmon::model::record::{Content, Header, SectionHeader, STALE};
use resmon::model::source::activity::Activity;
use resmon::model::source::cpu::{Cpu, Times};
use resmon::model::source::disk::Disk;
use resmon::model::source::fs::{Fs, State, Usage};
use resmon::model::source::load::Load;
use resmon::model::source::memory::{Buffers, Memory};
use resmon::model::source::net::Net;
use resmon::model::source::pressure::Pressure;
use resmon::model::source::tasks::Tasks;
use resmon::model::text::Text;
use resmon::model::words::Words;
use resmon::{Record, Records};

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/minute.rec");
/// One of record version 2.
const LAYERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/layers.rec");
const DASHBOARD: &str = include_str!("../../contrib/grafana-dashboard.json");

fn resmon() -> Command {
    Command::new(env!("CARGO_BIN_EXE_resmon"))
}

fn last_record(path: &str) -> Record {
    Records::open(path).unwrap().last().unwrap().unwrap()
}

/// What `--once` prints of the recording at `path`.
fn print_of(path: &str) -> String {
    let output = resmon()
        .args(["export", "--once", "--from", path])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

fn print_of_bytes(bytes: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    print_of(file.path().to_str().unwrap())
}

/// Fails unless the metrics are whole.
#[track_caller]
fn assert_ends(metrics: &str) {
    let last = metrics.lines().last();
    assert!(
        metrics.ends_with("\nresource_monitor_up 1\n"),
        "expected a line \"resource_monitor_up 1\" at the end, found {last:?}"
    );
}

/// The samples of a text, by their names with labels.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let before = samples.insert(name, value.parse().unwrap());
        assert_eq!(before, None, "{name} is there twice");
    }
    samples
}

fn text<const MAX: usize>(text: &Text<MAX>) -> &str {
    std::str::from_utf8(text.as_bytes()).unwrap()
}

/// Samples that nobody has looked at yet, so that in the end there is nothing unexpected.
struct Left<'a>(BTreeMap<&'a str, f64>);

impl Left<'_> {
    fn take(&mut self, name: &str) -> f64 {
        let value = self.0.remove(name);
        value.unwrap_or_else(|| panic!("expected {name}, found {:?}", self.0.keys()))
    }

    fn whole(&mut self, name: &str, value: u64) {
        assert_eq!(self.take(name), value as f64, "{name}");
    }

    fn seconds(&mut self, name: &str, ns: u64) {
        let (seconds, expected) = (self.take(name), Duration::from_nanos(ns).as_secs_f64());
        // As near as the number can be: the two ways to divide may round differently.
        let distance = (seconds - expected).abs();
        assert!(
            distance <= expected * 1e-15,
            "{name}: {seconds}, not {expected}"
        );
    }
}

#[test]
fn has_the_raw_counters_and_nothing_else() {
    let record = last_record(RECORDING);
    let raw = record.raw().unwrap();
    // Alone, since counters may have fallen on the way to it.
    let printed = print_of_bytes(&record.to_bytes());
    let mut left = Left(samples(&printed));

    assert_eq!(raw.entries::<Cpu>().count(), 4);
    for cpu in raw.entries::<Cpu>() {
        let (id, times) = (cpu.id, &cpu.times);
        let modes = [
            ("user", times.user),
            ("nice", times.nice),
            ("system", times.system),
            ("idle", times.idle),
            ("iowait", times.iowait),
            ("irq", times.irq),
            ("softirq", times.softirq),
            ("steal", times.steal),
        ];
        for (mode, ns) in modes {
            let labels = format!("{{cpu=\"{id}\",mode=\"{mode}\"}}");
            left.seconds(&format!("node_cpu_seconds_total{labels}"), ns);
        }
        for (mode, ns) in [("user", times.guest), ("nice", times.guest_nice)] {
            let labels = format!("{{cpu=\"{id}\",mode=\"{mode}\"}}");
            left.seconds(&format!("node_cpu_guest_seconds_total{labels}"), ns);
        }
    }

    let memory = raw.entries::<Memory>().next().unwrap();
    let buffers = raw.entries::<Buffers>().next().unwrap().buffers;
    let fields = [
        ("MemTotal", memory.total),
        ("MemFree", memory.free),
        ("MemAvailable", memory.available),
        ("Buffers", buffers),
        ("Cached", memory.file - memory.swap_cache - buffers),
        ("SwapCached", memory.swap_cache),
        ("SwapFree", memory.swap_free),
        ("Shmem", memory.shmem),
        ("Slab", memory.slab_reclaimable + memory.slab_unreclaimable),
        ("SReclaimable", memory.slab_reclaimable),
        ("SUnreclaim", memory.slab_unreclaimable),
        ("Dirty", memory.dirty),
        ("Writeback", memory.writeback),
        ("AnonPages", memory.anon),
        ("Mapped", memory.mapped),
        ("PageTables", memory.page_tables),
    ];
    for (field, pages) in fields {
        let name = format!("node_memory_{field}_bytes");
        left.whole(&name, pages * memory.page_bytes);
    }

    let activity: Activity = raw.entries().next().unwrap();
    let fields = [
        ("pgfault", activity.faults),
        ("pgmajfault", activity.major_faults),
        // The kernel shows KiB of these.
        ("pgpgin", activity.paged_in_sectors / 2),
        ("pgpgout", activity.paged_out_sectors / 2),
        ("pswpin", activity.swapped_in_pages),
        ("pswpout", activity.swapped_out_pages),
        ("oom_kill", activity.oom_kills),
    ];
    for (field, value) in fields {
        left.whole(&format!("node_vmstat_{field}"), value);
    }
    let interrupts = activity.device_interrupts + activity.cpu_interrupts;
    left.whole("node_intr_total", interrupts);

    let load: Load = raw.entries().next().unwrap();
    assert_eq!(left.take("node_load1"), load.one_minute as f64 / 2048.0);
    assert_eq!(left.take("node_load5"), load.five_minutes as f64 / 2048.0);
    assert_eq!(
        left.take("node_load15"),
        load.fifteen_minutes as f64 / 2048.0
    );

    let pressure: Pressure = raw.entries().next().unwrap();
    let fields = [
        ("cpu_waiting", pressure.cpu_some_ns),
        ("memory_waiting", pressure.memory_some_ns),
        ("memory_stalled", pressure.memory_full_ns),
        ("io_waiting", pressure.io_some_ns),
        ("io_stalled", pressure.io_full_ns),
    ];
    for (field, ns) in fields {
        left.seconds(&format!("node_pressure_{field}_seconds_total"), ns);
    }

    assert_eq!(raw.entries::<Disk>().count(), 1);
    for disk in raw.entries::<Disk>() {
        let labels = format!("{{device=\"{}\"}}", text(&disk.name));
        let counts = [
            ("reads_completed_total", disk.reads.ios),
            ("writes_completed_total", disk.writes.ios),
            ("discards_completed_total", disk.discards.ios),
            ("flush_requests_total", disk.flushes.ios),
            ("read_bytes_total", disk.reads.sectors * 512),
            ("written_bytes_total", disk.writes.sectors * 512),
            ("discarded_sectors_total", disk.discards.sectors),
            ("io_now", disk.in_flight),
        ];
        for (field, value) in counts {
            left.whole(&format!("node_disk_{field}{labels}"), value);
        }
        let times = [
            ("read", disk.reads.time_ns),
            ("write", disk.writes.time_ns),
            ("discard", disk.discards.time_ns),
            ("flush_requests", disk.flushes.time_ns),
            ("io", disk.busy_ns),
        ];
        let kinds = [disk.reads, disk.writes, disk.discards, disk.flushes];
        let weighted = kinds.iter().map(|kind| kind.time_ns).sum();
        let name = format!("node_disk_io_time_weighted_seconds_total{labels}");
        left.seconds(&name, weighted);
        for (field, ns) in times {
            left.seconds(&format!("node_disk_{field}_time_seconds_total{labels}"), ns);
        }
    }

    assert_eq!(raw.entries::<Net>().count(), 2);
    for net in raw.entries::<Net>() {
        let labels = format!("{{device=\"{}\"}}", text(&net.name));
        for (direction, carried) in [("receive", net.rx), ("transmit", net.tx)] {
            let fields = [
                ("bytes", carried.bytes),
                ("packets", carried.packets),
                ("errs", carried.errors),
                ("drop", carried.drops),
            ];
            for (field, value) in fields {
                let name = format!("node_network_{direction}_{field}_total{labels}");
                left.whole(&name, value);
            }
        }
    }

    // The third path has nothing mounted, and no samples.
    assert_eq!(raw.entries::<Fs>().count(), 3);
    for fs in raw.entries::<Fs>() {
        let State::Mounted(usage) = fs.state else {
            continue;
        };
        let (path, kind) = (text(&fs.path), text(&usage.kind));
        let labels = format!("{{mountpoint=\"{path}\",fstype=\"{kind}\"}}");
        let fields = [
            ("size_bytes", usage.blocks * usage.block_bytes),
            ("free_bytes", usage.free * usage.block_bytes),
            ("avail_bytes", usage.available * usage.block_bytes),
            ("files", usage.inodes),
            ("files_free", usage.free_inodes),
            ("device_error", 0),
        ];
        for (field, value) in fields {
            left.whole(&format!("node_filesystem_{field}{labels}"), value);
        }
    }

    let header = record.header();
    left.seconds("node_time_seconds", header.taken_wall_ns);
    left.whole("resource_monitor_samples_total", header.seq + 1);
    left.whole("resource_monitor_late_samples_total", header.late_samples);
    left.whole("resource_monitor_missed_ticks_total", header.missed_ticks);
    left.whole("resource_monitor_lost_records_total", 0);
    left.whole("resource_monitor_up", 1);
    let times = [
        ("callback", header.previous_cost_ns),
        ("sample_timestamp", header.taken_wall_ns),
        ("interval", header.interval_ns),
    ];
    for (field, ns) in times {
        left.seconds(&format!("resource_monitor_{field}_seconds"), ns);
    }
    for source in [
        "cpu", "memory", "load", "activity", "pressure", "disk", "net", "fs", "buffers",
    ] {
        for field in ["stale", "left_out"] {
            let name = format!("resource_monitor_{field}{{source=\"{source}\"}}");
            left.whole(&name, 0);
        }
    }

    for event in resmon::Event::names() {
        let labels = format!("{{event=\"{event}\"}}");
        left.whole(&format!("resource_monitor_events_total{labels}"), 0);
        left.whole(&format!("resource_monitor_event_active{labels}"), 0);
    }

    assert_eq!(left.0, BTreeMap::new());
}

#[test]
fn counts_events_and_tells_which_are_open() {
    let records = util::events::with_events();
    let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
    let printed = print_of_bytes(&bytes);
    let samples = samples(&printed);
    let of = |name: &str, event: &str| samples[format!("{name}{{event=\"{event}\"}}").as_str()];
    for (event, began, open) in [
        ("mem_full", 1.0, 0.0),
        ("test", 1.0, 0.0),
        ("disk_stuck", 1.0, 1.0),
        ("fs_full", 1.0, 0.0),
        ("trigger-99", 1.0, 0.0),
        ("oom_kill", 0.0, 0.0),
    ] {
        assert_eq!(of("resource_monitor_events_total", event), began, "{event}");
        assert_eq!(of("resource_monitor_event_active", event), open, "{event}");
    }
    // What goes on from before is not counted.
    let bytes: Vec<u8> = records[41..].iter().flat_map(Record::to_bytes).collect();
    let printed = print_of_bytes(&bytes);
    let expected = "\nresource_monitor_events_total{event=\"disk_stuck\"} 0\n";
    assert!(
        printed.contains(expected),
        "expected {expected:?} in {printed}"
    );
    let expected = "\nresource_monitor_events_total{event=\"trigger-99\"} 1\n";
    assert!(
        printed.contains(expected),
        "expected {expected:?} in {printed}"
    );
}

/// What is printed of a recording, with options.
fn print_with(options: &[&str], records: &[Record]) -> String {
    let file = util::file_of(records);
    let from = ["--from", util::path(&file)];
    let args = [&["export", "--once"], options, &from].concat();
    let output = resmon().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tasks_have_names_only_if_they_are_wanted() {
    let records = util::tasks::with_tasks();
    let without = print_with(&[], &records);
    let found = samples(&without);
    assert_eq!(found["resource_monitor_processes"], 143.0);
    assert_eq!(found["resource_monitor_threads"], 311.0);
    // 12 ms each second until the last census.
    assert_eq!(found["resource_monitor_ended_cpu_seconds_total"], 0.72);
    assert!(!without.contains("comm="), "{without}");
    let with = print_with(&["--tasks"], &records);
    families_of_classic_text(&with);
    let found = samples(&with);
    let of = |name: &str, comm: &str| {
        let name = format!("resource_monitor_task_{name}{{comm=\"{comm}\"}}");
        found.get(name.as_str()).copied()
    };
    let near = |found: Option<f64>, expected: f64| {
        let is_near = found.is_some_and(|found| (found - expected).abs() < 1e-3);
        assert!(is_near, "found {found:?}, expected {expected}");
    };
    near(of("cpu_ratio", "postgres"), 0.31);
    near(of("cpu_ratio", "stress-ng-vm"), 0.0);
    let memory = of("resident_bytes", "stress-ng-vm");
    assert_eq!(memory, Some(f64::from(181 << 20)));
    // That of one without a name is not told.
    assert_eq!(with.matches("_task_cpu_ratio{").count(), 5);
    let others = with
        .lines()
        .filter(|line| !line.contains("resource_monitor_task_"));
    let others: Vec<_> = others.collect();
    assert_eq!(others, without.lines().collect::<Vec<_>>());
}

#[test]
fn tasks_of_one_name_are_one_and_names_are_few() {
    let usual = util::tasks::USUAL[2];
    let mut made = vec![usual; 3];
    made.extend((0..40).map(|pid| util::tasks::Made {
        pid,
        comm: [b"a", b"b", b"c", b"d", b"e"][pid as usize % 5],
        ..usual
    }));
    let mut names: Vec<&'static [u8]> = Vec::new();
    for first in b"ABCDEFGH" {
        for second in b"abcde" {
            names.push(Box::leak(vec![*first, *second].into_boxed_slice()));
        }
    }
    made.extend((100..).zip(names).map(|(pid, comm)| util::tasks::Made {
        pid,
        comm,
        cpu_ms: 1,
        ..usual
    }));
    for (pid, made) in (1000..).zip(&mut made[..3]) {
        made.pid = pid;
    }
    let printed = print_with(&["--tasks"], &util::tasks::with_tasks_of(&made));
    let found = samples(&printed);
    let ratio = found["resource_monitor_task_cpu_ratio{comm=\"postgres\"}"];
    assert!((ratio - 0.93).abs() < 1e-3, "it is {ratio}");
    let bytes = found["resource_monitor_task_resident_bytes{comm=\"postgres\"}"];
    assert_eq!(bytes, 3.0 * f64::from(88 << 20));
    // Two of each of 16 names.
    assert_eq!(printed.matches("{comm=").count(), 32);
}

#[test]
fn hostile_names_forge_no_label() {
    let records = util::tasks::with_tasks_of(&util::tasks::hostile());
    let printed = print_with(&["--tasks"], &records);
    // Which promtool reads as well (scripts/test-metrics).
    util::assert_is_file("tests/golden/export-tasks.txt", &printed);
    families_of_classic_text(&printed);
    let lines = printed
        .lines()
        .filter(|line| line.contains("_task_cpu_ratio{"));
    let mut found = BTreeSet::new();
    for line in lines {
        let (_, rest) = line.split_once("{comm=\"").unwrap();
        let (label, value) = rest.rsplit_once("\"} ").unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        // No quote but behind a backslash.
        let plain = label.replace("\\\\", "").replace("\\\"", "");
        assert!(!plain.contains('"'), "{line}");
        assert!(!label.contains(char::is_control), "{line:?}");
        let text = label.replace("\\\\", "\\").replace("\\\"", "\"");
        found.insert(text);
    }
    assert_eq!(found.len(), util::tasks::HOSTILE.len());
    for name in [r#"","pid":1,""#, "</text><x a='", r#"{x="y"} 1 # \"#] {
        assert!(found.contains(name), "expected {name:?} in {found:?}");
    }
}

#[test]
fn what_an_old_module_did_not_know_has_no_metric() {
    let (old, new) = (print_of(RECORDING), print_of(LAYERS));
    for sample in [
        "node_filesystem_readonly{mountpoint=\"/\",fstype=\"rootfs\"} 0\n",
        "node_filesystem_readonly{mountpoint=\"/tmp/mnt/a\",fstype=\"ext4\"} 1\n",
    ] {
        assert!(new.contains(sample), "expected {sample:?}, found none");
    }
    let names = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        lines.map(str::to_owned).collect()
    };
    let missing: Vec<_> = names(&new).difference(&names(&old)).cloned().collect();
    assert_eq!(
        missing,
        [
            "node_boot_time_seconds gauge",
            "node_filesystem_readonly gauge"
        ]
    );
}

#[test]
fn the_time_of_the_boot_is_in_whole_seconds() {
    let header = last_record(LAYERS).header();
    let printed = print_of(LAYERS);
    let samples = samples(&printed);
    let boot_ns = header.taken_wall_ns - header.taken_boot_ns.unwrap();
    let expected = (boot_ns / 1_000_000_000) as f64;
    assert_eq!(samples["node_boot_time_seconds"], expected);
    // So that their difference is for how long the machine was up when the recording was made.
    let up = samples["node_time_seconds"] - samples["node_boot_time_seconds"];
    let expected = Duration::from_nanos(header.taken_boot_ns.unwrap()).as_secs_f64();
    assert!(
        (expected..expected + 1.1).contains(&up),
        "up for {up} s, expected {expected} s, or up to a second more"
    );
}

/// The last record of one of version 2, with `change` made to the words of the section of `C`.
fn changed<C: Content>(change: impl Fn(&mut [u64])) -> Vec<u8> {
    changed_record::<C>(&last_record(LAYERS), change)
}

/// The same, of any record of version 2.
fn changed_record<C: Content>(record: &Record, change: impl Fn(&mut [u64])) -> Vec<u8> {
    let mut words = record.raw().unwrap().words().to_vec();
    let words_at = |words: &[u64], at: usize| usize::try_from(words[at]).unwrap() / 8;
    let mut at = words_at(&words, 3);
    while at < words.len() {
        let end = at + words_at(&words, at + 1);
        if words[at] == C::KIND {
            change(&mut words[at..end]);
        }
        at = end;
    }
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The same, with `fs` in place of its first file system.
fn with_file_system(fs: Fs) -> String {
    let bytes = changed::<Fs>(|section| {
        let mut entry = section.iter_mut().skip(SectionHeader::LEN);
        fs.put(&mut |word| *entry.next().unwrap() = word);
    });
    print_of_bytes(&bytes)
}

#[test]
fn tells_of_stale_sources_and_of_entries_left_out() {
    let printed = print_of_bytes(&changed::<Disk>(|section| {
        section[4] = STALE;
        section[5] = 3;
    }));
    let samples = samples(&printed);
    assert_eq!(samples["resource_monitor_stale{source=\"disk\"}"], 1.0);
    assert_eq!(samples["resource_monitor_left_out{source=\"disk\"}"], 3.0);
    assert_eq!(samples["resource_monitor_stale{source=\"net\"}"], 0.0);
}

#[test]
fn tells_of_file_systems_that_do_not_answer() {
    for state in [State::Failed(5), State::Stale] {
        let path = Text::new(b"/srv/\"a\\b\"\n");
        let printed = with_file_system(Fs { path, state });
        // What could end the label, or the line, is escaped.
        let name = r#"node_filesystem_device_error{mountpoint="/srv/\"a\\b\"\n"}"#;
        let samples = samples(&printed);
        assert_eq!(samples[name], 1.0);
        let of_it = samples.keys().filter(|name| name.contains("/srv/"));
        assert_eq!(of_it.count(), 1);
    }
}

#[test]
fn an_absurd_size_takes_no_other_metric_along() {
    let usage = Usage {
        block_bytes: u64::MAX,
        blocks: u64::MAX,
        ..Usage::default()
    };
    let printed = with_file_system(Fs {
        path: Text::new(b"/"),
        state: State::Mounted(usage),
    });
    let samples = samples(&printed);
    let name = r#"node_filesystem_size_bytes{mountpoint="/",fstype=""}"#;
    assert_eq!(samples[name], u64::MAX as f64);
    assert_eq!(samples["resource_monitor_up"], 1.0);
}

/// Where the words of the first entry of a CPU section have the CPU's epoch and its I/O wait.
const EPOCH_AT: usize = SectionHeader::LEN + 1;
const IOWAIT_AT: usize = SectionHeader::LEN + 8;

/// The I/O wait of the first CPU in two recordings: one, and the same with a last record that has
/// less of it, to which `change` is made besides.
fn waits_when_it_falls(change: impl Fn(&mut [u64])) -> [f64; 2] {
    let mut records: Vec<Record> = Records::open(LAYERS).unwrap().map(Result::unwrap).collect();
    let last = records.pop().unwrap();
    let wait = |ns: u64, change: &dyn Fn(&mut [u64]), record: &Record| {
        changed_record::<Cpu>(record, |section| {
            section[IOWAIT_AT] = ns;
            change(section);
        })
    };
    let mut before = Vec::new();
    for record in &records {
        before.extend(wait(10_650_000_000, &|_| (), record));
    }
    let mut after = before.clone();
    after.extend(wait(9_980_000_000, &change, &last));
    [before, after].map(|bytes| {
        let printed = print_of_bytes(&bytes);
        let id = last.raw().unwrap().entries::<Cpu>().next().unwrap().id;
        let name = format!("node_cpu_seconds_total{{cpu=\"{id}\",mode=\"iowait\"}}");
        samples(&printed)[name.as_str()]
    })
}

#[test]
fn no_counter_falls() {
    assert_eq!(waits_when_it_falls(|_| ()), [10.65, 10.65]);
    // Another life of the CPU begins where it is.
    assert_eq!(
        waits_when_it_falls(|section| section[EPOCH_AT] += 1),
        [10.65, 9.98]
    );
}

/// The words of an entry of `C` that count: they are less in a second record of the same things.
fn assert_held<C: Content>(counts: std::ops::Range<usize>) {
    let last = last_record(LAYERS);
    let whole = print_of_bytes(&last.to_bytes());
    let entry_words = |section: &[u64]| usize::try_from(section[3]).unwrap() / 8;
    let mut bytes = last.to_bytes();
    bytes.extend(changed_record::<C>(&last, |section| {
        let words = entry_words(section);
        for entry in section[SectionHeader::LEN..].chunks_mut(words) {
            for word in &mut entry[counts.clone()] {
                *word -= (*word).min(1000);
            }
        }
    }));
    let printed = print_of_bytes(&bytes);
    let (before, after) = (samples(&whole), samples(&printed));
    for (name, value) in before.iter().filter(|(name, _)| name.contains("_total")) {
        assert_eq!(after.get(name), Some(value), "{name}");
    }
}

#[test]
fn no_counter_of_any_source_falls() {
    assert_held::<Cpu>(2..12);
    assert_held::<Activity>(0..Activity::LEN);
    assert_held::<Pressure>(0..Pressure::LEN);
    // After the time, the number and the name.
    assert_held::<Disk>(6..19);
    assert_counted_tasks_are_held();
}

/// The same of the tasks, which no recording has.
fn assert_counted_tasks_are_held() {
    let last = last_record(LAYERS);
    let ended = |ended_ns: u64| {
        let tasks = Tasks {
            ended_ns,
            ..Tasks::default()
        };
        util::with_section(&last, &tasks)
    };
    let printed = print_with(&[], &[ended(5_000_000_000), ended(4_000_000_000)]);
    let name = "resource_monitor_ended_cpu_seconds_total";
    assert_eq!(samples(&printed)[name], 5.0);
}

/// A record with so many CPUs.
fn with_cpus(count: usize) -> Vec<u8> {
    let section = SectionHeader::of::<Cpu>(count);
    let words = Header::LEN + SectionHeader::LEN + count * Cpu::LEN;
    let mut bytes = Vec::new();
    let mut put = |word: u64| bytes.extend_from_slice(&word.to_le_bytes());
    Header::of(words).put(&mut put);
    section.put(&mut put);
    for id in 0..u32::try_from(count).unwrap() {
        let cpu = Cpu {
            id,
            epoch: 0,
            times: Times {
                idle: u64::from(id) * 1_000_000_000,
                ..Times::default()
            },
        };
        cpu.put(&mut put);
    }
    bytes
}

#[test]
fn thousands_of_cpus_are_there_once_each() {
    const CPUS: usize = 4096;
    let printed = print_of_bytes(&with_cpus(CPUS));
    let samples = samples(&printed);
    let idle: Vec<_> = (0..CPUS)
        .map(|id| samples[format!("node_cpu_seconds_total{{cpu=\"{id}\",mode=\"idle\"}}").as_str()])
        .collect();
    let expected: Vec<_> = (0..CPUS).map(|id| id as f64).collect();
    assert_eq!(idle, expected);
    let of_cpus = samples.keys().filter(|name| name.contains("cpu="));
    assert_eq!(of_cpus.count(), CPUS * 10);
}

/// The families of a text in OpenMetrics, whose form is checked.
fn families_of_openmetrics(printed: &str) -> BTreeSet<(String, String)> {
    assert!(
        printed.ends_with("\nresource_monitor_up 1\n# EOF\n"),
        "expected a line \"# EOF\" at the end, found {:?}",
        printed.lines().last()
    );
    let mut families = BTreeSet::new();
    let mut family = ("", "");
    for line in printed.lines().filter(|line| *line != "# EOF") {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            family = typed.split_once(' ').unwrap();
            let (name, kind) = family;
            assert!(
                families.insert((name.to_owned(), kind.to_owned())),
                "{line} is there twice, expected it once"
            );
        } else if let Some(unit) = line.strip_prefix("# UNIT ") {
            let (name, unit) = unit.split_once(' ').unwrap();
            assert!(
                name.ends_with(&format!("_{unit}")),
                "expected _{unit} at the end of the name, found {line:?}"
            );
        } else if line.starts_with('#') {
            assert!(
                line.starts_with("# HELP ") && line.ends_with('.'),
                "expected \"# HELP \" and a sentence, found {line:?}"
            );
        } else {
            let name = line.split(['{', ' ']).next().unwrap();
            let of = match family.1 {
                "counter" => name.strip_suffix("_total"),
                "gauge" => Some(name).filter(|name| !name.ends_with("_total")),
                other => panic!("expected a counter or a gauge, found {other:?} in {line:?}"),
            };
            assert_eq!(of, Some(family.0), "{line}");
        }
    }
    families
}

/// The families of a classic text, whose form is checked.
fn families_of_classic_text(printed: &str) -> BTreeSet<(String, String)> {
    assert_ends(printed);
    let mut families = BTreeSet::new();
    let (mut helped, mut family) = ("", "");
    for line in printed.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').unwrap().0;
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').unwrap();
            assert_eq!(name, helped, "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(
                families.insert((name.to_owned(), kind.to_owned())),
                "{line} is there twice, expected it once"
            );
            family = name;
        } else {
            assert_eq!(line.split(['{', ' ']).next(), Some(family), "{line}");
        }
    }
    families
}

#[test]
fn both_formats_say_the_same() {
    let exporter =
        Exporter::of(resmon().args(["export", "--listen", "127.0.0.1:0", "--from", LAYERS]));
    let of = |accept| exporter.ask("GET", "/metrics", &[("Accept", accept)]).body;
    let classic = of("text/plain;version=0.0.4");
    let openmetrics = of("application/openmetrics-text;version=1.0.0");
    assert_eq!(samples(&classic), samples(&openmetrics));
    let families = families_of_openmetrics(&openmetrics).into_iter();
    let with_total: BTreeSet<_> = families
        .map(|(name, kind)| match kind.as_str() {
            "counter" => (format!("{name}_total"), kind),
            _ => (name, kind),
        })
        .collect();
    assert_eq!(families_of_classic_text(&classic), with_total);
    assert_eq!(classic, print_of(LAYERS));
}

#[test]
fn gives_the_format_that_is_asked_for() {
    let exporter = Exporter::start();
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], CLASSIC),
        (&[("Accept", "*/*")], CLASSIC),
        (&[("accept", "text/plain;version=0.0.4")], CLASSIC),
        (&[("ACCEPT", "application/openmetrics-text")], OPENMETRICS),
        (
            &[(
                "Accept",
                "application/openmetrics-text;q=0.4,text/plain;q=0.5",
            )],
            CLASSIC,
        ),
        // A list in several headers.
        (
            &[
                ("Accept", "text/plain;q=0.5"),
                ("Accept", "application/openmetrics-text"),
            ],
            OPENMETRICS,
        ),
    ];
    for (headers, expected) in cases {
        let reply = exporter.ask("GET", "/metrics", headers);
        assert_eq!(reply.headers["content-type"], expected, "{headers:?}");
        let has_end = reply.body.ends_with("\n# EOF\n");
        assert_eq!(has_end, expected == OPENMETRICS, "{headers:?}");
    }
}

/// A running exporter, which is ended with the test.
struct Exporter {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Exporter {
    fn start() -> Self {
        Self::listening_on("127.0.0.1:0")
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut exporter = Self {
            child,
            stderr,
            address: String::new(),
        };
        exporter.address = exporter.next_address();
        exporter
    }

    fn listening_on(address: &str) -> Self {
        Self::of(resmon().args(["export", "--listen", address, "--from", RECORDING]))
    }

    /// The next line that it says.
    fn said(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// The next address that it says that it listens on.
    fn next_address(&mut self) -> String {
        let line = self.said();
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|rest| rest.strip_suffix("/metrics\n"));
        address
            .unwrap_or_else(|| panic!("expected the address that it listens on, found {line:?}"))
            .to_owned()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        let patience = Duration::from_secs(30);
        stream.set_read_timeout(Some(patience)).unwrap();
        stream
    }

    fn request(&self, method: &str, path: &str) -> Reply {
        self.ask(method, path, &[])
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut stream = self.connect();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Reply {
            status: status.parse().unwrap(),
            headers: lines.map(header).collect(),
            body: body.to_owned(),
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[test]
fn serves_what_once_prints() {
    let exporter = Exporter::start();
    for path in ["/metrics", "/metrics?name[]=node_load1"] {
        let reply = exporter.request("GET", path);
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers["content-type"], CLASSIC);
        let length = reply.body.len().to_string();
        assert_eq!(reply.headers["content-length"], length);
        assert_eq!(reply.body, print_of(RECORDING));
        assert_ends(&reply.body);
    }
}

#[test]
fn answers_head_without_a_body() {
    let exporter = Exporter::start();
    let reply = exporter.request("HEAD", "/metrics");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], CLASSIC);
    assert_eq!(reply.body, "");
}

#[test]
fn has_a_page_for_people() {
    let exporter = Exporter::start();
    let reply = exporter.request("GET", "/");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
    let link = "<a href=\"/metrics\">";
    assert!(
        reply.body.contains(link),
        "expected {link:?} in {:?}",
        reply.body
    );
}

#[test]
fn refuses_other_paths_and_methods() {
    let exporter = Exporter::start();
    for path in ["/metric", "/metrics/", "/favicon.ico", "//"] {
        assert_eq!(exporter.request("GET", path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let reply = exporter.request(method, "/metrics");
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.headers["allow"], "GET, HEAD");
    }
}

#[test]
fn answers_many_at_once() {
    let exporter = Exporter::start();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..8 {
                    let reply = exporter.request("GET", "/metrics");
                    assert_ends(&reply.body);
                }
            });
        }
    });
}

#[test]
fn survives_what_is_not_http() {
    let exporter = Exporter::start();
    let requests = [
        &b"\r\n\r\n"[..],
        b"GET /metrics\r\n\r\n",
        b"\xff\xfe\x00\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nContent-Length: 99\r\n\r\nshort",
        b"GET /metrics SMTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1 more\r\n\r\n",
        &[b'x'; 100_000],
        b"",
    ];
    for request in requests {
        let mut client = exporter.connect();
        let _ = client.write_all(request);
        let _ = client.shutdown(Shutdown::Write);
        let mut reply = Vec::new();
        let _ = client.read_to_end(&mut reply);
        assert!(
            !reply.starts_with(b"HTTP/1.1 200"),
            "expected {:.100?} to be refused, found {:?}",
            String::from_utf8_lossy(request),
            String::from_utf8_lossy(&reply)
        );
    }
    assert_eq!(exporter.request("GET", "/metrics").status, 200);
}

#[test]
fn slow_clients_hold_up_nobody() {
    const CLIENTS: u32 = 12;
    let exporter = Exporter::start();
    let mut slow = Vec::new();
    for _ in 0..CLIENTS {
        // One that never ends its request, and one that never reads the answer.
        let requests = [
            "GET /metrics HT",
            "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n",
        ];
        for request in requests {
            let mut stream = exporter.connect();
            stream.write_all(request.as_bytes()).unwrap();
            slow.push(stream);
        }
    }
    let start = Instant::now();
    assert_eq!(exporter.request("GET", "/metrics").status, 200);
    // One after the other, each of those with half a request would take the 2 s after which it is
    // given up. On a machine that is busy an answer may take a while, too, but not that long.
    let took = start.elapsed();
    let in_turn = CLIENTS * Duration::from_secs(2);
    assert!(
        took < in_turn,
        "answered after {took:?}, expected less than {in_turn:?}"
    );
}

#[test]
fn those_who_ask_and_never_read_hold_up_nobody() {
    let exporter = Exporter::start();
    let mut greedy = Vec::new();
    for _ in 0..40 {
        let mut stream = exporter.connect();
        stream.set_nonblocking(true).unwrap();
        // As many answers as no socket has room for.
        let requests = b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000);
        let _ = stream.write(&requests);
        greedy.push(stream);
    }
    assert_eq!(exporter.request("GET", "/metrics").status, 200);
}

#[test]
fn more_clients_than_file_descriptors_do_no_harm() {
    let script = "ulimit -n 40; exec \"$0\" export --listen 127.0.0.1:0 --from \"$1\"";
    let program = env!("CARGO_BIN_EXE_resmon");
    let exporter = Exporter::of(Command::new("sh").args(["-c", script, program, RECORDING]));
    let clients: Vec<_> = (0..60).map(|_| exporter.connect()).collect();
    // Those who say nothing are given up, and this one's turn comes.
    assert_eq!(exporter.request("GET", "/metrics").status, 200);
    drop(clients);
}

#[test]
fn when_no_client_can_be_accepted_it_goes_on() {
    // Each worker that waits for a client needs one to come, and there are more workers.
    let script = "ulimit -n 10; exec \"$0\" export --listen 127.0.0.1:0 --from \"$1\"";
    let program = env!("CARGO_BIN_EXE_resmon");
    let mut exporter = Exporter::of(Command::new("sh").args(["-c", script, program, RECORDING]));
    let clients: Vec<_> = (0..30).map(|_| exporter.connect()).collect();
    assert_eq!(
        exporter.said(),
        "resmon: cannot accept clients for now: Too many open files (os error 24)\n"
    );
    drop(clients);
    assert_eq!(exporter.request("GET", "/metrics").status, 200);
    let ended = exporter.child.try_wait().unwrap();
    assert_eq!(ended, None, "expected it to run");
}

/// Whether this machine has the loopback address of IPv6.
fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

#[test]
fn listens_at_both_addresses_of_localhost() {
    let mut exporter = Exporter::listening_on("localhost:0");
    let (host, port) = exporter.address.rsplit_once(':').unwrap();
    assert_eq!(host, "127.0.0.1");
    let second = format!("[::1]:{port}");
    assert_eq!(exporter.request("GET", "/metrics").status, 200);
    if has_ipv6() {
        exporter.address = exporter.next_address();
        assert_eq!(exporter.address, second);
        assert_eq!(exporter.request("GET", "/metrics").status, 200);
    }
}

#[test]
fn listens_everywhere() {
    let mut exporter = Exporter::listening_on(":0");
    let port = exporter.address.rsplit_once(':').unwrap().1.to_owned();
    let mut addresses = vec![format!("127.0.0.1:{port}")];
    if has_ipv6() {
        assert_eq!(exporter.address, format!("[::]:{port}"));
        addresses.push(format!("[::1]:{port}"));
    }
    for address in addresses {
        exporter.address = address;
        assert_eq!(exporter.request("GET", "/metrics").status, 200);
    }
}

#[test]
fn says_where_it_can_listen() {
    for wrong in ["example.org:9950", "localhost", "9950", "127.0.0.1"] {
        let output = resmon()
            .args(["export", "--from", RECORDING, "--listen", wrong])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = format!(
            "error: invalid value '{wrong}' for '--listen <ADDRESS>': expected an IP address or \
             localhost and a port, as 127.0.0.1:9950, [::1]:9950 or localhost:9950, or :9950 for \
             all addresses\n"
        );
        assert!(
            said.starts_with(&expected),
            "expected {expected:?}, found {said:?}"
        );
    }
}

#[test]
fn who_sends_a_byte_now_and_then_is_given_up() {
    let exporter = Exporter::start();
    let mut slow = exporter.connect();
    let start = Instant::now();
    while slow.write_all(b"x").is_ok() {
        let took = start.elapsed();
        assert!(
            took < Duration::from_secs(60),
            "not given up after {took:?}, expected that after 2 s"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn says_why_it_cannot_listen() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = resmon()
        .args(["export", "--from", RECORDING, "--listen", &address])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!("resmon: cannot listen on {address}: Address already in use (os error 98)\n")
    );
}

#[test]
fn says_why_it_has_nothing_to_show() {
    let bytes = std::fs::read(RECORDING).unwrap();
    let cases = [
        (&bytes[..1000], "the recording ends within a record"),
        (b"", "no records"),
        (&[0; 200], "not a record"),
    ];
    for (bytes, why) in cases {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        for arguments in [&["--once"][..], &["--listen", "127.0.0.1:0"]] {
            let output = resmon()
                .args(["export", "--from"])
                .arg(file.path())
                .args(arguments)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(1));
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains(why), "expected {why:?} in {said:?}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}

/// What the dashboard "Node Exporter Full" and the alerts of node_exporter ask for and find, as `make
/// test-dashboards` has seen it: names, and the labels by which they choose and join. The names of the
/// machine and its swap, which they ask for too, are not in a recording.
const ASKED_AND_FOUND: [(&[&str], &str); 8] = [
    (
        &["cpu", "mode"],
        "cpu_seconds_total cpu_guest_seconds_total",
    ),
    (
        &["device"],
        "disk_discard_time_seconds_total disk_discarded_sectors_total \
         disk_discards_completed_total disk_flush_requests_time_seconds_total \
         disk_flush_requests_total disk_io_now disk_io_time_seconds_total \
         disk_io_time_weighted_seconds_total disk_read_bytes_total disk_read_time_seconds_total \
         disk_reads_completed_total disk_write_time_seconds_total disk_writes_completed_total \
         disk_written_bytes_total",
    ),
    (
        &["device"],
        "network_receive_bytes_total network_receive_drop_total network_receive_errs_total \
         network_receive_packets_total network_transmit_bytes_total network_transmit_drop_total \
         network_transmit_errs_total network_transmit_packets_total",
    ),
    (
        &["fstype", "mountpoint"],
        "filesystem_avail_bytes filesystem_device_error filesystem_files filesystem_files_free \
         filesystem_free_bytes filesystem_readonly filesystem_size_bytes",
    ),
    (
        &[],
        "memory_AnonPages_bytes memory_Buffers_bytes memory_Cached_bytes memory_Dirty_bytes \
         memory_Mapped_bytes memory_MemAvailable_bytes memory_MemFree_bytes memory_MemTotal_bytes \
         memory_PageTables_bytes memory_SReclaimable_bytes memory_SUnreclaim_bytes \
         memory_Shmem_bytes memory_Slab_bytes memory_SwapCached_bytes memory_SwapFree_bytes \
         memory_Writeback_bytes",
    ),
    (
        &[],
        "vmstat_oom_kill vmstat_pgfault vmstat_pgmajfault vmstat_pgpgin vmstat_pgpgout \
         vmstat_pswpin vmstat_pswpout",
    ),
    (
        &[],
        "pressure_cpu_waiting_seconds_total pressure_io_stalled_seconds_total \
         pressure_io_waiting_seconds_total pressure_memory_stalled_seconds_total \
         pressure_memory_waiting_seconds_total",
    ),
    (
        &[],
        "boot_time_seconds intr_total load1 load15 load5 time_seconds",
    ),
];

/// The names of metrics, with those of the labels that all samples of a name have.
fn names_and_labels(printed: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in samples(printed).keys() {
        let (name, labels) = name.split_once('{').unwrap_or((name, ""));
        let labels = labels.split(',').filter_map(|label| label.split_once('='));
        let labels = labels.map(|(label, _)| label.to_owned()).collect();
        match found.get_mut(name) {
            Some(common) => common.retain(|label| BTreeSet::contains(&labels, label)),
            None => drop(found.insert(name.to_owned(), labels)),
        }
    }
    found
}

#[test]
fn has_what_dashboards_of_others_found() {
    // One has file systems that say whether they are read-only, the other one pressure.
    let mut there = names_and_labels(&print_of(RECORDING));
    there.extend(names_and_labels(&print_of(LAYERS)));
    for (labels, names) in ASKED_AND_FOUND {
        let expected: BTreeSet<_> = labels.iter().map(|label| (*label).to_owned()).collect();
        for name in names.split(' ') {
            let found = there.get(&format!("node_{name}"));
            assert_eq!(found, Some(&expected), "labels of node_{name}");
        }
    }
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    for key in ["uid", "title"] {
        assert!(
            dashboard[key].is_string(),
            "{key} is {}, expected a text",
            dashboard[key]
        );
    }
    let printed = print_of(RECORDING);
    let there: BTreeSet<_> = samples(&printed)
        .keys()
        .filter_map(|name| name.split('{').next())
        .map(str::to_owned)
        .collect();

    let mut ids = BTreeSet::new();
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "another panel has the id {}, expected it once: {panel}",
            panel["id"]
        );
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "expected targets, found {panel}");
        for target in targets {
            let expr = target["expr"].as_str().unwrap();
            let names: Vec<_> = expr
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .filter(|word| word.starts_with("node_") || word.starts_with("resource_monitor_"))
                .map(str::to_owned)
                .collect();
            assert!(
                !names.is_empty(),
                "expected names of metrics, found {expr:?}"
            );
            asked.extend(names);
        }
    }
    let unknown: Vec<_> = asked.difference(&there).collect();
    assert_eq!(unknown, Vec::<&String>::new());
    assert!(
        asked.len() > 40,
        "expected more than 40 metrics to be asked for, found {}: {asked:?}",
        asked.len()
    );
}

// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use std::io;
use std::time::{Duration, Instant};

use resmon::model::record::Header;
use resmon::{Info, Record, Records};
use rustix::io::Errno;

use super::format::Format;
use super::http::Status;
use super::metrics::Began;
use super::newest::Newest;
use super::shared::Shared;
use super::{follow, has_all, is_final, machine, text};

fn recorded() -> Vec<Record> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/minute.rec");
    let records: resmon::Result<_> = Records::open(path).unwrap().collect();
    records.unwrap()
}

#[test]
fn waits_then_shows_then_says_why_not() {
    let shared = Shared::default();
    let metrics = || shared.answer_metrics(Format::Classic);
    let answer = metrics();
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (Status::ServiceUnavailable, "no sample yet\n")
    );

    let gone = io::Error::from_raw_os_error(19);
    let records = recorded().into_iter().map(Ok);
    let records = records.chain([Err(resmon::Error::Read(gone))]);
    let error = follow(records, &shared);
    assert_eq!(metrics().status, Status::Ok);

    shared.fail(&error);
    let answer = metrics();
    assert_eq!(answer.status, Status::ServiceUnavailable);
    assert_eq!(
        answer.body,
        "cannot read records: No such device (os error 19)\n"
    );
}

#[test]
fn an_end_of_the_device_is_an_error() {
    let error = follow(std::iter::empty(), &Shared::default());
    assert_eq!(error.to_string(), "the device has no more records");
}

#[test]
fn is_down_when_records_fail_to_come() {
    let record = recorded().pop().unwrap();
    let came = Instant::now();
    let newest = Newest::new(&record, Some(came), Began::default(), None);
    let is_up = |seconds| newest.is_up(came + Duration::from_secs(seconds));
    // The interval is 1 s.
    assert_eq!([0, 8, 9].map(is_up), [true, true, false]);
}

#[test]
fn a_recording_is_never_too_old() {
    let newest = Newest::new(&recorded().pop().unwrap(), None, Began::default(), None);
    let later = Instant::now() + Duration::from_secs(100_000);
    assert!(
        newest.is_up(later),
        "a recording is down, expected it to be up however old it is"
    );
}

#[test]
fn adds_up_lost_records() {
    // The word of the header that has them.
    const LOST_AT: usize = resmon::model::record::LOST_AT * 8;
    let lossy: Vec<Record> = recorded()
        .into_iter()
        .take(3)
        .map(|record| {
            let mut bytes = record.to_bytes();
            bytes[LOST_AT] = 7;
            Record::from_bytes(&bytes).unwrap()
        })
        .collect();
    let shared = Shared::default();
    follow(lossy.into_iter().map(Ok), &shared);
    let body = shared.answer_metrics(Format::Classic).body;
    let expected = "\nresource_monitor_lost_records_total 21\n";
    assert!(
        body.contains(expected),
        "expected {expected:?}, found {body:?}"
    );
}

/// A record of version 2 with this boot and load, number and I/O wait of the first CPU.
fn record(ids: Option<[u64; 2]>, seq: u64, iowait_ns: u64) -> Record {
    use resmon::model::record::{SectionHeader, WORD_BYTES};
    use resmon::model::source::cpu::{Cpu, Times};
    use resmon::model::words::Words;

    // A header without the fields for it has no identity.
    let header_words = match ids {
        Some(_) => Header::LEN,
        None => Header::MIN_LEN,
    };
    let header = Header {
        header_bytes: (header_words * WORD_BYTES) as u64,
        seq,
        taken_mono_ns: seq + 1,
        boot_id: ids.map(|[boot, _]| boot),
        load_id: ids.map(|[_, load]| load),
        ..Header::of(header_words + SectionHeader::LEN + Cpu::LEN)
    };
    let times = Times {
        iowait: iowait_ns,
        ..Times::default()
    };
    let cpu = Cpu {
        id: 0,
        epoch: 0,
        times,
    };
    let mut words = Vec::new();
    header.put(&mut |word| words.push(word));
    words.truncate(header_words);
    SectionHeader::of::<Cpu>(1).put(&mut |word| words.push(word));
    cpu.put(&mut |word| words.push(word));
    let bytes: Vec<_> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Record::from_bytes(&bytes).unwrap()
}

/// The seconds of I/O wait that are shown after each of `records`.
fn waits(records: impl IntoIterator<Item = Record>) -> Vec<String> {
    let shared = Shared::default();
    let shown = |record| {
        shared.add(record, None);
        let body = shared.answer_metrics(Format::Classic).body;
        let sample = "node_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} ";
        let value = body.lines().find_map(|line| line.strip_prefix(sample));
        value.unwrap().to_owned()
    };
    records.into_iter().map(shown).collect()
}

#[test]
fn a_counter_falls_with_another_boot_or_load_alone() {
    const S: u64 = 1_000_000_000;
    let of = |ids, seq, seconds| record(ids, seq, seconds * S);
    let here = Some([1, 1]);
    let records = [(here, 5, 9), (here, 6, 8), (here, 4, 7), (here, 7, 10)];
    let records = records.map(|(ids, seq, seconds)| of(ids, seq, seconds));
    assert_eq!(waits(records), ["9", "9", "9", "10"]);
    for other in [Some([1, 2]), Some([2, 1]), None] {
        let records = [of(here, 5, 9), of(other, 6, 8), of(other, 7, 7)];
        assert_eq!(waits(records), ["9", "8", "8"], "{other:?}");
    }
    // Without an identity.
    let records = [
        of(None, 5, 9),
        of(None, 6, 8),
        of(None, 1, 7),
        of(None, 2, 6),
    ];
    assert_eq!(waits(records), ["9", "9", "7", "7"]);
}

#[test]
fn records_that_nobody_scraped_count() {
    let shared = Shared::default();
    for (seq, ns) in [(1, 1_000_000_000), (2, 3_000_000_000), (3, 2_000_000_000)] {
        shared.add(record(Some([1, 1]), seq, ns), None);
    }
    let body = shared.answer_metrics(Format::Classic).body;
    let expected = "\nnode_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} 3\n";
    assert!(
        body.contains(expected),
        "expected {expected:?}, found {body:?}"
    );
}

#[test]
fn only_errors_of_the_socket_itself_are_final() {
    let is_final = |errno: Errno| is_final(&errno.into());
    for errno in [Errno::BADF, Errno::INVAL, Errno::NOTSOCK, Errno::OPNOTSUPP] {
        assert!(is_final(errno), "{errno:?} passes, expected it to be final");
    }
    for errno in [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::NETDOWN,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::NETUNREACH,
        Errno::PERM,
    ] {
        assert!(!is_final(errno), "{errno:?} is final, expected it to pass");
    }
}

#[test]
fn complains_once_in_a_while() {
    let shared = Shared::default();
    let start = Instant::now();
    let may = |seconds| shared.may_complain(start + Duration::from_secs(seconds));
    let found = [0, 0, 1, 59, 60, 61, 119, 120].map(may);
    let expected = [true, false, false, false, true, false, false, true];
    assert_eq!(found, expected);
}

#[test]
fn what_is_of_this_machine_is_not_of_a_recording() {
    let record = recorded().pop().unwrap();
    let names = |received| {
        let families =
            Newest::new(&record, received, Began::default(), None).families(Instant::now());
        let families = families.into_iter();
        families.map(|family| family.name).collect::<Vec<_>>()
    };
    let of_recording = names(None);
    let live = names(Some(Instant::now()));
    let only = live.iter().filter(|name| !of_recording.contains(name));
    let only: Vec<_> = only.collect();
    assert_eq!(only, [&"node_uname_info", &"node_memory_SwapTotal"]);
    let missing = of_recording.iter().filter(|name| !live.contains(name));
    assert_eq!(missing.count(), 0);
}

#[test]
fn the_machine_is_named_as_the_kernel_does() {
    let families: Vec<_> = machine::families();
    let body = text::write(&families, Format::Classic).unwrap();
    let names = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let release = format!(",release=\"{}\",", names.trim_end());
    assert!(
        body.contains("node_uname_info{sysname=\"Linux\",") && body.contains(&release),
        "expected Linux and {release:?}, found {body:?}"
    );
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("SwapTotal:")?.strip_suffix(" kB"));
    let total: u64 = total.unwrap().trim().parse().unwrap();
    let expected = format!("\nnode_memory_SwapTotal_bytes {}\n", total * 1024);
    assert!(
        body.contains(&expected),
        "expected {expected:?}, found {body:?}"
    );
}

/// A record: the load of the module, its number, and the numbers and states of its events.
type Eventful<'e> = (u64, u64, &'e [(u64, u32)]);

/// The events that are shown as begun and as open after each of some records, of `mem_full`.
fn events(records: &[Eventful<'_>]) -> Vec<(String, String)> {
    use crate::events::tests::{raw, record};
    use resmon::model::event::Trigger::MemoryFull;

    let shared = Shared::default();
    let shown = |(load, seq, events): &Eventful<'_>| {
        let events = events.iter();
        let events: Vec<_> = events
            .map(|(number, state)| raw(*number, MemoryFull, *state, ""))
            .collect();
        shared.add(record(*seq, *load, &events), None);
        let body = shared.answer_metrics(Format::Classic).body;
        let value = |name: &str| {
            let sample = format!("{name}{{event=\"mem_full\"}} ");
            let value = body.lines().find_map(|line| line.strip_prefix(&sample));
            value.unwrap().to_owned()
        };
        let names = [
            "resource_monitor_events_total",
            "resource_monitor_event_active",
        ];
        let [began, open] = names.map(value);
        (began, open)
    };
    records.iter().map(shown).collect()
}

#[test]
fn an_event_counts_once() {
    use resmon::model::event::{BEGIN, END, MOMENT, ONGOING};

    let found = events(&[
        // What is open at the start began before.
        (1, 5, &[(3, ONGOING)]),
        (1, 6, &[(3, ONGOING), (4, BEGIN)]),
        (1, 7, &[(3, END), (4, ONGOING)]),
        (1, 8, &[(4, ONGOING)]),
        // The records were lost in which these began.
        (1, 20, &[(4, END), (7, ONGOING), (6, END)]),
        (1, 21, &[(7, ONGOING), (8, MOMENT)]),
        // The module was loaded again, and this is its first record.
        (2, 0, &[(1, MOMENT)]),
        (2, 1, &[]),
        (2, 2, &[(2, BEGIN)]),
    ]);
    let expected = [
        ("0", "1"),
        ("1", "2"),
        ("1", "1"),
        ("1", "1"),
        ("3", "1"),
        ("4", "1"),
        ("1", "0"),
        ("1", "0"),
        ("2", "1"),
    ];
    let expected = expected.map(|(began, open)| (began.to_owned(), open.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn events_are_counted_from_the_load_while_all_is_kept() {
    let info = |next_seq, oldest_seq, block_oldest_seq| Info {
        next_seq,
        oldest_seq,
        block_oldest_seq,
        ..Info::default()
    };
    for (info, expected) in [
        (info(0, 0, Some(0)), true),
        (info(1000, 900, Some(0)), true),
        (info(1000, 900, Some(1)), false),
        (info(1000, 0, None), true),
        (info(1000, 1, None), false),
        // It would take too long to read them.
        (info(10_000_000, 9_000_000, Some(0)), false),
    ] {
        assert_eq!(has_all(&info), expected, "{info:?}");
    }
}

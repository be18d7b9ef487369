// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use resmon::model::event::{self, Trigger, BEGIN, END, MOMENT, ONGOING};
use resmon::model::record::{Content, Header, SectionHeader, SIZE_AT};
use resmon::model::source::oom_kill::{OomKill, KILLED};
use resmon::model::source::tasks::Task;
use resmon::model::text::Text;
use resmon::model::words::Words;
use resmon::{Event, Id, Record};

use super::{escaped, printable, word, EventState, News, Row};

pub const SECOND: u64 = 1_000_000_000;

/// An event as the module makes it.
pub fn raw(number: u64, trigger: Trigger, state: u32, subject: &str) -> event::Event {
    let trigger_is = trigger.description();
    event::Event {
        number,
        trigger: trigger as u32,
        state,
        value: trigger_is.limit * 4 + 1,
        worst: trigger_is.limit * 5,
        limit: trigger_is.limit,
        for_ns: trigger_is.for_s * SECOND,
        since_mono_ns: 7 * SECOND,
        subject: Text::new(subject.as_bytes()),
    }
}

/// A record at a second, of one load of the module, with these events.
pub fn record(second: u64, load: u64, events: &[event::Event]) -> Record {
    let header = Header {
        seq: second,
        taken_mono_ns: second * SECOND,
        taken_wall_ns: (1_700_000_000 + second) * SECOND,
        due_mono_ns: second * SECOND,
        interval_ns: SECOND,
        taken_boot_ns: Some(second * SECOND),
        load_id: Some(load),
        boot_id: Some(1),
        ..Header::of(0)
    };
    let mut words = Vec::new();
    header.put(&mut |word| words.push(word));
    let record = of_words(words);
    match events.is_empty() {
        true => record,
        false => with_section(&record, events),
    }
}

/// The record with one more section, which was read when that was taken.
pub fn with_section<C: Content>(record: &Record, entries: &[C]) -> Record {
    let mut words = record.raw().unwrap().words().to_vec();
    let section = SectionHeader {
        first_mono_ns: record.header().taken_mono_ns,
        ..SectionHeader::of::<C>(entries.len())
    };
    section.put(&mut |word| words.push(word));
    for entry in entries {
        entry.put(&mut |word| words.push(word));
    }
    of_words(words)
}

fn of_words(mut words: Vec<u64>) -> Record {
    words[SIZE_AT] = 8 * words.len() as u64;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Record::from_bytes(&bytes).unwrap()
}

/// A task with so much memory.
pub fn task(pid: u32, comm: &[u8], rss_kb: u64) -> Task {
    Task {
        pid,
        comm: Text::new(comm),
        rss_kb,
        state: u32::from(b'S'),
        threads: 1,
        ..Task::default()
    }
}

/// A process that was killed.
pub fn kill(pid: u32, comm: &[u8], anon_kb: u64) -> OomKill {
    OomKill {
        mono_ns: SECOND / 2,
        outcome: KILLED,
        pid,
        uid: 1000,
        comm: Text::new(comm),
        anon_kb,
        by_pid: 9,
        by_comm: Text::new(b"sh"),
        ..OomKill::default()
    }
}

/// The events of such a record.
pub fn events(second: u64, raw: &[event::Event]) -> Vec<Event> {
    Event::of(&record(second, 1, raw))
}

#[test]
fn sentences_have_values_as_the_log_has_them() {
    let sentence = |trigger, state, subject| {
        let events = events(10, &[raw(1, trigger, state, subject)]);
        super::sentence(&events[0])
    };
    let (full, stuck) = (Trigger::MemoryFull, Trigger::DiskStuck);
    assert_eq!(
        sentence(full, BEGIN, ""),
        "mem_full begins: 40.1%, limit 10.0% for 2.0s"
    );
    assert_eq!(
        sentence(full, ONGOING, ""),
        "mem_full goes on for 3.0s: 40.1%, worst 50.0%, limit 10.0% for 2.0s"
    );
    assert_eq!(
        sentence(stuck, END, "vd\x1b[2Ja"),
        "disk_stuck vd\u{fffd}[2Ja ends after 3.0s: 40.0s, worst 50.0s, limit 10.0s"
    );
    assert_eq!(
        sentence(Trigger::Test, MOMENT, ""),
        "test happens: 5, limit 1"
    );
}

#[test]
fn a_word_needs_no_quotes() {
    let raw = [
        raw(1, Trigger::MemoryFull, BEGIN, ""),
        raw(2, Trigger::FsFull, ONGOING, "/a,b;c:d=\"e %\n/ü"),
    ];
    let expected = "mem_full:begin;fs_full=/a%2Cb%3Bc%3Ad%3D%22e%20%25%0A/ü:ongoing";
    assert_eq!(word(&events(10, &raw)), expected);
    assert_eq!(word(&[]), "");
}

#[test]
fn names_cannot_do_harm() {
    assert_eq!(
        printable("a\u{85}\u{202e}\u{ffff}ü"),
        "a\u{fffd}\u{fffd}\u{fffd}ü"
    );
    assert_eq!(escaped("=1+1"), "%3D1+1");
    assert_eq!(escaped("-1-1"), "%2D1-1");
    assert_eq!(escaped("\u{2028}"), "%E2%80%A8");
}

#[test]
fn an_oom_kill_says_who() {
    let mut news = News::default();
    let mut rows = |state, kills: &[OomKill]| {
        let record = record(10, 1, &[raw(1, Trigger::OomKill, state, "")]);
        let tasks = [(1, 900), (2, 100 << 10), (3, 0), (4, 5 << 10)];
        let tasks = tasks.map(|(pid, rss_kb)| task(pid, b"a\nb", rss_kb));
        let record = with_section(&with_section(&record, kills), &tasks);
        // The clock was set since then.
        Row::of_record(&mut news, &record, 1_700_000_110.0)
    };
    let kills: Vec<_> = (20..25)
        .map(|pid| kill(pid, b"vm\x1b[2J", 181 << 10))
        .collect();
    let first = rows(BEGIN, &kills);
    let [row] = first.as_slice() else {
        unreachable!("expected a row, found {first:?}");
    };
    let told = |pid| format!("pid {pid} vm\u{fffd}[2J, 181 MB, asked by pid 9 sh");
    let largest = "pid 2 a\u{fffd}b, 100 MB; pid 4 a\u{fffd}b, 5 MB; pid 1 a\u{fffd}b, 900 kB";
    assert_eq!(
        row.text(),
        format!(
            "oom_kill begins: 5, limit 1: {}; {}; {}; and 2 more; most memory: {largest}",
            told(20),
            told(21),
            told(22)
        )
    );
    let memory = row.memory.as_ref().unwrap();
    assert_eq!(memory.oom_kills.len(), 5);
    // 9.5 s before the record.
    assert_eq!(memory.oom_kills[0].time_s, 1_700_000_100.5);
    let environment = row.environment();
    let of = |name| {
        let found = environment.iter().find(|(found, _)| *found == name);
        found.unwrap().1.as_str()
    };
    assert_eq!((of("RESMON_VICTIMS"), of("RESMON_VICTIM_PID")), ("5", "20"));
    assert_eq!(of("RESMON_VICTIM_COMM"), "vm\u{fffd}[2J");
    assert_eq!(
        (of("RESMON_VICTIM_UID"), of("RESMON_VICTIM_RSS_KB")),
        ("1000", "185344")
    );
    assert_eq!(
        (of("RESMON_ASKED_BY_PID"), of("RESMON_ASKED_BY_COMM")),
        ("9", "sh")
    );
    assert_eq!(of("RESMON_LARGEST"), largest);
    // More of them, and then no more.
    let more = rows(ONGOING, &kills[..1]);
    assert!(more.len() == 1 && more[0].is_more, "{more:?}");
    assert_eq!(rows(ONGOING, &[]).len(), 0);
    let end = rows(END, &[]);
    assert!(end.len() == 1 && !end[0].is_more, "{end:?}");
    let environment = end[0].environment();
    assert!(environment.contains(&("RESMON_VICTIM_PID", String::new())));
}

#[test]
fn news_are_told_once() {
    let mut news = News::default();
    let mut of = |load: u64, raw: &[(u64, u32)]| -> Vec<(u64, EventState)> {
        let raw: Vec<_> = raw
            .iter()
            .map(|(number, state)| self::raw(*number, Trigger::MemoryFull, *state, ""))
            .collect();
        let events = events(10, &raw);
        let found = news.of((Some(Id(1)), Some(Id(load))), &events);
        let found = found.iter();
        found.map(|event| (event.number, event.state)).collect()
    };
    assert_eq!(of(1, &[(1, BEGIN)]), [(1, EventState::Begin)]);
    assert_eq!(of(1, &[(1, ONGOING)]), []);
    // A record without any, since its sample was late.
    assert_eq!(of(1, &[]), []);
    // The begin of the second one was lost.
    assert_eq!(
        of(1, &[(1, ONGOING), (2, ONGOING), (3, MOMENT)]),
        [(2, EventState::Ongoing), (3, EventState::Moment)]
    );
    assert_eq!(of(1, &[(1, END), (2, ONGOING)]), [(1, EventState::End)]);
    // The module was loaded again.
    assert_eq!(of(2, &[(2, ONGOING)]), [(2, EventState::Ongoing)]);
}

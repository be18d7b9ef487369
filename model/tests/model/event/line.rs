// SPDX-License-Identifier: GPL-2.0-or-later

//! The line of an event.

use crate::logged::SECOND;
use model::event::{Event, Subject, Trigger, BEGIN, END, MOMENT};
use model::line::{Line, CAPACITY};

fn line(event: &Event, left_out: u64) -> String {
    let mut line = Line::new();
    line.start("what was there");
    event.log(20 * SECOND, left_out, &mut line);
    assert!(line.as_bytes().len() < CAPACITY);
    line.as_str().to_string()
}

fn event(trigger: Trigger, state: u32, value: u64, subject: &[u8]) -> Event {
    Event {
        number: 3,
        trigger: trigger as u32,
        state,
        value,
        worst: value,
        limit: trigger.description().limit,
        for_ns: 0,
        since_mono_ns: 18 * SECOND,
        subject: Subject::new(subject),
    }
}

#[test]
fn lines_of_all_units() {
    for (event, expected) in [
        (
            event(Trigger::MemoryFull, BEGIN, 410, b""),
            "alert=mem_full begin value=41.0% limit=10.0% for=2.0s",
        ),
        (
            event(Trigger::OomKill, END, 0, b""),
            "alert=oom_kill end value=0 worst=0 limit=1 for=2.0s",
        ),
        (
            event(Trigger::DiskStuck, BEGIN, 12_340_000_000, b"sd a"),
            "alert=disk_stuck begin value=12.3s limit=10.0s for=2.0s disk=sd\\040a",
        ),
        (
            event(Trigger::FsFull, END, 100, b"/mnt\n"),
            "alert=fs_full end value=10.0% worst=10.0% limit=95.0% for=2.0s fs=/mnt\\012",
        ),
        (
            event(Trigger::Test, MOMENT, 1, b""),
            "alert=test value=1 limit=1 for=2.0s",
        ),
    ] {
        assert_eq!(line(&event, 0), expected);
        assert_eq!(line(&event, 12), format!("{expected} left_out=12"));
    }
}

#[test]
fn the_longest_line_is_whole() {
    let longest = Event {
        worst: u64::MAX,
        limit: u64::MAX,
        since_mono_ns: 0,
        ..event(Trigger::FsStuck, END, u64::MAX, &[b'\n'; 200])
    };
    assert!(line(&longest, u64::MAX).ends_with("\\012 left_out=18446744073709551615"));
}

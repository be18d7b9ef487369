// SPDX-License-Identifier: GPL-2.0-or-later

//! Disks and file systems, of which several can be in trouble.

use super::{is_begin, is_end, Machine};
use crate::logged::SECOND;
use model::event::{Event, Trigger, MAX_EVENTS, ONGOING};
use model::source::disk::{Completed, Disk};
use model::source::fs::{Fs, Path, State, Usage};
use model::text::Text;

fn disk(seq: u64, in_flight: u64, completed: u64) -> Disk {
    let none = Completed::default();
    Disk {
        taken_mono_ns: 0,
        seq,
        name: Text::new(format!("sd{seq}").as_bytes()),
        reads: Completed {
            ios: completed,
            ..none
        },
        writes: none,
        discards: none,
        flushes: none,
        busy_ns: 0,
        in_flight,
        flags: Some(0),
        major: Some(8),
        minor: Some(0),
    }
}

fn fs(path: &str, state: State) -> Fs {
    Fs {
        path: Path::new(path.as_bytes()),
        state,
    }
}

/// A file system of which this share is used.
fn used(path: &str, share: u64) -> Fs {
    let usage = Usage {
        block_bytes: 4096,
        blocks: 1000,
        free: 1000 - share,
        available: 1000 - share,
        ..Usage::default()
    };
    fs(path, State::Mounted(usage))
}

fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| String::from_utf8_lossy(event.subject.as_bytes()).into_owned();
    events.iter().map(name).collect()
}

#[test]
fn a_disk_that_completes_nothing() {
    let mut machine = Machine::with("off,disk_stuck");
    machine.disks = Some(vec![disk(1, 4, 10), disk(2, 0, 5), disk(3, 2, 7)]);
    assert_eq!(machine.sample(), []);
    // The first one goes on, the third one does not.
    for completed in 11..13 {
        let events = machine.sample();
        machine.disks = Some(vec![disk(1, 4, completed), disk(2, 0, 5), disk(3, 2, 7)]);
        if completed == 11 {
            assert_eq!(events, []);
        } else {
            assert!(is_begin(&events[0], Trigger::DiskStuck));
            assert_eq!(names(&events), ["sd3"]);
            assert_eq!(events[0].value, 10 * SECOND);
        }
    }
    let events = machine.sample();
    assert_eq!((events[0].state, events[0].value), (ONGOING, 15 * SECOND));
    // It completes one, and hangs again, but not for so long that it were bad.
    machine.disks = Some(vec![disk(3, 2, 8)]);
    assert_eq!(machine.sample()[0].state, ONGOING);
    assert_eq!(machine.sample()[0].value, 5 * SECOND);
    // It has nothing to do any more.
    machine.disks = Some(vec![disk(3, 0, 10)]);
    let (count, event) = machine.until_change(|_| ()).expect("an end");
    assert!(is_end(&event, Trigger::DiskStuck));
    assert_eq!((count, event.worst), (1, 15 * SECOND));
    assert_eq!(machine.sample(), []);
}

#[test]
fn a_disk_that_is_gone_or_not_known() {
    let mut machine = Machine::with("off,disk_stuck");
    let stuck = vec![disk(1, 1, 1), disk(2, 1, 1)];
    machine.disks = Some(stuck.clone());
    for _ in 0..3 {
        machine.sample();
    }
    machine.disks = None;
    assert_eq!(names(&machine.sample()), ["sd1", "sd2"]);
    machine.disks = Some(stuck[..1].to_vec());
    let events = machine.sample();
    assert_eq!(
        (events[0].state, names(&events)),
        (ONGOING, vec!["sd1".into(), "sd2".into()])
    );
    assert!(is_end(&events[1], Trigger::DiskStuck));
    assert_eq!(names(&machine.sample()), ["sd1"]);
}

/// There are more disks with requests under way than can be watched: some are.
#[test]
fn more_disks_than_there_is_room_for() {
    let mut machine = Machine::with("off,disk_stuck");
    machine.disks = Some((0..100).map(|seq| disk(seq, 1, 1)).collect());
    for _ in 0..2 {
        assert_eq!(machine.sample(), []);
    }
    assert_eq!(names(&machine.sample()), ["sd0", "sd1", "sd2"]);
    // Those that are idle make way.
    machine.disks = Some((50..100).map(|seq| disk(seq, 1, 1)).collect());
    machine.sample();
    machine.sample();
    machine.sample();
    assert_eq!(names(&machine.sample()), ["sd50", "sd51", "sd52"]);
}

#[test]
fn file_systems_fill_up_one_by_one() {
    let mut machine = Machine::with("off,fs_full");
    machine.file_systems = vec![used("/", 949), used("/home", 100)];
    assert_eq!(machine.sample(), []);
    machine.file_systems = vec![used("/", 950), used("/home", 100)];
    let events = machine.sample();
    assert!(is_begin(&events[0], Trigger::FsFull));
    assert_eq!((names(&events), events[0].value), (vec!["/".into()], 950));
    assert!(!machine.outcome.is_severe);
    machine.file_systems = vec![used("/", 960), used("/home", 1000)];
    let events = machine.sample();
    assert_eq!((events[0].state, events[0].value), (ONGOING, 960));
    assert!(is_begin(&events[1], Trigger::FsFull));
    assert_eq!(names(&events), ["/", "/home"]);
    // One is emptied. It has to stay so for 10 s.
    machine.file_systems = vec![used("/", 700), used("/home", 1000)];
    let (count, event) = machine.until_change(|_| ()).expect("an end");
    assert!(is_end(&event, Trigger::FsFull));
    assert_eq!((count, event.worst), (3, 960));
    // The other one is not watched any more.
    machine.file_systems = vec![used("/", 700)];
    assert!(is_end(&machine.sample()[0], Trigger::FsFull));
    assert_eq!(machine.sample(), []);
}

#[test]
fn a_file_system_that_does_not_answer() {
    let mut machine = Machine::with("off,fs_stuck,fs_full");
    machine.file_systems = vec![used("/", 10), used("/net", 990)];
    assert!(is_begin(&machine.sample()[0], Trigger::FsFull));
    machine.file_systems = vec![used("/", 10), fs("/net", State::Stale)];
    for _ in 0..6 {
        // Its use is not known.
        let events = machine.sample();
        assert_eq!((events.len(), events[0].state), (1, ONGOING));
    }
    let events = machine.sample();
    assert!(is_begin(&events[1], Trigger::FsStuck));
    assert_eq!(events[1].value, 30 * SECOND);
    // It is gone, which is an answer.
    machine.file_systems = vec![used("/", 10), fs("/net", State::Absent)];
    let (count, _) = machine.until_change(|_| ()).expect("an end");
    assert_eq!(count, 3);
    assert_eq!(machine.sample(), []);
}

/// Each of 16 paths is full and one more thing is wrong: there is room for as many as a record has.
#[test]
fn more_events_than_there_is_room_for() {
    let mut machine = Machine::with("off,fs_full,disk_stuck");
    let paths: Vec<String> = (0..MAX_EVENTS).map(|at| format!("/{at}")).collect();
    machine.file_systems = paths.iter().map(|path| used(path, 1000)).collect();
    assert_eq!(machine.sample().len(), MAX_EVENTS);
    machine.disks = Some(vec![disk(1, 1, 1)]);
    for _ in 0..5 {
        assert_eq!(machine.sample().len(), MAX_EVENTS);
    }
    // As soon as there is room, it is seen.
    machine.file_systems.pop();
    assert_eq!(machine.sample().len(), MAX_EVENTS);
    let (_, event) = machine.until_change(|_| ()).expect("a begin");
    assert!(is_begin(&event, Trigger::DiskStuck));
}

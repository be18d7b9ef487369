// SPDX-License-Identifier: GPL-2.0-or-later

//! Events of records.

use crate::util::Made;
use resmon::model::event::{self, Trigger, BEGIN};
use resmon::model::record::Header;
use resmon::model::text::Text;
use resmon::{Event, EventState, EventUnit, Sample, Source};

const SECOND: u64 = 1_000_000_000;

fn header(second: u64) -> Header {
    Header {
        seq: second,
        taken_mono_ns: second * SECOND,
        taken_wall_ns: second * SECOND,
        due_mono_ns: second * SECOND,
        interval_ns: SECOND,
        load_id: Some(1),
        boot_id: Some(1),
        ..Header::default()
    }
}

fn event(trigger: u32, subject: &[u8]) -> event::Event {
    event::Event {
        number: 7,
        trigger,
        state: BEGIN,
        value: 415,
        worst: 622,
        limit: 100,
        for_ns: 2 * SECOND,
        since_mono_ns: 3 * SECOND / 2,
        subject: Text::new(subject),
    }
}

fn sample(events: &[event::Event]) -> Sample {
    let before = Made::of(header(4)).record();
    let after = Made::of(header(5)).with(5 * SECOND, events).record();
    Sample::between(&before, &after).unwrap()
}

#[test]
fn values_are_in_natural_units() {
    let triggers = [Trigger::MemoryFull, Trigger::RunQueue, Trigger::FsStuck];
    let raw = triggers.map(|trigger| event(trigger as u32, b""));
    let sample = sample(&raw);
    let [full, queue, stuck] = sample.events.as_slice() else {
        unreachable!("expected three events, found {:?}", sample.events);
    };
    assert_eq!(
        (full.name.as_str(), full.number, full.state),
        ("mem_full", 7, EventState::Begin)
    );
    assert_eq!((full.unit, full.value), (EventUnit::Percent, 41.5));
    assert_eq!((full.worst, full.limit), (Some(62.2), 10.0));
    assert_eq!((full.lasting_s, full.since_s), (Some(2.0), 3.5));
    assert_eq!((&full.subject, full.severe), (&None, true));
    assert_eq!((queue.unit, queue.value), (EventUnit::Count, 415.0));
    assert!(!queue.severe, "a queue of tasks is not severe");
    assert_eq!((stuck.unit, stuck.value), (EventUnit::Seconds, 415e-9));
    assert_eq!(sample.incomplete, []);
}

#[test]
fn what_is_unknown_and_hostile_is_kept() {
    let raw = [
        event(99, b"\xff\n/"),
        event(Trigger::DiskStuck as u32, b"vda"),
        event::Event {
            state: 17,
            ..event(1, b"")
        },
    ];
    let names: Vec<_> = sample(&raw).events.into_iter().collect();
    let names: Vec<_> = names
        .iter()
        .map(|event| (event.name.as_str(), event.subject.as_deref()))
        .collect();
    assert_eq!(
        names,
        [
            ("trigger-99", Some("\u{fffd}\n/")),
            ("disk_stuck", Some("vda"))
        ]
    );
}

#[test]
fn records_without_a_section_have_none() {
    let record = Made::of(header(1)).record();
    assert_eq!(Event::of(&record), []);
    let stale = Made::of(header(5)).with_stale::<event::Event>().record();
    let sample = Sample::between(&record, &stale).unwrap();
    assert_eq!(sample.events, []);
    assert_eq!(sample.incomplete, [Source::Event]);
}

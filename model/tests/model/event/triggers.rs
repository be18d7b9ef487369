// SPDX-License-Identifier: GPL-2.0-or-later

//! Each trigger of the machine: when it begins, at which values it does not, and when it ends.

use super::{is_begin, is_end, Machine};
use crate::logged::SECOND;
use model::event::{Trigger, MOMENT, ONGOING};
use model::source::pressure::Pressure;
use model::source::Entry;
use proptest::prelude::*;

/// How a machine comes to the value of a trigger, in its unit, in the next sample.
type Reach = fn(&mut Machine, u64);

/// A trigger, how it is reached, the interval, and what was found by hand: after how many samples of
/// the value that is just bad it begins, and after how many good ones it ends.
struct Case {
    trigger: Trigger,
    reach: Reach,
    interval_ns: u64,
    /// Just bad, and just not.
    bad: u64,
    harmless: u64,
    begins_after: usize,
    /// Just good, and just not.
    good: u64,
    lingering: u64,
    ends_after: usize,
}

fn wait(machine: &mut Machine, share: u64, add: fn(&mut model::source::pressure::Pressure, u64)) {
    let time_ns = machine.interval_ns / 1000 * share;
    add(machine.pressure.as_mut().expect("pressure"), time_ns);
}

fn memory_full(machine: &mut Machine, share: u64) {
    wait(machine, share, |pressure, ns| pressure.memory_full_ns += ns);
}

fn memory_some(machine: &mut Machine, share: u64) {
    wait(machine, share, |pressure, ns| pressure.memory_some_ns += ns);
}

fn io_full(machine: &mut Machine, share: u64) {
    wait(machine, share, |pressure, ns| pressure.io_full_ns += ns);
}

fn cpu_some(machine: &mut Machine, share: u64) {
    wait(machine, share, |pressure, ns| pressure.cpu_some_ns += ns);
}

fn steal(machine: &mut Machine, share: u64) {
    machine.steal_ns += machine.interval_ns / 1000 * share * machine.cpus as u64;
}

fn available(machine: &mut Machine, share: u64) {
    machine.memory.available = share;
}

fn running(machine: &mut Machine, tasks: u64) {
    machine.running = tasks;
}

fn killed(machine: &mut Machine, count: u64) {
    machine.oom_kills += count;
}

fn case(trigger: Trigger, reach: Reach, bad: [u64; 2], good: [u64; 2], after: [usize; 2]) -> Case {
    Case {
        trigger,
        reach,
        interval_ns: 5 * SECOND,
        bad: bad[0],
        harmless: bad[1],
        begins_after: after[0],
        good: good[0],
        lingering: good[1],
        ends_after: after[1],
    }
}

impl Case {
    fn every(self, interval_ns: u64, begins_after: usize, ends_after: usize) -> Self {
        Self {
            interval_ns,
            begins_after,
            ends_after,
            ..self
        }
    }
}

/// Averages are about the time before the sample, so two samples 5 s apart are 10 s of it; what is so
/// at the moment of a sample takes three.
fn cases() -> Vec<Case> {
    let ms = |ms: u64| ms * SECOND / 1000;
    let full = || {
        case(
            Trigger::MemoryFull,
            memory_full,
            [100, 99],
            [74, 75],
            [1, 2],
        )
    };
    let run_queue = || case(Trigger::RunQueue, running, [9, 8], [6, 7], [3, 3]);
    vec![
        full(),
        full().every(ms(500), 4, 20),
        full().every(ms(1500), 2, 7),
        full().every(3600 * SECOND, 1, 1),
        case(
            Trigger::MemorySome,
            memory_some,
            [400, 399],
            [299, 300],
            [2, 2],
        ),
        case(Trigger::IoFull, io_full, [500, 499], [374, 375], [2, 2]),
        case(Trigger::IoFull, io_full, [500, 499], [374, 375], [2, 2]).every(ms(500), 20, 20),
        case(Trigger::CpuSome, cpu_some, [800, 799], [599, 600], [6, 2]),
        case(Trigger::Steal, steal, [200, 199], [149, 150], [2, 2]),
        case(
            Trigger::MemoryAvailable,
            available,
            [49, 50],
            [67, 66],
            [1, 3],
        ),
        run_queue(),
        run_queue().every(ms(500), 21, 21),
        // Two samples, however far apart: one says nothing of how long it has been so.
        run_queue().every(3600 * SECOND, 2, 2),
        case(Trigger::OomKill, killed, [1, 0], [0, 1], [1, 2]),
        case(Trigger::OomKill, killed, [3, 0], [0, 1], [1, 2]),
    ]
}

#[test]
fn each_begins_and_ends_in_its_time() {
    for case in cases() {
        let name = case.trigger.description().name;
        let what = format!("{name} every {} ms", case.interval_ns / 1_000_000);
        // The others would follow.
        let mut machine = Machine::with(&format!("off,{name}"));
        machine.interval_ns = case.interval_ns;
        machine.sample();
        let nothing = machine.until_change(|machine| (case.reach)(machine, case.harmless));
        assert_eq!(nothing, None, "{what} at {}", case.harmless);
        let bad = machine.until_change(|machine| (case.reach)(machine, case.bad));
        let (count, event) = bad.unwrap_or_else(|| panic!("{what}: nothing begins"));
        assert!(is_begin(&event, case.trigger), "{what}: {event:?}");
        assert_eq!(count, case.begins_after, "{what}");
        assert_eq!(event.value, case.bad, "{what}");
        assert_eq!((event.number, event.subject.as_bytes()), (1, &b""[..]));
        assert_eq!(
            machine.outcome.severe_begins,
            case.trigger.description().is_severe,
            "{what}"
        );
        // It goes on at what is neither good nor bad, and one bad sample makes all of it begin again.
        let still = machine.until_change(|machine| (case.reach)(machine, case.lingering));
        assert_eq!(still, None, "{what} at {}", case.lingering);
        for _ in 1..case.ends_after {
            (case.reach)(&mut machine, case.good);
            let events = machine.sample();
            assert!(events.iter().all(|event| event.state == ONGOING), "{what}");
        }
        (case.reach)(&mut machine, case.bad);
        assert_eq!(machine.sample()[0].state, ONGOING, "{what}");
        let good = machine.until_change(|machine| (case.reach)(machine, case.good));
        let (count, event) = good.unwrap_or_else(|| panic!("{what}: it does not end"));
        assert!(is_end(&event, case.trigger), "{what}: {event:?}");
        assert_eq!(count, case.ends_after, "{what}");
        assert_eq!((event.value, event.worst), (case.good, case.bad), "{what}");
        let nothing = machine.until_change(|machine| (case.reach)(machine, case.good));
        assert_eq!(nothing, None, "{what} after its end");
        // The next one has the next number.
        let bad = machine.until_change(|machine| (case.reach)(machine, case.bad));
        assert_eq!(bad.map(|(_, event)| event.number), Some(2), "{what}");
    }
}

/// Bad samples that are not in a row do not add up.
#[test]
fn it_has_to_last() {
    let mut machine = Machine::with("off,io_full");
    machine.sample();
    for _ in 0..100 {
        io_full(&mut machine, 1000);
        assert_eq!(machine.sample(), []);
        io_full(&mut machine, 100);
        assert_eq!(machine.sample(), []);
    }
}

/// Samples are a little late, and not always by the same.
#[test]
fn late_samples_do_not_make_it_last_longer() {
    let mut machine = Machine::with("off,io_full");
    machine.interval_ns = 5 * SECOND + 40_000_000;
    machine.sample();
    machine.interval_ns = 5 * SECOND - 40_000_000;
    io_full(&mut machine, 600);
    assert_eq!(machine.sample(), []);
    io_full(&mut machine, 600);
    assert!(is_begin(&machine.sample()[0], Trigger::IoFull));
}

#[test]
fn memory_that_will_soon_be_gone() {
    let series = |available: &[u64]| {
        let mut machine = Machine::with("off,mem_falling");
        let mut begun = Vec::new();
        for (at, pages) in available.iter().enumerate() {
            machine.memory.available = *pages;
            let events = machine.sample();
            if events
                .iter()
                .any(|event| is_begin(event, Trigger::MemoryFalling))
            {
                begun.push((at, events[0].value));
            }
        }
        begun
    };
    // 300 pages in an interval leave 100, and 250 leave 250: one interval.
    assert_eq!(series(&[1000, 700, 400, 100]), [(3, 0)]);
    assert_eq!(series(&[1000, 750, 500, 250]), [(3, 1)]);
    assert_eq!(series(&[1000, 840, 680, 520]), []);
    assert_eq!(series(&[1000, 830, 660, 490]), [(3, 2)]);
    // One that does not fall says that this is no trend, and so does what falls once.
    assert_eq!(series(&[1000, 700, 700, 100, 90]), []);
    assert_eq!(series(&[1000, 1000, 1000, 100, 100, 100]), []);
    assert_eq!(series(&[1000; 10]), []);
    // It ends when memory does not fall any more.
    let mut machine = Machine::with("off,mem_falling");
    for pages in [1000, 700, 400, 100] {
        machine.memory.available = pages;
        machine.sample();
    }
    let (count, event) = machine.until_change(|_| ()).expect("an end");
    assert!(is_end(&event, Trigger::MemoryFalling));
    assert_eq!((count, event.worst), (3, 0));
}

/// What fell in long intervals does not fall as far in short ones.
#[test]
fn memory_that_falls_over_intervals_of_another_length() {
    let mut machine = Machine::with("off,mem_falling");
    for pages in [1000, 720, 440] {
        machine.memory.available = pages;
        assert_eq!(machine.sample(), []);
    }
    machine.interval_ns = SECOND / 2;
    machine.memory.available = 430;
    assert_eq!(machine.sample(), []);
    // Nor do they last as long in long ones: 500 pages in 6 s leave 400 for less than 5 s.
    let mut machine = Machine::with("off,mem_falling");
    machine.interval_ns = SECOND / 2;
    for pages in [1000, 900, 800] {
        machine.memory.available = pages;
        assert_eq!(machine.sample(), []);
    }
    machine.memory.available = 700;
    assert_eq!(machine.sample(), []);
    machine.interval_ns = 5 * SECOND;
    machine.memory.available = 400;
    assert!(is_begin(&machine.sample()[0], Trigger::MemoryFalling));
}

/// Samples that somebody asks for do not make what fell between them fall for a long interval.
#[test]
fn memory_that_falls_between_samples_on_demand() {
    let series = |available: [u64; 5]| {
        let mut machine = Machine::with("off,mem_falling");
        machine.interval_ns = 3600 * SECOND;
        available.map(|pages| {
            machine.memory.available = pages;
            machine.sample_after(SECOND / 4).len()
        })
    };
    assert_eq!(series([1000, 960, 920, 880, 840]), [0; 5]);
    assert_eq!(series([1000, 800, 600, 400, 200]), [0, 0, 0, 1, 1]);
}

/// A threshold from which a third more cannot be.
#[test]
fn a_low_value_near_the_top_can_be_over() {
    let mut machine = Machine::with("off,mem_avail:80%");
    machine.memory.available = 790;
    assert!(is_begin(&machine.sample()[0], Trigger::MemoryAvailable));
    machine.memory.available = 900;
    assert_eq!(machine.sample()[0].state, ONGOING);
    machine.memory.available = 910;
    let (_, event) = machine.until_change(|_| ()).expect("an end");
    assert!(is_end(&event, Trigger::MemoryAvailable));
}

/// What was bad before nobody looked does not count as bad since then.
#[test]
fn what_was_bad_is_forgotten_while_all_is_off() {
    let mut machine = Machine::with("off,run_queue");
    machine.sample();
    machine.running = 100;
    assert_eq!(machine.sample(), []);
    machine.set("off");
    for _ in 0..10 {
        machine.skip();
    }
    machine.set("off,run_queue");
    assert_eq!(machine.sample(), []);
    let (count, event) = machine.until_change(|_| ()).expect("a begin");
    assert!(is_begin(&event, Trigger::RunQueue) && count == 2, "{count}");
}

#[test]
fn a_cpu_that_comes_has_stolen_nothing() {
    let mut machine = Machine::with("off,steal");
    machine.interval_ns = 10 * SECOND;
    machine.steal_ns = 1000 * SECOND;
    machine.sample();
    machine.cpus = 3;
    machine.steal_ns = 1500 * SECOND;
    assert_eq!(machine.sample(), []);
    assert_eq!(machine.sample(), []);
}

#[test]
fn late_and_missed_samples_of_a_minute() {
    let minute = |late: u64, missed: u64| {
        let mut machine = Machine::with("off,late");
        machine.sample();
        machine.header.late_samples += late;
        machine.header.missed_ticks += missed;
        machine
            .until_change(|machine| assert!(machine.header.seq < 30))
            .map(|(_, event)| event.value)
    };
    let quiet = std::panic::catch_unwind(|| minute(0, 0));
    assert!(quiet.is_err(), "nothing is late");
    assert_eq!(minute(2, 0), Some(167));
    assert_eq!(minute(0, 3), Some(200));
    let mut machine = Machine::with("off,late");
    machine.sample();
    machine.header.late_samples += 1;
    assert_eq!(machine.until_change(|_| ()), None);
    machine.header.missed_ticks += 6;
    let (count, event) = machine.until_change(|_| ()).expect("a begin");
    assert!(is_begin(&event, Trigger::Late) && count <= 12, "{count}");
    // The next minute is a good one.
    let (count, event) = machine.until_change(|_| ()).expect("an end");
    assert!(is_end(&event, Trigger::Late) && count == 12, "{count}");
}

#[test]
fn a_test_is_an_event_of_its_own() {
    let mut machine = Machine::with("off");
    machine.sample();
    machine.set("");
    machine.test();
    let events = machine.sample();
    assert_eq!(
        (events[0].state, events[0].trigger),
        (MOMENT, Trigger::Test as u32)
    );
    assert_eq!(machine.sample(), []);
}

/// What is not known changes nothing.
#[test]
fn a_source_that_is_late_is_waited_for() {
    let mut machine = Machine::with("off,mem_full");
    machine.sample();
    memory_full(&mut machine, 900);
    assert!(is_begin(&machine.sample()[0], Trigger::MemoryFull));
    let pressure = machine.pressure.take();
    machine.late = Pressure::WATCHED.to_vec();
    for _ in 0..10 {
        assert_eq!(machine.sample()[0].state, ONGOING);
    }
    machine.pressure = pressure;
    machine.late.clear();
    // There is nothing to compare with yet.
    assert_eq!(machine.sample()[0].state, ONGOING);
    assert_eq!(machine.sample()[0].state, ONGOING);
    assert!(is_end(&machine.sample()[0], Trigger::MemoryFull));
}

/// Nobody waits for a source that is switched off.
#[test]
fn a_source_that_is_switched_off_ends_its_events() {
    let mut machine = Machine::with("off,mem_full");
    machine.sample();
    memory_full(&mut machine, 900);
    assert!(is_begin(&machine.sample()[0], Trigger::MemoryFull));
    machine.pressure = None;
    assert!(is_end(&machine.sample()[0], Trigger::MemoryFull));
    assert_eq!(machine.sample(), []);
}

#[test]
fn a_trigger_that_is_switched_off_ends() {
    let mut machine = Machine::with("off,mem_full");
    machine.sample();
    memory_full(&mut machine, 900);
    assert!(is_begin(&machine.sample()[0], Trigger::MemoryFull));
    machine.set("mem_full:off");
    memory_full(&mut machine, 900);
    assert!(is_end(&machine.sample()[0], Trigger::MemoryFull));
    memory_full(&mut machine, 900);
    assert_eq!(machine.sample(), []);
    // And another threshold holds from the next sample on.
    machine.set("mem_full:95%");
    memory_full(&mut machine, 900);
    assert_eq!(machine.sample(), []);
    memory_full(&mut machine, 960);
    assert!(is_begin(&machine.sample()[0], Trigger::MemoryFull));
}

#[test]
fn a_quiet_hour_has_none() {
    let mut machine = Machine::with("");
    for _ in 0..720 {
        memory_full(&mut machine, 20);
        cpu_some(&mut machine, 300);
        assert_eq!(machine.sample(), []);
    }
}

proptest! {
    /// Whatever comes, numbers count up, an event has one begin and one end, and nothing panics.
    #[test]
    fn any_series(values in proptest::collection::vec(any::<[u16; 8]>(), 1..200)) {
        let mut machine = Machine::with("");
        let mut open = std::collections::BTreeMap::new();
        let mut last = 0;
        for [full, some, io, cpu, stolen, pages, tasks, more] in values {
            machine.interval_ns = u64::from(more % 11) * SECOND + 10_000_000;
            memory_full(&mut machine, u64::from(full % 1001));
            memory_some(&mut machine, u64::from(some % 1001));
            io_full(&mut machine, u64::from(io % 1001));
            cpu_some(&mut machine, u64::from(cpu % 1001));
            steal(&mut machine, u64::from(stolen % 1001));
            available(&mut machine, u64::from(pages % 1001));
            running(&mut machine, u64::from(tasks % 20));
            killed(&mut machine, u64::from(more % 7 == 0));
            machine.header.missed_ticks += u64::from(more % 5 == 0);
            let events = machine.sample();
            let begun = events.iter().filter(|event| event.state == model::event::BEGIN);
            let mut numbers: Vec<u64> = begun.map(|event| event.number).collect();
            numbers.sort_unstable();
            let next = last + numbers.len() as u64;
            prop_assert!(numbers.iter().copied().eq(last + 1..=next));
            last = next;
            for event in &events {
                let is_begin = event.state == model::event::BEGIN;
                let known = open.insert(event.number, event.trigger);
                prop_assert_eq!(known.is_none(), is_begin);
                if event.state == model::event::END {
                    open.remove(&event.number);
                }
            }
            // What is open is in each record.
            prop_assert_eq!(
                open.len(),
                events.iter().filter(|event| event.state != model::event::END).count()
            );
        }
    }
}

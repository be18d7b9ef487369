// SPDX-License-Identifier: GPL-2.0-or-later

//! Censuses of processes that come and go, against a plain model that remembers all of them.

use std::collections::HashMap;

use model::census::{place, Census, Listed, Process, Ranking, Seen, Totals};
use model::source::tasks::Task;
use model::text::Text;
use proptest::prelude::*;

use crate::logged::SECOND;

/// A census, and what is kept for the next.
struct Machine {
    seen: Vec<Seen>,
    last: Option<Totals>,
    /// Those of the last one by CPU time, and by memory.
    by_cpu: Vec<Listed>,
    by_memory: Vec<Listed>,
    top: usize,
    places: Vec<Task>,
    /// The names of processes, by their IDs.
    names: HashMap<u32, &'static str>,
}

impl Machine {
    fn new(top: usize) -> Self {
        Self {
            top,
            seen: Vec::new(),
            last: None,
            by_cpu: Vec::new(),
            by_memory: Vec::new(),
            places: vec![Task::default(); 2 * top],
            names: HashMap::new(),
        }
    }

    /// Takes a census at a time in seconds.
    fn census(&mut self, time_s: u64, processes: &[Process]) -> Totals {
        let before = self.last.map(|last| (last, &self.seen[..last.seen]));
        let mut next = vec![Seen::default(); 1000];
        let (mono_ns, boot_ns) = (time_s * SECOND, (time_s + 100) * SECOND);
        let mut by_cpu = vec![Listed::default(); self.top];
        let mut by_memory = by_cpu.clone();
        let mut census = Census::begin(
            mono_ns,
            boot_ns,
            before,
            &mut next,
            &mut by_cpu,
            &mut by_memory,
        );
        for process in processes {
            census.meet(process);
        }
        let (totals, rankings) = census.finish(0, 4);
        let read = |listed: &Listed| {
            let process = listed.process;
            let name = self.names.get(&process.pid).copied();
            Some(Task {
                pid: process.pid,
                comm: Text::new(name.unwrap_or_default().as_bytes()),
                start_boot_ns: process.start_boot_ns,
                cpu_ns: process.cpu_ns,
                rss_kb: process.rss_pages.unwrap_or(0) * 4,
                ..Task::default()
            })
        };
        place(
            &mut self.places,
            &rankings,
            self.last.as_ref(),
            &totals,
            read,
        );
        let all = |ranking: &Ranking<'_>| ranking.listed().copied().collect();
        self.by_cpu = all(&rankings.by_cpu);
        self.by_memory = all(&rankings.by_memory);
        self.seen = next;
        self.last = Some(totals);
        totals
    }

    fn listed(&self) -> Vec<u32> {
        let there = self.places.iter().filter(|task| task.is_there());
        let mut pids: Vec<u32> = there.map(|task| task.pid).collect();
        pids.sort_unstable();
        pids
    }
}

/// A process that started when the machine was so many seconds old by `CLOCK_MONOTONIC`.
fn process(pid: u32, start_s: u64, cpu_ms: u64, rss_pages: u64) -> Process {
    Process {
        pid,
        start_boot_ns: (start_s + 100) * SECOND,
        threads: 1,
        cpu_ns: cpu_ms * 1_000_000,
        children_ns: 0,
        rss_pages: Some(rss_pages),
        is_kernel: false,
    }
}

#[test]
fn the_first_one_knows_memory_alone() {
    let mut machine = Machine::new(2);
    let all = [
        process(1, 0, 9000, 10),
        process(2, 0, 500, 0),
        process(3, 1, 100, 30),
        process(4, 2, 0, 20),
    ];
    let totals = machine.census(10, &all);
    assert_eq!((totals.tasks.processes, totals.tasks.threads), (4, 4));
    assert_eq!(totals.tasks.ended_ns, 0);
    assert_eq!(machine.listed(), [3, 4]);
    let task = machine.places[0];
    assert_eq!(task.used(10 * SECOND, None).elapsed_ns, 0);
}

#[test]
fn those_with_most_are_listed_and_keep_their_places() {
    let mut machine = Machine::new(2);
    let first = [
        process(1, 0, 9000, 10),
        process(2, 0, 500, 0),
        process(3, 1, 100, 30),
        process(4, 2, 0, 20),
    ];
    machine.census(10, &first);
    let before = machine.places.clone();
    // 24 ms of 5 s are too little, 25 ms are enough.
    let second = [
        process(1, 0, 9024, 10),
        process(2, 0, 525, 0),
        process(3, 1, 100, 30),
        process(4, 2, 0, 20),
        process(5, 12, 2000, 5),
    ];
    machine.census(15, &second);
    assert_eq!(machine.listed(), [2, 3, 4, 5]);
    for (place, task) in before
        .iter()
        .enumerate()
        .filter(|(_, task)| task.is_there())
    {
        assert!(machine.places[place].is_same(task));
        assert_eq!(machine.places[place].since_mono_ns, 10 * SECOND);
    }
    let task = |machine: &Machine, pid: u32| {
        let task = machine.places.iter().find(|task| task.pid == pid);
        *task.expect("listed")
    };
    // What it has used since it was not listed, and what a new one has used in all.
    let second_task = task(&machine, 2);
    assert_eq!(second_task.since_cpu_ns, 500_000_000);
    assert_eq!(second_task.used(15 * SECOND, None).share(), 5);
    assert_eq!(task(&machine, 5).used(15 * SECOND, None).share(), 400);
    let before = machine.places.clone();
    machine.census(20, &[process(2, 0, 5525, 0), process(3, 1, 100, 30)]);
    assert_eq!(machine.listed(), [2, 3]);
    let snapshot = model::source::Snapshot {
        taken_mono_ns: 15 * SECOND,
        entries: &before[..],
    };
    // From census to census now, though it has been listed for longer.
    let used = task(&machine, 2).used(20 * SECOND, Some(snapshot));
    assert_eq!(
        (used.cpu_ns, used.elapsed_ns, used.share()),
        (5 * SECOND, 5 * SECOND, 1000)
    );
    // Of a sample without a census of its own there is no more than since then.
    let same = model::source::Snapshot {
        taken_mono_ns: 20 * SECOND,
        entries: &machine.places[..],
    };
    let used = task(&machine, 2).used(20 * SECOND, Some(same));
    assert_eq!(used.elapsed_ns, 10 * SECOND);
}

/// A thread of the kernel ends, of which nobody is told, while a child comes and goes.
#[test]
fn the_end_of_a_thread_of_the_kernel_hides_nobody() {
    let mut machine = Machine::new(2);
    let kernel = |pid, cpu_ms| Process {
        is_kernel: true,
        ..process(pid, 0, cpu_ms, 0)
    };
    let parent = |children_ms: u64| Process {
        children_ns: children_ms * 1_000_000,
        ..process(1, 0, 10, 10)
    };
    machine.census(10, &[parent(0), kernel(2, 500), kernel(3, 60_000)]);
    let totals = machine.census(15, &[parent(3000), kernel(2, 700)]);
    assert_eq!(totals.tasks.ended_ns, 3 * SECOND);
}

/// Who comes takes the place of one of the same name, so that the record changes less.
#[test]
fn a_name_keeps_its_place() {
    let mut machine = Machine::new(3);
    machine.names = HashMap::from([(1, "as"), (2, "cc1"), (3, "cc1"), (4, "as"), (5, "ld")]);
    let place_of = |machine: &Machine, pid: u32| {
        let at = machine.places.iter().position(|task| task.pid == pid);
        at.expect("listed")
    };
    machine.census(10, &[process(1, 1, 1000, 10), process(2, 1, 1000, 10)]);
    let (first, second) = (place_of(&machine, 1), place_of(&machine, 2));
    machine.census(15, &[process(3, 11, 1000, 10), process(4, 11, 1000, 10)]);
    assert_eq!(place_of(&machine, 4), first);
    assert_eq!(place_of(&machine, 3), second);
    // What has gone leaves nothing behind.
    machine.census(20, &[process(5, 16, 1000, 10)]);
    let others = machine.places.iter().filter(|task| task.pid != 5);
    assert!(others.copied().all(|task| task == Task::default()));
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let mut machine = Machine::new(2);
    machine.census(10, &[process(7, 1, 5000, 10)]);
    machine.census(15, &[process(7, 11, 5100, 10)]);
    let task = machine.places.iter().find(|task| task.is_there());
    let task = task.expect("listed");
    assert_eq!((task.since_mono_ns, task.since_cpu_ns), (10 * SECOND, 0));
}

/// One that was met before it is met, though it had been there, is not charged with all that it ever used.
#[test]
fn one_that_was_overlooked_has_used_nothing() {
    let mut machine = Machine::new(2);
    machine.census(10, &[process(1, 0, 10, 1), process(3, 0, 10, 1)]);
    machine.census(
        15,
        &[
            process(1, 0, 10, 1),
            process(2, 0, 9000, 0),
            process(3, 0, 4010, 1),
        ],
    );
    assert_eq!(machine.listed(), [1, 3]);
}

#[test]
fn what_has_ended_is_what_parents_were_told_but_for_what_was_known() {
    let mut machine = Machine::new(2);
    let parent = |children_ms: u64| Process {
        children_ns: children_ms * 1_000_000,
        ..process(1, 0, 10, 1)
    };
    let ended_ms = |totals: Totals| totals.tasks.ended_ns / 1_000_000;
    machine.census(10, &[parent(5000), process(2, 0, 3000, 1)]);
    // A child that nobody has seen.
    let totals = machine.census(15, &[parent(5250), process(2, 0, 3100, 1)]);
    assert_eq!(ended_ms(totals), 250);
    // The other one ends, after 40 ms more.
    let totals = machine.census(20, &[parent(5250 + 3140)]);
    assert_eq!(ended_ms(totals), 250 + 40);
    // Nobody is told of one that has ended.
    machine.census(25, &[parent(8390), process(3, 22, 700, 1)]);
    let totals = machine.census(30, &[parent(8390)]);
    assert_eq!(ended_ms(totals), 290);
    let totals = machine.census(35, &[parent(8390)]);
    assert_eq!(ended_ms(totals), 290);
    let totals = machine.census(40, &[parent(8400)]);
    assert_eq!(ended_ms(totals), 300);
}

/// A process is gone already, while its parent was met before it was told of that.
#[test]
fn what_a_parent_is_told_late_counts_once() {
    let mut machine = Machine::new(2);
    let parent = |children_s: u64| Process {
        children_ns: children_s * SECOND,
        ..process(1, 0, 10, 1)
    };
    machine.census(10, &[parent(0), process(2, 0, 3_600_000, 1)]);
    let totals = machine.census(15, &[parent(0)]);
    assert_eq!(totals.tasks.ended_ns, 0);
    let totals = machine.census(20, &[parent(3601)]);
    assert_eq!(totals.tasks.ended_ns, SECOND);
}

#[test]
fn no_more_has_ended_than_cpus_can_do() {
    let mut machine = Machine::new(2);
    let parent = |children_s: u64| Process {
        children_ns: children_s * SECOND,
        ..process(1, 0, 10, 1)
    };
    machine.census(10, &[parent(0)]);
    let totals = machine.census(15, &[parent(1_000_000)]);
    assert_eq!(totals.tasks.ended_ns, 20 * SECOND);
}

#[test]
fn nobody_is_listed_where_nobody_shall_be() {
    let mut machine = Machine::new(0);
    machine.census(10, &[process(1, 0, 10, 1)]);
    let totals = machine.census(15, &[process(1, 0, 4000, 1)]);
    assert_eq!(totals.tasks.processes, 1);
    assert_eq!(machine.listed(), [0; 0]);
}

/// What happens to the processes between two censuses.
#[derive(Clone, Debug)]
struct Change {
    /// For each that is there, whether it goes, what it uses, and its memory then.
    old: Vec<(bool, u64, u64)>,
    /// The same of those that come.
    new: Vec<(u64, u64)>,
}

fn change() -> impl Strategy<Value = Change> {
    let old = (prop::bool::weighted(0.2), 0..5_000u64, 0..1_000_000u64);
    let new = (0..5_000u64, 0..1_000_000u64);
    (
        prop::collection::vec(old, 100),
        prop::collection::vec(new, 0..20),
    )
        .prop_map(|(old, new)| Change { old, new })
}

proptest! {
    /// Whoever comes and goes, the first by both are those that sorting gives, and no number is another's.
    #[test]
    fn they_are_the_first(changes in prop::collection::vec(change(), 1..12), top in 1..=32usize) {
        let mut machine = Machine::new(top);
        let mut all: Vec<Process> = Vec::new();
        let mut known: HashMap<u32, u64> = HashMap::new();
        let mut next_pid = 1;
        for (round, change) in changes.iter().enumerate() {
            let time_s = 10 + 5 * round as u64;
            let mut kept = Vec::new();
            for (mut process, (goes, used_ms, rss)) in all.into_iter().zip(change.old.iter().cycle()) {
                if !goes {
                    process.cpu_ns += used_ms * 1_000_000;
                    process.rss_pages = Some(*rss);
                    kept.push(process);
                }
            }
            for (used_ms, rss) in &change.new {
                kept.push(process(next_pid, time_s - 1, *used_ms, *rss));
                // Numbers are not used in order.
                next_pid = next_pid * 7 % 4_000_037;
                next_pid += 1;
            }
            all = kept;
            let totals = machine.census(time_s, &all);
            prop_assert_eq!(totals.tasks.processes, all.len() as u64);
            let first = |value: &dyn Fn(&Process) -> u64, min: u64| {
                let mut values: Vec<u64> = all.iter().map(value).filter(|value| *value >= min).collect();
                values.sort_unstable_by(|a, b| b.cmp(a));
                values.truncate(top);
                values
            };
            let used = |process: &Process| process.cpu_ns - known.get(&process.pid).copied().unwrap_or(0);
            let ranked = |ranking: &[Listed], value: &dyn Fn(&Process) -> u64| {
                let mut values: Vec<u64> = ranking.iter().map(|listed| value(&listed.process)).collect();
                values.sort_unstable_by(|a, b| b.cmp(a));
                values
            };
            if round > 0 {
                prop_assert_eq!(ranked(&machine.by_cpu, &used), first(&used, 25_000_000));
                for listed in &machine.by_cpu {
                    prop_assert_eq!(listed.used_ns, used(&listed.process));
                }
            }
            let rss = |process: &Process| process.rss_pages.unwrap_or(0);
            prop_assert_eq!(ranked(&machine.by_memory, &rss), first(&rss, 1));
            let both = machine.by_cpu.iter().chain(&machine.by_memory);
            let mut listed: Vec<u32> = both.map(|listed| listed.process.pid).collect();
            listed.sort_unstable();
            listed.dedup();
            prop_assert_eq!(&listed, &machine.listed());
            known = all.iter().map(|process| (process.pid, process.cpu_ns)).collect();
        }
    }

    /// Whatever the numbers are, there is no panic, and what has ended only grows.
    #[test]
    fn any_numbers_do(rounds in prop::collection::vec(prop::collection::vec(any::<(u32, u64, u64, u64, u64)>(), 0..30), 1..6)) {
        let mut machine = Machine::new(4);
        let mut ended = 0;
        for (round, numbers) in rounds.iter().enumerate() {
            let all: Vec<Process> = numbers.iter().map(|&(pid, start, cpu_ns, children_ns, rss)| Process {
                pid,
                start_boot_ns: start,
                threads: rss,
                cpu_ns,
                children_ns,
                rss_pages: (rss % 7 != 0).then_some(rss >> 12),
                is_kernel: rss % 11 == 0,
            }).collect();
            let totals = machine.census(10 + round as u64, &all);
            prop_assert!(totals.tasks.ended_ns >= ended);
            ended = totals.tasks.ended_ns;
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Tasks and OOM kills of records.

use std::io::Cursor;

use crate::util::Made;
use resmon::model::record::Header;
use resmon::model::source::oom_kill::{self, KILLED, WAS_DYING};
use resmon::model::source::tasks;
use resmon::model::text::Text;
use resmon::{OomKill, OomOutcome, Record, Records, Sample, Samples, Source, Task};

const SECOND: u64 = 1_000_000_000;

/// The time since boot is 100 s ahead, as after suspend, and the wall clock 1000 s.
fn header(second: u64) -> Header {
    Header {
        seq: second,
        taken_mono_ns: second * SECOND,
        taken_wall_ns: (1000 + second) * SECOND,
        due_mono_ns: second * SECOND,
        interval_ns: SECOND,
        taken_boot_ns: Some((100 + second) * SECOND),
        load_id: Some(1),
        boot_id: Some(1),
        ..Header::default()
    }
}

/// A task that has used so much CPU time, was listed first at 4 s, and started 3 s before that.
fn task(pid: u32, cpu_ms: u64) -> tasks::Task {
    tasks::Task {
        pid,
        start_boot_ns: 101 * SECOND,
        uid: 1000,
        state: u32::from(b'R'),
        threads: 3,
        cgroup_id: 77,
        comm: Text::new(b"cc1"),
        cpu_ns: cpu_ms * 1_000_000,
        rss_kb: 2048,
        swap_kb: 16,
        major_faults: cpu_ms,
        read_bytes: 1000 * cpu_ms,
        written_bytes: 2000 * cpu_ms,
        since_mono_ns: 2 * SECOND,
        since_cpu_ns: 0,
    }
}

fn totals(ended_ms: u64) -> tasks::Tasks {
    tasks::Tasks {
        processes: 40,
        threads: 90,
        ended_ns: ended_ms * 1_000_000,
    }
}

/// A record with a census of a time.
fn record(second: u64, census: u64, ended_ms: u64, tasks: &[tasks::Task]) -> Record {
    Made::of(header(second))
        .with(census * SECOND, &[totals(ended_ms)])
        .with(census * SECOND, tasks)
        .record()
}

fn samples(records: &[Record]) -> Vec<Sample> {
    let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
    let samples = Samples::new(Records::new(Cursor::new(bytes)));
    samples.map(|sample| sample.unwrap()).collect()
}

/// The PIDs and the shares of the tasks of a sample.
fn shares(sample: &Sample) -> Vec<(u32, Option<f64>)> {
    let tasks = sample.top_tasks.iter();
    tasks.map(|task| (task.pid, task.cpu_percent)).collect()
}

#[test]
fn rates_are_from_one_census_to_the_next() {
    let empty = tasks::Task::default();
    let before = record(5, 4, 100, &[task(7, 500), empty, task(8, 10)]);
    let other = tasks::Task {
        since_mono_ns: 4 * SECOND,
        since_cpu_ns: 20_000_000,
        ..task(9, 420)
    };
    let after = record(6, 6, 900, &[task(7, 3500), empty, other]);
    let sample = Sample::between(&before, &after).unwrap();
    assert_eq!(sample.task_places(), 3);
    let [seven, nine] = sample.top_tasks.as_slice() else {
        unreachable!("expected two tasks, found {:?}", sample.top_tasks);
    };
    assert_eq!((seven.pid, seven.comm.as_deref()), (7, Some("cc1")));
    assert_eq!((seven.uid, seven.state), (Some(1000), 'R'));
    // 3 s in the 2 s between the two.
    assert_eq!(
        (seven.cpu_percent, seven.cpu_s, seven.threads),
        (Some(150.0), Some(3.5), Some(3))
    );
    assert_eq!(
        (seven.rss_bytes, seven.swap_bytes),
        (2 << 20, Some(16 << 10))
    );
    assert_eq!(seven.major_faults_per_second, Some(1500.0));
    assert_eq!(seven.read_bytes_per_second, Some(1_500_000.0));
    assert_eq!(seven.written_bytes_per_second, Some(3_000_000.0));
    assert_eq!(seven.cgroup_id, Some(77));
    // It started 5 s before the record, which was taken at 1006 s.
    assert_eq!(seven.started_s, Some(1001.0));
    assert_eq!(seven.started_since_boot_s, Some(101.0));
    // One that was not listed: its time is known, and nothing else.
    assert_eq!((nine.pid, nine.cpu_percent), (9, Some(20.0)));
    let rates = [
        nine.major_faults_per_second,
        nine.read_bytes_per_second,
        nine.written_bytes_per_second,
    ];
    assert_eq!(rates, [None; 3]);

    let totals = sample.tasks.unwrap();
    assert_eq!((totals.processes, totals.threads), (40, 90));
    assert_eq!(totals.ended_percent, Some(40.0));
    assert_eq!((totals.left_out, totals.census_age_s), (Some(0), Some(0.0)));
    assert!(totals.is_new, "the census is another one");
}

#[test]
fn what_was_not_there_yet_has_no_share() {
    let new = tasks::Task {
        since_mono_ns: 6 * SECOND,
        ..task(7, 3)
    };
    let after = record(6, 6, 0, &[new]);
    let before = Made::of(header(5)).record();
    let sample = Sample::between(&before, &after).unwrap();
    assert_eq!(shares(&sample), [(7, None)]);
    let totals = sample.tasks.unwrap();
    assert_eq!((totals.ended_percent, totals.is_new), (None, true));
    // One with the same PID that started later.
    let other = tasks::Task {
        start_boot_ns: 105 * SECOND,
        ..new
    };
    let last = record(8, 8, 0, &[other]);
    let sample = Sample::between(&after, &last).unwrap();
    let [task] = sample.top_tasks.as_slice() else {
        unreachable!("expected one task, found {:?}", sample.top_tasks);
    };
    assert_eq!(task.read_bytes_per_second, None);
}

#[test]
fn a_census_is_repeated_until_the_next_one() {
    let tasks = [500, 2500, 2900].map(|ms| [task(7, ms)]);
    let [one, two, three] = &tasks;
    let records = [
        record(3, 3, 0, one),
        record(4, 3, 0, one),
        record(5, 5, 400, two),
        record(6, 5, 400, two),
        record(7, 5, 400, two),
        record(9, 9, 400, three),
    ];
    let samples = samples(&records);
    // What it used since it was listed comes first, as nobody knows more.
    let found: Vec<_> = samples.iter().map(|sample| shares(sample)[0].1).collect();
    let expected = [50.0, 100.0, 100.0, 100.0, 10.0].map(Some);
    assert_eq!(found, expected);
    let totals: Vec<_> = samples.iter().map(|sample| sample.tasks.unwrap()).collect();
    let news: Vec<_> = totals.iter().map(|tasks| tasks.is_new).collect();
    assert_eq!(news, [false, true, false, false, true]);
    let ages: Vec<_> = totals.iter().map(|tasks| tasks.census_age_s).collect();
    assert_eq!(ages, [1.0, 0.0, 1.0, 2.0, 0.0].map(Some));
    let ended: Vec<_> = totals.iter().map(|tasks| tasks.ended_percent).collect();
    assert_eq!(ended, [None, Some(20.0), Some(20.0), Some(20.0), Some(0.0)]);
    // The same without the help of the reader.
    let mut sample = Sample::between(&records[3], &records[4]).unwrap();
    assert_ne!(shares(&sample)[0].1, Some(100.0));
    sample.keep_census(&samples[2]);
    assert_eq!(sample, samples[3]);
}

#[test]
fn a_census_of_another_load_is_not_repeated() {
    let mut records = vec![record(3, 3, 0, &[task(7, 500)])];
    records.push(record(4, 4, 0, &[task(7, 1500)]));
    let other = |second: u64, seq: u64| {
        let header = Header {
            seq,
            load_id: Some(2),
            ..header(second)
        };
        let made = Made::of(header).with(4 * SECOND, &[totals(0)]);
        made.with(4 * SECOND, &[task(7, 100)]).record()
    };
    records.extend([other(5, 0), other(6, 1)]);
    let samples = samples(&records);
    let found: Vec<_> = samples.iter().map(|sample| shares(sample)[0].1).collect();
    // 100 ms in the 2 s since it was listed.
    assert_eq!(found, [Some(100.0), Some(5.0)]);
}

#[test]
fn hostile_names_and_numbers_are_kept() {
    let hostile = tasks::Task {
        comm: Text::new(b"a\xff\n\x1b[2J\"=,"),
        state: u32::MAX,
        cpu_ns: u64::MAX,
        rss_kb: u64::MAX,
        start_boot_ns: u64::MAX,
        since_mono_ns: u64::MAX,
        ..task(u32::MAX, 0)
    };
    let nameless = tasks::Task {
        comm: Text::empty(),
        state: 0,
        cgroup_id: 0,
        ..task(1, 0)
    };
    let after = record(6, 6, 0, &[hostile, nameless]);
    let tasks = Task::of(&after);
    assert_eq!(tasks[0].comm.as_deref(), Some("a\u{fffd}\n\x1b[2J\"=,"));
    assert_eq!((tasks[0].state, tasks[0].rss_bytes), ('?', u64::MAX));
    assert_eq!(tasks[0].cpu_percent, None);
    assert_eq!(
        (&tasks[1].comm, tasks[1].state, tasks[1].cgroup_id),
        (&None, '?', None)
    );
}

fn kill(outcome: u32, pid: u32) -> oom_kill::OomKill {
    oom_kill::OomKill {
        mono_ns: 11 * SECOND / 2,
        outcome,
        pid,
        uid: 1000,
        comm: Text::new(b"stress-ng-vm"),
        anon_kb: 100,
        file_kb: 20,
        shmem_kb: 3,
        swap_kb: 7,
        oom_score_adj: 0_u64.wrapping_sub(500),
        cgroup_id: 5,
        by_pid: 9,
        by_comm: Text::new(b"sh"),
    }
}

#[test]
fn kills_are_of_the_later_record() {
    let record = |second, kills: &[oom_kill::OomKill]| {
        Made::of(header(second))
            .with(second * SECOND, kills)
            .record()
    };
    let before = record(5, &[kill(KILLED, 3)]);
    let after = record(6, &[kill(KILLED, 4), kill(99, 5), kill(WAS_DYING, 6)]);
    let mut sample = Sample::between(&before, &after).unwrap();
    assert_eq!(sample.oom_kills, OomKill::of(&after));
    let [killed, dying] = sample.oom_kills.as_slice() else {
        unreachable!("expected two kills, found {:?}", sample.oom_kills);
    };
    assert_eq!((killed.pid, killed.outcome), (4, OomOutcome::Killed));
    assert_eq!((dying.pid, dying.outcome), (6, OomOutcome::Dying));
    assert_eq!(killed.time_s, 1005.5);
    assert_eq!(killed.comm.as_deref(), Some("stress-ng-vm"));
    assert_eq!((killed.by_pid, killed.by_comm.as_deref()), (9, Some("sh")));
    assert_eq!(
        (killed.rss_bytes, killed.swap_bytes),
        (123 << 10, Some(7 << 10))
    );
    assert_eq!(
        (killed.oom_score_adj, killed.cgroup_id),
        (Some(-500), Some(5))
    );
    assert_eq!(sample.oom_kills_left_out, 0);
    // A clock that was set moves all times.
    sample.set_time(2006.0);
    assert_eq!(
        (sample.time_s, sample.oom_kills[0].time_s),
        (2006.0, 2005.5)
    );
}

#[test]
fn what_was_not_taken_is_missing() {
    let before = record(5, 5, 0, &[task(7, 500)]);
    let after = Made::of(header(6))
        .with_stale::<tasks::Tasks>()
        .with_stale::<tasks::Task>()
        .record();
    let sample = Sample::between(&before, &after).unwrap();
    assert_eq!((sample.tasks, sample.task_places()), (None, 0));
    assert_eq!(shares(&sample), []);
    assert_eq!(sample.incomplete, [Source::Tasks, Source::Task]);
}

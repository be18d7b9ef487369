// SPDX-License-Identifier: GPL-2.0-or-later

use crate::logged::{all_printed, SECOND};
use model::source::oom_kill::OomKill;
use model::source::tasks::{log, Task, Tasks, Used};
use model::source::Snapshot;
use model::text::Text;

fn task(pid: u32, comm: &str, cpu_ms: u64, rss_kb: u64) -> Task {
    Task {
        pid,
        start_boot_ns: u64::from(pid),
        comm: Text::new(comm.as_bytes()),
        cpu_ns: cpu_ms * 1_000_000,
        rss_kb,
        since_mono_ns: 5 * SECOND,
        ..Task::default()
    }
}

fn logged(
    before: Option<(Tasks, &[Task])>,
    totals: Tasks,
    now: &[Task],
    names: bool,
) -> Vec<String> {
    let before = before.map(|(totals, entries)| {
        let snapshot = Snapshot {
            taken_mono_ns: 10 * SECOND,
            entries,
        };
        (totals, snapshot)
    });
    let now = Snapshot {
        taken_mono_ns: 15 * SECOND,
        entries: now,
    };
    all_printed(|lines| log(before, &totals, now, names, lines))
}

const TOTALS: Tasks = Tasks {
    processes: 143,
    threads: 311,
    ended_ns: SECOND,
};

#[test]
fn the_first_three_by_each() {
    let then = [
        task(1, "init", 0, 8),
        task(2, "a b", 1000, 0),
        Task::default(),
    ];
    let now = [
        task(1, "init", 0, 8),
        task(2, "a b", 6000, 0),
        Task::default(),
        task(3, "cc1", 2000, 90_000),
        task(4, "=\n\"", 500, 40_000),
        task(5, "idle", 0, 50_000),
        task(6, "little", 100, 9),
    ];
    let before = Tasks {
        ended_ns: SECOND / 2,
        ..TOTALS
    };
    assert_eq!(
        logged(Some((before, &then)), TOTALS, &now, true),
        [
            "tasks processes=143 threads=311 ended=10.0%",
            "task=a\\040b pid=2 cpu=100.0% rss=0kB",
            "task=cc1 pid=3 cpu=20.0% rss=90000kB",
            "task==\\012\" pid=4 cpu=5.0% rss=40000kB",
            "task=idle pid=5 cpu=0.0% rss=50000kB",
        ]
    );
    let nameless = logged(None, TOTALS, &now[1..2], false);
    assert_eq!(
        nameless,
        [
            "tasks processes=143 threads=311",
            "task pid=2 cpu=60.0% rss=0kB",
        ]
    );
}

#[test]
fn the_longest_lines_are_whole() {
    let most = Task {
        pid: u32::MAX,
        comm: Text::new(&[b'\n'; 15]),
        cpu_ns: u64::MAX,
        rss_kb: u64::MAX,
        ..Task::default()
    };
    let all = Tasks {
        processes: u64::MAX,
        threads: u64::MAX,
        ended_ns: u64::MAX,
    };
    let lines = logged(Some((Tasks::default(), &[])), all, &[most], true);
    assert!(
        lines[0].ends_with('%') && lines[1].ends_with("kB"),
        "{lines:?}"
    );
}

#[test]
fn shares_are_of_one_cpu() {
    let share = |cpu_ns, elapsed_ns| Used { cpu_ns, elapsed_ns }.share();
    assert_eq!(share(SECOND, SECOND), 1000);
    assert_eq!(share(4 * SECOND, SECOND), 4000);
    assert_eq!(share(SECOND, 0), 0);
    assert_eq!(share(0, SECOND), 0);
    assert_eq!(share(SECOND / 200, SECOND), 5);
}

#[test]
fn a_victim_in_an_alert() {
    let victim = OomKill {
        pid: 4712,
        comm: Text::new(b"a\thog"),
        anon_kb: 100,
        file_kb: 20,
        shmem_kb: 3,
        by_pid: 7,
        by_comm: Text::new(b"cat"),
        ..OomKill::default()
    };
    let line = |victim: &OomKill, names| {
        let mut line = model::line::Line::new();
        victim.log(names, line.start("alert=oom_kill begin"));
        line.as_str().to_owned()
    };
    assert_eq!(
        line(&victim, false),
        "alert=oom_kill begin pid=4712 rss=123kB by=7"
    );
    assert_eq!(
        line(&victim, true),
        "alert=oom_kill begin task=a\\011hog pid=4712 rss=123kB by=7 by_task=cat"
    );
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! What the module prints at a panic.

use resmon::{EventState, LogPanic, Sample};

use crate::texts::{brief, numbers, since_boot, text};
use crate::written::stamped;
use crate::{log_of, samples};

/// When the panic was, in microseconds since boot and in seconds since 1970.
const STAMP_US: u64 = 108_000_000;
const WALL_S: f64 = 1_795_619_729.504;

const EVENT: &str = "alert=mem_full open value=41.0% limit=10.0% for=12.0s";
const TASKS: [&str; 3] = [
    "tasks processes=65 threads=66 ended=0.0%",
    "task=stress-ng pid=1234 cpu=99.8% rss=174888kB",
    "task pid=1235 cpu=3.0% rss=1748kB",
];

/// How long before the panic the samples were taken.
const AGO_S: [f64; 3] = [55.0, 3.0, 1.0];

/// What is printed at the panic, a line each, without time stamps.
fn at_panic() -> Vec<String> {
    let mut lines = vec!["panic wall=1795619729.504".to_owned()];
    let each = brief(7).into_iter().skip(4).zip(AGO_S);
    lines.extend(each.map(|(line, ago_s)| format!("{line} ago={ago_s:.1}s")));
    lines.push(EVENT.into());
    lines.extend(TASKS.map(String::from));
    lines
}

fn printed() -> String {
    stamped(&at_panic(), STAMP_US)
}

/// The samples that the lines make which have the one line alone.
fn plain(lines: &[String]) -> Vec<Sample> {
    let stamps = (1_000_000..).step_by(1_000_000);
    let text = lines.iter().zip(stamps);
    let text: String = text
        .map(|(line, at)| stamped(&[line.clone()], at))
        .collect();
    samples(&[&text])
}

/// The numbers alone, without events and tasks.
fn values(samples: &[Sample]) -> Vec<Sample> {
    let mut samples = numbers(samples);
    for sample in &mut samples {
        sample.events.clear();
        sample.tasks = None;
        sample.top_tasks.clear();
    }
    samples
}

fn panics(texts: &[&str]) -> Vec<LogPanic> {
    let texts: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
    log_of(&texts).into_samples().panics().to_vec()
}

fn assert_near(found: &[f64], expected: &[f64]) {
    let is_near = |(found, expected): (&f64, &f64)| (found - expected).abs() < 1e-3;
    let all = found.iter().zip(expected).all(is_near);
    assert!(
        found.len() == expected.len() && all,
        "{found:?}, expected {expected:?}"
    );
}

#[test]
fn samples_are_as_old_as_they_say() {
    let found = samples(&[&printed()]);
    assert_near(&since_boot(&found), &[53.0, 105.0, 107.0]);
    let times: Vec<_> = found.iter().map(|sample| sample.time_s).collect();
    assert_near(&times, &[WALL_S - 55.0, WALL_S - 3.0, WALL_S - 1.0]);
    assert_eq!(values(&found), values(&plain(&brief(7)[4..])));
    let elapsed: Vec<_> = found.iter().map(|sample| sample.elapsed_s).collect();
    assert_eq!(elapsed[0], None);
    assert_near(&[elapsed[1].unwrap(), elapsed[2].unwrap()], &[52.0, 2.0]);
    assert!(found.iter().all(|sample| {
        let from = sample.from_log.unwrap();
        from.at_panic && from.has_wall_clock
    }));
    // Events and tasks are of the newest one.
    assert!(found[..2]
        .iter()
        .all(|sample| sample.events.is_empty() && sample.top_tasks.is_empty()));
    let newest = &found[2];
    let event = &newest.events[0];
    assert_eq!((event.state, event.number), (EventState::Ongoing, 1));
    assert_eq!(
        (event.value, event.limit, event.since_s),
        (41.0, 10.0, 12.0)
    );
    let totals = newest.tasks.as_ref().unwrap();
    assert_eq!((totals.processes, totals.threads), (65, 66));
    let pids: Vec<_> = newest.top_tasks.iter().map(|task| task.pid).collect();
    assert_eq!(pids, [1234, 1235]);
    let panic = panics(&[&printed()]);
    assert_eq!(panic.len(), 1);
    assert!(panic[0].has_wall_clock);
    assert_near(&[panic[0].time_s], &[WALL_S]);
    assert_eq!(panic[0].events.len(), 1);
    assert_eq!(panic[0].tasks, newest.top_tasks);
    // A text without it has none.
    assert_eq!(panics(&[&text(3, 1_000_000).concat()]), []);
}

#[test]
fn what_the_lines_have_is_not_there_twice() {
    // Printed a little later than they were taken, and with an interval of their own.
    let begin = "alert=mem_full begin value=11.0% limit=10.0% for=2.0s";
    let before = stamped(&[begin.into()], 96_000_000) + &text(3, 104_040_000).concat();
    let found = samples(&[&(before + &printed())]);
    let times = [53.0, 96.0, 104.04, 105.04, 106.04, 107.0];
    assert_near(&since_boot(&found), &times);
    let again: Vec<_> = found
        .iter()
        .map(|sample| sample.from_log.unwrap().at_panic)
        .collect();
    assert_eq!(again, [true, false, false, false, false, true]);
    // The time of day is known from the panic on, back to the first line.
    let walls: Vec<_> = found.iter().map(|sample| sample.time_s).collect();
    assert_near(&walls, &times.map(|time_s| time_s - 108.0 + WALL_S));
    // The event that was open is the one that began.
    let numbers: Vec<_> = found
        .iter()
        .flat_map(|sample| &sample.events)
        .map(|event| (event.number, event.state))
        .collect();
    use EventState::{Begin, Ongoing};
    assert_eq!(numbers, [(1, Begin), (1, Ongoing)]);
    // A journal of whole seconds.
    let head = |second: u32| format!("Nov 25 15:15:{second} myhost kernel: resource_monitor:");
    let lines = (26..29).zip(brief(3));
    let lines = lines.map(|(second, line)| format!("{} {line}\n", head(second)));
    let panic = at_panic().into_iter();
    let panic = panic.map(|line| format!("{} {line}\n", head(29)));
    let found = samples(&[&lines.chain(panic).collect::<String>()]);
    let times: Vec<_> = found.iter().map(|sample| sample.time_s - WALL_S).collect();
    assert_near(&times, &[-55.0, -3.504, -2.504, -1.504]);
    // Where the newest one is there as well, it gets what was printed at the panic.
    let found = samples(&[&(text(4, 104_040_000).concat() + &printed())]);
    assert_near(&since_boot(&found), &[53.0, 104.04, 105.04, 106.04, 107.04]);
    let newest = &found[4];
    assert!(!newest.from_log.unwrap().at_panic);
    assert_eq!((newest.events.len(), newest.top_tasks.len()), (1, 2));
}

#[test]
fn heads_and_the_order_do_not_matter() {
    let expected = samples(&[&printed()]);
    let lines = at_panic();
    let with = |head: &str, lines: &[String]| -> String {
        let each = lines.iter().map(|line| {
            format!("{head}resource_monitor: {line}\n<4>[  108.000000] CPU: 0 PID: 1 Comm: sh\n")
        });
        each.collect()
    };
    for head in [
        "<0>[  108.000000] ",
        "[  108.000000][    T1] ",
        "Nov 26 15:15:29 myhost kernel: [  108.000000] ",
    ] {
        let found = samples(&[&with(head, &lines)]);
        assert_eq!(values(&found), values(&expected), "{head}");
        assert_near(&since_boot(&found), &since_boot(&expected));
    }
    // Parts of pstore, the newest lines first, with others in between.
    let part = |number: usize, lines: &[String]| {
        format!(
            "Panic#2 Part{number}\n{}",
            with("<0>[  108.000000] ", lines)
        )
    };
    let parts = [
        part(1, &lines[5..]),
        part(2, &lines[2..5]),
        part(3, &lines[..2]),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let texts = order.map(|at| parts[at].as_str());
        assert_eq!(samples(&texts), expected, "{order:?}");
        assert_eq!(samples(&[&texts.concat()]), expected, "{order:?}");
    }
    // A journal and what pstore kept of one boot.
    let journal = with(
        "Nov 26 15:15:29 myhost kernel: [  108.000000] ",
        &lines[..4],
    );
    assert_eq!(samples(&[&journal, parts[0].as_str()]).len(), 3);
}

#[test]
fn without_any_other_time() {
    let lines = at_panic();
    let text = |lines: &[String]| -> String {
        let each = lines
            .iter()
            .map(|line| format!("resource_monitor: {line}\n"));
        each.collect()
    };
    // As a console shows it where the kernel prints no time stamps.
    let found = samples(&[&text(&lines)]);
    let times: Vec<_> = found.iter().map(|sample| sample.time_s).collect();
    assert_near(&times, &[WALL_S - 55.0, WALL_S - 3.0, WALL_S - 1.0]);
    assert_eq!(found[2].top_tasks.len(), 2);
    // Without the first line nobody knows when it was; what was printed before it has no time either.
    assert_eq!(samples(&[&text(&lines[1..])]), []);
    let before = text(&brief(2));
    assert_eq!(samples(&[&(before + &text(&lines))]), found);
    // What comes after the restart is not of the panic.
    let after = "resource_monitor: loaded version=0.1.0 interval=1000ms cpus=2 history_kB=6144\n";
    let after = text(&lines) + after + &text(&brief(2));
    assert_eq!(samples(&[&after]), found);
    // With time stamps there is the time since boot.
    let found = samples(&[&stamped(&lines[1..], STAMP_US)]);
    assert_near(&since_boot(&found), &[53.0, 105.0, 107.0]);
    assert!(!found[0].from_log.unwrap().has_wall_clock);
    let panic = panics(&[&stamped(&lines[1..], STAMP_US)]);
    assert_eq!((panic[0].has_wall_clock, panic[0].time_s), (false, 108.0));
}

#[test]
fn a_line_that_was_cut_off_is_left_out() {
    let before = text(3, 104_040_000).concat();
    let whole = before.clone() + &printed();
    let expected = values(&samples(&[&whole]));
    for end in before.len()..whole.len() {
        for cut in [whole[..end].to_owned(), format!("{}\n", &whole[..end])] {
            let found = samples(&[&cut]);
            for sample in &found {
                // Nothing is as new as the panic.
                let since_boot_s = sample.since_boot_s.unwrap();
                assert!(since_boot_s < 107.5, "{since_boot_s} in {cut}");
            }
            for sample in values(&found) {
                assert!(expected.contains(&sample), "{sample:?} in {cut}");
            }
        }
    }
}

#[test]
fn what_cannot_be_is_left_out() {
    // Before the boot there was no sample.
    let line = &brief(1)[0];
    let text = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| line.to_string()).collect();
        stamped(&lines, 2_000_000)
    };
    let early = format!("{line} ago=5.0s");
    assert_eq!(samples(&[&text(&[&early])]), []);
    for wall in ["", "x", "-1.000", "1.00", "1.0000", "1795619729.50 ", "nan"] {
        let head = format!("panic wall={wall}");
        let late = format!("{line} ago=1.0s");
        let found = samples(&[&text(&[&head, &late])]);
        assert_eq!(found.len(), 1, "{head}");
        assert!(!found[0].from_log.unwrap().has_wall_clock, "{head}");
    }
    for ago in ["-1.0s", "1s", "1.00s", "1.0", "nans", "1e3s"] {
        let late = format!("{line} ago={ago}");
        let found = samples(&[&text(&["panic wall=5000.000", &late])]);
        assert_eq!(found, [], "{ago}");
    }
}

#[test]
fn a_journal_that_is_there_twice() {
    let lines = brief(4);
    let journal = |head: &str| -> String {
        let each = lines.iter().enumerate().map(|(second, line)| {
            format!("Nov 26 20:33:4{second} {head}resource_monitor: {line}\n")
        });
        each.collect()
    };
    let once = journal("myhost kernel: ");
    let expected = samples(&[&once]);
    assert_eq!(expected.len(), 4);
    assert_eq!(samples(&[&(once.clone() + &once)]), expected);
    assert_eq!(samples(&[&once, &once]), expected);
    let each_twice: String = once
        .lines()
        .flat_map(|line| [line, "\n", line, "\n"])
        .collect();
    assert_eq!(samples(&[&each_twice]), expected);
    // More than one line a second.
    let all = |load: &str| -> String {
        let each = (0..4).map(|second| {
            let head = format!("Nov 26 20:33:4{second} myhost kernel: resource_monitor:");
            format!(
                "{head} load 1m={load} 5m=0.05 15m=0.02\n{head} running tasks={second} blocked=0\n"
            )
        });
        each.collect()
    };
    let once = all("0.23");
    let expected = samples(&[&once]);
    assert_eq!(expected.len(), 4);
    assert_eq!(samples(&[&(once.clone() + &once)]), expected);
}

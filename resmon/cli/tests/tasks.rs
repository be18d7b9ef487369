// SPDX-License-Identifier: GPL-2.0-or-later

//! Tasks and OOM kills, wherever they are shown.

#![allow(clippy::unwrap_used, clippy::panic)]

mod util;

use serde_json::Value;
use util::tasks::{hostile, with_tasks, with_tasks_of, HOSTILE, KILLED_AT, USUAL};
use util::*;

fn json(args: &[&str]) -> Vec<Value> {
    let text = output(args);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    let is_near = (value - expected).abs() <= 1e-2 * expected;
    assert!(is_near, "the value is {value}, expected {expected}");
}

#[test]
fn lines_are_those_that_were_looked_at() {
    let file = file_of(&with_tasks());
    let from = ["--from", path(&file)];
    let text = |args: &[&str]| output(&[&["log"], args, &from].concat());
    let lines = text(&["tasks", "--since", "31s", "--count", "7"]);
    assert_is_file("tests/golden/log-tasks.txt", &lines);
    let longest = lines.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "a line has {longest:?} letters");
    let events = text(&["events"]);
    assert_is_file("tests/golden/log-oom-kills.txt", &events);
    let samples = text(&["--since", "20s", "--count", "5"]);
    assert_is_file("tests/golden/log-with-oom-kills.txt", &samples);
    let csv = text(&["tasks", "--csv", "-n", "1"]);
    assert_is_file("tests/golden/log-tasks.csv", &csv);
    let csv = text(&["events", "--csv"]);
    let words: Vec<_> = csv
        .lines()
        .map(|line| line.rsplit(',').next().unwrap())
        .collect();
    assert_eq!(
        words,
        [
            "oom_kills",
            "4711=stress-ng-vm;1234=postgres",
            "62=kswapd0",
            ""
        ]
    );
}

#[test]
fn each_census_has_lines_once() {
    let file = file_of(&with_tasks());
    let lines = |args: &[&str]| {
        let args = [&["log", "tasks", "--json", "--from", path(&file)], args].concat();
        json(&args)
    };
    // The first sample repeats the census of the first record.
    let all = lines(&[]);
    assert_eq!(all.len(), 30 * USUAL.len());
    assert_eq!(lines(&["-n", "2"]), all[28 * USUAL.len()..]);
    assert_eq!(lines(&["--count", "2"]), all[..2 * USUAL.len()]);
    let last = &all[29 * USUAL.len()..];
    let pids: Vec<_> = last
        .iter()
        .map(|task| task["pid"].as_u64().unwrap())
        .collect();
    assert_eq!(pids, [1234, 62, 1, 4711, 890, 4_194_304]);
    // Two samples went by, of a second each.
    let postgres = &last[0];
    near(&postgres["cpu_percent"], 31.0);
    near(&postgres["read_bytes_per_second"], 12.0 * 1048576.0);
    near(&postgres["written_bytes_per_second"], 28.0 * 1048576.0);
    near(&postgres["major_faults_per_second"], 120.0);
    assert_eq!(postgres["rss_bytes"], 88 << 20);
    assert_eq!(
        (&postgres["comm"], &postgres["state"]),
        (&"postgres".into(), &"D".into())
    );
    assert_eq!(
        (&last[5]["comm"], &last[5]["state"]),
        (&Value::Null, &"Z".into())
    );
    // A recording without tasks says so.
    let text = error(1, &["log", "tasks", "--from", RECORDING]);
    assert_contains(&text, "no tasks from 2026-11-22 21:44:06 to");
    let text = error(1, &["log", "tasks", "--from", RECORDING, "--since", "5s"]);
    assert_contains(&text, "no tasks from 2026-11-22 21:45:02 to");
}

#[test]
fn samples_repeat_a_census_and_say_so() {
    let file = file_of(&with_tasks());
    let samples = json(&["log", "--json", "--from", path(&file)]);
    let (new, repeated) = (&samples[33], &samples[34]);
    assert_eq!(
        (&new["tasks"]["is_new"], &repeated["tasks"]["is_new"]),
        (&true.into(), &false.into())
    );
    assert_eq!(new["top_tasks"], repeated["top_tasks"]);
    near(&new["top_tasks"][1]["cpu_percent"], 190.0);
    near(&repeated["tasks"]["ended_percent"], 1.2);
    near(&repeated["tasks"]["census_age_s"], 1.0);
    let text = output(&["log", "--csv", "--from", path(&file)]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let row = reader.records().nth(33).unwrap().unwrap();
    let value = |name: &str| &row[names.iter().position(|found| found == name).unwrap()];
    assert_eq!(value("top_task_pid"), "4711");
    assert_eq!(value("top_task_comm"), "stress-ng-vm");
    assert_eq!(value("tasks_processes"), "143");
    let percent: f64 = value("top_task_cpu_percent").parse().unwrap();
    near(&percent.into(), 190.0);
}

#[test]
fn kills_are_told_with_their_event() {
    let file = file_of(&with_tasks());
    let events = json(&["log", "events", "--json", "--from", path(&file)]);
    let found: Vec<_> = events
        .iter()
        .map(|event| {
            let kills = event["oom_kills"].as_array().unwrap().iter();
            let pids: Vec<_> = kills.map(|kill| kill["pid"].as_u64().unwrap()).collect();
            (event["state"].as_str().unwrap(), pids)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("begin", vec![4711, 1234]),
            ("ongoing", vec![62]),
            ("end", vec![])
        ]
    );
    let first = &events[0];
    let kill = &first["oom_kills"][0];
    assert_eq!(kill["rss_bytes"], 181 << 20);
    assert_eq!(
        (&kill["outcome"], &kill["by_comm"]),
        (&"killed".into(), &"systemd".into())
    );
    let before_s = first["time_s"].as_f64().unwrap() - kill["time_s"].as_f64().unwrap();
    assert!((before_s - 0.5).abs() < 1e-3, "it was {before_s} s before");
    let largest = first["largest_tasks"].as_array().unwrap().iter();
    let largest: Vec<_> = largest.map(|task| task["pid"].as_u64().unwrap()).collect();
    assert_eq!(largest, [4711, 1234, 1]);
    // Other events have none of it.
    let file = file_of(&events::with_events());
    for event in json(&["log", "events", "--json", "--from", path(&file)]) {
        assert_eq!(event.get("oom_kills"), None);
    }
}

/// What a hostile name is when invalid UTF-8 is replaced.
fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[track_caller]
fn assert_plain(text: &str) {
    let odd = |letter: &char| {
        letter.is_control() && *letter != '\n' || "\u{202e}\u{2028}\u{fffe}".contains(*letter)
    };
    let found = text.chars().find(odd);
    assert_eq!(found, None, "{text:?}");
}

#[test]
fn hostile_names_forge_nothing() {
    let (usual, file) = (file_of(&with_tasks()), file_of(&with_tasks_of(&hostile())));
    let run = |file: &tempfile::NamedTempFile, args: &[&str]| {
        output(&[args, &["--from", path(file)]].concat())
    };
    let names: Vec<String> = HOSTILE.iter().map(|name| lossy(name)).collect();
    // Text: as many lines as there are tasks, and as without such names.
    for args in [&["log"][..], &["log", "events"], &["log", "tasks"]] {
        let text = run(&file, args);
        assert_plain(&text);
        // That of a task begins with the time, and others are as many.
        let is_counted = |line: &&str| args.last() != Some(&"tasks") || line.starts_with("21:4");
        let lines = |text: &str| text.lines().filter(is_counted).count();
        let more = match args {
            [_, "tasks"] => 30 * (HOSTILE.len() - USUAL.len()),
            _ => 0,
        };
        assert_eq!(lines(&text), lines(&run(&usual, args)) + more, "{text}");
    }
    // JSON: the very names, in letters that a terminal only shows.
    let lines = run(&file, &["log", "tasks", "--json"]);
    assert_plain(&lines);
    for line in lines.lines() {
        let task: Value = serde_json::from_str(line).unwrap();
        let at = task["pid"].as_u64().unwrap() as usize - 100;
        assert_eq!(task["comm"], names[at].as_str());
    }
    let samples = run(&file, &["log", "--json"]);
    assert_plain(&samples);
    assert_plain(&run(&file, &["log", "events", "--json"]));
    let sample = samples.lines().nth(KILLED_AT - 1).unwrap();
    let sample: Value = serde_json::from_str(sample).unwrap();
    assert_eq!(sample["oom_kills"][0]["comm"], names[1].as_str());
    assert_eq!(sample["oom_kills"][0]["by_comm"], names[0].as_str());
    // CSV: one field each, without quotes and no formula.
    for args in [
        &["log", "--csv"][..],
        &["log", "tasks", "--csv"],
        &["log", "events", "--csv"],
    ] {
        let text = run(&file, args);
        assert_plain(&text);
        assert!(!text.contains('"'), "{text}");
        let fields: Vec<_> = text.lines().map(|line| line.split(',').count()).collect();
        let head = fields[0];
        assert!(fields.iter().all(|count| *count == head), "{fields:?}");
        assert!(!text.contains(",="), "{text}");
    }
    assert_contains(
        &run(&file, &["log", "tasks", "--csv"]),
        ",%3D1+1%2C%22b%22%2Cc,",
    );
    // The screen keeps its size.
    for size in ["80x24", "120x40", "40x10"] {
        let text = run(&file, &["top", "--once", size]);
        assert_plain(&text);
        let (columns, rows) = size.split_once('x').unwrap();
        assert_eq!(text.lines().count(), rows.parse::<usize>().unwrap());
        let columns = columns.parse::<usize>().unwrap();
        assert!(
            text.lines().all(|line| line.chars().count() <= columns),
            "{text}"
        );
    }
}

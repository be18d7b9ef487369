// SPDX-License-Identifier: GPL-2.0-or-later

//! `--from` with texts that have the module's lines of the kernel's log.

#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "util/schema.rs"]
mod schema;
mod util;
#[allow(dead_code)]
#[path = "../../lib/tests/log/written.rs"]
mod written;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use util::*;

/// The newest line first, as pstore has them, with what the kernel says besides.
const PANIC: &str = "<0>[  109.500000] Kernel panic - not syncing: sysrq triggered crash\n";

/// The one line of some samples, one each second.
fn brief(count: usize) -> Vec<String> {
    let records = recording();
    let pairs = records
        .windows(2)
        .skip(20)
        .zip((100_000_000..).step_by(1_000_000));
    let lines = pairs.map(|(pair, at)| {
        let (_, brief) = written::lines(&pair[0], &pair[1]);
        written::stamped(&[brief], at)
    });
    lines.take(count).collect()
}

/// What the module prints at a panic, of a sample that is there and of one that is not.
fn at_panic(at_us: u64) -> String {
    let lines = brief(4);
    let line = |at: usize, ago_s: f64| {
        let (_, line) = lines[at]
            .trim_end()
            .split_once("resource_monitor: ")
            .unwrap();
        format!("{line} ago={ago_s:.1}s")
    };
    let lines = [
        "panic wall=1795619729.504".into(),
        line(2, 2.5),
        line(3, 0.6),
        "alert=mem_full open value=41.0% limit=10.0% for=12.0s".into(),
        "tasks processes=65 threads=66 ended=0.0%".into(),
        "task=stress-ng pid=1234 cpu=99.8% rss=174888kB".into(),
        "task=evil\\033[2Jname pid=1235 cpu=3.0% rss=1748kB".into(),
    ];
    written::stamped(&lines, at_us) + PANIC
}

#[test]
fn the_end_by_a_panic_is_said() {
    let lines = brief(3).concat();
    let files = Files::new(&[("serial.txt", &(lines + &at_panic(104_500_000)))]);
    let path = files.path("serial.txt");
    let shown = |args: &[&str]| printed(&[args, &["--from", &path]].concat());
    let text = [
        shown(&["log"]),
        shown(&["log", "tasks"]),
        shown(&["log", "events"]),
    ]
    .concat();
    assert_is_file("tests/golden/kernel-log-panic.txt", &text);
    // For programs it is beside the data.
    let (out, err) = run(&["log", "--json", "--from", &path]);
    let samples: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let at_panic: Vec<_> = samples
        .iter()
        .map(|sample| &sample["from_log"]["at_panic"])
        .collect();
    assert_eq!(at_panic, [false, false, false, true]);
    assert_eq!(samples[3]["time_s"], 1_795_619_728.904);
    assert_eq!(samples[3]["events"][0]["state"], "ongoing");
    assert_contains(&err, "serial.txt: The kernel panicked at 2026-11-25 ");
    let (out, err) = run(&["log", "--csv", "--from", &path]);
    assert_eq!(out.lines().count(), 1 + 4);
    assert_contains(
        &err,
        "most memory: pid 1234 stress-ng, 171 MB; pid 1235 evil",
    );
    // So a picture has a time of day.
    let picture = files.path("out.svg");
    run(&["plot", "--from", &path, "--out", &picture]);
    assert_contains(&fs::read_to_string(&picture).unwrap(), "2026-11-25 ");
    // Nothing else need be left.
    let only = written::stamped(&["panic wall=1795619729.504".into()], 104_500_000);
    let files = Files::new(&[("only.txt", &only)]);
    let text = printed(&["log", "--from", &files.path("only.txt")]);
    assert!(text.starts_with("The kernel panicked at 2026-11-25 ") && text.lines().count() == 1);
}

/// All lines of three samples, an event in between, and tasks.
fn full() -> String {
    let records = recording();
    let pairs = records
        .windows(2)
        .skip(20)
        .zip((200_000_000..).step_by(1_000_000));
    let mut text = String::new();
    for (pair, at) in pairs.take(3) {
        let (mut lines, brief) = written::lines(&pair[0], &pair[1]);
        if at == 201_000_000 {
            lines.insert(
                0,
                "alert=mem_full begin value=41.0% limit=10.0% for=2.0s".into(),
            );
        }
        lines.push("tasks processes=71 threads=93 ended=1.5%".into());
        lines.push("task=evil\\033[2Jname pid=4712 cpu=99.3% rss=131072kB".into());
        lines.push("task=sh pid=4713 cpu=0.0% rss=1024kB".into());
        lines.push(brief);
        text.push_str(&written::stamped(&lines, at));
    }
    let end = "alert=mem_full end value=0.0% worst=63.0% limit=10.0% for=2.5s";
    text + &written::stamped(&[end.into()], 203_400_000)
}

struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

/// What is printed, and what is said on standard error.
fn run(args: &[&str]) -> (String, String) {
    let assert = resmon(args).assert().success();
    let output = assert.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// What is printed of a log, which one line says that it is.
fn printed(args: &[&str]) -> String {
    let (out, err) = run(args);
    assert_eq!(err.lines().count(), 1, "{err}");
    assert_contains(&err, "from the lines of a kernel log");
    let is_plain = |letter: char| letter == '\n' || !letter.is_control();
    assert!(out.chars().all(is_plain), "{out:?}");
    out
}

#[test]
fn what_pstore_kept_is_shown() {
    let lines = brief(10);
    let files = Files::new(&[
        (
            "dmesg-efi_pstore-179562034501001",
            &format!("Panic#1 Part1\n{}{PANIC}", lines[6..].concat()),
        ),
        (
            "dmesg-efi_pstore-179562034502001",
            &format!("Panic#1 Part2\n{}", lines[3..6].concat()),
        ),
        (
            "dmesg-efi_pstore-179562034503001",
            &format!("Panic#1 Part3\n{}", lines[..3].concat()),
        ),
        ("other.bin", "\u{1}\u{2}\u{3}\u{4}"),
    ]);
    let folder = files.path("");
    let text = printed(&["log", "--from", &folder]);
    assert_is_file("tests/golden/kernel-log-pstore.txt", &text);
    let paths =
        ["1", "2", "3"].map(|part| files.path(&format!("dmesg-efi_pstore-17956203450{part}001")));
    let args: Vec<&str> = ["log"]
        .into_iter()
        .chain(paths.iter().rev().flat_map(|path| ["--from", path]))
        .collect();
    assert_eq!(printed(&args), text);
}

#[test]
fn all_lines_are_shown() {
    let files = Files::new(&[("dmesg.txt", &full())]);
    let path = files.path("dmesg.txt");
    let text = |args: &[&str]| printed(&[args, &["--from", &path]].concat());
    assert_is_file("tests/golden/kernel-log-full.txt", &text(&["log"]));
    assert_is_file(
        "tests/golden/kernel-log-events.txt",
        &text(&["log", "events"]),
    );
    assert_is_file(
        "tests/golden/kernel-log-tasks.txt",
        &text(&["log", "tasks"]),
    );
    assert_is_file("tests/golden/kernel-log.csv", &text(&["log", "--csv"]));
    let (screen, err) = run(&["top", "--once", "100x40", "--from", &path]);
    assert_eq!(err, "");
    assert_is_file("tests/golden/kernel-log-top.txt", &screen);
}

#[test]
fn json_is_as_the_schema_says() {
    let text = include_str!("../../schema/sample.schema.json");
    let schema = schema::Schema {
        root: serde_json::from_str(text).unwrap(),
    };
    let journal: String = brief(3)
        .iter()
        .zip(10..)
        .map(|(line, second)| {
            line.replacen(
                &format!("[  1{:02}.000000]", second - 10),
                &format!("2026-11-26T20:33:{second}+00:00 host kernel:"),
                1,
            )
        })
        .collect();
    let files = Files::new(&[("dmesg.txt", &full()), ("journal.txt", &journal)]);
    for (name, has_clock, count) in [("dmesg.txt", false, 4), ("journal.txt", true, 3)] {
        let (out, err) = run(&["log", "--json", "--from", &files.path(name)]);
        assert_eq!(err, "");
        let samples: Vec<Value> = out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(samples.len(), count, "{out}");
        for sample in &samples {
            schema.check(sample, &mut BTreeSet::new()).unwrap();
            assert_eq!(sample["from_log"]["has_wall_clock"], has_clock);
            assert_eq!(sample["time_s"].is_number(), has_clock);
            assert_eq!(sample["since_boot_s"].is_number(), !has_clock);
            assert!(sample["seq"].is_null());
        }
        // What the one line does not have is null, and not 0.
        if name == "journal.txt" {
            assert_eq!(samples[0]["time_s"], 1_795_725_190.0);
            assert!(samples[0]["memory"]["free_bytes"].is_null());
            assert!(samples[0]["activity"].is_null());
        }
    }
    let (out, _) = run(&[
        "log",
        "events",
        "--json",
        "--from",
        &files.path("dmesg.txt"),
    ]);
    let event: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert!(
        event["time_s"].is_null() && event["worst"].is_null(),
        "{event}"
    );
}

#[test]
fn a_picture_needs_the_time_of_day() {
    let stamped = brief(20).concat();
    let with_clock: Vec<_> = brief(20)
        .iter()
        .zip(10..)
        .map(|(line, second)| format!("2026-11-26T20:33:{second}.500000+00:00 host kernel: {line}"))
        .collect();
    let with_clock = with_clock.concat();
    let files = Files::new(&[("dmesg.txt", &stamped), ("kern.log", &with_clock)]);
    let out = files.path("out.svg");
    let text = error(
        1,
        &["plot", "--from", &files.path("dmesg.txt"), "--out", &out],
    );
    assert_contains(&text, "no time of day");
    let (_, err) = run(&["plot", "--from", &files.path("kern.log"), "--out", &out]);
    assert_contains(&err, "from the lines of a kernel log");
    let picture = fs::read_to_string(&out).unwrap();
    assert_contains(&picture, "2026-11-26 20:33:1");
    assert!(!picture.contains("NaN"), "a number in the picture is none");
}

#[test]
fn a_pipe_is_read_as_well() {
    let command = resmon(&["log", "-n", "2", "--from", "/dev/stdin"])
        .write_stdin(brief(5).concat())
        .assert()
        .success();
    let out = String::from_utf8(command.get_output().stdout.clone()).unwrap();
    assert_eq!(out.lines().count(), 4, "{out}");
    assert_contains(&out, "104.000 ");
    // A recording still is one.
    let command = resmon(&["log", "-n", "2", "--from", "/dev/stdin"])
        .write_stdin(fs::read(RECORDING).unwrap())
        .assert()
        .success();
    assert_eq!(
        command
            .get_output()
            .stdout
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        4
    );
}

#[test]
fn what_is_missing_is_said() {
    let untimed: String = brief(2)
        .iter()
        .map(|line| line.split_once("] ").unwrap().1.to_owned())
        .collect();
    let files = Files::new(&[
        (
            "empty-of-ours",
            "Nov 26 20:33:47 host kernel: usb 1-1: new device\n",
        ),
        ("untimed", &untimed),
        ("one", &brief(1).concat()),
    ]);
    let text = error(1, &["log", "--from", &files.path("empty-of-ours")]);
    for part in [
        "empty-of-ours",
        "no line of resource_monitor",
        "resource_monitor: sum user=",
    ] {
        assert_contains(&text, part);
    }
    let text = error(1, &["log", "--from", &files.path("untimed")]);
    assert_contains(&text, "no line with a time");
    let text = error(
        1,
        &["log", "--from", &files.path("one"), "--from", RECORDING],
    );
    assert_contains(&text, "no text");
    let text = error(
        1,
        &[
            "record",
            "--from",
            &files.path("one"),
            &files.path("out.rec"),
        ],
    );
    assert_contains(&text, "a text has no records");
    assert!(!fs::exists(files.path("out.rec")).unwrap());
    let text = error(1, &["export", "--once", "--from", &files.path("one")]);
    assert_contains(&text, "a text has no records");
    let (_, err) = run(&[
        "log",
        "--from",
        &files.path("one"),
        "--from",
        &files.path("untimed"),
    ]);
    assert_contains(&err, "2 lines without a right time are left out");
}

#[test]
fn since_counts_back_from_the_end_of_the_log() {
    let files = Files::new(&[("dmesg.txt", &brief(8).concat())]);
    let path = files.path("dmesg.txt");
    let text = printed(&["log", "--since", "2s", "--from", &path]);
    assert_eq!(text.lines().count(), 2 + 3, "{text}");
    let text = error(2, &["log", "--since", "2026-11-26T20:00", "--from", &path]);
    assert_contains(&text, "no time of day");
}

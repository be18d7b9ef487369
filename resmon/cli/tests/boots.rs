// SPDX-License-Identifier: GPL-2.0-or-later

//! Boots of recordings: `resmon boots`, and `--boot` of the commands that have it.

#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../../lib/tests/dump/made.rs"]
mod dump;
mod util;

use std::fs;
use std::path::PathBuf;

use util::*;

/// Records of a load of the module in a boot that began so many seconds after the first one.
fn life(boot_id: u64, load_id: u64, began_s: u64, count: usize) -> Vec<Vec<u64>> {
    let mut records = dump::kept(load_id, 0..count);
    for record in &mut records {
        record[dump::BOOT_ID_AT] = boot_id;
        record[dump::WALL_NS_AT] += began_s * 1_000_000_000;
    }
    records
}

/// Three boots, the second one with two loads of the module.
fn boots() -> [Vec<Vec<u64>>; 3] {
    let two = [
        life(0x2222_2222_0000_0000, 30, 5_000, 8),
        life(0x2222_2222_0000_0000, 60, 5_000, 12),
    ];
    [
        life(0xffff_1111_0000_0000, 10, 0, 20),
        two.concat(),
        life(0x1111_3333_0000_0000, 20, 100_000, 5),
    ]
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, records: &[Vec<u64>]) -> String {
        let bytes = records.iter().flat_map(|record| dump::bytes_of(record));
        fs::write(self.path(name), bytes.collect::<Vec<_>>()).unwrap();
        self.text(name)
    }

    /// One file that has all of them, not in their order.
    fn all(&self) -> String {
        let [one, two, three] = boots();
        self.file("all.rec", &[three, one, two].concat())
    }

    /// A folder that has a file for each, beside what is none of them.
    fn saved(&self) -> String {
        fs::create_dir(self.path("saved")).unwrap();
        for (name, records) in ["c", "a", "b"].iter().zip(boots()) {
            self.file(&format!("saved/{name}.rec"), &records);
        }
        fs::write(self.path("saved/other"), [0xff; 99]).unwrap();
        fs::write(self.path("saved/empty"), "").unwrap();
        fs::write(self.path("saved/README"), "Nothing of the module.\n").unwrap();
        self.text("saved")
    }
}

#[test]
fn boots_are_listed() {
    let folder = Folder::new();
    let (all, saved) = (folder.all(), folder.saved());
    let text = output(&["boots", "--from", &all]);
    assert_is_file("tests/golden/boots.txt", &text);
    let json = output(&["boots", "--json", "--from", &all]);
    assert_is_file("tests/golden/boots.jsonl", &json);
    // The same of files in a folder, in any order, each once.
    let [a, b, c] = ["a", "b", "c"].map(|name| format!("{saved}/{name}.rec"));
    for from in [
        &[saved.as_str()][..],
        &[&c, &b, &a],
        &[&b, &saved],
        &[&all, &a],
    ] {
        let from: Vec<_> = from.iter().flat_map(|path| ["--from", path]).collect();
        assert_eq!(output(&[&["boots"], from.as_slice()].concat()), text);
    }
}

#[test]
fn records_of_version_1_have_no_identity() {
    let text = output(&["boots", "--from", RECORDING]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let words: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!((words[0], words[1], words[2]), ("0", "-", "-"));
    assert_eq!(words.last(), Some(&"62"));
    assert_contains(
        &output(&["boots", "--json", "--from", RECORDING]),
        "\"module_boot_id\":null",
    );
    let log = output(&["log", "--from", RECORDING]);
    assert_eq!(output(&["log", "-b", "--from", RECORDING]), log);
}

#[test]
fn a_dump_has_boots() {
    let folder = Folder::new();
    fs::write(
        folder.path("vmcore"),
        dump::one(dump::pieces().memory([2, 3, 0, 1])),
    )
    .unwrap();
    let text = output(&["boots", "--from", &folder.text("vmcore")]);
    assert_eq!(text.lines().count(), 2);
    assert_contains(&text, "\n  0 00000000 -");
    assert!(text.ends_with(" 20\n"), "{text}");
}

#[test]
fn each_command_looks_at_one_boot() {
    let folder = Folder::new();
    let (all, saved) = (folder.all(), folder.saved());
    let alone = ["c", "a", "b"].map(|name| format!("{saved}/{name}.rec"));
    let commands: [&[&str]; 7] = [
        &["log"],
        &["log", "--json"],
        &["log", "--csv", "--since", "4s"],
        &["log", "tasks", "--lines", "1"],
        &["log", "events"],
        &["top", "--once", "100x40"],
        &["--once", "80x24"],
    ];
    let ids: [&[&str]; 3] = [
        &["-2", "1", "+1", "ffff1111", "FFFF111100000000"],
        &["-1", "2", "+2", "2222"],
        &["0", "-0", "3", "1111333300000000"],
    ];
    for command in commands {
        let run = |from: &str, boot: &[&str]| {
            let assert = resmon(&[command, &["--from", from], boot].concat()).assert();
            let output = assert.get_output().clone();
            let stderr = String::from_utf8(output.stderr).unwrap();
            // Not each of these has tasks or events, which is said of another file.
            (
                output.status.code(),
                output.stdout,
                stderr.replace(from, "FILE"),
            )
        };
        for (alone, ids) in alone.iter().zip(ids) {
            let expected = run(alone, &[]);
            for id in ids {
                for from in [&all, &saved] {
                    assert_eq!(
                        run(from, &["--boot", id]),
                        expected,
                        "{command:?} {id} {from}"
                    );
                }
            }
        }
        assert_eq!(run(&all, &["-b-1"]), run(&alone[1], &[]));
        assert_eq!(run(&all, &["-b"]), run(&alone[2], &[]));
    }
    // Without it, all that there is.
    let count = |args: &[&str]| output(args).lines().count();
    assert_eq!(count(&["log", "--json", "--from", &all]), 19 + 7 + 11 + 4);
    assert_eq!(count(&["log", "--json", "--from", &saved]), 19 + 7 + 11 + 4);
    assert_eq!(
        count(&["log", "--json", "--from", &all, "-b", "-1"]),
        7 + 11
    );
}

#[test]
fn one_boot_is_recorded_and_drawn() {
    let folder = Folder::new();
    let (all, saved) = (folder.all(), folder.saved());
    let made = |name: &str, args: &[&str]| {
        let path = folder.text(name);
        output(&[&["record", "--raw", &path], args].concat());
        fs::read(path).unwrap()
    };
    let expected = fs::read(folder.path("saved/a.rec")).unwrap();
    assert_eq!(made("one", &["--from", &all, "--boot", "2222"]), expected);
    assert_eq!(made("two", &["--from", &saved, "-b", "-1"]), expected);
    let drawn = |name: &str, args: &[&str]| {
        let path = folder.text(name);
        output(&[&["plot", "--out", &path], args].concat());
        fs::read(path).unwrap()
    };
    let alone = format!("{saved}/a.rec");
    assert!(
        drawn("one.svg", &["--from", &all, "-b", "-1", "--title", "x"])
            == drawn("two.svg", &["--from", &alone, "--title", "x"])
    );
}

#[test]
fn boots_that_are_not_there() {
    let folder = Folder::new();
    let all = folder.all();
    for args in [
        &["log"][..],
        &["log", "events"],
        &["top", "--once", "80x24"],
        &["plot", "--out", &folder.text("a.svg")],
        &["record", &folder.text("a.rec")],
    ] {
        let text = error(1, &[args, &["--from", &all, "--boot", "-3"]].concat());
        let expected =
            format!("there are no records of boot -3; resmon boots --from {all} lists 3");
        assert_contains(&text, &expected);
    }
    for name in ["a.svg", "a.rec"] {
        assert!(!folder.path(name).exists(), "{name}");
    }
    for boot in ["abc", "", "1.5", "tasks"] {
        let command = resmon(&["log", "--from", &all, "--boot", boot]);
        let assert = { command }.assert().code(2);
        let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert_contains(&text, "is no boot");
    }
}

#[test]
fn what_has_no_boots_says_so() {
    let folder = Folder::new();
    let text = folder.path("dmesg");
    fs::write(
        &text,
        "[   11.649258] resource_monitor: sum user=13.1% system=20.8%\n",
    )
    .unwrap();
    let text = text.to_str().unwrap();
    assert_contains(
        &error(2, &["log", "-b", "--from", text]),
        "only recordings say",
    );
    assert_contains(
        &error(1, &["boots", "--from", text]),
        "a text has no records",
    );
    for args in [&["boots"][..], &["log", "-b", "-1"]] {
        let assert = resmon(&[args, &["--from", "/dev/stdin"]].concat())
            .write_stdin(fs::read(folder.all()).unwrap())
            .assert()
            .code(2);
        let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert_contains(&text, "a pipe cannot");
    }
    fs::write(folder.path("empty"), "").unwrap();
    let empty = folder.text("empty");
    assert_contains(
        &error(1, &["boots", "--from", &empty]),
        "there is no record in it",
    );
    fs::create_dir(folder.path("none")).unwrap();
    let none = folder.text("none");
    for args in [
        &["boots"][..],
        &["log"],
        &["log", "-b"],
        &["record", &folder.text("a.rec")],
    ] {
        let text = error(1, &[args, &["--from", &none]].concat());
        assert_contains(&text, "there is no recording in it, and no text");
    }
    // Which of them is damaged is told.
    let all = folder.all();
    let bytes = fs::read(&all).unwrap();
    fs::write(folder.path("cut"), &bytes[..bytes.len() - 9]).unwrap();
    let cut = folder.text("cut");
    let assert = resmon(&["boots", "--from", &all, "--from", &cut])
        .assert()
        .success();
    let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_contains(&text, "cut: damaged");
}

/// These need the module; where it is loaded they are tested in a machine of their own.
#[test]
fn the_device_is_asked_without_from() {
    if std::path::Path::new(resmon::Device::PATH).exists() {
        return;
    }
    let folder = Folder::new();
    let saved = folder.text("saved");
    for args in [
        &["boots"][..],
        &["forget"],
        &["save", &saved],
        &["log", "-b"],
        &["log", "-b", "-1"],
        &["top", "-b", "-1", "--once", "80x24"],
        &["plot", "-b", "-1", "--out", &folder.text("a.svg")],
        &["record", &folder.text("a.rec"), "-b", "-1"],
    ] {
        assert_contains(&error(1, args), "module not loaded");
    }
    assert_eq!(folder.0.path().read_dir().unwrap().count(), 0);
}

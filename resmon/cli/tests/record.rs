// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon record`, and the commands that only print.

#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../../lib/tests/dump/made.rs"]
mod dump;
mod util;

use std::process::Command;

use util::*;

#[test]
fn records_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rec");
    let file = file.to_str().unwrap();
    assert_eq!(output(&["record", file, "--from", RECORDING]), "");
    assert_eq!(
        std::fs::read(file).unwrap(),
        std::fs::read(RECORDING).unwrap()
    );
    assert_eq!(
        output(&["log", "--from", file]),
        output(&["log", "--from", RECORDING])
    );
    // What is there is not written over.
    let text = error(1, &["record", file, "--from", RECORDING]);
    assert_contains(&text, "there already");
    let few = folder.path().join("b.rec");
    output(&[
        "record",
        few.to_str().unwrap(),
        "--from",
        file,
        "--count",
        "7",
    ]);
    let bytes: Vec<u8> = recording()[..7]
        .iter()
        .flat_map(resmon::Record::to_bytes)
        .collect();
    assert_eq!(std::fs::read(few).unwrap(), bytes);
}

#[test]
fn a_dump_is_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let pieces = dump::pieces();
    let (core, file) = (path("vmcore"), path("a.rec"));
    std::fs::write(&core, dump::one(pieces.memory([2, 3, 0, 1]))).unwrap();
    let bytes: Vec<u8> = pieces
        .records
        .iter()
        .flat_map(|words| dump::bytes_of(words))
        .collect();
    std::fs::write(&file, bytes).unwrap();
    for args in [
        &["log", "--json"][..],
        &["log", "--csv"],
        &["top", "--once", "100x40"],
    ] {
        let [of_core, of_file] =
            [&core, &file].map(|from| output(&[args, &["--from", from]].concat()));
        assert_eq!(of_core, of_file);
    }
    assert_eq!(
        output(&["log", "--json", "--from", &core]).lines().count(),
        19
    );
    let [of_core, of_file] = [(&core, "b.rec"), (&file, "c.rec")].map(|(from, name)| {
        output(&["record", "--raw", &path(name), "--from", from]);
        std::fs::read(path(name)).unwrap()
    });
    assert!(of_core == of_file && of_core.len() > 19 * 800);
    output(&["plot", "--from", &core, "--out", &path("a.svg")]);
    // Those that cannot be read say so.
    let compressed = path("dump");
    std::fs::write(&compressed, [&b"KDUMP   "[..], &[0xff; 1 << 17]].concat()).unwrap();
    for args in [
        &["log"][..],
        &["top", "--once", "100x40"],
        &["record", &path("d.rec")],
    ] {
        let text = error(1, &[args, &["--from", &compressed]].concat());
        assert_contains(&text, "makedumpfile -E -d 31");
    }
    let command = resmon(&["log", "--from", "/dev/stdin"])
        .write_stdin(std::fs::read(&core).unwrap())
        .assert()
        .code(1);
    let text = String::from_utf8_lossy(&command.get_output().stderr).into_owned();
    assert_contains(&text, "not read from a pipe");
}

#[test]
fn records_are_appended_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rec");
    let file = file.to_str().unwrap();
    let record = |args: &[&str]| output(&[&["record", file, "--from", LAYERS], args].concat());
    record(&["--append", "--count", "7"]);
    let first = std::fs::read(file).unwrap();
    // The end of the last one is missing, as after a panic.
    std::fs::write(file, &first[..first.len() - 9]).unwrap();
    let assert = resmon(&["record", file, "--append", "--from", LAYERS]).assert();
    let text = String::from_utf8_lossy(&assert.success().get_output().stderr).into_owned();
    assert_contains(&text, "the recording ends within a record");
    let records = |path: &str| -> Vec<_> {
        let recording = resmon::Recording::open(path).unwrap();
        let records = resmon::Records::new(recording);
        records.map(|record| record.unwrap()).collect()
    };
    assert_eq!(records(file), records(LAYERS));
    // It is all there now.
    let bytes = std::fs::read(file).unwrap();
    resmon(&["record", file, "--append", "--from", LAYERS])
        .assert()
        .success();
    assert_eq!(std::fs::read(file).unwrap(), bytes);
    // What is no recording does not become one.
    let text = folder.path().join("text");
    std::fs::write(&text, "hello").unwrap();
    error(
        1,
        &[
            "record",
            text.to_str().unwrap(),
            "--append",
            "--from",
            LAYERS,
        ],
    );
    assert_eq!(std::fs::read(&text).unwrap(), b"hello");
}

#[test]
fn encoded_records_are_the_same_and_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (encoded, plain) = (path("a.rec"), path("b.rec"));
    output(&["record", &encoded, "--from", LAYERS]);
    output(&["record", &plain, "--raw", "--from", &encoded]);
    let bytes = std::fs::read(LAYERS).unwrap();
    assert_eq!(std::fs::read(&plain).unwrap(), bytes);
    let encoded = std::fs::metadata(&encoded).unwrap().len() as usize;
    assert!(
        encoded * 4 < bytes.len(),
        "{encoded} bytes are encoded, of {}",
        bytes.len()
    );
}

#[test]
fn nothing_is_left_when_there_is_nothing_to_record() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rec");
    error(1, &["record", file.to_str().unwrap(), "--from", "/nowhere"]);
    assert!(
        !file.exists(),
        "{} is there, expected no file",
        file.display()
    );
    error(1, &["record", "/no/folder/a.rec", "--from", RECORDING]);
}

#[test]
fn a_full_disk_leaves_whole_records() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rec");
    // A file may be no larger than 10 blocks of 1024 bytes, and the signal for that is ignored.
    let script = "trap '' XFSZ; ulimit -f 10; exec \"$@\"";
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .arg(assert_cmd::cargo::cargo_bin("resmon"))
        .args(["record", file.to_str().unwrap(), "--from", RECORDING])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), text.lines().count()),
        (Some(1), 1),
        "{text}"
    );
    assert_contains(&text, "a.rec: File too large");
    let records = resmon::Records::open(&file).unwrap();
    let records = records.collect::<resmon::Result<Vec<_>>>().unwrap();
    assert_eq!(records.len(), 4);
}

/// These need the module; where it is loaded they are tested in a machine of their own.
#[test]
fn commands_say_that_there_is_no_module() {
    if std::path::Path::new(resmon::Device::PATH).exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    for args in [
        &["log"][..],
        &["log", "--since", "all"],
        &["log", "--follow"],
        &["status"],
        &["status", "--json"],
        &["interval"],
        &["interval", "1s"],
        &["record", &path("a.rec")],
        &["plot", "--out", &path("a.svg")],
    ] {
        assert_contains(&error(1, args), "module not loaded");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn intervals_out_of_range() {
    for interval in ["9ms", "2h", "0s"] {
        assert_contains(&error(2, &["interval", interval]), "10ms to 1h");
    }
    for interval in ["1", "s", "1.5s", "-1s", "1d"] {
        resmon(&["interval", interval]).assert().code(2);
    }
}

#[test]
fn completions_for_all_shells() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert_contains(&output(&["completions", shell]), "resmon");
    }
    resmon(&["completions", "dos"]).assert().code(2);
}

#[test]
fn a_man_page_per_command() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man/man1");
    output(&["man", man.to_str().unwrap()]);
    let page = std::fs::read_to_string(man.join("resmon-log.1")).unwrap();
    for part in [".TH", "\\-\\-since", "resmon log"] {
        assert_contains(&page, part);
    }
    let mut names: Vec<_> = man
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    names.sort();
    let commands = [
        "resmon-boots.1",
        "resmon-completions.1",
        "resmon-export.1",
        "resmon-forget.1",
        "resmon-interval.1",
        "resmon-log.1",
        "resmon-man.1",
        "resmon-plot.1",
        "resmon-record.1",
        "resmon-save.1",
        "resmon-status.1",
        "resmon-top.1",
        "resmon-watch.1",
        "resmon.1",
    ];
    assert_eq!(names, commands);
    error(1, &["man", "/dev/null/man"]);
}

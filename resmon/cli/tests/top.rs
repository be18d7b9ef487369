// SPDX-License-Identifier: GPL-2.0-or-later

//! The screen of `resmon top --once`, as users see it. The golden screens in `top/` are what
//! `TZ=UTC resmon top --from testdata/minute.rec --once SIZE` prints, and `busy-80x24.txt` that of the
//! recording up to its record 32.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

fn path(parts: &[&str]) -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.extend(parts);
    path
}

fn recording() -> PathBuf {
    path(&["..", "testdata", "minute.rec"])
}

/// The recording up to the record `seq`.
fn until(seq: u64) -> Vec<u8> {
    let bytes = fs::read(recording()).unwrap();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let mut at = 0;
    loop {
        let found = word(at + 4 * 8);
        at += usize::try_from(word(at + 2 * 8)).unwrap();
        if found == seq {
            return bytes[..at].to_vec();
        }
    }
}

fn top(from: &Path, args: &[&str]) -> Output {
    Command::cargo_bin("resmon")
        .unwrap()
        .env("TZ", "UTC")
        .args(["top", "--from"])
        .arg(from)
        .args(args)
        .output()
        .unwrap()
}

fn check(from: &Path, size: &str, golden: &str) {
    let output = top(from, &["--once", size]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let screen = String::from_utf8(output.stdout).unwrap();
    let expected = fs::read_to_string(path(&["tests", "top", golden])).unwrap();
    assert!(
        screen == expected,
        "found:\n{screen}\nexpected {golden}:\n{expected}"
    );
    let (columns, rows) = size.split_once('x').unwrap();
    let columns: usize = columns.parse().unwrap();
    assert_eq!(screen.lines().count(), rows.parse::<usize>().unwrap());
    let widest = screen.lines().map(|line| line.chars().count()).max();
    assert!(
        widest <= Some(columns),
        "the widest line has {widest:?} columns, expected at most {columns}:\n{screen}"
    );
}

#[test]
fn screens_are_as_they_were() {
    for size in ["80x24", "120x40", "40x10", "10x3"] {
        check(&recording(), size, &format!("{size}.txt"));
    }
}

#[test]
fn a_busy_screen_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let busy = folder.path().join("busy.rec");
    fs::write(&busy, until(32)).unwrap();
    check(&busy, "80x24", "busy-80x24.txt");
}

#[test]
fn the_size_is_80x24_unless_given() {
    let (without, with) = (
        top(&recording(), &["--once"]),
        top(&recording(), &["--once", "80x24"]),
    );
    assert_eq!(without.status.code(), Some(0), "{without:?}");
    assert_eq!(without.stdout, with.stdout);
}

#[test]
fn text_needs_no_colours() {
    let output = top(&recording(), &["--once", "120x40"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        !text.contains('\x1b'),
        "expected no escape sequence, found {text:?}"
    );
}

#[test]
fn recordings_without_a_sample_are_shown_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("short.rec");
    for bytes in [Vec::new(), until(1)] {
        fs::write(&file, bytes).unwrap();
        let output = top(&file, &["--once"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let screen = String::from_utf8(output.stdout).unwrap();
        let expected = "There is no sample";
        assert!(
            screen.contains(expected),
            "expected {expected:?}, found:\n{screen}"
        );
    }
}

fn refused(from: &Path, args: &[&str], code: i32, text: &str) {
    let output = top(from, args);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(text), "expected {text:?} in {error:?}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn wrong_sizes_are_refused() {
    for size in [
        "", "80", "9x3", "10x2", "1001x24", "80x501", "axb", "80x24x",
    ] {
        let option = format!("--once={size}");
        refused(&recording(), &[&option], 2, "it can be 10x3 to 1000x500");
    }
}

#[test]
fn a_screen_needs_a_terminal() {
    refused(
        &recording(),
        &[],
        2,
        "standard output is not a terminal; use resmon log or --once",
    );
}

#[test]
fn bad_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.rec");
    refused(&file, &["--once"], 1, "bad.rec");
    let mut bytes = until(20);
    bytes.pop();
    fs::write(&file, bytes).unwrap();
    refused(&file, &["--once"], 1, "the recording ends within a record");
    fs::write(&file, [b'x'; 4096]).unwrap();
    refused(&file, &["--once"], 1, "not a record of resource_monitor");
}

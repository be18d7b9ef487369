// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(dead_code)] // Not every test needs everything.

pub mod events;
pub mod tasks;
pub mod terminal;

use std::path::Path;
use std::{env, fs};

use assert_cmd::Command;
use resmon::model::record::{Content, SectionHeader, SIZE_AT};
use resmon::model::words::Words;
use resmon::{Record, Records};

/// One of record version 1.
pub const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/minute.rec");

/// One of version 2, of disks and interfaces that lie on others.
pub const LAYERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/layers.rec");

/// Compares a text with a file of this crate. With UPDATE=1 in the environment it writes the file,
/// whose difference is then to be looked at before it is committed.
#[track_caller]
pub fn assert_is_file(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    let path = path.display();
    assert!(
        text == expected,
        "{path} is not what was found; UPDATE=1 writes it. Found:\n{text}"
    );
}

/// The word of a section that has its state.
pub const STATE_AT: usize = 4;

/// The program, in a time zone that is the same everywhere.
pub fn resmon(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("resmon").unwrap();
    command.env("TZ", "UTC").args(args);
    command
}

/// What it prints when all is fine.
pub fn output(args: &[&str]) -> String {
    let assert = resmon(args).assert().success();
    let output = assert.get_output();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it says in its one line when it fails with this code.
pub fn error(code: i32, args: &[&str]) -> String {
    let assert = resmon(args).assert().code(code);
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.starts_with("resmon: "),
        "expected \"resmon: \" at the start of {text:?}"
    );
    text
}

#[track_caller]
pub fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "expected {part:?} in {text:?}");
}

pub fn recording() -> Vec<Record> {
    let records = Records::open(RECORDING).unwrap();
    records.map(|record| record.unwrap()).collect()
}

/// A recording of other words than the module has sampled.
pub fn changed(record: &Record, change: impl FnOnce(&mut Vec<u64>)) -> Record {
    let mut words = record.raw().unwrap().words().to_vec();
    change(&mut words);
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Record::from_bytes(&bytes).unwrap()
}

/// The record with one more section, of one entry.
pub fn with_section<C: Content>(record: &Record, entry: &C) -> Record {
    with_entries(
        record,
        record.header().taken_mono_ns,
        std::slice::from_ref(entry),
    )
}

/// The record with one more section, which was read at a time.
pub fn with_entries<C: Content>(record: &Record, mono_ns: u64, entries: &[C]) -> Record {
    changed(record, |words| {
        let header = SectionHeader {
            first_mono_ns: mono_ns,
            last_mono_ns: mono_ns,
            ..SectionHeader::of::<C>(entries.len())
        };
        header.put(&mut |word| words.push(word));
        for entry in entries {
            entry.put(&mut |word| words.push(word));
        }
        words[SIZE_AT] = 8 * words.len() as u64;
    })
}

/// A file of these records, in a folder that goes with the value.
pub fn file_of<'r>(records: impl IntoIterator<Item = &'r Record>) -> tempfile::NamedTempFile {
    let bytes: Vec<u8> = records.into_iter().flat_map(Record::to_bytes).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

pub fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

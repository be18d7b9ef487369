// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon save`.

#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../../lib/tests/dump/made.rs"]
mod dump;
mod util;

use std::fs::{self, Permissions};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use util::*;

/// The file of the boot that the records of the dump are of.
const FILE: &str = "boot-000000009abcdef0.rec";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.path("saved")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A file that has these bytes.
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.text(name)
    }

    /// A dump that has all pieces.
    fn core(&self) -> String {
        self.file("vmcore", dump::one(dump::pieces().memory([2, 3, 0, 1])))
    }

    fn args<'a>(&self, saved: &'a mut String, from: &'a str) -> [&'a str; 4] {
        *saved = self.text("saved");
        ["save", saved, "--from", from]
    }

    fn save(&self, from: &str) -> String {
        output(&self.args(&mut String::new(), from))
    }

    /// What it says when it fails, and what it prints nevertheless.
    fn fails(&self, from: &str) -> (String, String) {
        let assert = resmon(&self.args(&mut String::new(), from))
            .assert()
            .code(1);
        let output = assert.get_output();
        let [stderr, stdout] = [&output.stderr, &output.stdout];
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(stderr), text(stdout))
    }

    fn saved(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("saved")).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// The words of the records in a file, as they lie there.
fn words_in(path: impl AsRef<Path>) -> Vec<Vec<u64>> {
    let records = resmon::Records::open(path).unwrap();
    let words = records.map(|record| record.unwrap().raw().unwrap().words().to_vec());
    words.collect()
}

/// A recording of records.
fn plain<'w>(records: impl IntoIterator<Item = &'w Vec<u64>>) -> Vec<u8> {
    let words = records.into_iter().flatten();
    words.flat_map(|word| word.to_le_bytes()).collect()
}

/// Records of another boot.
fn of_boot(boot_id: u64, mut records: Vec<Vec<u64>>) -> Vec<Vec<u64>> {
    for record in &mut records {
        record[dump::BOOT_ID_AT] = boot_id;
    }
    records
}

#[test]
fn a_dump_is_saved_once() {
    let folder = Folder::new();
    let (core, file) = (folder.core(), folder.path("saved").join(FILE));
    let records = dump::pieces().records;
    assert_eq!(
        folder.save(&core),
        format!(
            "{}: records added: 20, from 2036-05-26 13:04:56 to 2036-05-26 13:05:15\n",
            file.display()
        )
    );
    assert_eq!(words_in(&file), records);
    // Encoded as record does it.
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.len() * 2 < plain(&records).len());
    assert_eq!(
        folder.save(&core),
        format!(
            "{}: no records added, all 20 were there already\n",
            file.display()
        )
    );
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert_eq!(folder.saved(), [FILE]);
}

#[test]
fn only_what_is_new_is_added() {
    let folder = Folder::new();
    let file = folder.path("saved").join(FILE);
    let records = dump::pieces().records;
    // Another load of the same boot has the same numbers; what is there twice, in part as well, is saved once.
    let other = dump::kept(7, 0..20);
    let parts = [&records[2..9], &records[5..12], &other[3..6]].concat();
    let some = folder.file("some.rec", plain(&parts));
    assert_contains(&folder.save(&some), "records added: 13, from");
    // The end of the last record is missing, as when a machine dies.
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 9]).unwrap();
    let core = folder.core();
    let mut saved = String::new();
    let assert = resmon(&folder.args(&mut saved, &core)).assert().success();
    let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert_contains(&text, "the recording ends within a record");
    assert_eq!(words_in(&file).len(), 23);
    let recording = resmon::Recording::open(&file).unwrap();
    let found: Vec<_> = resmon::Records::new(recording)
        .map(|record| record.unwrap().raw().unwrap().words().to_vec())
        .collect();
    // The load with the lower identity is the older one.
    assert_eq!(found, [&other[3..6], &records].concat());
}

#[test]
fn each_boot_has_a_file() {
    let folder = Folder::new();
    let boots = [
        of_boot(1, dump::kept(2, 0..5)),
        of_boot(0xffff_ffff_ffff_ffff, dump::kept(1, 0..7)),
    ];
    let all = folder.file("all.rec", plain(boots.iter().flatten()));
    assert_eq!(folder.save(&all).lines().count(), 2);
    let names = ["boot-0000000000000001.rec", "boot-ffffffffffffffff.rec"];
    assert_eq!(folder.saved(), names);
    for (name, records) in names.iter().zip(&boots) {
        assert_eq!(&words_in(folder.path("saved").join(name)), records);
    }
}

#[test]
fn files_are_for_their_owner_and_group() {
    for umask in ["0", "077", "777"] {
        let folder = Folder::new();
        let core = folder.core();
        let status = Command::new("bash")
            .args(["-c", &format!("umask {umask}; exec \"$@\""), "bash"])
            .arg(assert_cmd::cargo::cargo_bin("resmon"))
            .args(folder.args(&mut String::new(), &core))
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        let file = folder.path("saved").join(FILE);
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "umask {umask}");
        // What the administrator has made of it stays.
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        folder.save(&core);
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
}

#[test]
fn what_is_no_recording_stays_as_it_is() {
    let folder = Folder::new();
    let core = folder.core();
    let file = folder.path("saved").join(FILE);
    let elf = fs::read(&core).unwrap();
    for (bytes, said) in [(&b"hello"[..], "not a record"), (&elf, "it is a dump")] {
        fs::write(&file, bytes).unwrap();
        let (stderr, stdout) = folder.fails(&core);
        assert_contains(&stderr, &format!("resmon: {}: ", file.display()));
        assert_contains(&stderr, said);
        assert_eq!((stderr.lines().count(), stdout.as_str()), (1, ""));
        assert!(fs::read(&file).unwrap() == bytes);
    }
    fs::remove_file(&file).unwrap();
    // A link to what may be written, and one to what is not there.
    let target = folder.path("target");
    symlink(&target, &file).unwrap();
    for _ in 0..2 {
        assert_contains(&folder.fails(&core).0, "symbolic link");
        assert!(!target.exists() || fs::read(&target).unwrap().is_empty());
        fs::write(&target, "").unwrap();
    }
    fs::remove_file(&file).unwrap();
    // A pipe that nobody writes to is not waited for.
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    assert_contains(&folder.fails(&core).0, "it is no file");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_contains(&folder.fails(&core).0, FILE);
}

#[test]
fn others_are_saved_when_one_cannot_be() {
    let folder = Folder::new();
    let boots = [1, 2, 3].map(|id| of_boot(id, dump::kept(id, 0..5)));
    let all = folder.file("all.rec", plain(boots.iter().flatten()));
    folder.file("saved/boot-0000000000000002.rec", "hello");
    let (stderr, stdout) = folder.fails(&all);
    assert_contains(&stderr, "boot-0000000000000002.rec: not a record");
    assert_eq!((stderr.lines().count(), stdout.lines().count()), (1, 2));
    for (name, records) in [("1", &boots[0]), ("3", &boots[2])] {
        let file = folder.path(&format!("saved/boot-000000000000000{name}.rec"));
        assert_eq!(&words_in(file), records);
    }
}

#[test]
fn nothing_to_be_saved_is_an_error() {
    let folder = Folder::new();
    let cases = [
        folder.file("empty.rec", ""),
        folder.file("elf", dump::one(dump::memory(40, &[]))),
        folder.file("text", "hello\n"),
        folder.file("compressed", [&b"KDUMP   "[..], &[0xff; 1 << 17]].concat()),
        folder.text("nowhere"),
        // Of version 1, which has no identities.
        RECORDING.to_owned(),
    ];
    for from in &cases {
        let (stderr, stdout) = folder.fails(from);
        assert!(stderr.starts_with(&format!("resmon: {from}: ")), "{stderr}");
        assert_eq!((stderr.lines().count(), stdout.as_str()), (1, ""));
        assert_eq!(folder.saved(), [""; 0]);
    }
    let nowhere = folder.text("nowhere");
    let text = error(1, &["save", &nowhere, "--from", &folder.core()]);
    assert_contains(&text, "there is no such folder");
    assert!(!folder.path("nowhere").exists());
    resmon(&["save"]).assert().code(2);
}

#[test]
fn a_dump_cannot_fill_the_folder_with_files() {
    let folder = Folder::new();
    let boots = (1..=70).flat_map(|id| of_boot(id, dump::kept(id, 0..2)));
    let all = folder.file("all.rec", plain(&boots.collect::<Vec<_>>()));
    let (stderr, stdout) = folder.fails(&all);
    assert_contains(&stderr, "more than 64 boots: 12 of them are not saved");
    assert_eq!((stdout.lines().count(), folder.saved().len()), (64, 64));
}

#[test]
fn a_full_disk_leaves_whole_records() {
    let folder = Folder::new();
    let records = dump::kept(dump::LOAD_ID, 0..400);
    let all = folder.file("all.rec", plain(&records));
    // A file may be no larger than 10 blocks of 1024 bytes, and the signal for that is ignored.
    let script = "trap '' XFSZ; ulimit -f 10; exec \"$@\"";
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .arg(assert_cmd::cargo::cargo_bin("resmon"))
        .args(folder.args(&mut String::new(), &all))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = text.lines().count();
    assert_eq!((output.status.code(), lines), (Some(1), 1), "{text}");
    assert_contains(&text, &format!("{FILE}: File too large"));
    let saved = words_in(folder.path("saved").join(FILE));
    assert!((4..400).contains(&saved.len()), "{}", saved.len());
    assert_eq!(saved, &records[..saved.len()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_contains(&said, &format!("records added: {},", saved.len()));
    // With room, the rest is added.
    folder.save(&all);
    assert_eq!(words_in(folder.path("saved").join(FILE)), records);
}

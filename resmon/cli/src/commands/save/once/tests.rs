// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::process::Command;

use super::*;

const LAYERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/layers.rec");

/// Where in a record the identity of the boot is, in bytes.
const BOOT_ID: std::ops::Range<usize> = 15 * 8..16 * 8;

/// A recording of boots with these identities, in a folder.
struct Kept(tempfile::TempDir);

impl Kept {
    fn new(ids: &[u64]) -> Self {
        let kept = Self(tempfile::tempdir().unwrap());
        let records = || Records::open(LAYERS).unwrap().map(|record| record.unwrap());
        let bytes = ids.iter().flat_map(|id| {
            records().flat_map(|record| {
                let mut bytes = record.to_bytes();
                bytes[BOOT_ID].copy_from_slice(&id.to_le_bytes());
                bytes
            })
        });
        fs::write(kept.path("all.rec"), bytes.collect::<Vec<_>>()).unwrap();
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn all(&self) -> Recording {
        Recording::open(self.path("all.rec")).unwrap()
    }

    /// Saves all to the folder `saved`.
    fn save(&self) -> (Vec<String>, Vec<String>) {
        let boots = self.all().boots();
        let (lines, errors) = save(&self.path("saved"), &boots, |boot| {
            Ok(self.all().of_boot(boot)?)
        });
        let errors = errors.iter().map(Error::to_string);
        (lines, errors.collect())
    }

    /// The names in the folder `saved`.
    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("saved")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn saved(&self, id: u64) -> PathBuf {
        self.path(&format!("saved/boot-{id:016x}.rec"))
    }
}

#[test]
fn each_boot_is_saved_once() {
    let kept = Kept::new(&[1, 2]);
    let (lines, errors) = kept.save();
    assert_eq!((lines.len(), errors.len()), (2, 0), "{lines:?} {errors:?}");
    assert_eq!(
        kept.names(),
        ["boot-0000000000000001.rec", "boot-0000000000000002.rec"]
    );
    for (id, line) in [(1, &lines[0]), (2, &lines[1])] {
        let path = kept.saved(id);
        let begin = format!("{}: records saved: 26, from 20", path.display());
        assert!(line.starts_with(&begin), "{line:?}");
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o7777,
            0o640
        );
        let boots = kept.all().boots();
        let boot = boots.iter().find(|boot| boot.id == Some(Id(id))).unwrap();
        let records = |recording: Recording| {
            let records = Records::new(recording);
            records.map(|record| record.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(
            records(Recording::open(&path).unwrap()),
            records(kept.all().of_boot(boot).unwrap())
        );
    }
    // What is there stays as it is, whatever it is.
    fs::write(kept.saved(1), "mine").unwrap();
    fs::set_permissions(kept.saved(1), Permissions::from_mode(0o600)).unwrap();
    let second = fs::read(kept.saved(2)).unwrap();
    let (lines, errors) = kept.save();
    assert_eq!(errors.len(), 0);
    for line in lines {
        assert!(line.ends_with(": it is there already"), "{line:?}");
    }
    assert_eq!(fs::read(kept.saved(1)).unwrap(), b"mine");
    assert_eq!(fs::read(kept.saved(2)).unwrap(), second);
    let mode = kept.saved(1).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn nothing_leaves_no_folder() {
    let kept = Kept::new(&[]);
    assert_eq!(
        kept.save(),
        (vec!["there are no records of other boots".into()], vec![])
    );
    assert!(!kept.path("saved").exists());
    // Nor does a boot of which no record can be read any more.
    let kept = Kept::new(&[7]);
    let boots = kept.all().boots();
    let empty = kept.path("empty.rec");
    fs::write(&empty, "").unwrap();
    let (lines, errors) = save(&kept.path("saved"), &boots, |_| {
        Ok(Recording::open(&empty)?)
    });
    assert!(lines[0].contains("boot 0000000000000007 cannot be read"));
    assert_eq!((lines.len(), errors.len()), (1, 0));
    assert!(!kept.path("saved").exists());
}

#[test]
fn what_is_in_the_way_is_not_followed_or_written_to() {
    let kept = Kept::new(&[1]);
    fs::create_dir(kept.path("saved")).unwrap();
    let target = kept.path("target");
    fs::write(&target, "mine").unwrap();
    // A link in the place of the file, and one in that of what becomes it.
    symlink(&target, kept.saved(1)).unwrap();
    let (lines, errors) = kept.save();
    assert!(lines[0].ends_with("already") && errors.is_empty());
    fs::remove_file(kept.saved(1)).unwrap();
    let hidden = kept.path("saved/.boot-0000000000000001.rec.new");
    symlink(&target, &hidden).unwrap();
    assert_eq!(kept.save().1, [""; 0]);
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    assert_eq!(kept.names(), ["boot-0000000000000001.rec"]);
    assert!(kept.saved(1).symlink_metadata().unwrap().is_file());
    // What a run that was cut off has left goes.
    fs::remove_file(kept.saved(1)).unwrap();
    fs::write(&hidden, "half").unwrap();
    assert_eq!(kept.save().1, [""; 0]);
    assert_eq!(kept.names(), ["boot-0000000000000001.rec"]);
}

#[test]
fn others_are_saved_when_one_cannot_be() {
    let kept = Kept::new(&[1, 2, 3]);
    fs::create_dir(kept.path("saved")).unwrap();
    // A folder cannot be written over.
    fs::create_dir(kept.path("saved/.boot-0000000000000002.rec.new")).unwrap();
    let (lines, errors) = kept.save();
    assert_eq!((lines.len(), errors.len()), (2, 1));
    assert!(
        errors[0].contains("boot-0000000000000002.rec: "),
        "{errors:?}"
    );
    for id in [1, 3] {
        assert!(kept.saved(id).is_file());
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let kept = Kept::new(&[1]);
    let boots = kept.all().boots();
    let nowhere = kept.path("no/folder");
    let (lines, errors) = save(&nowhere, &boots, |boot| Ok(kept.all().of_boot(boot)?));
    assert_eq!((lines.len(), errors.len()), (0, 1));
    let error = errors[0].to_string();
    assert!(error.starts_with(&nowhere.display().to_string()), "{error}");
}

#[test]
fn no_more_than_the_newest_boots_are_saved() {
    let ids: Vec<u64> = (1..=MOST_BOOTS as u64 + 3).collect();
    let kept = Kept::new(&ids);
    let (lines, errors) = kept.save();
    assert_eq!((lines.len(), errors.len()), (MOST_BOOTS, 1));
    assert!(errors[0].contains("the 3 oldest ones"), "{errors:?}");
    assert_eq!(kept.names().len(), MOST_BOOTS);
}

/// In a program of its own, whose files may be no larger than 4 blocks of 1024 bytes; the signal for that is ignored.
#[test]
fn a_full_disk_leaves_nothing() {
    const SAVE_TO: &str = "RESMON_TEST_SAVE_TO";
    if let Some(folder) = env::var_os(SAVE_TO) {
        let recording = || Recording::open(LAYERS).unwrap();
        let saved = save(
            Path::new(&folder),
            &recording().boots(),
            |_| Ok(recording()),
        );
        assert_eq!(saved.0, [""; 0]);
        let errors: Vec<_> = saved.1.iter().map(Error::to_string).collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains(".rec: File too large"), "{errors:?}");
        return;
    }
    let kept = Kept::new(&[]);
    let this = "commands::save::once::tests::a_full_disk_leaves_nothing";
    // What it prints may go to a file, too, so it is read.
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "bash"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", this])
        .env(SAVE_TO, kept.path("saved"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(kept.names(), [""; 0]);
}

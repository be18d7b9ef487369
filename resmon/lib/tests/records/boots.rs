// SPDX-License-Identifier: GPL-2.0-or-later

//! Recordings of several boots, in one file or in more.

use std::io::Write;

use resmon::{Boot, Recording, Records};

use crate::lives::{life, WALL_S};

/// Two loads of one boot, with another boot before them and one after.
fn lives() -> [Vec<resmon::Record>; 4] {
    [
        life(Some((5, 50)), WALL_S, 0..4),
        life(Some((3, 70)), WALL_S + 5_000, 0..3),
        life(Some((3, 20)), WALL_S + 5_000, 10..16),
        life(Some((9, 10)), WALL_S + 9_000, 7..9),
    ]
}

fn recording(records: &[resmon::Record]) -> Recording {
    let mut file = tempfile::tempfile().unwrap();
    for record in records {
        file.write_all(&record.to_bytes()).unwrap();
    }
    std::io::Seek::rewind(&mut file).unwrap();
    Recording::of(file, &mut |_, _| ()).unwrap()
}

/// The identities of boot and load, and the number, of each record.
fn read(recording: Recording) -> Vec<(u64, u64, u64)> {
    let records = Records::new(recording);
    let headers = records.map(|record| record.unwrap().header());
    headers
        .map(|header| {
            (
                header.boot_id.unwrap_or(0),
                header.load_id.unwrap_or(0),
                header.seq,
            )
        })
        .collect()
}

fn ids(boots: &[Boot]) -> Vec<u64> {
    boots.iter().map(|boot| boot.id.unwrap().0).collect()
}

#[test]
fn boots_of_a_recording() {
    let [first, one, other, last] = lives();
    let recording = recording(&[last, other, first, one].concat());
    let boots = recording.boots();
    assert_eq!(ids(&boots), [5, 3, 9]);
    let times: Vec<_> = boots
        .iter()
        .map(|boot| (boot.from_s as u64 - WALL_S, boot.to_s as u64 - WALL_S))
        .collect();
    assert_eq!(times, [(100, 103), (5_100, 5_115), (9_107, 9_108)]);
    let records: Vec<_> = boots.iter().map(|boot| boot.records).collect();
    assert_eq!(records, [4, 9, 2]);
    for boot in &boots {
        assert_eq!((&boot.kernel, boot.ended), (&None, None));
    }
}

#[test]
fn one_boot_is_read_alone() {
    let [first, one, other, last] = lives();
    let all = [last, other, first, one].concat();
    let boots = recording(&all).boots();
    for (boot, expected) in boots.iter().zip([
        (0..4).map(|seq| (5, 50, seq)).collect::<Vec<_>>(),
        (0..3)
            .map(|seq| (3, 70, seq))
            .chain((10..16).map(|seq| (3, 20, seq)))
            .collect(),
        (7..9).map(|seq| (9, 10, seq)).collect(),
    ]) {
        let alone = recording(&all).of_boot(boot).unwrap();
        assert_eq!(alone.span(), Some((boot.from_s, boot.to_s)));
        assert_eq!(alone.boots(), [boot.clone()]);
        assert_eq!(read(alone), expected);
    }
    // Also after some of it was read, and of what there is none of.
    let mut begun = recording(&all);
    std::io::Read::read_exact(&mut begun, &mut [0; 100]).unwrap();
    assert_eq!(read(begun.of_boot(&boots[2]).unwrap()).len(), 2);
    let none = recording(&all[..2]).of_boot(&boots[0]).unwrap();
    assert!(none.is_empty() && none.span().is_none());
    assert_eq!(read(none), []);
}

#[test]
fn files_are_read_as_one() {
    let [first, one, other, last] = lives();
    let all = [first.clone(), one.clone(), other.clone(), last.clone()].concat();
    let expected = read(recording(&all));
    let joined = |files: &[&[resmon::Record]]| {
        Recording::joined(files.iter().map(|records| recording(records))).unwrap()
    };
    // Parts of a life in two files, and what is in both.
    for files in [
        &[last.as_slice(), &other, &first, &one][..],
        &[&other[3..], &first, &last, &one, &other[..3]],
        &[&first, &all, &other],
    ] {
        let recording = joined(files);
        assert_eq!(recording.span(), self::recording(&all).span());
        assert_eq!(
            recording
                .boots()
                .iter()
                .map(|boot| boot.records)
                .sum::<u64>(),
            15
        );
        assert_eq!(read(recording), expected);
    }
    assert!(joined(&[]).is_empty());
    // Each file has its own damage.
    let whole = recording(&first);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&last[0].to_bytes()).unwrap();
    file.write_all(&[0; 24]).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let damaged = Recording::of(file, &mut |_, _| ()).unwrap();
    let joined = Recording::joined([whole, damaged]).unwrap();
    assert_eq!(joined.damage().len(), 1);
    assert_eq!(read(joined).len(), 5);
}

#[test]
fn records_without_identity_are_boots_by_their_clocks() {
    let records = [life(None, WALL_S, 0..3), life(None, WALL_S + 7_000, 13..16)];
    let recording = recording(&records.concat());
    let boots = recording.boots();
    assert_eq!(boots.len(), 2);
    assert_eq!(boots[1].id, None);
    assert_eq!(read(recording.of_boot(&boots[1]).unwrap()).len(), 3);
}

#[test]
fn records_that_are_there_twice_count_once() {
    let parts = [
        life(Some((1, 1)), WALL_S, 6..12),
        life(Some((1, 1)), WALL_S, 0..5),
        life(Some((1, 1)), WALL_S, 4..8),
    ];
    let boots = recording(&parts.concat()).boots();
    assert_eq!((boots.len(), boots[0].records), (1, 12));
}

#[test]
fn recordings_are_known_by_their_begin() {
    let record = life(Some((1, 1)), WALL_S, 0..1)[0].to_bytes();
    assert!(Recording::is_recording(&record));
    assert!(Recording::is_recording(b"RSRCBLK\0"));
    for other in [
        &b""[..],
        b"R",
        b"RSR",
        b"\x7fELF\x02\x01\x01\0",
        b"hello, you",
    ] {
        assert!(!Recording::is_recording(other), "{other:?}");
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Records of several lives, and clocks that are set.

use std::io::Write;

use resmon::model::record::Header;
use resmon::{Record, Recording, Records, Samples};

use crate::util::Made;

const S: u64 = 1_000_000_000;

/// 2026-11-25, when the clocks are right.
pub const WALL_S: u64 = 1_795_600_000;

/// A record each second, of the life with these identities, the machine having been up since
/// `wall_s`.
pub fn life(
    ids: Option<(u64, u64)>,
    wall_s: u64,
    seqs: impl IntoIterator<Item = u64>,
) -> Vec<Record> {
    let record = |seq: u64| {
        let of = if ids.is_some() {
            Made::of
        } else {
            Made::of_older
        };
        of(Header {
            seq,
            taken_mono_ns: (100 + seq) * S,
            taken_wall_ns: (wall_s + 100 + seq) * S,
            due_mono_ns: (100 + seq) * S,
            interval_ns: S,
            taken_boot_ns: ids.map(|_| (100 + seq) * S),
            boot_id: ids.map(|(boot_id, _)| boot_id),
            load_id: ids.map(|(_, load_id)| load_id),
            ..Header::default()
        })
        .record()
    };
    seqs.into_iter().map(record).collect()
}

/// A file of records, which goes with the value.
fn file(records: &[Record]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for record in records {
        file.write_all(&record.to_bytes()).unwrap();
    }
    file
}

/// The number and the time of each sample of a recording.
fn samples(file: &tempfile::NamedTempFile) -> Vec<(u64, u64)> {
    let recording = Recording::open(file.path()).unwrap();
    let clock = recording.clock().clone();
    let samples = Samples::by_clock(Records::new(recording), clock);
    samples
        .map(|sample| sample.unwrap())
        .map(|sample| {
            assert_eq!(sample.elapsed_s, Some(1.0), "{sample:?}");
            (sample.seq.unwrap(), sample.time_s as u64)
        })
        .collect()
}

#[test]
fn lives_are_ordered_and_not_compared() {
    for ids in [None, Some([(1, 1), (1, 2), (2, 3)])] {
        let id = |at: usize| ids.map(|ids: [(u64, u64); 3]| ids[at]);
        let lives = [
            life(id(0), WALL_S, 0..3),
            life(id(1), WALL_S + 7_000, 13..16),
            life(id(2), WALL_S + 90_000, 6..9),
        ];
        let expected = [
            (1, 101),
            (2, 102),
            (14, 7_114),
            (15, 7_115),
            (7, 90_107),
            (8, 90_108),
        ]
        .map(|(seq, s)| (seq, WALL_S + s));
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let joined: Vec<_> = order.iter().flat_map(|at| lives[*at].clone()).collect();
            assert_eq!(
                samples(&file(&joined)),
                expected,
                "{ids:?} in order {order:?}"
            );
        }
    }
}

#[test]
fn parts_of_a_life_are_put_together() {
    let ids = Some((1, 1));
    // The same records may be in more than one part.
    let parts = [
        life(ids, WALL_S, 6..12),
        life(ids, WALL_S, 0..5),
        life(ids, WALL_S, 4..8),
    ];
    let expected: Vec<_> = (1..12).map(|seq| (seq, WALL_S + 100 + seq)).collect();
    assert_eq!(samples(&file(&parts.concat())), expected);
}

#[test]
fn a_clock_that_is_set_does_not_move_the_past() {
    for (ids, first_wall_s) in [
        (None, 0),
        (Some((1, 1)), 0),
        // Set back by an hour.
        (None, WALL_S + 3_600),
        (Some((1, 1)), WALL_S + 3_600),
    ] {
        let mut records = life(ids, first_wall_s, 0..20);
        records.extend(life(ids, WALL_S, 20..40));
        let file = file(&records);
        let expected: Vec<_> = (1..40).map(|seq| (seq, WALL_S + 100 + seq)).collect();
        assert_eq!(samples(&file), expected, "{ids:?}, from {first_wall_s}");
        let span = Recording::open(file.path()).unwrap().span();
        assert_eq!(span, Some(((WALL_S + 100) as f64, (WALL_S + 139) as f64)));
    }
}

#[test]
fn damage_within_a_life_leaves_the_rest_in_order() {
    for ids in [None, Some((1, 1))] {
        let records = life(ids, WALL_S, 0..10);
        let size = records[0].to_bytes().len();
        let file = file(&records);
        let mut bytes = std::fs::read(file.path()).unwrap();
        // Nothing of the fifth one, and less than that of the seventh.
        bytes[4 * size..5 * size].fill(0);
        bytes.remove(6 * size + 10);
        std::fs::write(file.path(), &bytes).unwrap();
        let recording = Recording::open(file.path()).unwrap();
        let places: Vec<_> = recording
            .damage()
            .iter()
            .map(|damage| (damage.offset as usize, damage.bytes as usize))
            .collect();
        assert_eq!(places, [(4 * size, size), (6 * size, size - 1)]);
        let seqs: Vec<u64> = Records::new(recording)
            .map(|record| record.unwrap().header().seq)
            .collect();
        assert_eq!(seqs, [0, 1, 2, 3, 5, 7, 8, 9]);
        // What is missing is between the two records of a sample.
        let recording = Recording::open(file.path()).unwrap();
        let elapsed: Vec<_> = Samples::new(Records::new(recording))
            .map(|sample| sample.unwrap().elapsed_s)
            .collect();
        let expected = [1.0, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0].map(Some);
        assert_eq!(elapsed, expected, "{ids:?}");
    }
}

#[test]
fn what_has_no_record_is_refused() {
    for bytes in [
        &b"hello"[..],
        &[0; 300],
        &life(None, 0, [0])[0].to_bytes()[..50],
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let found = Recording::open(file.path());
        assert!(found.is_err(), "expected an error, found {found:?}");
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(Recording::open(empty.path()).unwrap().span(), None);
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Plain records that a life has left in its ring.

use model::record::{
    Header, BOOT_ID_AT, LOAD_ID_AT, MAGIC, SEQ_AT, SIZE_AT, TAKEN_BOOT_AT, VERSION_AT,
};
use model::reserved::plain::{Ring, Whole};
use model::sum::{Sum, SUM_WORDS};
use model::words::Words;
use proptest::prelude::*;
use std::cell::Cell;

const BOOT: u64 = 5;
const LOAD: u64 = 6;

/// A record of so many words.
fn record(seq: u64, words: usize) -> Vec<u64> {
    let mut record = vec![seq; words];
    Header {
        seq,
        boot_id: Some(BOOT),
        load_id: Some(LOAD),
        taken_boot_ns: Some(seq.wrapping_mul(1000)),
        ..Header::of(words)
    }
    .put(&mut {
        let mut at = 0;
        let record = &mut record;
        move |word| {
            record[at] = word;
            at += 1;
        }
    });
    record
}

/// The same with its sum.
fn sealed(mut record: Vec<u64>) -> Vec<u64> {
    record.extend(Sum::of(record.iter().copied()).words());
    record
}

/// A ring of `len` words in which these follow one another from `start` on.
fn ring(len: usize, start: usize, records: &[Vec<u64>]) -> Vec<u64> {
    let mut ring = vec![0; len];
    let words = records.iter().flatten();
    for (at, word) in words.enumerate() {
        ring[(start + at) % len] = *word;
    }
    ring
}

/// All that is found, where the blocks have the records of the life up to `next_seq`.
fn found(words: &[u64], next_seq: u64) -> Vec<Whole> {
    let mut all = Vec::new();
    let mut ring = Ring::new(words.len(), |at| words[at]);
    let of_life = |boot_id, load_id| match (boot_id, load_id) {
        (BOOT, LOAD) => next_seq,
        _ => 0,
    };
    if let Some(first) = ring.first(of_life) {
        Ring::new(words.len(), |at| words[at]).each_from(&first, |record| all.push(*record));
    }
    all
}

fn seqs(words: &[u64], next_seq: u64) -> Vec<u64> {
    let found = found(words, next_seq);
    found.iter().map(|record| record.seq).collect()
}

fn records(seqs: impl IntoIterator<Item = u64>) -> Vec<Vec<u64>> {
    let len = |seq: u64| 20 + (seq % 5) as usize;
    seqs.into_iter()
        .map(|seq| sealed(record(seq, len(seq))))
        .collect()
}

#[test]
fn records_are_found_wherever_the_ring_begins() {
    let records = records(10..15);
    let used: usize = records.iter().map(Vec::len).sum();
    for len in [used, used + 1, used + 50] {
        for start in 0..len {
            let words = ring(len, start, &records);
            let found = found(&words, 0);
            let seqs: Vec<u64> = found.iter().map(|record| record.seq).collect();
            assert_eq!(seqs, [10, 11, 12, 13, 14], "{len} words from {start}");
            let first = found[0];
            assert_eq!((first.at % len, first.words), (start, 20));
            assert_eq!((first.boot_id, first.load_id), (BOOT, LOAD));
            assert_eq!(first.boot_ns, 10_000);
        }
    }
    assert!(found(&[0; 100], 0).is_empty());
    assert!(found(&[u64::MAX; 100], 0).is_empty());
    assert!(found(&[], 0).is_empty());
}

#[test]
fn those_in_blocks_are_not_taken_again() {
    let words = ring(200, 150, &records(10..15));
    for next_seq in 0..20 {
        let expected: Vec<u64> = (10..15).filter(|seq| *seq >= next_seq).collect();
        assert_eq!(seqs(&words, next_seq), expected, "{next_seq}");
    }
}

#[test]
fn a_word_that_differs_costs_one_record() {
    let records = records(10..15);
    let used: usize = records.iter().map(Vec::len).sum();
    let good = ring(used + 7, used - 40, &records);
    let mut starts = vec![0];
    for record in &records {
        starts.push(starts[starts.len() - 1] + record.len());
    }
    for at in 0..used {
        let place = (used - 40 + at) % good.len();
        let hit = starts.iter().filter(|start| **start <= at).count() - 1;
        let expected: Vec<u64> = (10..15).filter(|seq| *seq != 10 + hit as u64).collect();
        for bit in [0, 31, 63] {
            let mut words = good.clone();
            words[place] ^= 1 << bit;
            assert_eq!(seqs(&words, 0), expected, "bit {bit} of word {at}");
        }
    }
}

#[test]
fn what_is_left_of_older_records_is_not_taken() {
    // Those that were overwritten are in blocks, and so is what follows the newest one.
    let mut all = records(20..24);
    all.extend(records(15..17));
    let words = ring(300, 260, &all);
    assert_eq!(seqs(&words, 20), [20, 21, 22, 23]);
    // Nor are records of another life among these.
    let mut other = record(21, 30);
    other[LOAD_ID_AT] = 9;
    let mut all = records(20..21);
    all.push(sealed(other));
    all.extend(records(22..24));
    assert_eq!(seqs(&ring(300, 260, &all), 20), [20, 22, 23]);
}

#[test]
fn what_cannot_be_a_record_is_none_although_it_has_its_sum() {
    let len = 100;
    let taken = |at: usize, word: u64| {
        let mut words = record(7, 30);
        words[at] = word;
        seqs(&ring(len, 90, &[sealed(words)]), 0)
    };
    assert_eq!(taken(20, 1), [7]);
    assert_eq!(taken(SEQ_AT, u64::MAX), [u64::MAX]);
    for (at, word) in [
        (0, MAGIC ^ 1),
        (VERSION_AT, 1),
        (VERSION_AT, 3),
        (SIZE_AT, 0),
        (SIZE_AT, 8 * 30 - 1),
        (SIZE_AT, 8 * 15),
        (SIZE_AT, 8 * 99),
        (SIZE_AT, 1 << 40),
        (SIZE_AT, u64::MAX),
        (SIZE_AT, u64::MAX - 7),
    ] {
        assert!(taken(at, word).is_empty(), "word {at} is {word}");
    }
    // One that fills the ring, and one that is longer with its sum.
    let largest = sealed(record(7, len - SUM_WORDS));
    assert_eq!(seqs(&ring(len, 33, &[largest]), 0), [7]);
    assert!(seqs(&ring(len, 33, &[record(7, len - 1)]), 0).is_empty());
}

#[test]
fn numbers_need_not_be_right() {
    // They go down, or are there twice, or none can follow.
    let all = [records([5, 9, 7, 9]), records([u64::MAX, u64::MAX])].concat();
    assert_eq!(seqs(&ring(400, 0, &all), 0), [5, 9, u64::MAX]);
}

#[test]
fn looking_ends_soon_whatever_is_there() {
    // A start of a record each few words, as long as can be.
    let len = 1 << 14;
    let mut words = vec![0; len];
    for at in (0..len).step_by(3) {
        words[at] = MAGIC;
        words[(at + VERSION_AT) % len] = 2;
        words[(at + SIZE_AT) % len] = 8 * (len as u64 - 2);
    }
    let looks = Cell::new(0_usize);
    let mut ring = Ring::new(len, |at| {
        looks.set(looks.get() + 1);
        words[at]
    });
    assert_eq!(ring.first(|_, _| 0), None);
    assert!(looks.get() < 20 * len, "{}", looks.get());
}

proptest! {
    #[test]
    fn each_that_is_found_is_there(
        mut words in prop::collection::vec(any::<u64>(), 300..400),
        start: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..4),
        next_seq in 0_u64..30,
    ) {
        let records = records(10..18);
        let len = words.len();
        let all: Vec<u64> = records.concat();
        let start = start.index(len);
        for (at, word) in all.iter().enumerate() {
            words[(start + at) % len] = *word;
        }
        for (at, word) in damage {
            let at = at.index(len);
            words[at] = word;
        }
        let found = found(&words, next_seq);
        prop_assert!(found.windows(2).all(|two| two[0].seq < two[1].seq));
        for one in found {
            prop_assert!(one.seq >= next_seq);
            let got: Vec<u64> = (0..one.words).map(|at| words[(one.at + at) % len]).collect();
            let expected = records.iter().find(|record| record[SEQ_AT] == one.seq);
            prop_assert_eq!(expected.map(|record| &record[..one.words]), Some(got.as_slice()));
            prop_assert_eq!((one.boot_id, one.load_id), (got[BOOT_ID_AT], got[LOAD_ID_AT]));
            prop_assert_eq!(one.boot_ns, got[TAKEN_BOOT_AT]);
        }
    }
}

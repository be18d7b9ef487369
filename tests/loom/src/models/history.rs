// SPDX-License-Identifier: GPL-2.0

//! The ring between the reporter and those who read the device.

use loom::thread;
use model::record::{LOST_AT, SEQ_AT, SIZE_AT, WORD_BYTES};
use model::sum::SUM_WORDS;

use super::check;
use crate::driver::block_memory::BlockMemory;
use crate::driver::blocks::{Blocks, Capacity, Earlier};
use crate::driver::cursor::{Cursor, NotRead};
use crate::driver::history::History;
use crate::driver::life::Life;
use crate::driver::ring::Ring;
use crate::driver::ring_memory::RingMemory;
use crate::sync::Arc;
use crate::sys::rwonce::{take_away, Barrier};

/// Words of a record: up to what a reader has lost, which is the last that the history knows.
pub(super) const WORDS: usize = LOST_AT + 1;

/// Two records fit, and the third begins right before the end of the ring.
const CAPACITY: usize = 2 * PLACE + 1;

/// Words from a record to the next one.
const PLACE: usize = WORDS + SUM_WORDS;

const PREEMPTIONS: Option<usize> = Some(3);

pub(super) fn history() -> Arc<History> {
    // What leaves the ring is gone: the blocks have a model of their own.
    let none = Capacity {
        blocks: 0,
        block_words: 0,
        max_record_words: WORDS,
        tick_ns: 0,
        first_group: 0,
    };
    let life = Life {
        boot_id: 0,
        load_id: 0,
    };
    let memory = BlockMemory::new(&none).unwrap();
    let blocks = Blocks::new(memory, &none, life, &Earlier::default()).unwrap();
    let words = Ring::new(RingMemory::new(CAPACITY, life).unwrap());
    History::new(words, blocks, WORDS).unwrap()
}

/// What a record is made of, as it is read.
pub(super) fn record(seq: u64, lost: u64) -> [u64; WORDS] {
    let mut words = [0; WORDS].map(|_: u64| seq + 100);
    words[SIZE_AT] = (WORDS * WORD_BYTES) as u64;
    words[SEQ_AT] = seq;
    words[LOST_AT] = lost;
    words
}

pub(super) fn publish(history: &History, seq: u64) {
    history.begin(seq, &record(seq, 0)).publish(false);
}

/// Reads the next record, which must be whole, and gives its number.
fn read(history: &History, cursor: &mut Cursor, expected: u64) -> Option<u64> {
    let mut words = [0; WORDS];
    let read = history.read(cursor, WORDS, |offset, piece| {
        words[offset..][..piece.len()].copy_from_slice(piece);
        Ok(())
    });
    match read {
        Ok(len) => assert_eq!(len, WORDS, "length of another record"),
        Err(NotRead::None) => return None,
        Err(_) => panic!("there is room for all, and nothing fails"),
    }
    let seq = words[SEQ_AT];
    assert_eq!(
        words,
        record(seq, seq - expected),
        "words of another record"
    );
    Some(seq)
}

/// Runs a reader from the start, of so many reads, beside a writer of so many records.
fn beside_writer(records: u64, reads: usize) {
    check(PREEMPTIONS, move || {
        let history = history();
        let mut cursor = history.cursor();
        let reader = thread::spawn({
            let history = history.clone();
            move || {
                let mut expected = 0;
                for _ in 0..reads {
                    if let Some(seq) = read(&history, &mut cursor, expected) {
                        expected = seq + 1;
                    }
                }
                (cursor, expected)
            }
        });
        for seq in 0..records {
            publish(&history, seq);
        }
        let (mut cursor, mut expected) = reader.join().unwrap();
        // The last ones are kept.
        let oldest = records - 2;
        while expected < records {
            let seq = read(&history, &mut cursor, expected).unwrap();
            assert_eq!(seq, expected.max(oldest));
            expected = seq + 1;
        }
        assert!(read(&history, &mut cursor, expected).is_none());
    });
}

#[test]
fn a_record_that_is_read_is_whole() {
    beside_writer(3, 1);
}

#[test]
#[should_panic(expected = "of another record")]
fn without_the_read_barrier_it_is_not() {
    take_away(Barrier::Read);
    beside_writer(3, 1);
}

#[test]
#[should_panic(expected = "of another record")]
fn without_the_write_barrier_it_is_not() {
    take_away(Barrier::Write);
    beside_writer(3, 1);
}

#[test]
fn a_reader_that_is_overtaken_counts_what_it_lost() {
    beside_writer(3, 2);
}

/// When a reader is told of an event, it reads the record that has it, and is told no more.
#[test]
fn an_event_that_is_told_of_is_read() {
    const WITH_EVENT: u64 = 1;
    check(PREEMPTIONS, || {
        let history = history();
        let mut cursor = history.cursor();
        let reader = thread::spawn({
            let history = history.clone();
            move || {
                let mut expected = 0;
                if history.has_event(cursor.position()) {
                    while expected <= WITH_EVENT {
                        let seq = read(&history, &mut cursor, expected);
                        expected = seq.expect("there is a record with an event") + 1;
                    }
                    assert_eq!(expected, WITH_EVENT + 1, "the event was passed over");
                    assert!(!history.has_event(cursor.position()));
                }
            }
        });
        publish(&history, 0);
        let with_event = record(WITH_EVENT, 0);
        history.begin(WITH_EVENT, &with_event).publish(true);
        publish(&history, 2);
        reader.join().unwrap();
    });
}

/// Goes to the oldest record, beside a writer of records with the numbers `seqs`, the first of which
/// is there from the start.
fn find_beside_writer(seqs: &'static [u64]) {
    check(PREEMPTIONS, move || {
        let history = history();
        publish(&history, seqs[0]);
        let finder = thread::spawn({
            let history = history.clone();
            move || history.find(0)
        });
        for seq in &seqs[1..] {
            publish(&history, *seq);
        }
        let (cursor, found) = finder.join().unwrap();
        // All are of the same length.
        let index = cursor.position() as usize / PLACE;
        assert_eq!(seqs.get(index), Some(&found), "number of another record");
    });
}

#[test]
fn the_oldest_record_is_what_it_is_said_to_be() {
    find_beside_writer(&[0, 1, 2, 3]);
}

#[test]
fn so_it_is_when_samples_are_missing() {
    find_beside_writer(&[1, 3, 5, 7]);
}

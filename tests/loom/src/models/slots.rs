// SPDX-License-Identifier: GPL-2.0

//! The ring between the timer callback and the reporter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use loom::thread;

use super::check;
use crate::driver::slots::Slots;
use crate::sys::rwonce::{take_away, Barrier};

const SLOTS: u64 = 2;
const WORDS: usize = 2;

struct Ring {
    slots: Slots,
    /// How many records were begun, for real: loom does not see this.
    begun: AtomicU64,
}

impl Ring {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            slots: Slots::new(SLOTS as usize, WORDS).unwrap(),
            begun: AtomicU64::new(0),
        })
    }

    fn write(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let writer = self.slots.begin().unwrap();
        let seq = writer.seq();
        for (place, word) in writer.words().iter().zip(words(seq)) {
            place.write(word);
        }
        writer.publish(WORDS);
    }

    /// Whether there is a record, which is the right one and whole.
    fn read(&self, seq: u64) -> bool {
        let mut buffer = [0; WORDS];
        let read = self.slots.read(seq, &mut buffer);
        read.is_some_and(|read| {
            assert_eq!(read, words(seq), "words of another record");
            true
        })
    }
}

/// What a record is made of.
fn words(seq: u64) -> [u64; WORDS] {
    [seq + 10, seq + 20]
}

/// Runs `read` beside a writer of so many records.
fn beside_writer(records: u64, read: impl Fn(&Ring) + Copy + Send + Sync + 'static) {
    check(None, move || {
        let ring = Ring::new();
        let reader = thread::spawn({
            let ring = ring.clone();
            move || read(&ring)
        });
        for _ in 0..records {
            ring.write();
        }
        reader.join().unwrap();
        // The last ones are kept.
        for seq in 0..records + 1 {
            let is_kept = seq < records && seq + SLOTS >= records;
            assert_eq!(ring.read(seq), is_kept, "{seq}");
        }
    });
}

fn read_all(ring: &Ring) {
    ring.read(0);
    ring.read(1);
}

#[test]
fn a_record_that_is_read_is_whole() {
    beside_writer(3, read_all);
}

#[test]
#[should_panic(expected = "of another record")]
fn without_its_read_barrier_it_is_not() {
    take_away(Barrier::Read);
    beside_writer(3, read_all);
}

#[test]
#[should_panic(expected = "of another record")]
fn without_the_write_barrier_it_is_not() {
    take_away(Barrier::Write);
    beside_writer(3, read_all);
}

#[test]
fn a_record_that_was_published_is_read_unless_its_slot_was_taken() {
    beside_writer(3, |ring| {
        let next = ring.slots.next_seq();
        let oldest = ring.slots.oldest_seq();
        for seq in oldest..next {
            assert!(ring.read(seq) || ring.begun.load(Ordering::Relaxed) > seq + SLOTS);
        }
    });
}

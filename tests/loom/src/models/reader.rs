// SPDX-License-Identifier: GPL-2.0

//! Threads that share an open file: who waits is woken, by a record as by a seek. One that was
//! forgotten would wait for ever, which loom calls a deadlock.

use std::pin::Pin;
use std::sync::Arc;

use loom::thread::{self, JoinHandle};
use model::record::SEQ_AT;

use super::check;
use super::history::{self, record, WORDS};
use crate::driver::history::History;
use crate::driver::reader::Reader;
use crate::prelude::EAGAIN;

type Shared = Arc<Pin<Box<Reader>>>;

/// An open file, when `records` were published, of which it reads none by itself.
fn open(records: u64) -> Shared {
    let history = history::history();
    for seq in 0..records {
        history::publish(&history, seq);
    }
    Arc::new(Reader::new(history).unwrap())
}

fn publish(reader: &Reader, seq: u64) {
    let history: &History = reader.history();
    history::publish(history, seq);
}

/// Waits for a record, and gives its number.
fn read(reader: &Reader) -> u64 {
    let mut words = [0; WORDS];
    let len = reader.read(WORDS, true, |offset, piece| {
        words[offset..][..piece.len()].copy_from_slice(piece);
        Ok(())
    });
    assert_eq!(len, Ok(WORDS));
    assert_eq!(words, record(words[SEQ_AT], 0));
    words[SEQ_AT]
}

fn start<T: 'static>(reader: &Shared, run: impl FnOnce(&Reader) -> T + 'static) -> JoinHandle<T> {
    let reader = reader.clone();
    thread::spawn(move || run(&reader))
}

/// Waits as a program in `poll()` does: it queues up, looks, sleeps, and looks again.
fn poll(reader: &Reader) {
    reader.readable().register_wait();
    while !reader.has_next() {
        thread::park();
    }
    reader.readable().unregister();
}

#[test]
fn a_record_wakes_a_read() {
    check(None, || {
        let reader = open(1);
        let waiting = start(&reader, read);
        publish(&reader, 1);
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

#[test]
fn a_seek_wakes_a_read() {
    check(None, || {
        let reader = open(1);
        let waiting = start(&reader, read);
        assert_eq!(reader.seek(0), Ok(0));
        assert_eq!(waiting.join().unwrap(), 0);
    });
}

#[test]
fn a_record_wakes_a_poll() {
    check(None, || {
        let reader = open(1);
        let waiting = start(&reader, poll);
        publish(&reader, 1);
        waiting.join().unwrap();
        assert_eq!(read(&reader), 1);
    });
}

#[test]
fn a_seek_wakes_a_poll() {
    check(None, || {
        let reader = open(1);
        let waiting = start(&reader, poll);
        assert_eq!(reader.seek(0), Ok(0));
        waiting.join().unwrap();
        assert_eq!(read(&reader), 0);
    });
}

#[test]
fn a_seek_and_a_record_wake_two_reads() {
    check(Some(2), || {
        let reader = open(1);
        let waiting = [start(&reader, read), start(&reader, read)];
        assert_eq!(reader.seek(0), Ok(0));
        publish(&reader, 1);
        let mut seqs = waiting.map(|waiting| waiting.join().unwrap());
        seqs.sort_unstable();
        assert_eq!(seqs, [0, 1]);
        assert_eq!(reader.read(WORDS, false, |_, _| Ok(())), Err(EAGAIN));
    });
}

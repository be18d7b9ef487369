// SPDX-License-Identifier: GPL-2.0

//! The ring of blocks between the reporter and those who read the device.

use loom::thread;
use model::block::{Block, Header};
use model::frame::{memory_words, Decoder, Parts, HEADER_WORDS};
use model::words::Words;

use super::check;
use crate::driver::block_reader::{From, Order};
use crate::driver::blocks::{Blocks, Capacity, Kept};
use crate::driver::cursor::NotRead;
use crate::sync::Arc;
use crate::sys::rwonce::{take_away, Barrier, RwOnce};

/// Words of a record.
const WORDS: usize = 1;

/// Words of a block: a frame with one word that has no short form.
const BLOCK_WORDS: usize = Header::LEN + HEADER_WORDS + 2;

const PREEMPTIONS: Option<usize> = Some(2);

/// Two blocks, of a record each.
fn blocks() -> Arc<Blocks> {
    Blocks::new(&Capacity {
        blocks: 2,
        block_words: BLOCK_WORDS,
        max_record_words: WORDS,
        tick_ns: 0,
        first_group: 0,
    })
    .unwrap()
}

/// What a record is made of: nothing that is encoded in fewer bytes than another one.
fn word(seq: u64) -> u64 {
    u64::MAX / 3 + seq
}

fn keep(blocks: &Blocks, seq: u64) {
    let record = [RwOnce::new(word(seq))];
    let kept = Kept {
        seq,
        boot_ns: seq,
        load_id: 0,
        boot_id: 0,
    };
    blocks.keep(kept, Parts::new(&record, &[]));
}

/// Reads the next block, which must be whole, and gives the number of its record, and how many were lost
/// before it.
fn read(blocks: &Blocks, order: Order, from: u64) -> Option<(u64, u64)> {
    let mut words = [0; BLOCK_WORDS];
    let mut cursor = blocks.find(order, From::Seq(from));
    let read = blocks.read(&mut cursor, words.len(), |offset, piece| {
        words[offset..][..piece.len()].copy_from_slice(piece);
        Ok(())
    });
    let len = match read {
        Ok(0) => return None,
        Ok(len) => len,
        Err(NotRead::None | NotRead::TooLong | NotRead::Failed(_)) => {
            panic!("there is room for all, and nothing fails")
        }
    };
    let block = Block::parse(&words[..len]).expect("words of another block");
    let seq = block.header().first_seq;
    assert_eq!(block.header().next_seq, seq + 1, "words of another block");
    let frame = block.frames().next().expect("no frame");
    let mut memory = [0; memory_words(WORDS)];
    let frame = frame.expect("words of another block");
    let record = Decoder::new()
        .decode(&mut memory, &frame)
        .expect("no record");
    assert_eq!(record, [word(seq)], "words of another block");
    Some((seq, block.header().lost_records))
}

/// A reader beside a writer that comes round to the first block.
fn beside_writer(order: Order, from: u64) {
    check(PREEMPTIONS, move || {
        let blocks = blocks();
        keep(&blocks, 0);
        keep(&blocks, 1);
        let reader = thread::spawn({
            let blocks = blocks.clone();
            move || read(&blocks, order, from)
        });
        keep(&blocks, 2);
        let found = reader.join().unwrap();
        assert!(found.is_none_or(|(seq, _)| seq < 3));
        // The last two are kept.
        assert_eq!(read(&blocks, Order::OldestFirst, 0), Some((1, 0)));
        assert_eq!(read(&blocks, Order::NewestFirst, 9), Some((2, 0)));
    });
}

#[test]
fn a_block_that_is_read_is_whole() {
    beside_writer(Order::OldestFirst, 0);
}

#[test]
fn so_is_the_newest_one() {
    beside_writer(Order::NewestFirst, 9);
}

#[test]
#[should_panic(expected = "of another block")]
fn without_the_read_barrier_it_is_not() {
    take_away(Barrier::Read);
    beside_writer(Order::OldestFirst, 0);
}

#[test]
#[should_panic(expected = "of another block")]
fn without_the_write_barrier_it_is_not() {
    take_away(Barrier::Write);
    beside_writer(Order::OldestFirst, 0);
}

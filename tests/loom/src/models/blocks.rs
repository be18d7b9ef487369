// SPDX-License-Identifier: GPL-2.0

//! The ring of blocks between the reporter and those who read the device.

use loom::thread;
use model::block::{Block, Header};
use model::frame::{memory_words, Decoder, Parts, HEADER_WORDS};
use model::words::Words;

use super::check;
use crate::driver::block_memory::BlockMemory;
use crate::driver::block_reader::{From, Order};
use crate::driver::blocks::{Blocks, Capacity, Earlier, Kept};
use crate::driver::cursor::NotRead;
use crate::driver::life::Life;
use crate::sync::Arc;
use crate::sys::rwonce::{take_away, Barrier, RwOnce};

/// Words of a record.
const WORDS: usize = 1;

const LIFE: Life = Life {
    boot_id: 0,
    load_id: 0,
};

/// Words of a block: a frame with one word that has no short form.
const BLOCK_WORDS: usize = Header::LEN + HEADER_WORDS + 2;

const PREEMPTIONS: Option<usize> = Some(2);

/// Two blocks, of a record each.
fn blocks() -> Arc<Blocks> {
    let capacity = Capacity {
        blocks: 2,
        block_words: BLOCK_WORDS,
        max_record_words: WORDS,
        tick_ns: 0,
        first_group: 0,
    };
    let memory = BlockMemory::new(&capacity).unwrap();
    Blocks::new(memory, &capacity, LIFE, &Earlier::default()).unwrap()
}

/// What a record is made of: nothing that is encoded in fewer bytes than another one.
fn word(seq: u64) -> u64 {
    u64::MAX / 3 + seq
}

fn keep(blocks: &Blocks, seq: u64) {
    keep_of(blocks, seq, LIFE.boot_id);
}

fn keep_of(blocks: &Blocks, seq: u64, boot_id: u64) {
    let record = [RwOnce::new(word(seq))];
    let kept = Kept {
        seq,
        boot_ns: seq,
        load_id: boot_id,
        boot_id,
    };
    blocks.keep(kept, Parts::new(&record, &[]));
}

/// Reads the next block, which must be whole, and gives the number of its record, and how many were lost
/// before it.
fn read(blocks: &Blocks, order: Order, from: u64) -> Option<(u64, u64)> {
    read_from(blocks, order, From::Seq(from))
}

fn read_from(blocks: &Blocks, order: Order, from: From) -> Option<(u64, u64)> {
    let mut words = [0; BLOCK_WORDS];
    let mut cursor = blocks.find(order, from);
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

/// A reader beside one who erases the blocks of other boots: that in the first place, but not the one in the second.
fn beside_forget() {
    const OTHER_BOOT: u64 = 7;
    check(PREEMPTIONS, move || {
        let blocks = blocks();
        keep_of(&blocks, 0, OTHER_BOOT);
        keep(&blocks, 1);
        let reader = thread::spawn({
            let blocks = blocks.clone();
            move || read_from(&blocks, Order::OldestFirst, From::Number(0))
        });
        blocks.forget();
        let found = reader.join().unwrap();
        assert!(found.is_none_or(|(seq, _)| seq < 2));
        for (order, from) in [(Order::OldestFirst, 0), (Order::NewestFirst, 9)] {
            let left = read_from(&blocks, order, From::Number(from));
            assert_eq!(left, Some((1, 0)));
        }
        assert_eq!(blocks.earlier_records(), 0);
        let mut frames = blocks.block(0).iter().skip(Header::LEN);
        let erased = frames.all(|word| word.read() == 0);
        assert!(erased, "words of another boot");
    });
}

#[test]
fn a_block_that_is_read_while_others_are_erased_is_whole() {
    beside_forget();
}

#[test]
#[should_panic(expected = "of another block")]
fn without_the_write_barrier_what_is_erased_is_read() {
    take_away(Barrier::Write);
    beside_forget();
}

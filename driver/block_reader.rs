// SPDX-License-Identifier: GPL-2.0

//! How programs get blocks: as bytes, one after the other, in either order.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    blocks::Blocks,
    copy,
    cursor::{
        Lapped,
        NotRead, //
    },
    record_reader::CHUNK_WORDS, //
};
use crate::model::{
    block::Header,
    record::WORD_BYTES,
    words::Words, //
};
use kernel::{
    prelude::*,
    sync::atomic::ordering::Acquire, //
};

/// In which order a reader gets the blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

/// What a block is looked for by.
#[derive(Clone, Copy)]
pub(crate) enum From {
    /// A sequence number of this life.
    Seq(u64),
    /// A time of `CLOCK_BOOTTIME`, in nanoseconds, in this life.
    Boot(u64),
    /// The number of a block, whichever life it is of.
    Number(u64),
}

/// How far a reader of blocks has come.
pub(crate) struct BlockCursor {
    order: Order,
    /// Number of the next block; none when there is none any more.
    next: Option<u64>,
    /// Number of the first one that it may get.
    start: u64,
    /// Number of the last one, which was open when the reader began.
    end: u64,
    /// The header of the block that was read before.
    before: Option<Header>,
}

impl Blocks {
    /// A reader of the blocks from one on: with the oldest first that of the first record that is not
    /// before `from`, otherwise that of the last one that is not after it.
    pub(crate) fn find(&self, order: Order, from: From) -> BlockCursor {
        let mut cursor = BlockCursor {
            order,
            next: None,
            start: 0,
            end: 0,
            before: None,
        };
        let Some(open) = self.open_header() else {
            return cursor;
        };
        cursor.end = open.number;
        cursor.start = match from {
            From::Number(_) => self.oldest.load(Acquire),
            From::Seq(_) | From::Boot(_) => self.oldest_own_number(),
        };
        let mut number = cursor.start;
        while number <= open.number {
            let Ok(Some(header)) = self.header(number, &open) else {
                number = number.saturating_add(1);
                continue;
            };
            let (is_before, begins_after) = match from {
                From::Seq(seq) => (header.next_seq <= seq, header.first_seq > seq),
                From::Boot(ns) => (header.last_boot_ns < ns, header.first_boot_ns > ns),
                From::Number(from) => (number < from, number > from),
            };
            match order {
                Order::OldestFirst if !is_before => {
                    cursor.next = Some(number);
                    break;
                }
                Order::NewestFirst if begins_after => break,
                Order::NewestFirst => cursor.next = Some(number),
                Order::OldestFirst => (),
            }
            number = number.saturating_add(1);
        }
        cursor
    }

    /// Passes the next block to `write`, in pieces, each with the offset in words that it has in the
    /// block, and goes on to the one after it. Returns its length in words, which is at most
    /// `max_words`; 0 when there is none any more. A block that is overwritten meanwhile is passed again
    /// from its start, or another one instead.
    pub(crate) fn read(
        &self,
        cursor: &mut BlockCursor,
        max_words: usize,
        mut write: impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<usize, NotRead> {
        loop {
            let Some(next) = cursor.next else {
                return Ok(0);
            };
            let oldest = self.oldest.load(Acquire).max(cursor.start);
            let number = match cursor.order {
                Order::OldestFirst => next.max(oldest),
                Order::NewestFirst if next < oldest => return Ok(0),
                Order::NewestFirst => next,
            };
            let Some(open) = self.open_header().filter(|_| number <= cursor.end) else {
                return Ok(0);
            };
            let Ok(found) = self.header(number, &open) else {
                continue;
            };
            let following = match cursor.order {
                Order::OldestFirst => number.checked_add(1),
                Order::NewestFirst => number.checked_sub(1),
            };
            let Some(mut header) = found else {
                cursor.next = following;
                continue;
            };
            let len = header.size_bytes as usize / WORD_BYTES;
            if len > max_words {
                return Err(NotRead::TooLong);
            }
            let before = cursor.before.as_ref();
            header.lost_records = before
                .filter(|before| before.load_id == header.load_id)
                .map_or(0, |before| match cursor.order {
                    Order::OldestFirst => header.first_seq.saturating_sub(before.next_seq),
                    Order::NewestFirst => before.first_seq.saturating_sub(header.next_seq),
                });
            match self.pass(number, &header, len, &mut write) {
                Ok(result) => result.map_err(NotRead::Failed)?,
                Err(Lapped) => continue,
            }
            cursor.next = following;
            cursor.before = Some(header);
            return Ok(len);
        }
    }

    /// Passes a block of `len` words to `write`.
    fn pass(
        &self,
        number: u64,
        header: &Header,
        len: usize,
        write: &mut impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<Result, Lapped> {
        let mut chunk = [0; CHUNK_WORDS];
        let mut done = 0usize;
        while done < len {
            let count = match done {
                0 => Header::LEN,
                _ => len.saturating_sub(done).min(CHUNK_WORDS),
            };
            let chunk = chunk.get_mut(..count).unwrap_or_default();
            if done == 0 {
                let frame_words = len.saturating_sub(Header::LEN);
                header.sealed(frame_words).put(&mut fill(chunk));
            } else {
                let words = self.block(number).get(done..).unwrap_or_default();
                copy::load(words, chunk);
            }
            if let Err(error) = write(done, chunk) {
                return Ok(Err(error));
            }
            done = done.saturating_add(count);
        }
        self.check(number)?;
        Ok(Ok(()))
    }
}

/// Puts words into `chunk`.
fn fill(chunk: &mut [u64]) -> impl FnMut(u64) + '_ {
    let mut places = chunk.iter_mut();
    move |word| {
        if let Some(place) = places.next() {
            *place = word;
        }
    }
}

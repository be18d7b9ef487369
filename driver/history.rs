// SPDX-License-Identifier: GPL-2.0

//! The records that are kept for readers of the device, in memory that is allocated once at load.
//!
//! A ring of words: the newest records as they are, of any length, one after the other. Those that leave
//! it go on to the blocks (`driver/blocks.rs`). The reporter never waits for readers. A reader copies a
//! record and then checks whether the writer has lapped it (`driver/record_reader.rs`); lost records are counted.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    blocks::{
        Blocks,
        Kept, //
    },
    cursor::{
        Cursor,
        Lapped, //
    },
    record_writer::RecordWriter,
    ring::Ring, //
};
use crate::{
    model::{
        record::{
            BOOT_ID_AT,
            LOAD_ID_AT,
            SEQ_AT,
            SIZE_AT,
            TAKEN_BOOT_AT,
            WORD_BYTES, //
        },
        sum::SUM_WORDS, //
    },
    sys::rwonce::{
        self,
        RwOnce, //
    }, //
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Relaxed,
                Release, //
            },
            Atomic, //
        },
        poll::PollCondVar,
        Arc,
        SpinLock, //
    },
};

/// The records that are kept.
#[pin_data]
pub(crate) struct History {
    words: Ring,
    pub(super) max_record_words: usize,
    /// The older records.
    blocks: Arc<Blocks>,
    /// Records from `oldest` to `end`.
    kept: RwOnce<u64>,
    /// Position of the oldest record. What is before it may be overwritten at any time.
    pub(super) oldest: Atomic<u64>,
    /// Position after the newest record.
    pub(super) end: Atomic<u64>,
    /// Sequence number after that of the newest record.
    next_seq: Atomic<u64>,
    /// Position after the newest record in which an event begins or ends, or a process was killed.
    event_end: Atomic<u64>,
    #[pin]
    readable: PollCondVar,
    /// `end` and `next_seq` change together under this lock, and a reader's position goes back under
    /// it. Readers who begin to wait look at both under it. It is held for a few instructions.
    #[pin]
    newest: SpinLock<()>,
}

impl History {
    /// A history of records of up to `max_record_words` in `words`, which has room for two of the largest, with
    /// their sums.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(
        words: Ring,
        blocks: Arc<Blocks>,
        max_record_words: usize,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                words,
                max_record_words,
                blocks,
                kept: RwOnce::new(0),
                oldest: Atomic::new(0u64),
                end: Atomic::new(0u64),
                next_seq: Atomic::new(0u64),
                event_end: Atomic::new(0u64),
                readable <- kernel::new_poll_condvar!("History::readable"),
                newest <- new_spinlock!((), "History::newest"),
            }),
            GFP_KERNEL,
        )
    }

    /// The older records.
    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Bytes of memory for the records that are kept as they are.
    pub(crate) fn plain_bytes(&self) -> usize {
        self.words.memory().size_bytes()
    }

    /// How many pieces of memory there are, and how many of them are not whole, so that they are not found in a
    /// dump.
    pub(crate) fn pieces(&self) -> (usize, usize) {
        let (blocks, scattered) = self.blocks.pieces();
        let is_scattered = !self.words.memory().is_whole();
        (
            blocks.saturating_add(1),
            scattered.saturating_add(usize::from(is_scattered)),
        )
    }

    /// How many of them there are.
    pub(crate) fn plain_records(&self) -> u64 {
        self.kept.read()
    }

    /// `CLOCK_BOOTTIME` of the oldest record of this life, encoded ones included; none when there is no record.
    pub(crate) fn oldest_boot_ns(&self) -> Option<u64> {
        if let Some(block) = self.blocks.oldest_own() {
            return Some(block.first_boot_ns);
        }
        loop {
            let at = self.oldest.load(Acquire);
            if !self.has_next(at) {
                return None;
            }
            let boot_ns = self.word(at, TAKEN_BOOT_AT).map_or(0, RwOnce::read);
            if self.check(at).is_ok() {
                return Some(boot_ns);
            }
        }
    }

    /// Bytes of the largest record.
    pub(crate) fn max_record_bytes(&self) -> usize {
        self.max_record_words.saturating_mul(WORD_BYTES)
    }

    /// Sequence number after that of the newest record.
    pub(crate) fn next_seq(&self) -> u64 {
        self.cursor().seq
    }

    /// A reader that gets what comes from now on.
    pub(crate) fn cursor(&self) -> Cursor {
        let _newest = self.newest.lock();
        Cursor {
            at: self.end.load(Acquire),
            seq: self.next_seq.load(Relaxed),
        }
    }

    /// A reader whose next record is the first one kept that has the sequence number `seq` or a
    /// higher one, and that record's number.
    pub(crate) fn find(&self, seq: u64) -> (Cursor, u64) {
        loop {
            // First, so that it is no later than the end, which goes with the number: the ring may
            // move on in between.
            let oldest = self.oldest.load(Acquire);
            let mut cursor = self.cursor();
            let end = cursor.at;
            cursor.at = oldest;
            let found = loop {
                if cursor.at >= end {
                    break Ok(cursor.seq);
                }
                match self.header(cursor.at) {
                    Ok((kept, _)) if kept >= seq => break Ok(kept),
                    Ok((_, words)) => cursor.at = after(cursor.at, words),
                    Err(Lapped) => break Err(Lapped),
                }
            };
            // A reader that was lapped starts again, further on.
            if let Ok(found) = found {
                cursor.seq = found;
                return (cursor, found);
            }
        }
    }

    /// Whether there is a record at `position`, or was one.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn has_next(&self, position: u64) -> bool {
        self.end.load(Acquire) > position
    }

    /// Whether there still is a record with an event or a kill to tell of at `position` or later.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn has_event(&self, position: u64) -> bool {
        self.event_end.load(Acquire) > position.max(self.oldest.load(Relaxed))
    }

    /// The sequence number of the record at `at`, and how many words it has.
    pub(super) fn header(&self, at: u64) -> Result<(u64, usize), Lapped> {
        let size_bytes = self.word(at, SIZE_AT).map_or(0, RwOnce::read);
        let seq = self.word(at, SEQ_AT).map_or(0, RwOnce::read);
        self.check(at)?;
        Ok((seq, (size_bytes / WORD_BYTES as u64) as usize))
    }

    /// The word `index` of the record at `at`.
    pub(super) fn word(&self, at: u64, index: usize) -> Option<&RwOnce<u64>> {
        self.words.word(at.saturating_add(index as u64))
    }

    /// Whether all that was loaded from the record at `at` was of it.
    pub(super) fn check(&self, at: u64) -> Result<(), Lapped> {
        // The words must have been read before the position of the oldest record is.
        rwonce::read_barrier();
        if at < self.oldest.load(Relaxed) {
            return Err(Lapped);
        }
        Ok(())
    }

    /// Waits until there is a record at `position`, or something else has changed.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ERESTARTSYS` when a signal comes.
    pub(crate) fn wait(&self, position: &RwOnce<u64>) -> Result {
        let mut newest = self.newest.lock();
        // The position is read under the lock, so `move_back` either changes it before this look,
        // or finds the waiter.
        if !self.has_next(position.read()) && self.readable.wait_interruptible(&mut newest) {
            return Err(ERESTARTSYS);
        }
        Ok(())
    }

    /// Moves `position` back to `to`, and wakes all waiters.
    pub(crate) fn move_back(&self, position: &RwOnce<u64>, to: u64) {
        let newest = self.newest.lock();
        position.write(to);
        drop(newest);
        self.readable.notify_all();
    }

    /// Notified when there is a new record.
    pub(crate) fn readable(&self) -> &PollCondVar {
        &self.readable
    }

    /// Begins the next record with the words of a sample; nobody sees it before
    /// [`RecordWriter::publish`]. One that is dropped instead was never there.
    ///
    /// Only the reporter calls this, one record at a time: one that was begun must have been
    /// published or dropped.
    pub(crate) fn begin<'a>(&'a self, seq: u64, sampled: &[u64]) -> RecordWriter<'a> {
        RecordWriter::begin(self, seq, self.end.load(Relaxed), sampled)
    }

    /// The words of the ring.
    pub(super) fn words(&self) -> &Ring {
        &self.words
    }

    /// Drops old records until the ring has room up to the position `end`. It holds two of the
    /// largest records, so there is always room for the one that is being written.
    #[inline(always)]
    pub(super) fn make_room(&self, end: u64) {
        while self.lacks_room(end) {
            self.drop_oldest();
        }
    }

    #[inline(always)]
    fn lacks_room(&self, end: u64) -> bool {
        let kept_words = end.saturating_sub(self.oldest.load(Relaxed));
        kept_words > self.words.len() as u64 && self.kept.read() != 0
    }

    /// Lets readers see the record `seq`, which ends at the position `end`, and wakes those that
    /// wait.
    pub(super) fn publish(&self, seq: u64, end: u64, has_event: bool) {
        let newest = self.newest.lock();
        self.end.store(end, Release);
        self.words.memory().set_end(end);
        self.next_seq.store(seq.wrapping_add(1), Relaxed);
        if has_event {
            self.event_end.store(end, Release);
        }
        drop(newest);
        self.kept.write(self.kept.read().saturating_add(1));
        // A reader that saw no record under the lock waits by now.
        self.readable.notify_all();
    }

    /// Hands the oldest record on to the blocks. Its words may be overwritten from here on.
    #[inline(never)]
    fn drop_oldest(&self) {
        let oldest = self.oldest.load(Relaxed);
        let word = |index| self.word(oldest, index).map_or(0, RwOnce::read);
        let words = (word(SIZE_AT) / WORD_BYTES as u64) as usize;
        let kept = Kept {
            seq: word(SEQ_AT),
            boot_ns: word(TAKEN_BOOT_AT),
            load_id: word(LOAD_ID_AT),
            boot_id: word(BOOT_ID_AT),
        };
        self.blocks.keep(kept, self.words.parts(oldest, words));
        // A reader that sees the next one as the oldest sees its words as well.
        let next = after(oldest, words);
        self.oldest.store(next, Release);
        self.words.memory().set_oldest(next);
        self.kept.write(self.kept.read().saturating_sub(1));
        // Readers must see that it is gone before a word changes.
        rwonce::write_barrier();
    }
}

/// The position of the record that follows the one of so many words at `at`.
pub(super) fn after(at: u64, words: usize) -> u64 {
    at.saturating_add(words.saturating_add(SUM_WORDS) as u64)
}

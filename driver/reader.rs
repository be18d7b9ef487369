// SPDX-License-Identifier: GPL-2.0

//! The state of an open file of the device, which threads may share.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    block_reader::{
        BlockCursor,
        From,
        Order, //
    },
    cursor::{
        Cursor,
        NotRead, //
    },
    history::History, //
};
use crate::sys::rwonce::RwOnce;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        poll::PollCondVar,
        Arc,
        Mutex, //
    },
};

/// What a reader gets next.
enum Next {
    Record(Cursor),
    Block(BlockCursor),
}

/// State of one open file.
#[pin_data]
pub(crate) struct Reader {
    history: Arc<History>,
    /// Threads that share an open file read one after the other. It is not held while waiting for a
    /// record.
    #[pin]
    next: Mutex<Next>,
    /// The position of the next record, for those who only look whether there is one: a reader holds the
    /// lock until the program's memory is there, which may take long. 0 for one that gets blocks, which
    /// never waits.
    position: RwOnce<u64>,
    /// Whether it gets blocks: 1 or 0.
    gets_blocks: RwOnce<u64>,
}

impl Reader {
    /// A reader of the records to come.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(history: Arc<History>) -> Result<Pin<KBox<Self>>> {
        let cursor = history.cursor();
        KBox::pin_init(
            pin_init!(Self {
                history,
                position: RwOnce::new(cursor.position()),
                gets_blocks: RwOnce::new(0),
                next <- new_mutex!(Next::Record(cursor), "Reader::next"),
            }),
            GFP_KERNEL,
        )
    }

    /// The records that it reads.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Whether a read would not have to wait.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn has_next(&self) -> bool {
        self.gets_blocks.read() != 0 || self.history.has_next(self.position.read())
    }

    /// Whether an event begins or ends in a record that comes next, or later.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn has_event(&self) -> bool {
        self.gets_blocks.read() == 0 && self.history.has_event(self.position.read())
    }

    /// Notified when that changes.
    pub(crate) fn readable(&self) -> &PollCondVar {
        self.history.readable()
    }

    /// Reads whole records, as many as there are and fit into `max_words`, and waits for one if it
    /// `may_block`; or a block, if it gets these, or nothing when there is none any more. Passes them to `write` in pieces, each with its offset in words, and returns the
    /// number of words. A piece may be passed again.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when there is no record, `EINVAL` when the next one does not fit, `ERESTARTSYS` when
    /// a signal comes, and those of `write`.
    pub(crate) fn read(
        &self,
        max_words: usize,
        may_block: bool,
        mut write: impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<usize> {
        loop {
            match self.read_some(max_words, &mut write) {
                Err(error) if error == EAGAIN && may_block => self.history.wait(&self.position)?,
                result => return result,
            }
        }
    }

    fn read_some(
        &self,
        max_words: usize,
        write: &mut impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<usize> {
        match &mut *self.next.lock() {
            Next::Record(cursor) => {
                let result = self.read_at(cursor, max_words, write);
                self.position.write(cursor.position());
                result
            }
            Next::Block(cursor) => {
                let read = self.history.blocks().read(cursor, max_words, write);
                read.map_err(errno)
            }
        }
    }

    fn read_at(
        &self,
        cursor: &mut Cursor,
        max_words: usize,
        write: &mut impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<usize> {
        let mut done = 0usize;
        loop {
            let left = max_words.saturating_sub(done);
            let read = self.history.read(cursor, left, |offset, words| {
                write(done.saturating_add(offset), words)
            });
            match read {
                Ok(words) => done = done.saturating_add(words),
                // What was read before counts.
                Err(_) if done != 0 => return Ok(done),
                Err(not_read) => return Err(errno(not_read)),
            }
        }
    }

    /// Goes to the record `seq`, or to the oldest, and returns the number of the next one.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` when that record is not even the next to come.
    pub(crate) fn seek(&self, seq: u64) -> Result<u64> {
        let mut next = self.next.lock();
        if seq > self.history.next_seq() {
            return Err(EINVAL);
        }
        let (found, found_seq) = self.history.find(seq);
        match &*next {
            Next::Record(cursor) if found.position() >= cursor.position() => {
                self.position.write(found.position());
            }
            // Another thread may wait for what is there now. All readers are woken, so only then.
            Next::Record(_) | Next::Block(_) => {
                self.history.move_back(&self.position, found.position());
            }
        }
        *next = Next::Record(found);
        self.gets_blocks.write(0);
        Ok(found_seq)
    }

    /// Goes to the blocks that have older records, in this order.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(crate) fn seek_blocks(&self, order: Order, from: From) {
        let mut next = self.next.lock();
        *next = Next::Block(self.history.blocks().find(order, from));
        self.gets_blocks.write(1);
        // Another thread may wait for a record.
        self.history.move_back(&self.position, 0);
    }
}

/// What a program is told.
fn errno(not_read: NotRead) -> Error {
    match not_read {
        NotRead::None => EAGAIN,
        NotRead::TooLong => EINVAL,
        NotRead::Failed(error) => error,
    }
}

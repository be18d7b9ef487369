// SPDX-License-Identifier: GPL-2.0

//! The state of an open file of the device, which threads may share.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::history::{
    Cursor,
    History,
    NotRead, //
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

/// State of one open file.
#[pin_data]
pub(crate) struct Reader {
    history: Arc<History>,
    /// Threads that share an open file read one after the other. It is not held while waiting for a
    /// record.
    #[pin]
    cursor: Mutex<Cursor>,
    /// The cursor's position, for those who only look whether there is a record: a reader holds the
    /// lock until the program's memory is there, which may take long.
    position: RwOnce<u64>,
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
                cursor <- new_mutex!(cursor, "Reader::cursor"),
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
        self.history.has_next(self.position.read())
    }

    /// Notified when that changes.
    pub(crate) fn readable(&self) -> &PollCondVar {
        self.history.readable()
    }

    /// Reads whole records, as many as there are and fit into `max_words`, and waits for one if it
    /// `may_block`. Passes them to `write` in pieces, each with its offset in words, and returns the
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
        let mut cursor = self.cursor.lock();
        let result = self.read_at(&mut cursor, max_words, write);
        self.position.write(cursor.position());
        result
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
                Err(NotRead::None) => return Err(EAGAIN),
                Err(NotRead::TooLong) => return Err(EINVAL),
                Err(NotRead::Failed(error)) => return Err(error),
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
        let mut cursor = self.cursor.lock();
        if seq > self.history.next_seq() {
            return Err(EINVAL);
        }
        let (found, next) = self.history.find(seq);
        if found.position() < cursor.position() {
            // Another thread may wait for what is there now. All readers are woken, so only then.
            self.history.move_back(&self.position, found.position());
        } else {
            self.position.write(found.position());
        }
        *cursor = found;
        Ok(next)
    }
}

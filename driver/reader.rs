// SPDX-License-Identifier: GPL-2.0

//! Somebody who reads records: an open file of the device, which threads may share.
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

/// Somebody who reads.
#[pin_data]
pub(crate) struct Reader {
    history: Arc<History>,
    /// Threads that share an open file read one after the other. Nobody waits for a record with
    /// this lock.
    #[pin]
    cursor: Mutex<Cursor>,
    /// The place of the cursor, for those who only look whether there is a record: whoever reads
    /// holds the lock until the program's memory is there, which may take long.
    place: RwOnce<u64>,
}

impl Reader {
    /// A reader that gets what comes from now on.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(history: Arc<History>) -> Result<Pin<KBox<Self>>> {
        let cursor = history.cursor();
        KBox::pin_init(
            pin_init!(Self {
                history,
                place: RwOnce::new(cursor.place()),
                cursor <- new_mutex!(cursor, "Reader::cursor"),
            }),
            GFP_KERNEL,
        )
    }

    /// What it reads.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Whether a read would not have to wait.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn has_next(&self) -> bool {
        self.history.has_next(self.place.read())
    }

    /// Who is told when that changes.
    pub(crate) fn readable(&self) -> &PollCondVar {
        self.history.readable()
    }

    /// Reads whole records, as many as there are and fit into `max_words`, and waits for one if it
    /// `may_block`. Hands them to `write` in pieces, each with the offset in words that it has, and
    /// gives the words of all. A piece may be handed over anew.
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
                Err(error) if error == EAGAIN && may_block => self.history.wait(&self.place)?,
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
        self.place.write(cursor.place());
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

    /// Goes to the record `seq`, or to the oldest, and gives the number of the next one.
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
        if found.place() < cursor.place() {
            // Another thread may wait for what is there now. All readers are woken, so only then.
            self.history.move_back(&self.place, found.place());
        } else {
            self.place.write(found.place());
        }
        *cursor = found;
        Ok(next)
    }
}

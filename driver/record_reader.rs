// SPDX-License-Identifier: GPL-2.0

//! How programs get plain records.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    cursor::{
        Cursor,
        Lapped,
        NotRead, //
    },
    history::{
        after,
        History, //
    }, //
};
use crate::model::record::LOST_AT;
use kernel::{
    prelude::*,
    sync::atomic::ordering::Acquire, //
};

/// How many words a reader copies before it hands them on.
pub(super) const CHUNK_WORDS: usize = 64;

impl History {
    /// Passes the next record to `write`, in pieces, each with the offset in words that it has in
    /// the record, and goes on to the one after it. Returns its length in words, which is at most
    /// `max_words`. A record that is overwritten meanwhile is passed again from its start, or the
    /// next one instead.
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor,
        max_words: usize,
        mut write: impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<usize, NotRead> {
        loop {
            if !self.has_next(cursor.at) {
                return Err(NotRead::None);
            }
            let at = cursor.at.max(self.oldest.load(Acquire));
            let Ok((seq, len)) = self.header(at) else {
                continue;
            };
            if len > max_words {
                return Err(NotRead::TooLong);
            }
            let lost = seq.saturating_sub(cursor.seq);
            match self.copy(at, len, lost, &mut write) {
                Ok(result) => result.map_err(NotRead::Failed)?,
                Err(Lapped) => continue,
            }
            *cursor = Cursor {
                at: after(at, len),
                seq: seq.wrapping_add(1),
            };
            return Ok(len);
        }
    }

    /// Passes the `len` words of the record at `at` to `write`.
    fn copy(
        &self,
        at: u64,
        len: usize,
        lost: u64,
        write: &mut impl FnMut(usize, &[u64]) -> Result,
    ) -> Result<Result, Lapped> {
        let mut chunk = [0; CHUNK_WORDS];
        let mut done = 0usize;
        while done < len {
            let count = len.saturating_sub(done).min(CHUNK_WORDS);
            let chunk = chunk.get_mut(..count).unwrap_or_default();
            self.words().load(at.saturating_add(done as u64), chunk);
            let lost_at = LOST_AT.checked_sub(done);
            if let Some(word) = lost_at.and_then(|at| chunk.get_mut(at)) {
                *word = lost;
            }
            if let Err(error) = write(done, chunk) {
                return Ok(Err(error));
            }
            done = done.saturating_add(count);
        }
        self.check(at)?;
        Ok(Ok(()))
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory for one record.

use super::{
    history::History,
    kept_records::KeptRecord,
    pending::Pending, //
};
use crate::model::record::Record;
use kernel::prelude::*;

/// A copy of a record, or nothing.
pub(crate) struct RecordBuffer {
    words: KVVec<u64>,
    /// How many of the words are a record; 0 when there is none.
    len: usize,
}

impl RecordBuffer {
    /// Allocates memory for a record of at most `words` words.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new(words: usize) -> Result<Self> {
        Ok(Self {
            words: KVVec::from_elem(0, words, GFP_KERNEL)?,
            len: 0,
        })
    }

    /// Copies the sample `seq`. Returns whether it is still there; otherwise the buffer is empty.
    pub(super) fn read_pending(&mut self, pending: &Pending, seq: u64) -> bool {
        let sample = pending.read(seq, &mut self.words);
        self.len = sample.map_or(0, |words| words.len());
        !self.is_empty()
    }

    /// Copies a record of the history. When it is not there any more, the buffer is empty.
    pub(super) fn read_kept(&mut self, history: &History, kept: &KeptRecord) {
        self.len = history.copy_of(kept, &mut self.words).len();
    }

    /// Forgets what is in it.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The words of the record.
    pub(super) fn words(&self) -> &[u64] {
        self.words.get(..self.len).unwrap_or_default()
    }

    /// The record.
    pub(super) fn record(&self) -> Option<Record<'_>> {
        Record::new(self.words()).ok()
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The memory of the ring of plain records, with the header by which it is found in a dump of the machine.

use super::{
    life::Life,
    piece::Piece, //
};
use crate::{
    model::{
        record::WORD_BYTES,
        ring_header::{
            Header,
            END_AT,
            OLDEST_AT,
            RING_AT_BYTES, //
        }, //
        words::Words, //
    },
    sys::rwonce::RwOnce, //
};
use kernel::prelude::*;

/// Words before those of the ring.
pub(crate) const HEAD_WORDS: usize = RING_AT_BYTES / WORD_BYTES;

/// The header, and the words of the ring.
pub(crate) struct RingMemory(Piece);

impl RingMemory {
    /// Takes `words` words of memory, for the records of a life.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(words: usize, life: Life) -> Result<Self> {
        let memory = Self::left(Piece::new(words, &mut true)?);
        memory.begin(life);
        Ok(memory)
    }

    /// Memory in which there may be what another life has left.
    pub(super) fn left(memory: Piece) -> Self {
        Self(memory)
    }

    /// Begins with the records of a life. What was there before is not there any more.
    pub(super) fn begin(&self, life: Life) {
        if self.outlives() {
            self.0.erase(self.0.words());
        }
        let has_sums = self.outlives();
        let size = self.words().len();
        self.0
            .mark(&Header::of(size, life.boot_id, life.load_id, has_sums));
    }

    /// The words of the ring.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(super) fn words(&self) -> &[RwOnce<u64>] {
        self.0.words().get(HEAD_WORDS..).unwrap_or_default()
    }

    /// Bytes of all of it.
    pub(super) fn size_bytes(&self) -> usize {
        self.0.words().len().saturating_mul(WORD_BYTES)
    }

    /// Whether it is in one piece.
    pub(super) fn is_whole(&self) -> bool {
        self.0.is_whole()
    }

    /// Whether records in it are there when the machine has restarted. Then each needs its sum.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(super) fn outlives(&self) -> bool {
        self.0.outlives()
    }

    /// Has words of the ring, which were written, reach memory, if it outlives the machine.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(super) fn write_back(&self, words: &[RwOnce<u64>]) {
        self.0.write_back(words);
    }

    /// Has the header say where the oldest record is.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn set_oldest(&self, position: u64) {
        self.set(OLDEST_AT, position);
    }

    /// Has the header say where the newest record ends.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn set_end(&self, position: u64) {
        self.set(END_AT, position);
        self.0
            .write_back(self.0.words().get(..Header::LEN).unwrap_or_default());
    }

    fn set(&self, at: usize, position: u64) {
        if let Some(word) = self.0.words().get(at) {
            word.write(position);
        }
    }
}

impl Drop for RingMemory {
    /// Others will have the memory, unless it is reserved, so that nothing is to be found in it any more.
    fn drop(&mut self) {
        if let Some(magic) = self.0.words().first().filter(|_| !self.outlives()) {
            magic.write(0);
        }
    }
}

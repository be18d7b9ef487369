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
        let memory = Self(Piece::new(words, &mut true)?);
        let header = Header::of(memory.words().len(), life.boot_id, life.load_id);
        memory.0.mark(&header);
        Ok(memory)
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
    }

    fn set(&self, at: usize, position: u64) {
        if let Some(word) = self.0.words().get(at) {
            word.write(position);
        }
    }
}

impl Drop for RingMemory {
    /// Records have no checksums, and others will have the memory, so that nothing is to be found in it any more.
    fn drop(&mut self) {
        if let Some(magic) = self.0.words().first() {
            magic.write(0);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The memory of the blocks.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    blocks::{
        Blocks,
        Capacity, //
    },
    piece::Piece, //
};
use crate::{
    model::{
        record::WORD_BYTES,
        reserved::open::COPY_WORDS, //
    },
    sys::rwonce::RwOnce, //
};
use kernel::prelude::*;

/// Memory for blocks, and for the header of the one that is open.
pub(crate) struct BlockMemory {
    /// That of each block.
    pub(super) blocks: KVec<Piece>,
    /// Two copies of the header, each with a sum if the memory outlives the machine.
    pub(super) open: Piece,
    /// Bytes of the reserved memory that this is part of; 0 when it is ordinary memory.
    pub(super) reserved_bytes: usize,
}

impl BlockMemory {
    /// Takes ordinary memory.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(capacity: &Capacity) -> Result<Self> {
        let mut blocks = KVec::with_capacity(capacity.blocks, GFP_KERNEL)?;
        let mut is_easy = true;
        for _ in 0..capacity.blocks {
            blocks.push(Piece::new(capacity.block_words, &mut is_easy)?, GFP_KERNEL)?;
        }
        Ok(Self {
            blocks,
            open: Piece::new(COPY_WORDS.saturating_mul(2), &mut is_easy)?,
            reserved_bytes: 0,
        })
    }

    /// The place of the copy for a version.
    #[inline(always)]
    pub(super) fn copy(&self, version: u64) -> &[RwOnce<u64>] {
        let both = self.open.words();
        let (even, odd) = both.split_at_checked(COPY_WORDS).unwrap_or_default();
        if version % 2 == 0 {
            even
        } else {
            odd
        }
    }

    /// Whether what is written to it is there when the machine has restarted.
    #[inline(always)]
    pub(super) fn outlives(&self) -> bool {
        self.open.outlives()
    }

    /// Has words of it, which were written, reach memory, if it outlives the machine.
    #[inline(always)]
    pub(super) fn write_back(&self, words: &[RwOnce<u64>]) {
        self.open.write_back(words);
    }
}

impl Blocks {
    /// The memory of a block; none when there are no blocks.
    pub(super) fn piece(&self, number: u64) -> Option<&Piece> {
        let at = number.checked_rem(self.memory.blocks.len() as u64)?;
        self.memory.blocks.get(at as usize)
    }

    /// The words of a block.
    pub(crate) fn block(&self, number: u64) -> &[RwOnce<u64>] {
        self.piece(number).map(Piece::words).unwrap_or_default()
    }

    /// Bytes of reserved memory that the history has; 0 when it does not outlive the machine.
    pub(crate) fn reserved_bytes(&self) -> usize {
        self.memory.reserved_bytes
    }

    /// Bytes of the largest block.
    pub(crate) fn block_bytes(&self) -> usize {
        self.block(0).len().saturating_mul(WORD_BYTES)
    }

    /// Bytes of all of them.
    pub(crate) fn size_bytes(&self) -> usize {
        self.memory.blocks.len().saturating_mul(self.block_bytes())
    }

    /// How many there are, and how many of them are not in one piece of memory.
    pub(super) fn pieces(&self) -> (usize, usize) {
        let scattered = self.memory.blocks.iter().filter(|block| !block.is_whole());
        (self.memory.blocks.len(), scattered.count())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The memory of a ring: its words alone.

use super::life::Life;
use super::piece::Piece;
use crate::prelude::*;
use crate::sys::rwonce::RwOnce;

pub(crate) struct RingMemory(Piece);

impl RingMemory {
    pub(crate) fn new(words: usize, _life: Life) -> Result<Self> {
        Ok(Self(Piece::new(words, &mut true)?))
    }

    pub(super) fn words(&self) -> &[RwOnce<u64>] {
        self.0.words()
    }

    pub(super) fn size_bytes(&self) -> usize {
        size_of_val(self.words())
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.is_whole()
    }

    pub(super) fn outlives(&self) -> bool {
        self.0.outlives()
    }

    pub(super) fn write_back(&self, words: &[RwOnce<u64>]) {
        self.0.write_back(words);
    }

    pub(super) fn set_oldest(&self, _position: u64) {}

    pub(super) fn set_end(&self, _position: u64) {}
}

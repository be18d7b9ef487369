// SPDX-License-Identifier: GPL-2.0

//! Memory for words, without what only a dump needs, and the next boot.

use model::block::Header;
use model::words::Words;

use crate::prelude::*;
use crate::sys::rwonce::RwOnce;

pub(crate) struct Piece(KVec<RwOnce<u64>>);

impl Piece {
    pub(crate) fn new(len: usize, _is_easy: &mut bool) -> Result<Self> {
        let mut words = KVec::with_capacity(len, GFP_KERNEL)?;
        for _ in 0..len {
            words.push(RwOnce::new(0), GFP_KERNEL)?;
        }
        Ok(Self(words))
    }

    pub(crate) fn words(&self) -> &[RwOnce<u64>] {
        &self.0
    }

    pub(super) fn mark(&self, _header: &impl Words) {}

    pub(super) fn begin(&self, header: &impl Words) {
        super::copy::put(self.words(), header);
    }

    pub(super) fn write_back(&self, _words: &[RwOnce<u64>]) {}

    /// All but the header of a block: a reader finds each of its words as it was or erased, in any combination,
    /// and there are too many.
    pub(super) fn erase(&self, words: &[RwOnce<u64>]) {
        for word in words.iter().skip(Header::LEN) {
            word.write(0);
        }
    }

    pub(super) fn outlives(&self) -> bool {
        false
    }

    pub(crate) fn is_whole(&self) -> bool {
        true
    }
}

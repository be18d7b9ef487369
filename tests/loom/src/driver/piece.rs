// SPDX-License-Identifier: GPL-2.0

//! Memory for words, without the headers that only a dump needs.

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

    pub(crate) fn is_whole(&self) -> bool {
        true
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory for words that is in one piece, if there is such a piece, and then begins with a page. So who reads a
//! dump of the machine finds it all once it has found its start.

use super::copy;
use crate::{
    model::words::Words,
    sys::rwonce::RwOnce, //
};
use kernel::{
    alloc::flags::{
        GFP_NOWAIT,
        __GFP_NOWARN, //
    },
    prelude::*, //
};

/// Words, in memory that is allocated once.
pub(crate) enum Piece {
    /// Of physical memory. Of two pages and more that is what `kmalloc()` gives.
    Whole(KVec<RwOnce<u64>>),
    /// Pages from anywhere.
    Scattered(KVVec<RwOnce<u64>>),
}

impl Piece {
    /// Makes a piece of `len` words. Where there is none, nobody looks hard for another one, so that this takes no
    /// longer than it has to: `is_easy` says so from then on.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new(len: usize, is_easy: &mut bool) -> Result<Self> {
        let make = |flags| KVec::with_capacity(len, flags | __GFP_NOWARN);
        let made = match make(GFP_NOWAIT) {
            Err(_) if *is_easy => make(GFP_KERNEL),
            made => made,
        };
        if let Ok(mut words) = made {
            for _ in 0..len {
                words.push(RwOnce::new(0), GFP_KERNEL)?;
            }
            return Ok(Self::Whole(words));
        }
        *is_easy = false;
        let mut words = KVVec::with_capacity(len, GFP_KERNEL)?;
        for _ in 0..len {
            words.push(RwOnce::new(0), GFP_KERNEL)?;
        }
        Ok(Self::Scattered(words))
    }

    /// The words.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(crate) fn words(&self) -> &[RwOnce<u64>] {
        match self {
            Self::Whole(words) => words,
            Self::Scattered(words) => words,
        }
    }

    /// Begins it with a header, which is for dumps alone: nobody reads it while the module runs.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn mark(&self, header: &impl Words) {
        copy::put(self.words(), header);
    }

    /// Whether it is in one piece.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory for words that is in one piece, if there is such a piece, and then begins with a page. So who reads a
//! dump of the machine finds it all once it has found its start. It is taken at load, or reserved since the boot
//! (`driver/region.rs`): what is written to that has to reach memory, so that the next boot finds it.

use super::copy;
use crate::{
    model::words::Words,
    sys::{
        reserved::{
            self,
            Part, //
        },
        rwonce::RwOnce, //
    }, //
};
use kernel::{
    alloc::flags::{
        GFP_NOWAIT,
        __GFP_NOWARN, //
    },
    prelude::*, //
};

/// Words, in memory that is there for as long as the module is.
pub(crate) enum Piece {
    /// Of physical memory. Of two pages and more that is what `kmalloc()` gives.
    Whole(KVec<RwOnce<u64>>),
    /// Pages from anywhere.
    Scattered(KVVec<RwOnce<u64>>),
    /// Memory that outlives the machine's restart.
    Reserved(Part),
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
            Self::Reserved(part) => part.words(),
        }
    }

    /// Begins it with a header that nobody reads while the module runs: it is for dumps, and for the next boot.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn mark<T: Words>(&self, header: &T) {
        self.begin(header);
    }

    /// Begins it with a header.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn begin<T: Words>(&self, header: &T) {
        copy::put(self.words(), header);
        self.write_back(self.words().get(..T::LEN).unwrap_or_default());
    }

    /// Has words of it, which were written, reach memory before what is written after this, if it outlives the
    /// machine.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(super) fn write_back(&self, words: &[RwOnce<u64>]) {
        if self.outlives() {
            reserved::write_back(words);
        }
    }

    /// Overwrites words of it with zeros, and has these reach memory.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(super) fn erase(&self, words: &[RwOnce<u64>]) {
        for word in words {
            word.write(0);
        }
        self.write_back(words);
    }

    /// Takes the first words of reserved memory away from it; none when it is other memory, or has fewer.
    pub(super) fn split_first(&mut self, len: usize) -> Option<Self> {
        match self {
            Self::Reserved(part) => part.split_first(len).map(Self::Reserved),
            Self::Whole(_) | Self::Scattered(_) => None,
        }
    }

    /// Whether what is written to it is there when the machine has restarted.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    #[inline(always)]
    pub(super) fn outlives(&self) -> bool {
        matches!(self, Self::Reserved(_))
    }

    /// Whether it is in one piece.
    pub(crate) fn is_whole(&self) -> bool {
        !matches!(self, Self::Scattered(_))
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The headers of blocks, for who looks for one.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    blocks::Blocks,
    cursor::Lapped, //
};
use crate::{
    model::{
        block::{
            Header,
            MAGIC, //
        },
        words::Words, //
    },
    sys::rwonce::{
        self,
        RwOnce, //
    }, //
};
use kernel::sync::atomic::ordering::{
    Acquire,
    Relaxed, //
};

impl Blocks {
    /// The header of the open block, or of the newest one; none when there is no block yet.
    pub(super) fn open_header(&self) -> Option<Header> {
        loop {
            let version = self.version.load(Acquire);
            if version == 0 {
                return None;
            }
            let header = get(self.memory.copy(version));
            // The words must have been read before the version is.
            rwonce::read_barrier();
            if self.version.load(Relaxed) == version {
                return header.filter(|header| header.records != 0);
            }
        }
    }

    /// The header of a block that is closed; none where what an earlier life has left is damaged.
    pub(super) fn closed_header(&self, number: u64) -> Result<Option<Header>, Lapped> {
        let header = get(self.block(number));
        self.check(number)?;
        let is_block = |header: &Header| header.magic == MAGIC && header.number == number;
        Ok(header.filter(is_block))
    }

    /// The header of a block of which `open` is the newest.
    pub(super) fn header(&self, number: u64, open: &Header) -> Result<Option<Header>, Lapped> {
        if number == open.number {
            self.check(number)?;
            return Ok(Some(*open));
        }
        self.closed_header(number)
    }

    /// Whether all that was loaded from the block was of it.
    pub(super) fn check(&self, number: u64) -> Result<(), Lapped> {
        // The words must have been read before the number of the oldest block is.
        rwonce::read_barrier();
        if number < self.oldest.load(Relaxed) {
            return Err(Lapped);
        }
        Ok(())
    }

    /// Number of the oldest block of this life; beyond the newest one when it has none.
    pub(super) fn oldest_own_number(&self) -> u64 {
        let first_own = self.first_own.load(Acquire);
        first_own.max(self.oldest.load(Acquire))
    }

    /// The header of the oldest block of this life; none when it has no block yet.
    pub(crate) fn oldest_own(&self) -> Option<Header> {
        loop {
            let open = self.open_header()?;
            let number = self.oldest_own_number();
            if number > open.number {
                return None;
            }
            if let Ok(header) = self.header(number, &open) {
                return header;
            }
        }
    }
}

/// Reads a header, which may be one of which half was overwritten.
pub(super) fn get<'a>(places: impl IntoIterator<Item = &'a RwOnce<u64>>) -> Option<Header> {
    let mut words = [0; Header::LEN];
    for (word, place) in words.iter_mut().zip(places) {
        *word = place.read();
    }
    Header::from_words(&words)
}

// SPDX-License-Identifier: GPL-2.0

//! Erases the records of other boots.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::blocks::{
    Blocks,
    Writer, //
};
use crate::{
    model::{
        block::Header,
        record::WORD_BYTES, //
    },
    sys::rwonce, //
};
use kernel::sync::atomic::ordering::{
    Relaxed,
    Release, //
};

impl Blocks {
    /// Erases the blocks of other boots, and what they have left behind the frames of those that are kept.
    ///
    /// Meanwhile the reporter goes on: it waits until one block is erased, at most.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(crate) fn forget(&self) {
        self.drop_other_boots(&mut self.writer.lock());
        for (place, piece) in self.memory.blocks.iter().enumerate() {
            let writer = self.writer.lock();
            let used = self.used_words(place as u64, &writer.header);
            piece.erase(piece.words().get(used..).unwrap_or_default());
        }
    }

    /// Drops all blocks before the first one of this boot. They still lie there.
    fn drop_other_boots(&self, writer: &mut Writer) {
        let newest = writer.header;
        let mut kept = self.oldest.load(Relaxed);
        while kept < newest.number && !self.is_closed_of_boot(kept) {
            kept = kept.saturating_add(1);
        }
        if kept == newest.number && newest.records != 0 && self.is_of_other_boot(&newest) {
            kept = kept.saturating_add(1);
            writer.header = Header {
                number: kept,
                ..Header::default()
            };
            // Both copies: neither readers nor the next boot are to find one.
            self.publish(&writer.header);
            self.publish(&writer.header);
        }
        self.oldest.store(kept, Release);
        self.earlier.write(0);
        // Readers must see that they are gone before a word changes.
        rwonce::write_barrier();
    }

    /// Whether a block that is closed is of this boot.
    fn is_closed_of_boot(&self, number: u64) -> bool {
        matches!(self.closed_header(number), Ok(Some(header)) if !self.is_of_other_boot(&header))
    }

    /// How many words at a place are of a block that is kept, of which `newest` is the newest.
    fn used_words(&self, place: u64, newest: &Header) -> usize {
        let blocks = self.memory.blocks.len() as u64;
        let behind = newest.number.saturating_add(blocks).saturating_sub(place);
        let number = behind
            .checked_rem(blocks)
            .and_then(|behind| newest.number.checked_sub(behind));
        let header = number.and_then(|number| self.header(number, newest).ok()?);
        header.map_or(0, |header| header.size_bytes as usize / WORD_BYTES)
    }
}

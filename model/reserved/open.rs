// SPDX-License-Identifier: GPL-2.0-or-later

//! The header of the block that is open, which changes with each record. It is there twice: of the two copies one
//! is whole whenever the machine stops.

use super::super::block::Header;
use super::super::record::WORD_BYTES;
use super::super::sum::{Sum, SUM_WORDS};
use super::super::words::Words;
use super::Layout;

/// Words of a copy: the header, and its sum.
pub const COPY_WORDS: usize = Header::LEN + SUM_WORDS;

/// The header in a copy, if it is whole.
pub fn read(copy: &[u64; COPY_WORDS]) -> Option<Header> {
    let (header, sum) = copy.split_at_checked(Header::LEN)?;
    let is_whole = Sum::of(header.iter().copied()).words() == sum;
    Header::from_words(header).filter(|header| is_whole && header.records != 0)
}

impl Layout {
    /// The block that was open, and which of the copies has it: the one with more. `place` gives the header that
    /// lies where a block does. None when there was none, or when it is closed already.
    pub fn open_block(
        &self,
        copies: &[[u64; COPY_WORDS]; 2],
        in_place: impl Fn(usize) -> [u64; Header::LEN],
    ) -> Option<(Header, usize)> {
        let [even, odd] = copies.each_ref().map(read);
        let age = |header: &Option<Header>| header.map(|header| (header.number, header.records));
        let (header, copy) = match age(&odd) > age(&even) {
            true => (odd?, 1),
            false => (even?, 0),
        };
        let place = self.place_of(header.number)?;
        if !self.is_possible(&header, place) || header.size_bytes <= header_bytes() {
            return None;
        }
        match self.any_block(&in_place(place), place) {
            // It was just being closed, or is damaged.
            None => Some((header, copy)),
            Some(marked) => {
                (marked.records == 0 && is_same(&marked, &header)).then_some((header, copy))
            }
        }
    }
}

/// Bytes of a header.
fn header_bytes() -> u64 {
    Header::LEN.saturating_mul(WORD_BYTES) as u64
}

/// Whether two headers are of one block.
fn is_same(marked: &Header, header: &Header) -> bool {
    let identity = |header: &Header| {
        let Header {
            number,
            boot_id,
            load_id,
            first_seq,
            ..
        } = *header;
        (number, boot_id, load_id, first_seq)
    };
    identity(marked) == identity(header)
}

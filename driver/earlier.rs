// SPDX-License-Identifier: GPL-2.0

//! What lives before this one have left in memory that outlives the machine: looked at when the module is loaded,
//! once, and made what this life goes on with. Wherever the machine stops meanwhile, the next one finds it all.

use super::{
    block_memory::BlockMemory,
    blocks::{
        Blocks,
        Earlier,
        Kept, //
    },
    life::Life,
    piece::Piece,
    ring::Ring, //
};
use crate::{
    model::{
        block::Header,
        frame,
        record::WORD_BYTES,
        reserved::{
            open::COPY_WORDS,
            plain::{
                self,
                Whole, //
            },
            Layout, //
        },
        words::Words, //
    },
    sys::rwonce::RwOnce, //
};

impl Earlier {
    /// Looks for the blocks in `memory`. What is none, or cannot be one beside the newest, is erased as far as it
    /// could be taken for one. A block of which some frames are damaged is one of fewer records.
    pub(super) fn find(memory: &BlockMemory, layout: &Layout, life: Life) -> Self {
        let header_at = |place: usize| words_of(words_at(memory, place));
        let closed = |place: usize| layout.closed_block(&header_at(place), place);
        let closed_numbers = (0..memory.blocks.len())
            .filter_map(closed)
            .map(|header| header.number);
        let newest_closed = closed_numbers.max();
        let copies = [0, 1].map(|version| words_of::<COPY_WORDS>(memory.copy(version)));
        let open = layout.open_block(&copies, header_at);
        let open = open.filter(|(header, _)| Some(header.number) > newest_closed);
        let newest = open.map_or(newest_closed, |(header, _)| Some(header.number));
        let mut earlier = Self::default();
        for (place, piece) in memory.blocks.iter().enumerate() {
            let is_here = |header: &Header| layout.place_of(header.number) == Some(place);
            let open = open.filter(|(header, _)| is_here(header));
            let found = open.map(|(header, _)| header).or_else(|| closed(place));
            let is_kept = |header: &Header| layout.is_kept(header.number, newest);
            let whole = found
                .filter(is_kept)
                .and_then(|header| whole_frames(piece, &header));
            let Some(header) = whole else {
                piece.erase(piece.words().get(..Header::LEN).unwrap_or_default());
                continue;
            };
            if open.is_some() {
                // It may have been overwritten half, as the block was closed.
                piece.begin(&header.opened());
            } else if found != whole {
                piece.begin(&header);
            }
            earlier.add(&header, open.map(|(_, copy)| copy), life);
        }
        earlier
    }

    /// Counts a block.
    fn add(&mut self, header: &Header, open: Option<usize>, life: Life) {
        let is_first = self.newest.is_none();
        if is_first || header.number < self.oldest {
            self.oldest = header.number;
        }
        if self
            .newest
            .is_none_or(|newest| newest.number < header.number)
        {
            self.newest = Some(*header);
            self.open = open;
        }
        if header.boot_id != life.boot_id {
            self.records = self.records.saturating_add(header.records);
        }
    }

    /// Sequence number after that of the last record of a life which is in a block.
    fn next_seq(&self, boot_id: u64, load_id: u64) -> u64 {
        let is_of_life = |header: &Header| (header.boot_id, header.load_id) == (boot_id, load_id);
        self.newest
            .filter(is_of_life)
            .map_or(0, |header| header.next_seq)
    }
}

/// The plain records that are in no block.
pub(super) struct Rest<'a> {
    ring: &'a Ring,
    first: Option<Whole>,
}

impl<'a> Rest<'a> {
    /// Looks for them in `ring`.
    pub(super) fn find(ring: &'a Ring, earlier: &Earlier) -> Self {
        let first = plain_ring(ring).first(|boot_id, load_id| earlier.next_seq(boot_id, load_id));
        Self { ring, first }
    }

    /// Words of the longest.
    pub(super) fn longest_words(&self) -> usize {
        let mut longest = 0;
        self.each(|record| longest = record.words.max(longest));
        longest
    }

    /// Puts them into blocks, as those of the life that left them.
    pub(super) fn keep(&self, blocks: &Blocks) {
        if let Some(first) = &self.first {
            blocks.close_unless_of(first.boot_id, first.load_id);
        }
        self.each(|record| {
            let kept = Kept {
                seq: record.seq,
                boot_ns: record.boot_ns,
                load_id: record.load_id,
                boot_id: record.boot_id,
            };
            blocks.keep(kept, self.ring.parts(record.at as u64, record.words));
        });
        blocks.close();
    }

    fn each(&self, take: impl FnMut(&Whole)) {
        if let Some(first) = &self.first {
            plain_ring(self.ring).each_from(first, take);
        }
    }
}

/// The ring as the model looks at it.
fn plain_ring(ring: &Ring) -> plain::Ring<impl Fn(usize) -> u64 + '_> {
    let words = ring.memory().words();
    plain::Ring::new(words.len(), |at| words.get(at).map_or(0, RwOnce::read))
}

/// The header of a block with as many records as it has frames that can be decoded; none when there are none.
fn whole_frames(piece: &Piece, header: &Header) -> Option<Header> {
    let words = header.size_bytes as usize / WORD_BYTES;
    let frames = piece.words().get(Header::LEN..words)?;
    let records = frame::count(frames.len(), |at| frames.get(at).map_or(0, RwOnce::read));
    if records == 0 || records == header.records {
        return (records != 0).then_some(*header);
    }
    let fewer = Header { records, ..*header };
    Some(fewer.sealed(frames.len()))
}

/// The words of a block.
fn words_at(memory: &BlockMemory, place: usize) -> &[RwOnce<u64>] {
    let piece = memory.blocks.get(place);
    piece.map(Piece::words).unwrap_or_default()
}

/// The first words, with zeros behind the last one.
fn words_of<const LEN: usize>(places: &[RwOnce<u64>]) -> [u64; LEN] {
    let mut words = [0; LEN];
    for (word, place) in words.iter_mut().zip(places) {
        *word = place.read();
    }
    words
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The history in memory that outlives the machine: where what lies in it, and what of it is believed later.
//!
//! ```text
//! page 0      head (who has divided the memory, and how), twice, and the header of the open block, twice
//! pages 1…4   lives: when the module was loaded, by which kernel, and how that ended
//! from here   the ring of plain records, as `super::ring_header` says
//! then        blocks
//! ```
//!
//! Whoever comes next finds what was written there in whatever state it was left: a word may be missing, or a bit
//! be another one; or somebody else has had the memory, even on purpose. So nothing is believed that has no
//! checksum of its own, and numbers in it are looked at before they are used.

pub mod life;
pub mod open;
pub mod plain;

use super::block;
use super::crc32c;
use super::record::{words_of, WORD_BYTES};
use super::words::{self, words, Words};

/// The first word: `RSRCMEM` and a zero, in memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RSRCMEM\0");

/// Version of all that is laid down here and below: what another one has left is not read.
pub const VERSION: u64 = 1;

/// Words of a page, whatever one of the kernel is: the ring and each block begin with one.
pub const PAGE_WORDS: usize = 4096 / WORD_BYTES;

/// Where the two copies of the head are: what is damaged of one is not lost.
pub const HEAD_AT: [usize; 2] = [0, 256];

/// Where the two headers of the open block are.
pub const OPEN_AT: usize = 64;

/// Where the lives are.
pub const LIVES_AT: usize = PAGE_WORDS;

/// Where the ring is.
pub const RING_AT: usize = LIVES_AT + life::LIVES * life::LIFE_WORDS;

const _: () = {
    let [_, second] = HEAD_AT;
    assert!(Head::LEN <= OPEN_AT && OPEN_AT + 2 * open::COPY_WORDS <= second);
    assert!(second + Head::LEN <= LIVES_AT);
    assert!(RING_AT % PAGE_WORDS == 0);
};

/// No number of a block or a life is as high: at one in a microsecond, that is a hundred thousand years.
const MAX_NUMBER: u64 = 1 << 62;

words! {
    /// Who has divided the memory, and how. It is written then, and does not change.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Head: "resource_monitor_reserved" {
        /// [`MAGIC`].
        pub magic: u64,
        /// [`VERSION`].
        pub version: u64,
        /// Words of all of it.
        pub words: u64,
        /// Words of the ring, its header included.
        pub ring_words: u64,
        /// Words of a block.
        pub block_words: u64,
        /// How many blocks there are.
        pub blocks: u64,
        /// CRC-32C of the words before this one.
        pub checksum: u64,
    }
}

/// The word that has [`Head::checksum`].
const CHECKSUM_AT: usize = Head::LEN.saturating_sub(1);

/// How the memory is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Words of all of it.
    pub words: usize,
    /// Words of the ring, its header included.
    pub ring_words: usize,
    /// Words of a block.
    pub block_words: usize,
    /// How many blocks there are.
    pub blocks: usize,
}

/// What is in the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing of ours.
    Nothing,
    /// What was divided otherwise, or whose head is damaged.
    Other,
    /// What is divided so.
    Divided(Layout),
}

impl Layout {
    /// How so many words are divided when the ring and a block need so many; none when there is no room for
    /// `least_blocks`.
    pub fn divide(
        words: usize,
        ring_words: usize,
        block_words: usize,
        least_blocks: usize,
    ) -> Option<Self> {
        let ring_words = whole_pages(ring_words);
        let block_words = whole_pages(block_words);
        let left = words.checked_sub(RING_AT.saturating_add(ring_words))?;
        let blocks = left.checked_div(block_words)?;
        (blocks >= least_blocks).then_some(Self {
            words,
            ring_words,
            block_words,
            blocks,
        })
    }

    /// Words that this needs at least.
    pub fn least_words(ring_words: usize, block_words: usize, least_blocks: usize) -> usize {
        RING_AT
            .saturating_add(whole_pages(ring_words))
            .saturating_add(whole_pages(block_words).saturating_mul(least_blocks))
    }

    /// The head of memory that is divided so.
    pub fn head(&self) -> Head {
        let mut head = Head {
            magic: MAGIC,
            version: VERSION,
            words: self.words as u64,
            ring_words: self.ring_words as u64,
            block_words: self.block_words as u64,
            blocks: self.blocks as u64,
            checksum: 0,
        };
        head.checksum = u64::from(crc32c::of_first(&head, CHECKSUM_AT));
        head
    }

    /// Whether a history that needs what `needed` has can go on in this: in the same memory, in which no
    /// record is too long for what there is.
    pub fn has_room_for(&self, needed: &Self) -> bool {
        self.words == needed.words
            && self.ring_words >= needed.ring_words
            && self.block_words >= needed.block_words
            && self.blocks >= 2
    }

    /// Where the block of a number lies.
    pub fn place_of(&self, number: u64) -> Option<usize> {
        let place = number.checked_rem(self.blocks as u64)?;
        Some(place as usize)
    }

    /// Whether a block of a number can be there when `newest` is the newest.
    pub fn is_kept(&self, number: u64, newest: Option<u64>) -> bool {
        let newer = newest.and_then(|newest| newest.checked_sub(number));
        newer.is_some_and(|newer| newer < self.blocks as u64)
    }

    /// Words of memory that has a block's header at the start, as one that is closed at this place; none when
    /// it is not one, or damaged.
    pub fn closed_block(&self, words: &[u64], place: usize) -> Option<block::Header> {
        let header = self.any_block(words, place)?;
        (header.records != 0).then_some(header)
    }

    /// The same of any block, also of one that is open and says nothing of its records.
    fn any_block(&self, words: &[u64], place: usize) -> Option<block::Header> {
        let header = block::Header::parse(words).ok()?;
        let is_own = header.header_bytes == (block::Header::LEN * WORD_BYTES) as u64;
        (is_own && self.is_possible(&header, place)).then_some(header)
    }

    /// Whether a block with this header can lie at a place.
    fn is_possible(&self, header: &block::Header, place: usize) -> bool {
        let sizes = block::Header::LEN..=self.block_words;
        header.number < MAX_NUMBER
            && self.place_of(header.number) == Some(place)
            && words_of(header.size_bytes).is_some_and(|words| sizes.contains(&words))
    }
}

impl Found {
    /// What is in memory of so many words that has these where its heads are.
    pub fn of(heads: [&[u64]; 2], words: usize) -> Self {
        let [first, second] = heads.map(|head| Self::by(head, words));
        match (first, second) {
            (Self::Divided(_), _) => first,
            (Self::Nothing, _) | (_, Self::Divided(_)) => second,
            (Self::Other, _) => first,
        }
    }

    /// The same by one head.
    fn by(head: &[u64], words: usize) -> Self {
        let Some(head) = Head::from_words(head).filter(|head| head.magic == MAGIC) else {
            return Self::Nothing;
        };
        let size = |words: u64| usize::try_from(words).unwrap_or(usize::MAX);
        let layout = Layout::divide(words, size(head.ring_words), size(head.block_words), 2);
        match layout.filter(|layout| layout.head() == head) {
            Some(layout) => Self::Divided(layout),
            None => Self::Other,
        }
    }
}

/// The same number of words, or the next one that is whole pages.
fn whole_pages(words: usize) -> usize {
    words
        .checked_next_multiple_of(PAGE_WORDS)
        .unwrap_or(usize::MAX)
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Frames: records, encoded by what is different from the records before.
//!
//! ```text
//! word 0   bits 0 to 31   "RMFR" in memory
//!          bits 32 to 55  bytes of the whole frame, a multiple of 8
//!          bits 56 to 63  index: frames since the key frame, which has 0
//! word 1   bits 0 to 31   group: the number of the key frame
//!          bits 32 to 63  CRC-32C of word 0, the group in 4 bytes, and the payload
//! payload  bytes, padded with zeros to whole words
//! ```
//!
//! A group is a key frame and those that follow it, which can be decoded only one after the other.
//! All its records have one layout.
//!
//! The payload of a key frame begins with two numbers: the words of the record, and the tick in
//! nanoseconds (0: none). Then, as in the other frames, come the words of the record. What is encoded
//! of a word is its residual, `word - prediction`, wrapping. The prediction is 0 in a key frame, the
//! word of the record before in the next one, and from then on that word plus what it had grown by.
//!
//! For each 8 words there is a byte with a bit set for each residual that is not 0, the lowest bit
//! for the first word; these residuals follow. After a byte of 0 comes a byte that says how many more
//! bytes of 0 are left out. What is missing to the last 8 words counts as residuals of 0.
//!
//! A number below 2^56 is shifted to the left by as many bits as it takes bytes, 1 to 8, of which the
//! highest is set: the zero bits below it say how many bytes there are. Any other number is a byte of
//! 0 and 8 bytes. A residual becomes a number by zigzag (0, -1, 1, -2, …). One that is a multiple of
//! the tick is divided by it first, and the lowest bit of the number says whether: the number is
//! `zigzag(residual) << 1` or `zigzag(residual / tick) << 1 | 1`. Where that is 2^56 or more, it is the
//! byte of 0 and the 8 bytes of `zigzag(residual)`.

// Only programs decode.
#[cfg(not(MODULE))]
mod decoder;
mod encoder;
mod varint;

#[cfg(not(MODULE))]
pub use decoder::{Decoder, NotDecoded};
pub use encoder::{Encoder, NotEncoded, Output, Parts, Word};

use super::crc32c;
use super::record::WORD_BYTES;

/// What each frame begins with: `RMFR`, in memory.
pub const MAGIC: u32 = u32::from_le_bytes(*b"RMFR");

/// Words before the payload.
pub const HEADER_WORDS: usize = 2;

/// Most frames of a group.
pub const GROUP_FRAMES: u8 = 60;

/// Most words of a frame.
pub const MAX_WORDS: usize = ((1 << 24) / WORD_BYTES).saturating_sub(1);

/// Words that share a byte of bits in the payload.
const ROW: usize = 8;

/// The records that a frame is encoded or decoded by. The encoder and the decoder keep this memory
/// from frame to frame; each row has [`row_words`] of the largest record.
#[derive(Debug)]
pub struct Memory<'a> {
    /// The words of the record before.
    pub last: &'a mut [u64],
    /// What they had grown by.
    pub delta: &'a mut [u64],
}

impl Memory<'_> {
    /// The first words of both rows, for a record of `record_words`; none when the rows are shorter.
    fn first(self, record_words: usize) -> Option<Self> {
        let words = row_words(record_words);
        Some(Self {
            last: self.last.get_mut(..words)?,
            delta: self.delta.get_mut(..words)?,
        })
    }
}

/// Words of a row of [`Memory`] for records of `record_words`.
pub const fn row_words(record_words: usize) -> usize {
    record_words.div_ceil(ROW).saturating_mul(ROW)
}

/// Most words of a frame of a record of `record_words`, whatever they are.
pub const fn max_words(record_words: usize) -> usize {
    // A byte of bits for 8 words, 9 bytes for each word, and 2 such numbers before them.
    let bytes = record_words.saturating_add(2).saturating_mul(9);
    bytes
        .saturating_add(record_words.div_ceil(ROW))
        .div_ceil(WORD_BYTES)
        .saturating_add(HEADER_WORDS)
}

/// Word 0 of a frame.
const fn head(words: usize, index: u8) -> u64 {
    let bytes = words.saturating_mul(WORD_BYTES) as u64;
    MAGIC as u64 | (bytes << 32) | ((index as u64) << 56)
}

/// What the header says of a frame.
fn checksum(head: u64, group: u32, payload: impl Iterator<Item = u64>) -> u32 {
    let crc = crc32c::update_words(0, [head]);
    let crc = crc32c::update(crc, &group.to_le_bytes());
    crc32c::update_words(crc, payload)
}

/// Why some words are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// There are fewer words than a header has.
    TooShort,
    /// They do not begin with [`MAGIC`].
    Magic,
    /// It has these bytes by its header, which are not a whole frame or more than there are.
    Size(u64),
    /// It has this index, which is not below [`GROUP_FRAMES`].
    Index(u8),
    /// The checksum is another one.
    Checksum,
}

/// A whole frame, as its words.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    words: &'a [u64],
    payload: &'a [u64],
    group: u32,
    index: u8,
}

/// The size in words of the frame whose first word this is.
pub fn size_words(head: u64) -> Result<usize, Invalid> {
    if head as u32 != MAGIC {
        return Err(Invalid::Magic);
    }
    let bytes = (head >> 32) & 0xff_ffff;
    let words = bytes as usize / WORD_BYTES;
    if bytes as usize % WORD_BYTES != 0 || words < HEADER_WORDS {
        return Err(Invalid::Size(bytes));
    }
    Ok(words)
}

impl<'a> Frame<'a> {
    /// Takes the frame that `words` begin with, if it is whole. There may be more words after it.
    pub fn parse(words: &'a [u64]) -> Result<Self, Invalid> {
        let head = *words.first().ok_or(Invalid::TooShort)?;
        let size = size_words(head)?;
        let words = words
            .get(..size)
            .ok_or(Invalid::Size((head >> 32) & 0xff_ffff))?;
        let [_, second, payload @ ..] = words else {
            return Err(Invalid::TooShort);
        };
        let index = (head >> 56) as u8;
        if index >= GROUP_FRAMES {
            return Err(Invalid::Index(index));
        }
        let group = *second as u32;
        if (*second >> 32) as u32 != checksum(head, group, payload.iter().copied()) {
            return Err(Invalid::Checksum);
        }
        Ok(Self {
            words,
            payload,
            group,
            index,
        })
    }

    /// The words of the whole frame.
    pub fn words(&self) -> &'a [u64] {
        self.words
    }

    /// What it has behind its header.
    pub fn payload(&self) -> &'a [u64] {
        self.payload
    }

    /// The number of the group's key frame.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// Frames since the group's key frame.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whether it can be decoded without another one.
    pub fn is_key(&self) -> bool {
        self.index == 0
    }
}

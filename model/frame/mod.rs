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
//! for the first word; these residuals follow. One that is the same as that before it in the frame is
//! encoded as 0: a record has many times, and all are late or early together. After a byte of 0 comes a byte that says how many more
//! bytes of 0 are left out. What is missing to the last 8 words counts as residuals of 0.
//!
//! A number below 2^56 is shifted to the left by as many bits as it takes bytes, 1 to 8, of which the
//! highest is set: the zero bits below it say how many bytes there are. Any other number is a byte of
//! 0 and 8 bytes. A residual becomes a number by zigzag (0, -1, 1, -2, …). One that is a multiple of
//! the tick is divided by it first, and the lowest bit of the number says whether: the number is
//! `zigzag(residual) << 1` or `zigzag(residual / tick) << 1 | 1`. Where that is 2^56 or more, it is the
//! byte of 0 and the 8 bytes of `zigzag(residual)`.

mod chain;
// Only programs decode.
#[cfg(not(MODULE))]
mod decoder;
mod encoder;
mod parse;
mod varint;

pub use chain::count;
#[cfg(not(MODULE))]
pub use decoder::{Decoder, NotDecoded};
pub use encoder::{Encoder, NotEncoded, Output, Parts, Word};
pub use parse::{size_words, Frame, Invalid};

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

/// Words that an encoder, or a decoder, keeps from frame to frame for records of up to `record_words`:
/// one that goes by the word of the record before, and what that had grown by, for each.
pub const fn memory_words(record_words: usize) -> usize {
    whole_rows(record_words).saturating_mul(2)
}

/// The same number, or the next one that is whole rows.
const fn whole_rows(record_words: usize) -> usize {
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

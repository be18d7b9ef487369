// SPDX-License-Identifier: GPL-2.0-or-later

//! Frames to records.

use super::varint::Reader;
use super::{whole_rows, Frame, GROUP_FRAMES, ROW};

/// Why a frame was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDecoded {
    /// The frame before it is missing: only the next key frame can be decoded.
    OutOfOrder,
    /// The record has this many words, which are more than there is memory for.
    TooLong(u64),
    /// The payload ends early or late.
    Damaged,
}

/// Makes records of frames.
#[derive(Debug)]
pub struct Decoder {
    group: u32,
    /// Index of the next frame of the group; [`GROUP_FRAMES`] when it has to be a key frame.
    index: u8,
    tick_ns: u64,
    /// Words of the group's records.
    words: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that begins with a key frame.
    pub const fn new() -> Self {
        Self {
            group: 0,
            index: GROUP_FRAMES,
            tick_ns: 0,
            words: 0,
        }
    }

    /// Decodes a frame and returns the words of the record. `memory` is the same in each call, and has
    /// [`memory_words`](super::memory_words) of the largest record.
    ///
    /// # Errors
    ///
    /// After a frame that is out of order, the one that is missing can still be decoded; after another
    /// error, the rest of the group is out of order.
    pub fn decode<'a>(
        &mut self,
        memory: &'a mut [u64],
        frame: &Frame<'_>,
    ) -> Result<&'a [u64], NotDecoded> {
        let is_next =
            self.index < GROUP_FRAMES && self.group == frame.group() && self.index == frame.index();
        if !frame.is_key() && !is_next {
            return Err(NotDecoded::OutOfOrder);
        }
        // Until the record is whole, the memory fits no frame.
        self.index = GROUP_FRAMES;
        let mut reader = Reader::new(frame.payload());
        if frame.is_key() {
            let words = reader.number();
            self.words = usize::try_from(words).unwrap_or(usize::MAX);
            self.tick_ns = reader.number();
        }
        let rows = whole_rows(self.words);
        let memory = memory
            .split_at_mut_checked(rows)
            .and_then(|(last, rest)| Some((last, rest.get_mut(..rows)?)));
        let (last, delta) = memory.ok_or(NotDecoded::TooLong(self.words as u64))?;
        if frame.is_key() {
            last.fill(0);
            delta.fill(0);
        }
        let is_whole = read_rows(last, delta, &mut reader, self.tick_ns) && reader.is_at_end();
        if frame.is_key() {
            delta.fill(0);
        }
        let (record, padding) = last
            .split_at_checked(self.words)
            .ok_or(NotDecoded::Damaged)?;
        if !is_whole || padding.iter().any(|word| *word != 0) {
            return Err(NotDecoded::Damaged);
        }
        self.group = frame.group();
        self.index = frame.index().saturating_add(1);
        Ok(record)
    }
}

/// Adds the residuals to the words that were predicted. False when more bytes of 0 are left out than
/// there can be.
fn read_rows(last: &mut [u64], delta: &mut [u64], reader: &mut Reader<'_>, tick_ns: u64) -> bool {
    let mut zeros = 0u8;
    let mut residual = 0u64;
    for (last, delta) in last.chunks_exact_mut(ROW).zip(delta.chunks_exact_mut(ROW)) {
        let mut bits = 0;
        if zeros != 0 {
            zeros = zeros.wrapping_sub(1);
        } else {
            bits = reader.byte();
            if bits == 0 {
                zeros = reader.byte();
            }
        }
        let words = last.iter_mut().zip(delta.iter_mut());
        if bits == 0 {
            for (last, delta) in words {
                *last = last.wrapping_add(*delta);
            }
            continue;
        }
        for (last, delta) in words {
            if bits & 1 != 0 {
                residual = match reader.residual(tick_ns) {
                    0 => residual,
                    other => other,
                };
                *delta = delta.wrapping_add(residual);
            }
            *last = last.wrapping_add(*delta);
            bits >>= 1;
        }
    }
    zeros == 0
}

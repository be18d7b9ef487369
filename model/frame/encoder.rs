// SPDX-License-Identifier: GPL-2.0-or-later

//! Records to frames.

use super::super::record::WORD_BYTES;
use super::varint::{Tick, Writer};
use super::{checksum, head, memory_words, GROUP_FRAMES, HEADER_WORDS, MAX_WORDS, ROW};

/// Words that the encoder keeps for a row: the last words, and then what they had grown by. They are
/// looked at together.
const KEPT_ROW: usize = 2 * ROW;

/// An odd number with as many ones as zeros, which spreads each bit over those above.
const LAYOUT_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Most bytes of 0 that have one short form.
const MAX_ZEROS: u64 = 256;

/// A word of a record where it is kept.
pub trait Word {
    /// Reads it.
    fn read(&self) -> u64;
}

/// Where a frame goes.
pub trait Output {
    /// Writes the word `at` of the frame; none when there is no room for it.
    fn put(&mut self, at: usize, word: u64) -> Option<()>;

    /// Reads the word `at`, which was written.
    fn get(&self, at: usize) -> u64;
}

impl Word for u64 {
    #[inline(always)]
    fn read(&self) -> u64 {
        *self
    }
}

/// A record in a ring of words: what is before the end of the ring, and what is at its start. It does
/// not change while it is encoded.
#[derive(Debug)]
pub struct Parts<'a, W> {
    first: &'a [W],
    rest: &'a [W],
}

impl<W> Clone for Parts<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Parts<'_, W> {}

impl<'a, W: Word> Parts<'a, W> {
    /// A record whose words are those of `first` and then those of `rest`, which may be empty.
    pub fn new(first: &'a [W], rest: &'a [W]) -> Self {
        Self { first, rest }
    }

    /// Number of words.
    fn len(&self) -> usize {
        self.first.len().saturating_add(self.rest.len())
    }

    /// The word `at`.
    #[inline(always)]
    fn word(&self, at: usize) -> Option<u64> {
        let word = match at.checked_sub(self.first.len()) {
            Some(at) => self.rest.get(at),
            None => self.first.get(at),
        };
        word.map(W::read)
    }

    /// Takes the next 8 words, if they are before the end of the ring.
    #[inline(always)]
    fn next_row(&mut self) -> Option<&'a [W; ROW]> {
        let (row, rest) = self.first.split_first_chunk()?;
        self.first = rest;
        Some(row)
    }

    /// Takes the last words before the end of the ring and those at its start, or the last ones of
    /// all and zeros.
    fn last_row(&mut self) -> [u64; ROW] {
        let mut row = [0; ROW];
        for (to, from) in row.iter_mut().zip(self.first.iter().chain(self.rest)) {
            *to = from.read();
        }
        let taken = ROW.saturating_sub(self.first.len());
        self.first = self.rest.get(taken..).unwrap_or_default();
        self.rest = &[];
        row
    }
}

impl Output for [u64] {
    #[inline(always)]
    fn put(&mut self, at: usize, word: u64) -> Option<()> {
        *self.get_mut(at)? = word;
        Some(())
    }

    #[inline(always)]
    fn get(&self, at: usize) -> u64 {
        <[u64]>::get(self, at).copied().unwrap_or_default()
    }
}

/// Why a record was not encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEncoded {
    /// There is no room for the frame. The next one is a key frame.
    NoRoom,
    /// The record has more words than there is memory for.
    TooLong,
}

/// Makes frames of records.
#[derive(Debug)]
pub struct Encoder {
    tick: Tick,
    /// Number of the next key frame.
    next_group: u32,
    /// Index of the next frame; [`GROUP_FRAMES`] when it has to be a key frame.
    index: u8,
    /// Words of the record before.
    words: usize,
    /// Its layout.
    layout: u64,
}

impl Encoder {
    /// An encoder on a machine that counts some times in ticks of `tick_ns`; 0 where it counts none.
    /// Its groups have the numbers from `first_group` on. Where frames of several encoders follow one
    /// another, that is best a random number, so that those of one are not taken for those of another.
    pub const fn new(tick_ns: u64, first_group: u32) -> Self {
        Self {
            tick: Tick::new(tick_ns),
            next_group: first_group,
            index: GROUP_FRAMES,
            words: 0,
            layout: 0,
        }
    }

    /// Makes the next frame a key frame, as the first one of a block is.
    pub fn start_group(&mut self) {
        self.index = GROUP_FRAMES;
    }

    /// Encodes a record, and returns how many words its frame has. `memory` is the same in each call,
    /// and has [`memory_words`] of the largest record.
    ///
    /// The frame belongs to the group of the one before, if that is not full and the record has the
    /// layout of the one before; otherwise it is a key frame.
    ///
    /// # Errors
    ///
    /// What was written to `to` is no frame then. The record can be encoded again.
    pub fn encode<W: Word, O: Output + ?Sized>(
        &mut self,
        memory: &mut [u64],
        record: Parts<'_, W>,
        to: &mut O,
    ) -> Result<usize, NotEncoded> {
        let words = record.len();
        let memory = memory.get_mut(..memory_words(words));
        let memory = memory.ok_or(NotEncoded::TooLong)?;
        let layout = layout(record);
        let is_next = self.index < GROUP_FRAMES && self.words == words && self.layout == layout;
        let index = if is_next { self.index } else { 0 };
        // Until the frame is whole, the memory fits none.
        self.index = GROUP_FRAMES;
        let (size, group) = self
            .write(memory, record, to, index)
            .ok_or(NotEncoded::NoRoom)?;
        self.index = index.saturating_add(1);
        self.words = words;
        self.layout = layout;
        self.next_group = group.wrapping_add(1);
        Ok(size)
    }

    /// Writes the frame and returns its words and the number of its group.
    fn write<W: Word, O: Output + ?Sized>(
        &self,
        memory: &mut [u64],
        record: Parts<'_, W>,
        to: &mut O,
        index: u8,
    ) -> Option<(usize, u32)> {
        let is_key = index == 0;
        let group = self.next_group.wrapping_sub(u32::from(!is_key));
        // It is handed on by value, which keeps it in registers.
        let mut writer = Writer::new(&mut *to, HEADER_WORDS);
        if is_key {
            writer.number(record.len() as u64)?;
            writer.number(self.tick.ns())?;
            memory.fill(0);
        }
        let writer = write_rows(memory, record, writer, &self.tick)?;
        if is_key {
            for [_, _, _, _, _, _, _, _, delta @ ..] in rows(memory) {
                *delta = [0; ROW];
            }
        }
        let size = writer.finish()?;
        if size > MAX_WORDS {
            return None;
        }
        let head = head(size, index);
        let crc = checksum(head, group, (HEADER_WORDS..size).map(|at| to.get(at)));
        to.put(0, head)?;
        to.put(1, (u64::from(crc) << 32) | u64::from(group))?;
        Some((size, group))
    }
}

/// Writes the residuals of a record, and puts it into the memory.
#[inline(always)]
fn write_rows<'a, W: Word, O: Output + ?Sized>(
    memory: &mut [u64],
    mut record: Parts<'_, W>,
    mut writer: Writer<'a, O>,
    tick: &Tick,
) -> Option<Writer<'a, O>> {
    let mut residuals = [0; ROW];
    // Bytes of bits that are 0 and not written yet.
    let mut zeros = 0u64;
    let mut before = 0u64;
    for kept in rows(memory) {
        let (bits, count) = match record.next_row() {
            Some(now) => predict(now, kept, &mut residuals),
            None => predict_last(&mut record, kept, &mut residuals),
        };
        if bits == 0 {
            zeros = zeros.wrapping_add(1);
            if zeros == MAX_ZEROS {
                writer.bytes(left_out(zeros), 2)?;
                zeros = 0;
            }
            continue;
        }
        if zeros == 0 {
            writer.bytes(bits, 1)?;
        } else {
            writer.bytes(left_out(zeros) | (bits << 16), 3)?;
            zeros = 0;
        }
        for residual in residuals.iter().take(count) {
            if *residual == before {
                writer.same()?;
            } else {
                writer.residual(*residual, tick)?;
                before = *residual;
            }
        }
    }
    if zeros != 0 {
        writer.bytes(left_out(zeros), 2)?;
    }
    Some(writer)
}

/// The 2 bytes that stand for 1 to [`MAX_ZEROS`] bytes of 0.
#[inline(always)]
fn left_out(zeros: u64) -> u64 {
    zeros.wrapping_sub(1) << 8
}

/// The rows of the memory.
#[inline(always)]
fn rows(memory: &mut [u64]) -> impl Iterator<Item = &mut [u64; KEPT_ROW]> {
    let rows = memory.chunks_exact_mut(KEPT_ROW);
    rows.filter_map(|row| row.try_into().ok())
}

/// Puts the residuals of 8 words that are not 0 into `residuals`. Returns a byte that has a bit for
/// each, and how many there are. The words become the last ones.
#[inline(always)]
fn predict<W: Word>(
    now: &[W; ROW],
    kept: &mut [u64; KEPT_ROW],
    residuals: &mut [u64; ROW],
) -> (u64, usize) {
    let (last, delta) = kept.split_at_mut(ROW);
    let mut bits = 0;
    let mut count = 0usize;
    let words = now.iter().zip(last).zip(delta);
    for (at, ((now, last), delta)) in (0u32..).zip(words) {
        let now = now.read();
        let grown = now.wrapping_sub(*last);
        *last = now;
        if grown != *delta {
            if let Some(residual) = residuals.get_mut(count % ROW) {
                *residual = grown.wrapping_sub(*delta);
            }
            *delta = grown;
            bits |= 1 << (at & 7);
            count = count.wrapping_add(1);
        }
    }
    (bits, count)
}

/// As [`predict`], where a record's words do not follow one another, or end.
#[cold]
#[inline(never)]
fn predict_last<W: Word>(
    record: &mut Parts<'_, W>,
    kept: &mut [u64; KEPT_ROW],
    residuals: &mut [u64; ROW],
) -> (u64, usize) {
    predict(&record.last_row(), kept, residuals)
}

/// What tells the layout of a record: a number of its version, the size of its header, and the kinds and
/// sizes of its sections. Where two layouts have the same, frames are larger, and no more.
fn layout<W: Word>(record: Parts<'_, W>) -> u64 {
    if record.rest.is_empty() {
        layout_of(|at| record.first.get(at).map(W::read))
    } else {
        layout_of(|at| record.word(at))
    }
}

/// The same of a record of which `word` gives the words.
#[inline(always)]
fn layout_of(word: impl Fn(usize) -> Option<u64>) -> u64 {
    // A record begins with magic, version, its size, and that of its header.
    let version = word(1).unwrap_or(0);
    let mut size_bytes = word(3).unwrap_or(0);
    let mut layout = version ^ size_bytes.rotate_left(32);
    let mut at = 0usize;
    loop {
        // A section of nothing would be looked at for ever.
        at = at.wrapping_add((size_bytes as usize / WORD_BYTES).max(1));
        // A section begins with its kind and its size.
        let (Some(kind), Some(size)) = (word(at), word(at.wrapping_add(1))) else {
            return layout;
        };
        size_bytes = size;
        layout = (layout ^ kind ^ size.rotate_left(32)).wrapping_mul(LAYOUT_FACTOR);
    }
}

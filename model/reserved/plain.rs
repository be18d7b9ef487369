// SPDX-License-Identifier: GPL-2.0-or-later

//! What a ring of plain records has in it that is whole. Where its header says that they begin and end is not
//! asked: each record has its sum, and its number.

use super::super::record::{
    words_of, Header, BOOT_ID_AT, LOAD_ID_AT, MAGIC, SEQ_AT, SIZE_AT, TAKEN_BOOT_AT, VERSION,
    VERSION_AT,
};
use super::super::sum::{Sum, SUM_WORDS};
use super::super::words::Words;

/// How often the words of the ring are added up in vain, at most: what looks like the start of a record may be
/// there on purpose, over and over.
const PATIENCE: usize = 4;

/// A record that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Where in the ring it begins.
    pub at: usize,
    /// Its words, without the sum.
    pub words: usize,
    /// Whose it is.
    pub boot_id: u64,
    /// The same.
    pub load_id: u64,
    /// Its number.
    pub seq: u64,
    /// When it was taken, by `CLOCK_BOOTTIME` in nanoseconds.
    pub boot_ns: u64,
}

/// A ring of words.
#[derive(Debug)]
pub struct Ring<F> {
    word: F,
    len: usize,
    /// Words that may still be added up in vain.
    patience: usize,
}

impl<F: Fn(usize) -> u64> Ring<F> {
    /// A ring of `len` words; `word` gives the one at a place below that.
    pub fn new(len: usize, word: F) -> Self {
        Self {
            word,
            len,
            patience: len.saturating_mul(PATIENCE),
        }
    }

    /// The record with the lowest number that is not below what `next_seq` says of its life. All others of that
    /// life follow it in the ring.
    pub fn first(&mut self, next_seq: impl Fn(u64, u64) -> u64) -> Option<Whole> {
        let mut first: Option<Whole> = None;
        let mut from = 0;
        while let Some(found) = self.next(from, self.len) {
            from = found.at.saturating_add(found.step());
            let is_new = found.seq >= next_seq(found.boot_id, found.load_id);
            if is_new && first.is_none_or(|first| found.seq < first.seq) {
                first = Some(found);
            }
        }
        first
    }

    /// Calls `take` with a record and those of the same life that follow it, by their numbers.
    pub fn each_from(&mut self, first: &Whole, mut take: impl FnMut(&Whole)) {
        let end = first.at.saturating_add(self.len);
        let mut from = first.at;
        let mut next_seq = first.seq;
        while let Some(found) = self.next(from, end) {
            from = found.at.saturating_add(found.step());
            let is_of_life = (found.boot_id, found.load_id) == (first.boot_id, first.load_id);
            if is_of_life && found.seq >= next_seq {
                take(&found);
                let Some(next) = found.seq.checked_add(1) else {
                    return;
                };
                next_seq = next;
            }
        }
    }

    /// The next whole record that begins from `from` on and before `end`.
    fn next(&mut self, from: usize, end: usize) -> Option<Whole> {
        (from..end).find_map(|at| self.whole(at))
    }

    /// The record at a place, which may be beyond the end of the ring and go around it; none when it is not whole.
    fn whole(&mut self, at: usize) -> Option<Whole> {
        let word = |index: usize| {
            let place = at.saturating_add(index).checked_rem(self.len)?;
            Some((self.word)(place))
        };
        if word(0)? != MAGIC || word(VERSION_AT)? != VERSION {
            return None;
        }
        let words = words_of(word(SIZE_AT)?)?;
        if words < Header::LEN || words.saturating_add(SUM_WORDS) > self.len {
            return None;
        }
        let left = self.patience.checked_sub(words)?;
        let sum = Sum::of((0..words).map_while(word));
        let read = [word(words)?, word(words.saturating_add(1))?];
        if sum.words() != read {
            self.patience = left;
            return None;
        }
        Some(Whole {
            at,
            words,
            boot_id: word(BOOT_ID_AT)?,
            load_id: word(LOAD_ID_AT)?,
            seq: word(SEQ_AT)?,
            boot_ns: word(TAKEN_BOOT_AT)?,
        })
    }
}

impl Whole {
    /// Words from its start to that of the next record.
    fn step(&self) -> usize {
        self.words.saturating_add(SUM_WORDS)
    }
}

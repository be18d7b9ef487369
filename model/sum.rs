// SPDX-License-Identifier: GPL-2.0-or-later

//! The sum that stands behind what is written often, in memory that outlives the machine: at three instructions a
//! word it costs an eighth of a CRC-32C.
//!
//! It is that of Fletcher in words: the sum of all words, and the sum of what that was after each. One word that
//! is another one changes the first; two that change places the second. It is no protection from who makes a sum
//! that fits.

/// Words of a sum.
pub const SUM_WORDS: usize = 2;

/// What both begin with, so that zeros have a sum that is not zero: "RSRCSUM" and a zero, in memory.
const START: u64 = u64::from_le_bytes(*b"RSRCSUM\0");

/// A sum of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    words: u64,
    sums: u64,
}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

impl Sum {
    /// The sum of no words.
    pub const fn new() -> Self {
        Self {
            words: START,
            sums: START,
        }
    }

    /// The sum of some words.
    pub fn of(words: impl IntoIterator<Item = u64>) -> Self {
        words.into_iter().fold(Self::new(), Self::with)
    }

    /// The sum with one word more.
    #[inline(always)]
    pub fn with(self, word: u64) -> Self {
        let words = self.words.wrapping_add(word);
        Self {
            words,
            sums: self.sums.wrapping_add(words),
        }
    }

    /// Its words.
    pub fn words(self) -> [u64; SUM_WORDS] {
        [self.words, self.sums]
    }
}

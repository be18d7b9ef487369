// SPDX-License-Identifier: GPL-2.0-or-later

//! CRC-32C (Castagnoli), the checksum of frames, blocks and the ring.

use super::words::Words;

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `TABLES[n][byte]` is the remainder of a byte that `n` zero bytes follow. With 8 of them a word is
/// one step.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler, which refuses what is out of range"
)]
static TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let carry = crc & 1 != 0;
            crc >>= 1;
            if carry {
                crc ^= POLYNOMIAL;
            }
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut zeros = 1;
    while zeros < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[zeros - 1][byte];
            tables[zeros][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        zeros += 1;
    }
    tables
};

/// The remainder of `byte` with the zero bytes of `table` after it.
#[inline(always)]
fn remainder(table: &[u32; 256], byte: u64) -> u32 {
    // The index is in range, so no branch is left of this.
    table
        .get(usize::from(byte as u8))
        .copied()
        .unwrap_or_default()
}

/// Adds a word to the inverted checksum `state`.
#[inline(always)]
fn step(state: u32, word: u64) -> u32 {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
    let word = word ^ u64::from(state);
    remainder(t7, word)
        ^ remainder(t6, word >> 8)
        ^ remainder(t5, word >> 16)
        ^ remainder(t4, word >> 24)
        ^ remainder(t3, word >> 32)
        ^ remainder(t2, word >> 40)
        ^ remainder(t1, word >> 48)
        ^ remainder(t0, word >> 56)
}

/// The checksum of what has the checksum `crc` with `bytes` after it. That of no bytes is 0.
pub fn update(crc: u32, bytes: &[u8]) -> u32 {
    let [table, ..] = &TABLES;
    let mut state = !crc;
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    for word in words {
        state = step(state, word.try_into().map_or(0, u64::from_le_bytes));
    }
    for byte in rest {
        state = (state >> 8) ^ remainder(table, u64::from(state) ^ u64::from(*byte));
    }
    !state
}

/// As [`update`], of the bytes of little-endian words.
pub fn update_words(crc: u32, words: impl IntoIterator<Item = u64>) -> u32 {
    !words.into_iter().fold(!crc, step)
}

/// The checksum of the first `words` words of `value`.
pub fn of_first(value: &impl Words, words: usize) -> u32 {
    let mut crc = 0;
    let mut left = words;
    value.put(&mut |word| {
        if let Some(rest) = left.checked_sub(1) {
            crc = update_words(crc, [word]);
            left = rest;
        }
    });
    crc
}

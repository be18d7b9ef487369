// SPDX-License-Identifier: GPL-2.0

//! Whether what was to be erased is gone from memory.

use std::collections::HashSet;

use anyhow::{ensure, Context, Result};
use model::block::{self, MAGIC};
use model::record::WORD_BYTES;
use model::words::Words;

use crate::sizes::words_of;

/// Where blocks begin: at multiples of this many words.
const PAGE_WORDS: usize = 4096 / WORD_BYTES;

/// What is looked for is so long: as good as never the same by chance.
const PIECE_WORDS: usize = 8;

/// So many pieces are needed at least for this to mean anything.
const LEAST_PIECES: usize = 20;

/// The frames of the blocks of a boot, or of the others.
fn frames(memory: &[u64], is_wanted: impl Fn(u64) -> bool) -> Vec<&[u64]> {
    let mut frames = Vec::new();
    for at in (0..memory.len()).step_by(PAGE_WORDS) {
        let Ok(header) = block::Header::parse(&memory[at..]) else {
            continue;
        };
        let end = at + header.size_bytes as usize / WORD_BYTES;
        if is_wanted(header.boot_id) && header.records > 0 {
            frames.push(&memory[at + block::Header::LEN..end.min(memory.len())]);
        }
    }
    frames
}

/// Compares memory before and after the records of all boots but `boot_id` were erased: no piece of these is to be
/// anywhere. Returns how many were looked for.
pub fn judge(before: &[u8], after: &[u8], boot_id: u64) -> Result<usize> {
    let (before, after) = (words_of(before)?, words_of(after)?);
    ensure!(before.contains(&MAGIC), "there is no block in memory");
    let others = frames(&before, |id| id != boot_id);
    let others = others
        .iter()
        .flat_map(|frames| frames.chunks_exact(PIECE_WORDS));
    // More than a few zeros.
    let others = others.filter(|piece| piece.iter().all(|word| *word != 0));
    let mut others: HashSet<_> = others.collect();
    // What there is of this boot as well may stay, as names do.
    for own in frames(&before, |id| id == boot_id) {
        for piece in own.windows(PIECE_WORDS) {
            others.remove(piece);
        }
    }
    let count = others.len();
    ensure!(
        count >= LEAST_PIECES,
        "the memory has {count} pieces of other boots alone, too few to judge"
    );
    let left = after
        .windows(PIECE_WORDS)
        .position(|piece| others.contains(piece));
    if let Some(at) = left {
        let page = at / PAGE_WORDS;
        let header = after.get(page * PAGE_WORDS..).context("the end")?;
        anyhow::bail!(
            "what was erased is still at word {at}, in page {page}, which begins with {:x?}",
            header.first()
        );
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page with a block of a boot, whose frames are words from `first` on.
    fn page(boot_id: u64, first: u64) -> Vec<u64> {
        const FRAMES: usize = 200;
        let header = block::Header {
            boot_id,
            records: 3,
            ..block::Header::default()
        };
        let mut words = Vec::new();
        header.sealed(FRAMES).put(&mut |word| words.push(word));
        words.extend(first..first + FRAMES as u64);
        words.resize(PAGE_WORDS, 0);
        words
    }

    fn bytes(pages: &[Vec<u64>]) -> Vec<u8> {
        pages
            .iter()
            .flatten()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    #[test]
    fn what_is_left_is_found() {
        let (own, other) = (page(1, 1 << 20), page(2, 1 << 30));
        let before = bytes(&[own.clone(), other.clone()]);
        let nothing = vec![0; PAGE_WORDS];
        let judged = |after: &[Vec<u64>]| judge(&before, &bytes(after), 1);
        assert_eq!(judged(&[own.clone(), nothing.clone()]).unwrap(), 25);
        assert!(judged(&[own.clone(), other.clone()]).is_err());
        // Not only where it was, and not only with its header.
        let mut moved = nothing.clone();
        moved[9..20].copy_from_slice(&other[100..111]);
        assert!(judged(&[moved, own.clone()]).is_err());
        assert!(judge(&bytes(&[own.clone()]), &bytes(&[own]), 1).is_err());
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! How many frames can be decoded, without decoding one.

use super::{checksum, size_words, GROUP_FRAMES, HEADER_WORDS};

/// How often words are read in vain, at most: what looks like the start of a frame may be there on purpose, over
/// and over.
const PATIENCE: usize = 4;

/// How many frames in some words can be decoded: those that are whole, each a key frame or the one that follows the
/// last of these in its group. `word` gives the word at a place below `len`.
pub fn count(len: usize, word: impl Fn(usize) -> u64) -> u64 {
    let mut patience = len.saturating_mul(PATIENCE);
    let mut frames = 0u64;
    // The frame that can be decoded, besides a key frame.
    let mut next = None;
    let mut at = 0usize;
    while at < len && patience > 0 {
        let size = size_words(word(at)).unwrap_or(0);
        let end = at.saturating_add(size);
        let whole = (end <= len).then(|| whole(at, end, &word));
        let Some((group, index)) = whole.flatten() else {
            if whole.is_some() {
                patience = patience.saturating_sub(size);
            }
            at = at.saturating_add(1);
            continue;
        };
        if index == 0 || next == Some((group, index)) {
            frames = frames.saturating_add(1);
            next = Some((group, index.saturating_add(1)));
        }
        at = end;
    }
    frames
}

/// Group and index of the frame from `at` to `end`, if it is whole.
fn whole(at: usize, end: usize, word: &impl Fn(usize) -> u64) -> Option<(u32, u8)> {
    let payload_at = at.saturating_add(HEADER_WORDS);
    if payload_at > end {
        return None;
    }
    let (head, second) = (word(at), word(at.saturating_add(1)));
    let index = (head >> 56) as u8;
    let group = second as u32;
    let payload = (payload_at..end).map(word);
    let is_whole = (second >> 32) as u32 == checksum(head, group, payload);
    (is_whole && index < GROUP_FRAMES).then_some((group, index))
}

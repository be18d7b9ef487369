// SPDX-License-Identifier: GPL-2.0-or-later

//! Bounds on what a hostile recording costs.
#![allow(clippy::unwrap_used)]

use model::words::Words;

use super::*;

const PLAIN: &[u8] = include_bytes!("../../../testdata/layers.rec");

/// Each word begins a frame of 64 KiB that is none: without a bound, a MiB takes 8 GiB of checksums.
#[test]
fn bytes_that_begin_frames_everywhere_are_not_checked_for_ever() {
    const FRAME_BYTES: u64 = 1 << 16;
    const BYTES: u64 = 1 << 20;
    const MAX: u64 = 1 << 22;
    let head = u64::from(frame::MAGIC) | (FRAME_BYTES << 32);
    let mut recording = head.to_le_bytes().repeat(BYTES as usize / WORD_BYTES);
    recording.extend(PLAIN);
    let mut records = Records {
        max_checked_in_vain: MAX,
        ..Records::new(recording.as_slice())
    };
    let found = records.by_ref().map(Result::unwrap).count();
    // The last ones of them reach into the records.
    assert!(found > 0);
    assert!((MAX..=MAX + BYTES + 2 * FRAME_BYTES).contains(&records.checked_in_vain));
}

/// A header of a block may claim any size; only one that it can have is waited for.
#[test]
fn a_claimed_header_is_not_waited_for() {
    for header_bytes in [1 << 40, (MAX_BLOCK_HEADER_BYTES + WORD_BYTES) as u64] {
        let mut words = Vec::new();
        let header = block::Header {
            header_bytes,
            size_bytes: header_bytes,
            ..block::Header::default().sealed(0)
        };
        header.put(&mut |word| words.push(word));
        let checksum_at = words.len() - 1;
        words[checksum_at] =
            model::crc32c::update_words(0, words[..checksum_at].iter().copied()).into();
        let mut recording: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        recording.extend(PLAIN);
        let mut records = Records::new(recording.as_slice());
        let found = records.by_ref().map(Result::unwrap).count();
        assert_eq!(found, Records::new(PLAIN).count());
        let damaged: u64 = records.damage().iter().map(|damage| damage.bytes).sum();
        assert_eq!(damaged, (recording.len() - PLAIN.len()) as u64);
    }
}

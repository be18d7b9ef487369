// SPDX-License-Identifier: GPL-2.0-or-later

use model::crc32c::{update, update_words};
use proptest::prelude::*;

/// The checksum, bit by bit.
pub fn by_bits(bytes: &[u8]) -> u32 {
    let mut state = !0u32;
    for byte in bytes {
        state ^= u32::from(*byte);
        for _ in 0..8 {
            state = (state >> 1) ^ ((state & 1) * 0x82f6_3b78);
        }
    }
    !state
}

#[test]
fn checksums_of_rfc_3720() {
    let rising: Vec<u8> = (0..32).collect();
    let falling: Vec<u8> = (0..32).rev().collect();
    let table: [(&[u8], u32); 6] = [
        (b"", 0),
        (b"123456789", 0xe306_9283),
        (&[0; 32], 0x8a91_36aa),
        (&[0xff; 32], 0x62a8_ab43),
        (&rising, 0x46dd_794e),
        (&falling, 0x113f_db5c),
    ];
    for (bytes, expected) in table {
        assert_eq!(update(0, bytes), expected, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn a_checksum_is_that_of_the_bits(bytes: Vec<u8>) {
        prop_assert_eq!(update(0, &bytes), by_bits(&bytes));
    }

    #[test]
    fn a_checksum_can_be_made_in_parts(bytes: Vec<u8>, at: prop::sample::Index) {
        let (first, rest) = bytes.split_at(at.index(bytes.len() + 1));
        prop_assert_eq!(update(update(0, first), rest), update(0, &bytes));
    }

    #[test]
    fn words_count_as_their_bytes(words: Vec<u64>) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        prop_assert_eq!(update_words(0, words), update(0, &bytes));
    }
}

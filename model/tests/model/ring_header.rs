// SPDX-License-Identifier: GPL-2.0-or-later

use crate::crc32c::by_bits;
use crate::util::{value_of, words_of};
use model::ring_header::{Header, END_AT, OLDEST_AT, RING_AT_BYTES};
use model::words::Words;

#[test]
fn a_ring_header_is_sealed() {
    let words = words_of(&Header::of(1000, 5, 6, true));
    let bytes: Vec<u8> = words[..7]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let magic = u64::from_le_bytes(*b"RSRCRNG\0");
    let checksum = u64::from(by_bits(&bytes));
    assert_eq!(words, [magic, 2, 10 * 8, 1000, 5, 6, 1, checksum, 0, 0]);
    assert_eq!(Header::parse(&words), Some(Header::of(1000, 5, 6, true)));
    assert!(words.len() * 8 <= RING_AT_BYTES);
}

#[test]
fn positions_change_and_nothing_else() {
    let good = words_of(&Header::of(1000, 5, 6, true));
    for at in 0..good.len() {
        let mut words = good.clone();
        words[at] ^= 1;
        let is_position = [OLDEST_AT, END_AT].contains(&at);
        assert_eq!(Header::parse(&words).is_some(), is_position, "word {at}");
        assert_eq!(value_of::<Header>(words.clone()).oldest, words[OLDEST_AT]);
        assert_eq!(value_of::<Header>(words.clone()).end, words[END_AT]);
    }
    assert_eq!(Header::parse(&good[..9]), None);
    // Another version may mean something else, although it is sealed.
    let mut words = good;
    words[1] = 3;
    let bytes: Vec<u8> = words[..7]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    words[7] = u64::from(by_bits(&bytes));
    assert_eq!(Header::parse(&words), None);
}

#[test]
fn later_fields_may_follow() {
    let mut words = words_of(&Header::of(1000, 5, 6, true));
    words.push(7);
    assert_eq!(Header::parse(&words), Some(Header::of(1000, 5, 6, true)));
    assert_eq!(Header::LEN, 10);
}

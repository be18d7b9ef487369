// SPDX-License-Identifier: GPL-2.0-or-later

//! What is believed of memory in which a machine that has died has left its history.

mod life;
mod open;
mod plain;

use crate::crc32c::by_bits;
use crate::util::words_of;
use model::block;
use model::reserved::life::{LIFE_WORDS, LIVES};
use model::reserved::open::COPY_WORDS;
use model::reserved::{Found, Head, Layout, HEAD_AT, LIVES_AT, OPEN_AT, PAGE_WORDS, RING_AT};
use model::words::Words;
use proptest::prelude::*;

const MIB: usize = (1 << 20) / 8;

/// Memory of 8 MiB with a ring of 1 MiB and blocks of 64 KiB, as a usual machine has it.
fn usual() -> Layout {
    Layout::divide(8 * MIB, MIB, MIB / 16, 2).expect("there is room")
}

#[test]
fn memory_is_divided() {
    let layout = usual();
    assert_eq!(layout.words, 8 * MIB);
    assert_eq!(layout.ring_words, MIB);
    assert_eq!(layout.block_words, MIB / 16);
    assert_eq!(layout.blocks, 111);
    // What lies before the ring does not overlap.
    assert!(HEAD_AT[0] + Head::LEN <= OPEN_AT);
    assert!(OPEN_AT + 2 * COPY_WORDS <= HEAD_AT[1] && HEAD_AT[1] + Head::LEN <= LIVES_AT);
    assert_eq!(LIVES_AT + LIVES * LIFE_WORDS, RING_AT);
    assert_eq!((LIVES_AT % PAGE_WORDS, RING_AT % PAGE_WORDS), (0, 0));
}

#[test]
fn what_lies_where_is_the_same_for_each_build_of_a_version() {
    assert_eq!(HEAD_AT, [0, 256]);
    assert_eq!((OPEN_AT, LIVES_AT, RING_AT), (64, 512, 2560));
    assert_eq!((COPY_WORDS, LIVES, LIFE_WORDS), (16, 64, 32));
    let words = words_of(&usual().head());
    let magic = u64::from_le_bytes(*b"RSRCMEM\0");
    assert_eq!(words[..6], [magic, 1, 1 << 20, 1 << 17, 1 << 13, 111]);
    assert_eq!(words[6], crc(&words[..6]));
    assert_eq!(words.len(), 7);
}

/// What is in memory of which both heads are this.
fn found(head: &[u64], words: usize) -> Found {
    Found::of([head, head], words)
}

fn crc(words: &[u64]) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    u64::from(by_bits(&bytes))
}

proptest! {
    #[test]
    fn all_of_it_fits(
        words in 0..usize::MAX / 8,
        ring in 1..4 * MIB,
        block in 1..4 * MIB,
        least in 2_usize..9,
    ) {
        let words = words >> (words % 56);
        let needed = Layout::least_words(ring, block, least);
        let divided = Layout::divide(words, ring, block, least);
        prop_assert_eq!(divided.is_some(), words >= needed);
        if let Some(layout) = divided {
            prop_assert!(layout.ring_words >= ring && layout.block_words >= block);
            prop_assert!(layout.blocks >= least);
            prop_assert_eq!((layout.ring_words % PAGE_WORDS, layout.block_words % PAGE_WORDS), (0, 0));
            let used = RING_AT + layout.ring_words + layout.blocks * layout.block_words;
            prop_assert!(used <= words && words - used < layout.block_words);
            prop_assert_eq!(found(&words_of(&layout.head()), words), Found::Divided(layout));
        }
    }

    #[test]
    fn any_sizes_are_none(
        ring in any::<usize>(),
        block in any::<usize>(),
        least in any::<usize>(),
    ) {
        prop_assert!(Layout::divide(8 * MIB, ring | (1 << 40), block, least).is_none());
        prop_assert!(Layout::divide(8 * MIB, MIB, block | (1 << 40), least.max(2)).is_none());
        prop_assert!(Layout::least_words(ring | (1 << 40), block, least) > 8 * MIB);
    }
}

#[test]
fn memory_without_a_head_of_ours_has_nothing() {
    for word in [0, u64::MAX, 0x0123_4567_89ab_cdef] {
        assert_eq!(found(&[word; Head::LEN], 8 * MIB), Found::Nothing);
    }
    assert_eq!(found(&[], 8 * MIB), Found::Nothing);
}

#[test]
fn a_head_is_believed_only_whole() {
    let good = words_of(&usual().head());
    assert_eq!(found(&good, 8 * MIB), Found::Divided(usual()));
    for bit in 0..64 * good.len() {
        let mut words = good.clone();
        words[bit / 64] ^= 1 << (bit % 64);
        let expected = if bit < 64 {
            Found::Nothing
        } else {
            Found::Other
        };
        assert_eq!(found(&words, 8 * MIB), expected, "bit {bit}");
    }
    // One of the two is enough.
    let other = words_of(&Head {
        blocks: 7,
        ..usual().head()
    });
    for damaged in [&[0; Head::LEN][..], &other] {
        for heads in [[&good, damaged], [damaged, &good]] {
            assert_eq!(Found::of(heads, 8 * MIB), Found::Divided(usual()));
        }
    }
    let nothing = [0; Head::LEN];
    assert_eq!(Found::of([&nothing, &other], 8 * MIB), Found::Other);
    assert_eq!(Found::of([&other, &nothing], 8 * MIB), Found::Other);
    // The same in memory of another size.
    assert_eq!(found(&good, 4 * MIB), Found::Other);
    assert_eq!(found(&good, 9 * MIB), Found::Other);
}

#[test]
fn a_head_of_sizes_that_cannot_be_is_none_although_it_is_sealed() {
    let good = words_of(&usual().head());
    let with = |at: usize, word: u64| {
        let mut words = good.clone();
        words[at] = word;
        words[6] = crc(&words[..6]);
        found(&words, 8 * MIB)
    };
    assert_eq!(with(5, 111), Found::Divided(usual()));
    for (at, word) in [
        // Another version.
        (1, 0),
        (1, 2),
        // Other memory.
        (2, 1 << 19),
        // Sizes of no page, of nothing, of more than there is, and that do not go together.
        (3, (1 << 17) + 1),
        (3, 0),
        (3, 1 << 20),
        (3, u64::MAX),
        (4, (1 << 13) - 1),
        (4, 0),
        (4, u64::MAX),
        (5, 110),
        (5, 112),
        (5, 0),
        (5, u64::MAX),
    ] {
        assert_eq!(with(at, word), Found::Other, "word {at} is {word}");
    }
}

#[test]
fn a_history_goes_on_where_it_has_room() {
    let usual = usual();
    let smaller = Layout::divide(8 * MIB, MIB / 2, MIB / 32, 2).expect("there is room");
    let larger = Layout::divide(8 * MIB, 2 * MIB, MIB / 16, 2).expect("there is room");
    let coarser = Layout::divide(8 * MIB, MIB, MIB / 8, 2).expect("there is room");
    let elsewhere = Layout::divide(9 * MIB, MIB, MIB / 16, 2).expect("there is room");
    assert!(usual.has_room_for(&usual));
    assert!(usual.has_room_for(&smaller));
    for other in [larger, coarser, elsewhere] {
        assert!(!usual.has_room_for(&other), "{other:?}");
    }
}

/// A block that is closed, as it lies at the place 5.
fn closed() -> block::Header {
    block::Header {
        boot_id: 1,
        load_id: 2,
        number: 5 + 111 * 7,
        first_seq: 10,
        next_seq: 20,
        records: 10,
        first_boot_ns: 100,
        last_boot_ns: 200,
        ..block::Header::default()
    }
    .sealed(1000)
}

#[test]
fn a_block_is_believed_only_whole_and_in_its_place() {
    let good = words_of(&closed());
    let layout = usual();
    assert_eq!(layout.closed_block(&good, 5), Some(closed()));
    for place in (0..111).filter(|place| *place != 5) {
        assert_eq!(layout.closed_block(&good, place), None, "place {place}");
    }
    for bit in 0..64 * good.len() {
        let mut words = good.clone();
        words[bit / 64] ^= 1 << (bit % 64);
        assert_eq!(layout.closed_block(&words, 5), None, "bit {bit}");
    }
    for len in 0..good.len() {
        assert_eq!(layout.closed_block(&good[..len], 5), None, "{len} words");
    }
}

#[test]
fn a_block_that_cannot_be_is_none_although_it_is_sealed() {
    let layout = usual();
    let is_one = |words: &[u64]| {
        let mut words = words.to_vec();
        words[13] = crc(&words[..13]);
        layout.closed_block(&words, 5).is_some()
    };
    let good = words_of(&closed());
    assert!(is_one(&good));
    let with = |at: usize, word: u64| {
        let mut words = good.clone();
        words[at] = word;
        words
    };
    // The largest, and one that is larger than its place.
    assert!(is_one(&with(2, 8 << 13)));
    assert!(!is_one(&with(2, 8 * ((1 << 13) + 1))));
    for (at, word) in [
        (2, 0),
        (2, 8 * 13),
        (2, 1001),
        (2, u64::MAX),
        // Its header is not one of ours.
        (3, 8 * 13),
        (3, 8 * 15),
        // There is no record in it.
        (9, 0),
        // No number grows so far.
        (6, (1 << 62) / 111 * 111 + 111 + 5),
    ] {
        assert!(!is_one(&with(at, word)), "word {at} is {word}");
    }
}

#[test]
fn blocks_that_are_kept_are_the_last() {
    let layout = usual();
    for (number, newest, is_kept) in [
        (7, None, false),
        (7, Some(7), true),
        (7, Some(117), true),
        (7, Some(118), false),
        (8, Some(7), false),
        (0, Some(u64::MAX), false),
        (u64::MAX, Some(0), false),
    ] {
        assert_eq!(
            layout.is_kept(number, newest),
            is_kept,
            "{number} {newest:?}"
        );
    }
    assert_eq!(layout.place_of(5 + 111 * 7), Some(5));
}

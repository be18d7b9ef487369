// SPDX-License-Identifier: GPL-2.0-or-later

//! Frames that are damaged, by chance or by somebody.

use super::{padded, sealed, short_records, Decoding, Encoding, FIRST_GROUP, TICK_NS};
use crate::any;
use model::frame::{size_words, Frame, Invalid, NotDecoded, GROUP_FRAMES, MAX_WORDS};
use proptest::prelude::*;

#[test]
fn each_word_that_is_missing_and_each_bit_that_differs_is_found() {
    let mut encoding = Encoding::new(TICK_NS);
    for record in short_records(3) {
        let words = encoding.frame(&record);
        assert!(Frame::parse(&words).is_ok(), "expected a frame");
        for len in 0..words.len() {
            assert!(Frame::parse(&words[..len]).is_err(), "{len} words");
        }
        for bit in 0..64 * words.len() {
            let mut damaged = words.clone();
            damaged[bit / 64] ^= 1 << (bit % 64);
            assert!(Frame::parse(&damaged).is_err(), "bit {bit}");
        }
        // More words after it do not matter.
        let more = [words.as_slice(), &[1, 2]].concat();
        let frame = Frame::parse(&more).expect("expected a frame");
        assert_eq!(frame.words(), words);
    }
}

#[test]
fn what_is_no_frame() {
    let good = sealed(7, 0, &[1, 2, 3]);
    assert!(Frame::parse(&good).is_ok(), "expected a frame");
    let with_head = |head: u64| {
        let mut words = good.clone();
        words[0] = head;
        Frame::parse(&words).err()
    };
    let head = good[0];
    let with_size = |bytes: u64| with_head((head & !(0xff_ffff << 32)) | (bytes << 32));
    assert_eq!(Frame::parse(&[]).err(), Some(Invalid::TooShort));
    assert_eq!(with_head(head ^ 1), Some(Invalid::Magic));
    for bytes in [0, 8, 15, 41, 48, (1 << 24) - 8, (1 << 24) - 1] {
        assert_eq!(with_size(bytes), Some(Invalid::Size(bytes)), "{bytes}");
    }
    assert_eq!(with_size(32), Some(Invalid::Checksum));
    let index = sealed(7, GROUP_FRAMES, &[1]);
    assert_eq!(
        Frame::parse(&index).err(),
        Some(Invalid::Index(GROUP_FRAMES))
    );
    assert_eq!(size_words(head), Ok(5));
    assert_eq!(size_words(0), Err(Invalid::Magic));
    assert_eq!(size_words(head | (0xff_fff8 << 32)), Ok(MAX_WORDS));
}

/// Decodes a key frame with this payload, of a record of up to 100 words.
fn decoded(payload: &[u8]) -> Result<Vec<u64>, NotDecoded> {
    let words = sealed(3, 0, &padded(payload));
    let frame = Frame::parse(&words).expect("expected a frame");
    let mut decoding = Decoding::of(100);
    decoding.record(&frame).map(<[u64]>::to_vec)
}

#[test]
fn payloads_that_do_not_fit_are_refused() {
    const NINE: u8 = (9 << 1) | 1;
    // 9 words without a tick: the bits of the first 8, and of the last one.
    let good = [NINE, 1, 0b10, 0x29, 0b1, 0x29];
    assert_eq!(decoded(&good), Ok(vec![0, 5, 0, 0, 0, 0, 0, 0, 5]));
    let damaged: [(&str, &[u8]); 8] = [
        ("no words", &[]),
        (
            "it ends in a residual",
            &[NINE, 1, 0b10, 0x29, 0b1, 0x80, 1, 1],
        ),
        ("it ends in a row", &[NINE, 1, 0xff, 0x29, 0x29, 0x29]),
        ("a word is left", &[NINE, 1, 0, 1, 0, 0, 0, 0, 0]),
        ("the padding is not 0", &[NINE, 1, 0b10, 0x29, 0b1, 0x29, 1]),
        ("a word too many", &[NINE, 1, 0b10, 0x29, 0b11, 0x29, 0x29]),
        ("a row too many", &[NINE, 1, 0, 2]),
        ("two rows too many after one", &[NINE, 1, 0b10, 0x29, 0, 2]),
    ];
    for (what, payload) in damaged {
        assert_eq!(decoded(payload), Err(NotDecoded::Damaged), "{what}");
    }
    // Sizes that nobody has memory for.
    for (number, words) in [
        (vec![(105 << 1) | 1], 105),
        (vec![0x80, 0, 0, 0, 0, 0, 0, 1], 1 << 48),
        (vec![0, 255, 255, 255, 255, 255, 255, 255, 255], u64::MAX),
    ] {
        assert_eq!(decoded(&number), Err(NotDecoded::TooLong(words)));
    }
}

#[test]
fn after_a_damaged_payload_the_rest_of_its_group_is_out_of_order() {
    let mut encoding = Encoding::new(TICK_NS);
    let records = short_records(3);
    let frames: Vec<_> = records
        .iter()
        .map(|record| encoding.frame(record))
        .collect();
    let mut decoding = Decoding::new();
    let mut decode = |words: &[u64]| {
        let frame = Frame::parse(words).expect("expected a frame");
        decoding.record(&frame).map(<[u64]>::to_vec)
    };
    assert_eq!(decode(&frames[0]).as_ref(), Ok(&records[0]));
    let damaged = sealed(FIRST_GROUP, 1, &[u64::MAX; 3]);
    assert_eq!(decode(&damaged), Err(NotDecoded::Damaged));
    assert_eq!(decode(&frames[1]), Err(NotDecoded::OutOfOrder));
    assert_eq!(decode(&frames[2]), Err(NotDecoded::OutOfOrder));
    assert_eq!(decode(&frames[0]).as_ref(), Ok(&records[0]));
    assert_eq!(decode(&frames[1]).as_ref(), Ok(&records[1]));
}

proptest! {
    #[test]
    fn any_payload_can_be_looked_at(
        payload in prop::collection::vec(any::<u8>(), 0..200),
        more in prop::collection::vec(prop::collection::vec(any::counter(), 0..20), 0..4),
        record_words in 0u8..100,
        tick_ns in any::counter(),
    ) {
        let mut decoding = Decoding::of(100);
        let mut start = vec![(record_words << 1) | 1, 0];
        start.extend(tick_ns.to_le_bytes());
        let first = [start, payload].concat();
        let payloads = std::iter::once(padded(&first)).chain(more);
        for (index, payload) in (0..).zip(payloads) {
            let words = sealed(1, index, &payload);
            let frame = Frame::parse(&words).expect("expected a frame");
            if let Ok(record) = decoding.record(&frame) {
                prop_assert_eq!(record.len(), usize::from(record_words));
            }
        }
    }

    #[test]
    fn any_words_can_be_parsed(words in prop::collection::vec(any::counter(), 0..50)) {
        prop_assert!(Frame::parse(&words).is_err());
    }
}

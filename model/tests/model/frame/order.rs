// SPDX-License-Identifier: GPL-2.0-or-later

//! Frames that are missing, that come in another order, or that are of another group.

use super::{parsed, short_records, Decoding, Encoding, TICK_NS};
use model::frame::NotDecoded;
use proptest::prelude::*;

/// Records, and their frames in groups of this length.
fn groups(of: usize, count: usize) -> (Vec<Vec<u64>>, Vec<Vec<u64>>) {
    let records = short_records(of * count);
    let mut encoding = Encoding::new(TICK_NS);
    let frames = records.iter().enumerate().map(|(at, record)| {
        if at % of == 0 {
            encoding.start_group();
        }
        encoding.frame(record)
    });
    let frames = frames.collect();
    (records, frames)
}

#[test]
fn only_the_next_frame_of_a_group_is_decoded() {
    let (records, frames) = groups(4, 3);
    // The frames that are given, and those that are decoded.
    let table: [(&[usize], &[usize]); 9] = [
        (&[1, 2, 3, 4, 5], &[4, 5]),
        (&[0, 2, 3, 4, 5], &[0, 4, 5]),
        (&[0, 1, 3, 2, 3], &[0, 1, 2, 3]),
        (&[0, 1, 1, 2], &[0, 1, 2]),
        (&[0, 5, 6, 1], &[0, 1]),
        (&[4, 1, 5, 9, 6], &[4, 5, 6]),
        (&[0, 1, 0, 1, 2], &[0, 1, 0, 1, 2]),
        (&[0, 4, 1, 5], &[0, 4, 5]),
        (&[8, 9, 0, 1, 10], &[8, 9, 0, 1]),
    ];
    for (given, expected) in table {
        let mut decoding = Decoding::new();
        let mut decoded = Vec::new();
        for at in given {
            match decoding.record(&parsed(&frames[*at])) {
                Ok(record) => {
                    assert_eq!(record, records[*at], "frame {at} of {given:?}");
                    decoded.push(*at);
                }
                Err(why) => assert_eq!(why, NotDecoded::OutOfOrder, "frame {at} of {given:?}"),
            }
        }
        assert_eq!(decoded, expected, "of {given:?}");
    }
}

#[test]
fn records_that_are_too_long_are_left_out() {
    let (records, frames) = groups(2, 1);
    let short = [1, 2, 3, 64];
    let mut encoding = Encoding::new(TICK_NS);
    let short_frame = encoding.frame(&short);
    let mut decoding = Decoding::of(records[0].len() / 2);
    assert_eq!(decoding.record(&parsed(&short_frame)), Ok(&short[..]));
    let len = records[0].len() as u64;
    let too_long = Err(NotDecoded::TooLong(len));
    assert_eq!(decoding.record(&parsed(&frames[0])), too_long);
    // The frames after it need it, and those of the group before are over.
    let out_of_order = Err(NotDecoded::OutOfOrder);
    assert_eq!(decoding.record(&parsed(&frames[1])), out_of_order);
    let next = encoding.frame(&short);
    assert_eq!(decoding.record(&parsed(&next)), out_of_order);
    assert_eq!(decoding.record(&parsed(&short_frame)), Ok(&short[..]));
}

proptest! {
    #[test]
    fn in_any_order_no_record_is_wrong(order in prop::collection::vec(0usize..15, 0..60)) {
        let (records, frames) = groups(5, 3);
        let mut decoding = Decoding::new();
        for at in order {
            if let Ok(record) = decoding.record(&parsed(&frames[at])) {
                prop_assert_eq!(record, &records[at], "frame {}", at);
            }
        }
    }
}

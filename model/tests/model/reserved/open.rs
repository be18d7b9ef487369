// SPDX-License-Identifier: GPL-2.0-or-later

//! The block that was open.

use super::{closed, usual};
use crate::util::words_of;
use model::block::Header;
use model::reserved::open::{read, COPY_WORDS};
use model::sum::Sum;
use model::words::Words;

type Copy = [u64; COPY_WORDS];

/// The header of the block while it had so many records, as the module keeps it: without what it is sealed with.
fn open(records: u64) -> Header {
    Header {
        records,
        size_bytes: 8 * (14 + 100 * records),
        next_seq: 10 + records,
        magic: 0,
        version: 0,
        header_bytes: 0,
        checksum: 0,
        ..closed()
    }
}

fn copy(header: &Header) -> Copy {
    let mut words = words_of(header);
    words.extend(Sum::of(words.iter().copied()).words());
    words.try_into().expect("as many words as a copy has")
}

fn in_place(header: Header) -> [u64; Header::LEN] {
    words_of(&header).try_into().expect("the words of a header")
}

/// The block that is found, where a header lies in place.
fn found(copies: [Copy; 2], lies: [u64; Header::LEN]) -> Option<(Header, usize)> {
    usual().open_block(&copies, |place| {
        assert_eq!(place, 5);
        lies
    })
}

#[test]
fn the_newer_copy_counts() {
    let marked = in_place(open(0).opened());
    let (older, newer) = (copy(&open(6)), copy(&open(7)));
    assert_eq!(found([older, newer], marked), Some((open(7), 1)));
    assert_eq!(found([newer, older], marked), Some((open(7), 0)));
    let blank = [0; COPY_WORDS];
    assert_eq!(found([newer, blank], marked), Some((open(7), 0)));
    assert_eq!(found([blank, newer], marked), Some((open(7), 1)));
    assert_eq!(found([blank, blank], marked), None);
    // The other one is of the block before.
    let before = Header {
        number: open(0).number - 1,
        ..open(50)
    };
    assert_eq!(
        found([copy(&open(1)), copy(&before)], marked),
        Some((open(1), 0))
    );
}

#[test]
fn one_copy_that_is_damaged_leaves_the_other() {
    let marked = in_place(open(0).opened());
    let (older, newer) = (copy(&open(6)), copy(&open(7)));
    for bit in 0..64 * COPY_WORDS {
        let damaged = |mut copy: Copy| {
            copy[bit / 64] ^= 1 << (bit % 64);
            copy
        };
        assert_eq!(read(&damaged(newer)), None, "bit {bit}");
        let expected = Some((open(6), 0));
        assert_eq!(
            found([older, damaged(newer)], marked),
            expected,
            "bit {bit}"
        );
        let expected = Some((open(7), 1));
        assert_eq!(
            found([damaged(older), newer], marked),
            expected,
            "bit {bit}"
        );
        assert_eq!(
            found([damaged(older), damaged(newer)], marked),
            None,
            "bit {bit}"
        );
    }
}

#[test]
fn what_lies_in_place_decides() {
    let copies = [copy(&open(6)), copy(&open(7))];
    // Half overwritten, as it was closed.
    let mut torn = in_place(open(7).sealed(700));
    let marked = in_place(open(0).opened());
    torn[10..].copy_from_slice(&marked[10..]);
    assert_eq!(found(copies, torn), Some((open(7), 1)));
    assert_eq!(found(copies, [0; Header::LEN]), Some((open(7), 1)));
    assert_eq!(found(copies, [u64::MAX; Header::LEN]), Some((open(7), 1)));
    // It is closed, or the place is another block's.
    assert_eq!(found(copies, in_place(open(7).sealed(700))), None);
    for other in [
        Header {
            number: open(0).number + 111,
            ..open(0)
        },
        Header {
            load_id: 3,
            ..open(0)
        },
        Header {
            boot_id: 3,
            ..open(0)
        },
        Header {
            first_seq: 3,
            ..open(0)
        },
    ] {
        assert_eq!(found(copies, in_place(other.opened())), None, "{other:?}");
    }
}

#[test]
fn one_that_cannot_be_is_none_although_it_has_its_sum() {
    let marked = in_place(open(0).opened());
    for header in [
        open(0),
        Header {
            size_bytes: 8 * ((1 << 13) + 1),
            ..open(7)
        },
        Header {
            size_bytes: 8 * 14,
            ..open(7)
        },
        Header {
            size_bytes: u64::MAX,
            ..open(7)
        },
        Header {
            size_bytes: 8 * 700 + 1,
            ..open(7)
        },
        Header {
            // The same place.
            number: (1 << 62) / 111 * 111 + 111 + 5,
            ..open(7)
        },
    ] {
        assert_eq!(
            found([copy(&header), [0; COPY_WORDS]], marked),
            None,
            "{header:?}"
        );
    }
}

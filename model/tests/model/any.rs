// SPDX-License-Identifier: GPL-2.0-or-later

//! What the properties are tried with.

use proptest::prelude::*;
use std::ops::RangeInclusive;

/// A counter: small, as a real machine has them, any, or at an end of its range.
///
/// It is boxed, since some properties need so many that they would not fit on a test's stack.
pub fn counter() -> BoxedStrategy<u64> {
    prop_oneof![
        0u64..1000,
        0u64..1 << 50,
        any::<u64>(),
        Just(0),
        Just(u64::MAX)
    ]
    .boxed()
}

/// A time between two snapshots: none, too short for a rate, an ordinary one, or any.
pub fn elapsed_ns() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..2_000,
        10_000_000u64..3_600_000_000_000,
        (1u64 << 46) - 2_000_000..(1 << 46) + 2_000_000,
        any::<u64>(),
        Just(u64::MAX)
    ]
}

/// A text of any bytes, more of those that matter to what reads it than there would be by chance.
pub fn bytes(len: RangeInclusive<usize>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        b' '..=b'~',
        Just(b'\\'),
        Just(b','),
        Just(b'/'),
        Just(b'\n'),
    ];
    prop::collection::vec(byte, len)
}

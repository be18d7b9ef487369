// SPDX-License-Identifier: GPL-2.0

//! Copies of words that others write or read meanwhile.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use crate::{
    model::{
        sum::Sum,
        words::Words, //
    },
    sys::rwonce::RwOnce, //
};

/// Words for each turn of a loop, which otherwise costs as much as a word itself.
const TURN_WORDS: usize = 8;

/// Copies as many words as both have.
///
/// # Context
///
/// Any context; takes no locks.
pub(super) fn load(from: &[RwOnce<u64>], to: &mut [u64]) {
    let len = from.len().min(to.len());
    let from = from.get(..len).unwrap_or_default().chunks_exact(TURN_WORDS);
    let to = to.get_mut(..len).unwrap_or_default();
    let from_rest = from.remainder();
    let mut to = to.chunks_exact_mut(TURN_WORDS);
    for (from, to) in from.zip(&mut to) {
        load_each(from, to);
    }
    load_each(from_rest, to.into_remainder());
}

/// Overwrites as many words as both have.
///
/// # Context
///
/// Any context; takes no locks. One caller at a time.
pub(super) fn store(from: &[u64], to: &[RwOnce<u64>]) {
    let len = from.len().min(to.len());
    let from = from.get(..len).unwrap_or_default().chunks_exact(TURN_WORDS);
    let to = to.get(..len).unwrap_or_default().chunks_exact(TURN_WORDS);
    let (from_rest, to_rest) = (from.remainder(), to.remainder());
    for (from, to) in from.zip(to) {
        store_each(from, to);
    }
    store_each(from_rest, to_rest);
}

/// Adds words to a sum.
///
/// # Context
///
/// Any context; takes no locks.
pub(super) fn add_up(sum: Sum, words: &[RwOnce<u64>]) -> Sum {
    let turns = words.chunks_exact(TURN_WORDS);
    let rest = turns.remainder();
    add_each(turns.fold(sum, add_each), rest)
}

/// Puts a value into the first places and gives back the rest. What does not fit is not put.
///
/// # Context
///
/// Any context; takes no locks. One caller at a time.
#[inline(always)]
pub(super) fn put<'a, T: Words>(places: &'a [RwOnce<u64>], value: &T) -> &'a [RwOnce<u64>] {
    let Some((first, rest)) = places.split_at_checked(T::LEN) else {
        return places;
    };
    let mut places = first.iter();
    value.put(&mut |word| {
        if let Some(place) = places.next() {
            place.write(word);
        }
    });
    rest
}

/// The same with places that do not lie one after the other.
///
/// # Context
///
/// Any context; takes no locks. One caller at a time.
pub(super) fn put_each<'a, T: Words>(
    places: &mut impl Iterator<Item = &'a RwOnce<u64>>,
    value: &T,
) {
    value.put(&mut |word| {
        if let Some(place) = places.next() {
            place.write(word);
        }
    });
}

#[inline(always)]
fn load_each(from: &[RwOnce<u64>], to: &mut [u64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.read();
    }
}

#[inline(always)]
fn store_each(from: &[u64], to: &[RwOnce<u64>]) {
    for (to, from) in to.iter().zip(from) {
        to.write(*from);
    }
}

#[inline(always)]
fn add_each(sum: Sum, words: &[RwOnce<u64>]) -> Sum {
    words.iter().fold(sum, |sum, word| sum.with(word.read()))
}

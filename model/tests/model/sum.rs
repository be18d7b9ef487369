// SPDX-License-Identifier: GPL-2.0-or-later

use model::sum::{Sum, SUM_WORDS};
use proptest::prelude::*;

fn sum(words: &[u64]) -> [u64; SUM_WORDS] {
    Sum::of(words.iter().copied()).words()
}

#[test]
fn a_sum_is_what_it_is_said_to_be() {
    let start = u64::from_le_bytes(*b"RSRCSUM\0");
    assert_eq!(sum(&[]), [start; 2]);
    let (first, second) = (start.wrapping_add(5), start.wrapping_add(12));
    let sums = start.wrapping_add(first).wrapping_add(second);
    assert_eq!(sum(&[5, 7]), [second, sums]);
    assert_eq!(Sum::new().with(5).with(7).words(), sum(&[5, 7]));
    // Memory that nobody has written to does not have its sum behind it.
    assert_ne!(sum(&[0; 9]), [0; 2]);
}

proptest! {
    #[test]
    fn one_word_that_is_another_one_is_found(
        words in prop::collection::vec(any::<u64>(), 1..100),
        at: prop::sample::Index,
        by in 1..=u64::MAX,
    ) {
        let mut damaged = words.clone();
        let at = at.index(words.len());
        damaged[at] = damaged[at].wrapping_add(by);
        prop_assert_ne!(sum(&damaged)[0], sum(&words)[0]);
    }

    #[test]
    fn two_words_that_change_places_are_found(
        words in prop::collection::vec(any::<u32>(), 2..100),
        places: (prop::sample::Index, prop::sample::Index),
    ) {
        let words: Vec<u64> = words.into_iter().map(u64::from).collect();
        let mut damaged = words.clone();
        damaged.swap(places.0.index(words.len()), places.1.index(words.len()));
        prop_assert_eq!(sum(&damaged) == sum(&words), damaged == words);
    }

    #[test]
    fn one_more_word_is_found(words in prop::collection::vec(any::<u64>(), 0..100), more: u64) {
        let longer = [words.as_slice(), &[more]].concat();
        prop_assert_ne!(sum(&longer), sum(&words));
    }
}

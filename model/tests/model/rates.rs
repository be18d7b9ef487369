// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::SECOND;
use model::rates::{rate, share, share_of_time};
use proptest::prelude::*;

#[test]
fn a_part_is_at_most_the_whole() {
    assert_eq!(share(2, 1), 1000);
    assert_eq!(share(u64::MAX, 1), 1000);
    assert_eq!(share(u64::MAX, u64::MAX - 1), 1000);
    assert_eq!(share(1, 0), 0);
}

#[test]
fn rates_per_second() {
    let second = 1_000_000_000;
    let table = [
        ("one second", 250, second, 250),
        ("five seconds", 1000, 5 * second, 200),
        ("ten milliseconds", 3, second / 100, 300),
        ("rounds down", 1, 3 * second, 0),
        ("rounds up", 2, 3 * second, 1),
        ("no growth", 0, second, 0),
        ("no time", 7, 0, 0),
        (
            "an hour of 1 TiB/s in KiB",
            3600 << 30,
            3600 * second,
            1 << 30,
        ),
    ];
    for (what, grown, elapsed, expected) in table {
        assert_eq!(rate(grown, 1, elapsed), expected, "{what}");
    }
}

#[test]
fn rates_have_a_scale() {
    // Below this time, about 19.5 hours, the time counts in microseconds, from it on in milliseconds.
    let long = 1 << 46;
    let table = [
        ("no growth", 0, 100, SECOND, 0),
        ("hundredths", 1, 100, SECOND, 100),
        ("rounds down", 1, 100, 3 * SECOND, 33),
        ("rounds up", 2, 100, 3 * SECOND, 67),
        ("a half rounds up", 1, 1, 2 * SECOND, 1),
        ("sectors to hundredths of KiB", 3, 50, SECOND, 150),
        ("no scale", 3, 0, SECOND, 0),
        ("no time", 3, 100, 0, 0),
        ("less than a microsecond", 3, 100, 999, 0),
        ("a microsecond", 3, 100, 1_000, 300_000_000),
        (
            "what is below a microsecond is dropped",
            3,
            100,
            1_999,
            300_000_000,
        ),
        ("a day", 86_400, 100, 86_400 * SECOND, 100),
        (
            "just below long",
            70_368_744_177_663,
            100,
            long - 1,
            100_000_000_001,
        ),
        ("just long", 70_368_744_177_664, 100, long, 100_000_000_252),
        (
            "a year of 100 GB/s",
            31_536_000 * 100_000_000_000,
            1,
            31_536_000 * SECOND,
            100_000_000_000,
        ),
        ("all there is in no time", u64::MAX, 100, 1_000, u64::MAX),
        (
            "all there is in all time",
            u64::MAX,
            1,
            u64::MAX,
            1_000_000_000,
        ),
    ];
    for (what, grown, scale, elapsed, expected) in table {
        assert_eq!(rate(grown, scale, elapsed), expected, "{what}");
    }
}

#[test]
fn shares_of_a_whole() {
    let table = [
        ("nothing of nothing", 0, 0, 0),
        ("something of nothing", 5, 0, 0),
        ("nothing", 0, 7, 0),
        ("everything", 7, 7, 1000),
        ("half", 1, 2, 500),
        ("a third", 1, 3, 333),
        ("two thirds", 2, 3, 667),
        (
            "just less than a half of a tenth of a percent",
            499,
            1_000_000,
            0,
        ),
        ("half of a tenth of a percent", 500, 1_000_000, 1),
        ("nearly everything", 999_499, 1_000_000, 999),
        ("as good as everything", 999_500, 1_000_000, 1000),
        ("the largest", u64::MAX, u64::MAX, 1000),
        ("half of the largest", u64::MAX / 2, u64::MAX, 500),
        (
            "a quarter of what needs all the bits",
            1 << 61,
            1 << 63,
            250,
        ),
    ];
    for (what, part, whole, expected) in table {
        assert_eq!(share(part, whole), expected, "{what}");
    }
}

#[test]
fn shares_of_a_time() {
    let table = [
        ("no time", 0, 0, 0),
        ("something in no time", 5, 0, 0),
        ("nothing", 0, 5, 0),
        ("a part", 250, 1000, 250),
        ("all", 1000, 1000, 1000),
        ("more than there was", 1001, 1000, 1000),
        ("far more than there was", u64::MAX, 1000, 1000),
        ("most", u64::MAX, u64::MAX, 1000),
    ];
    for (what, spent, elapsed, expected) in table {
        assert_eq!(share_of_time(spent, elapsed), expected, "{what}");
    }
}

proptest! {
    #[test]
    fn a_rate_agrees_with_exact_arithmetic(grown in 0u64..1 << 43,
                                           elapsed_us in 1u64..1 << 42) {
        // What is below a millisecond does not count in a long time.
        let long = elapsed_us * 1000 >= 1 << 46;
        let elapsed_us = if long { elapsed_us / 1000 * 1000 } else { elapsed_us };
        let exact = (u128::from(grown) * 1_000_000 + u128::from(elapsed_us / 2)) / u128::from(elapsed_us);
        let got = rate(grown, 1, elapsed_us * 1000);
        prop_assert_eq!(u128::from(got), exact);
    }

    #[test]
    fn a_scaled_rate_agrees_with_exact_arithmetic(grown in any::counter(), scale in 0u64..=200,
                                                  elapsed_ns in any::elapsed_ns()) {
        // Whole microseconds, of long times whole milliseconds.
        let unit = if elapsed_ns < 1 << 46 { 1_000 } else { 1_000_000 };
        let elapsed = u128::from(elapsed_ns / unit);
        let got = u128::from(rate(grown, scale, elapsed_ns));
        let exact = |elapsed: u128| {
            let product = u128::from(grown) * u128::from(scale) * u128::from(1_000_000_000 / unit);
            ((product + elapsed / 2) / elapsed).min(u128::from(u64::MAX))
        };
        if elapsed == 0 {
            prop_assert_eq!(got, 0);
        } else {
            prop_assert_eq!(got, exact(elapsed));
            // So it is never off by more than such a unit of time makes.
            let least = exact(elapsed + 1);
            prop_assert!(got >= least, "a rate of {}, expected {} or more", got, least);
        }
    }

    #[test]
    fn a_rate_is_within_a_millionth_of_the_truth(grown in 0u64..1 << 60, scale in 1u64..=100,
                                                 elapsed_ns in SECOND..86_400 * 365 * SECOND) {
        let got = u128::from(rate(grown, scale, elapsed_ns));
        let product = u128::from(grown) * u128::from(scale) * u128::from(SECOND);
        let truth = product / u128::from(elapsed_ns);
        if truth < u128::from(u64::MAX) {
            prop_assert!(got.abs_diff(truth) <= truth / 1_000_000 + 1,
                "a rate of {}, expected {}, give or take a millionth", got, truth);
        }
    }

    #[test]
    fn any_scaled_rate_is_defined(grown in any::counter(), scale in any::counter(), elapsed in any::elapsed_ns()) {
        let rate = rate(grown, scale, elapsed);
        prop_assert!(rate == 0 || (grown > 0 && scale > 0 && elapsed >= 1_000),
            "a rate of {}, expected 0 with {} grown, a scale of {} and {} ns",
            rate, grown, scale, elapsed);
    }

    #[test]
    fn a_share_is_exact(a in any::counter(), b in any::counter()) {
        let (part, whole) = (a.min(b), a.max(b));
        let got = u128::from(share(part, whole));
        let (part, whole) = (u128::from(part), u128::from(whole));
        prop_assert!(got <= 1000, "a share of {}, expected at most 1000", got);
        if whole < 1 << 52 {
            let exact = (part * 1000 + whole / 2).checked_div(whole);
            prop_assert_eq!(got, exact.unwrap_or(0));
        } else {
            // A billionth of the whole may be missing.
            let off = (got * whole).abs_diff(part * 1000);
            prop_assert!(off <= whole / 2 + whole / 1_000_000,
                "a share of {}, expected that of {} of {}", got, part, whole);
        }
    }

    #[test]
    fn a_share_of_time_is_never_above_the_whole(spent in any::counter(), elapsed in any::counter()) {
        let got = share_of_time(spent, elapsed);
        prop_assert_eq!(got, share(spent.min(elapsed), elapsed));
        prop_assert!(got <= 1000, "a share of {}, expected at most 1000", got);
        if spent >= elapsed && elapsed > 0 {
            prop_assert_eq!(got, 1000);
        }
    }

    #[test]
    fn any_rate_is_defined(grown: u64, scale: u64, elapsed: u64) {
        let _ = rate(grown, scale, elapsed);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{lines, one_line, values, PERCENT, SECOND};
use model::source::pressure::Pressure;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

fn pressure(ns: [u64; 5]) -> Pressure {
    let [cpu_some_ns, memory_some_ns, memory_full_ns, io_some_ns, io_full_ns] = ns;
    Pressure {
        cpu_some_ns,
        memory_some_ns,
        memory_full_ns,
        io_some_ns,
        io_full_ns,
    }
}

#[test]
fn shares_of_the_time_in_between() {
    let before = [100 * MS, 200 * MS, 300 * MS, 400 * MS, 500 * MS];
    let table: &[(&str, [u64; 5], u64, &str)] = &[
        (
            "each key has its own counter",
            [120 * MS, 240 * MS, 360 * MS, 480 * MS, 600 * MS],
            2 * SECOND,
            "cpu_some=1.0% mem_some=2.0% mem_full=3.0% io_some=4.0% io_full=5.0%",
        ),
        (
            "nothing",
            before,
            SECOND,
            "cpu_some=0.0% mem_some=0.0% mem_full=0.0% io_some=0.0% io_full=0.0%",
        ),
        (
            "rounded to the nearest",
            [100_499_999, 200_500_000, 301_499_999, 401_500_000, 500 * MS],
            SECOND,
            "cpu_some=0.0% mem_some=0.1% mem_full=0.1% io_some=0.2% io_full=0.0%",
        ),
        (
            "all the time",
            [1100 * MS, 1199 * MS, 1300 * MS, 1400 * MS, 1500 * MS],
            SECOND,
            "cpu_some=100.0% mem_some=99.9% mem_full=100.0% io_some=100.0% io_full=100.0%",
        ),
        (
            "more than all the time",
            [1101 * MS, 9200 * MS, u64::MAX, 1401 * MS, 1501 * MS],
            SECOND,
            "cpu_some=100.0% mem_some=100.0% mem_full=100.0% io_some=100.0% io_full=100.0%",
        ),
        (
            "backwards",
            [99 * MS, 0, 299 * MS, 410 * MS, 499 * MS],
            SECOND,
            "cpu_some=0.0% mem_some=0.0% mem_full=0.0% io_some=1.0% io_full=0.0%",
        ),
        (
            "no time in between",
            [1100 * MS, 1200 * MS, 1300 * MS, 1400 * MS, 1500 * MS],
            0,
            "cpu_some=0.0% mem_some=0.0% mem_full=0.0% io_some=0.0% io_full=0.0%",
        ),
    ];
    for (what, after, elapsed_ns, expected) in table {
        let got = one_line(
            Some((9, &[pressure(before)])),
            (9 + elapsed_ns, &[pressure(*after)]),
        );
        assert_eq!(got, format!("pressure {expected}"), "{what}");
    }
}

#[test]
fn without_a_snapshot_before_there_is_no_line() {
    let some = [pressure([1; 5])];
    let none: [&str; 0] = [];
    assert_eq!(lines(None, (SECOND, &some[..])), none);
    assert_eq!(lines(Some((0, &[])), (SECOND, &some[..])), none);
    assert_eq!(lines(Some((0, &some[..])), (SECOND, &[])), none);
}

proptest! {
    #[test]
    fn pressure_is_never_above_the_whole(before in prop::array::uniform5(any::counter()),
                                         after in prop::array::uniform5(any::counter()),
                                         start in any::counter(), elapsed_ns in any::elapsed_ns()) {
        let taken = start.saturating_add(elapsed_ns);
        let elapsed = u128::from(taken - start);
        let got = one_line(Some((start, &[pressure(before)])), (taken, &[pressure(after)]));
        let keys = ["cpu_some", "mem_some", "mem_full", "io_some", "io_full"];
        let got = values(&got, "pressure", &keys.map(|key| (key, PERCENT)));
        for ((got, then), now) in got.iter().zip(before).zip(after) {
            prop_assert!(*got <= 1000, "a share of {}, expected at most 1000", got);
            let held_up = u128::from(now.saturating_sub(then)).min(elapsed);
            if elapsed < 1 << 52 {
                let exact = (held_up * 1000 + elapsed / 2).checked_div(elapsed);
                prop_assert_eq!(*got, exact.unwrap_or(0));
            }
        }
    }
}

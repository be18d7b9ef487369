// SPDX-License-Identifier: GPL-2.0-or-later

//! What is logged at a panic.

use crate::logged::SECOND;
use model::line::Line;
use model::panic_log::{ago, head, Thinning};
use proptest::prelude::*;

/// Which samples, taken at these times, have a line.
fn taken(times: &[u64], lines: usize) -> Vec<u64> {
    let (first, newest) = (times[0], times[times.len() - 1]);
    let mut thinning = Thinning::new(first, newest, lines);
    let after = times[1..].iter().copied();
    after.filter(|time| thinning.takes(*time)).collect()
}

fn every(interval: u64, count: u64) -> Vec<u64> {
    (0..count).map(|at| at * interval).collect()
}

#[test]
fn a_minute_in_so_many_lines() {
    let seconds =
        |times: Vec<u64>| -> Vec<u64> { times.iter().map(|time| time / SECOND).collect() };
    // The first one is a minute before the newest.
    let times = every(5 * SECOND, 13);
    assert_eq!(seconds(taken(&times, 6)), [10, 20, 30, 40, 50, 60]);
    assert_eq!(seconds(taken(&times, 4)), [15, 30, 45, 60]);
    assert_eq!(seconds(taken(&times, 1)), [60]);
    assert_eq!(seconds(taken(&times, 100)), seconds(times[1..].to_vec()));
    // Less than a minute is there, and an interval that is longer than one.
    assert_eq!(seconds(taken(&every(SECOND, 4), 3)), [1, 2, 3]);
    assert_eq!(seconds(taken(&every(3600 * SECOND, 2), 6)), [3600]);
    // The last line tells of a second at least.
    let tenths = taken(&every(SECOND / 10, 600), 59);
    assert_eq!(tenths[tenths.len() - 1], 599 * SECOND / 10);
    assert!(tenths[tenths.len() - 2] <= 589 * SECOND / 10);
}

#[test]
fn what_lines_have_of_time() {
    let mut line = Line::new();
    assert_eq!(
        head(1_795_619_729_054_999_999, &mut line).as_str(),
        "panic wall=1795619729.054"
    );
    assert_eq!(
        ago(55_049_999_999, line.start("sum")).as_str(),
        "sum ago=55.0s"
    );
    assert_eq!(
        ago(u64::MAX, line.start("")).as_str(),
        " ago=18446744073.7s"
    );
}

proptest! {
    #[test]
    fn there_are_no_more_lines_than_asked_for(
        gaps in prop::collection::vec(0..20 * SECOND, 1..200),
        lines in 1..12_usize,
        start in any::<u32>(),
    ) {
        let mut times = vec![u64::from(start)];
        for gap in gaps {
            times.push(times[times.len() - 1] + gap);
        }
        let newest = times[times.len() - 1];
        // Those at the same time as the newest are the newest.
        times.retain(|time| *time != newest);
        times.push(newest);
        prop_assume!(times.len() > 1);
        let first = times.iter().rposition(|time| *time <= Thinning::start_ns(newest)).unwrap_or(0);
        let taken = taken(&times[first..], lines);
        prop_assert!(taken.len() <= lines, "{} lines of {}", taken.len(), lines);
        prop_assert_eq!(taken.last(), Some(&newest));
    }

    #[test]
    fn any_times_do(first in any::<u64>(), newest in any::<u64>(), lines in any::<usize>(), times in any::<[u64; 8]>()) {
        let mut thinning = Thinning::new(first, newest, lines);
        for time in times {
            thinning.takes(time);
        }
        prop_assert!(thinning.takes(newest));
    }
}

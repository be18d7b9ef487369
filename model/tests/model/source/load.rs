// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{lines, one_line, shape, values, SECOND};
use model::source::load::Load;
use proptest::prelude::*;

fn line(one_minute: u64, five_minutes: u64, fifteen_minutes: u64) -> String {
    let load = Load {
        one_minute,
        five_minutes,
        fifteen_minutes,
    };
    one_line(None, (SECOND, &[load]))
}

/// What `/proc/loadavg` shows of an entry of `avenrun`, by `get_avenrun()` with an offset of
/// `FIXED_1/200` and by `LOAD_INT()` and `LOAD_FRAC()`.
fn as_proc_loadavg(avenrun: u64) -> String {
    const FSHIFT: u32 = 11;
    const FIXED_1: u64 = 1 << FSHIFT;
    let load_int = |load: u64| load >> FSHIFT;
    let load_frac = |load: u64| load_int((load & (FIXED_1 - 1)) * 100);
    let load = avenrun + FIXED_1 / 200;
    format!("{}.{:02}", load_int(load), load_frac(load))
}

#[test]
fn loads() {
    let table = [
        (0, "0.00"),
        // The first that is shown as a hundredth, as it is rounded to the nearest.
        (10, "0.00"),
        (11, "0.01"),
        (31, "0.02"),
        // An eighth is not rounded up: 10 of 2048 are less than half a hundredth.
        (256, "0.12"),
        (1024, "0.50"),
        (1065, "0.52"),
        (2037, "0.99"),
        (2038, "1.00"),
        (2048, "1.00"),
        (4096, "2.00"),
        (2048 * 1000 + 512, "1000.25"),
        (2048 << 32, "4294967296.00"),
    ];
    for (load, expected) in table {
        assert_eq!(as_proc_loadavg(load), expected);
        assert_eq!(
            line(load, 0, 0),
            format!("load 1m={expected} 5m=0.00 15m=0.00")
        );
    }
    assert_eq!(line(1065, 983, 819), "load 1m=0.52 5m=0.48 15m=0.40");
}

#[test]
fn loads_need_nothing_before() {
    let load = |load| Load {
        one_minute: load,
        five_minutes: load,
        fifteen_minutes: load,
    };
    let expected = ["load 1m=1.00 5m=1.00 15m=1.00"];
    let after = (SECOND, &[load(2048)][..]);
    assert_eq!(lines(None, after), expected);
    assert_eq!(lines(Some((0, &[load(9_999)])), after), expected);
    assert_eq!(lines(Some((0, &[])), after), expected);
    let none: [&str; 0] = [];
    let before = [load(9_999)];
    assert_eq!(lines::<Load>(Some((0, &before)), (SECOND, &[])), none);
}

proptest! {
    #[test]
    fn loads_are_those_of_proc_loadavg(loads in prop::array::uniform3(
        prop_oneof![0u64..10_000, 0u64..1 << 32, 0u64..1 << 57]
    )) {
        let [one, five, fifteen] = loads;
        let expected = format!(
            "load 1m={} 5m={} 15m={}",
            as_proc_loadavg(one), as_proc_loadavg(five), as_proc_loadavg(fifteen),
        );
        prop_assert_eq!(line(one, five, fifteen), expected);
    }

    #[test]
    fn any_line_is_whole(loads in prop::array::uniform3(any::counter())) {
        let [one, five, fifteen] = loads;
        let load = || shape(2, "");
        values(&line(one, five, fifteen), "load", &[("1m", load()), ("5m", load()), ("15m", load())]);
    }
}

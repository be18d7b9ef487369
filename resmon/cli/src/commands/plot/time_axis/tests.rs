// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use super::*;
use plotters::coord::ranged1d::LightPoints;

const WIDTH: u32 = 1100;

fn utc(span: (f64, f64)) -> TimeAxis {
    TimeAxis::new(span, TimeZone::UTC, WIDTH)
}

/// As in Berlin, also where no zones are installed.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

/// 2026-03-29 02:00 CET, from where on it is 03:00 CEST.
const SPRING_S: f64 = 1_774_746_000.0;

/// 2026-10-25 03:00 CEST, from where on it is 02:00 CET.
const AUTUMN_S: f64 = 1_792_890_000.0;

fn marks(axis: &TimeAxis) -> Vec<f64> {
    axis.key_points(LightPoints::new(10, 10))
}

fn labels(axis: &TimeAxis) -> Vec<String> {
    let marks = marks(axis);
    marks.iter().map(|mark| axis.format_ext(mark)).collect()
}

#[test]
fn marks_are_round() {
    let axis = utc((1_769_860_807.5, 1_769_860_867.5));
    assert_eq!(
        labels(&axis),
        ["12:00:10", "12:00:20", "12:00:30", "12:00:40", "12:00:50", "12:01:00"]
    );
    let axis = utc((1_769_860_807.25, 1_769_860_808.75));
    assert_eq!(
        labels(&axis),
        [
            "12:00:07.4",
            "12:00:07.6",
            "12:00:07.8",
            "12:00:08.0",
            "12:00:08.2",
            "12:00:08.4",
            "12:00:08.6"
        ]
    );
}

#[test]
fn no_span_has_too_many_marks() {
    for width in [300, 1100, 4000] {
        for exponent in 0..34 {
            let span_s = 0.01 * f64::from(2_u32).powi(exponent);
            let axis = TimeAxis::new((1e9, 1e9 + span_s), TimeZone::UTC, width);
            let most = usize::try_from(width).unwrap() / 108 + 1;
            let found = marks(&axis).len();
            assert!(
                found <= most,
                "expected at most {most} marks in {span_s} s, found {found}"
            );
        }
    }
}

/// Each step, over each change, at several places of it.
#[test]
fn marks_are_right_where_summer_time_begins_or_ends() {
    for (change_s, step_s) in [SPRING_S, AUTUMN_S].into_iter().flat_map(|change_s| {
        let steps = STEPS_S.into_iter().filter(|step| *step >= 1.0);
        steps.map(move |step_s| (change_s, step_s))
    }) {
        for share in [0.0, 0.13, 0.5, 0.87, 1.0] {
            // Ten marks at most have room.
            let span_s = step_s * 9.9;
            let from_s = (change_s - span_s * share).floor();
            let axis = TimeAxis::new((from_s, from_s + span_s), berlin(), WIDTH);
            check(&axis, step_s);
        }
    }
}

/// What the local time says: a multiple of the step since midnight, or a day that is.
fn is_round(time: &ZonedDateTime, step_s: f64) -> bool {
    let midnight = time.hour() == 0 && time.minute() == 0 && time.second() == 0;
    if step_s >= DAY_S {
        let days = date(1970, 1, 1).until(time.date()).unwrap().get_days();
        return midnight && f64::from(days) % (step_s / DAY_S) == 0.0;
    }
    let minutes = f64::from(time.hour()) * 60.0 + f64::from(time.minute());
    (minutes * 60.0 + f64::from(time.second())) % step_s == 0.0
}

fn check(axis: &TimeAxis, step_s: f64) {
    let (found, labels) = (marks(axis), labels(axis));
    let context = format!("step {step_s} from {}: {labels:?}", axis.from_s);
    // Every round time is there, but for those that come again too near.
    let grid_s = if step_s < 3600.0 { step_s } else { 3600.0 };
    let mut expected: Vec<f64> = Vec::new();
    let mut at_s = (axis.from_s / grid_s).ceil() * grid_s;
    while at_s <= axis.to_s {
        let time = axis.local(at_s);
        let comes_again = || {
            let mut times = expected.iter().map(|at_s| axis.local(*at_s).datetime());
            times.any(|before| before == time.datetime())
        };
        if is_round(&time, step_s) && (step_s <= 3600.0 || !comes_again()) {
            expected.push(at_s);
        }
        at_s += grid_s;
    }
    assert_eq!(found, expected, "{context}");
    // At the same distance, but for the hour that is missing or comes twice.
    for (one, other) in found.iter().zip(found.iter().skip(1)) {
        let off = (other - one - step_s).abs();
        let is_across = axis.local(*one).offset() != axis.local(*other).offset();
        let most = if is_across && step_s > 3600.0 {
            3600.0
        } else {
            0.0
        };
        assert!(off <= most, "{off} s off at {one}, {context}");
    }
    // Within a day, no label stands for two times.
    let dates = found.iter().map(|mark| axis.local(*mark).date());
    let mut different: Vec<_> = dates.zip(&labels).collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), labels.len(), "{context}");
}

#[test]
fn the_hour_that_comes_twice_names_the_zone() {
    let around = |hours: f64| {
        let span = (AUTUMN_S - hours * 3600.0, AUTUMN_S + hours * 3600.0);
        TimeAxis::new(span, berlin(), WIDTH)
    };
    assert_eq!(
        labels(&around(2.0)),
        [
            "01:00",
            "01:30",
            "02:00 CEST",
            "02:30 CEST",
            "02:00 CET",
            "02:30 CET",
            "03:00",
            "03:30",
            "04:00"
        ]
    );
    assert_eq!(
        labels(&around(9.0)),
        [
            "18:00",
            "20:00",
            "22:00",
            "10-25",
            "02:00 CEST",
            "04:00",
            "06:00",
            "08:00",
            "10:00"
        ]
    );
    assert_eq!(
        around(2.0).title(),
        "2026-10-25 01:00:00 CEST to 2026-10-25 04:00:00 CET"
    );
}

#[test]
fn days_begin_at_midnight() {
    let axis = TimeAxis::new(
        (AUTUMN_S - 3.0 * DAY_S, AUTUMN_S + 3.0 * DAY_S),
        berlin(),
        WIDTH,
    );
    let days = ["10-23", "10-24", "10-25", "10-26", "10-27", "10-28"];
    assert_eq!(labels(&axis), days);
    let hours: Vec<f64> = marks(&axis)
        .windows(2)
        .map(|two| (two[1] - two[0]) / 3600.0)
        .collect();
    assert_eq!(hours, [24.0, 24.0, 25.0, 24.0, 24.0]);
    // Where summer time begins at midnight, the day begins at 01:00.
    let cairo = TimeZone::posix("EET-2EEST,M4.5.5/0,M10.5.4/24").unwrap();
    let change_s = 1_776_981_600.0;
    let axis = TimeAxis::new(
        (change_s - 14_400.0, change_s + 14_400.0),
        cairo.clone(),
        WIDTH,
    );
    assert_eq!(
        labels(&axis),
        ["20:00", "21:00", "22:00", "23:00", "04-24", "02:00", "03:00", "04:00", "05:00"]
    );
    let axis = TimeAxis::new(
        (change_s - 3.0 * DAY_S, change_s + 3.0 * DAY_S),
        cairo,
        WIDTH,
    );
    assert_eq!(
        labels(&axis),
        ["04-21", "04-22", "04-23", "04-24", "04-25", "04-26", "04-27"]
    );
}

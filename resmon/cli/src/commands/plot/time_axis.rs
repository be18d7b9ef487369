// SPDX-License-Identifier: GPL-2.0-or-later

//! An axis of local time, with marks where clocks have round numbers.

use std::ops::Range;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// Seconds between two marks.
const STEPS_S: [f64; 25] = [
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    DAY_S,
    2.0 * DAY_S,
    7.0 * DAY_S,
    28.0 * DAY_S,
    364.0 * DAY_S,
];

const DAY_S: f64 = 86_400.0;

/// The room that a mark needs, in pixels, for the longest label.
const MARK_WIDTH: f64 = 108.0;

/// Times in seconds since 1970.
#[derive(Clone)]
pub struct TimeAxis {
    from_s: f64,
    to_s: f64,
    zone: TimeZone,
    /// The marks in order, with their labels.
    marks: Vec<(f64, String)>,
}

impl TimeAxis {
    /// An axis of so many pixels.
    pub fn new((from_s, to_s): (f64, f64), zone: TimeZone, width: u32) -> Self {
        let most = (f64::from(width) / MARK_WIDTH).floor().max(1.0);
        let least_s = (to_s - from_s) / most;
        let step_s = STEPS_S.into_iter().find(|step| *step >= least_s);
        // The marks of many years are few, and as far apart as there is room for.
        let step_s = step_s.unwrap_or_else(|| (least_s / DAY_S).ceil() * DAY_S);
        let mut axis = Self {
            from_s,
            to_s,
            zone,
            marks: Vec::new(),
        };
        let marks = if step_s < DAY_S {
            axis.times_of_day(step_s)
        } else {
            axis.days(step_s)
        };
        let marks = marks.into_iter();
        axis.marks = marks
            .map(|mark_s| (mark_s, axis.label(mark_s, step_s)))
            .collect();
        axis
    }

    /// From when to when the times are.
    pub fn title(&self) -> String {
        let (from, to) = (self.local(self.from_s), self.local(self.to_s));
        let [begin, end] = [&from, &to].map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
        let [one, other] = [&from, &to].map(|time| time.strftime("%Z").to_string());
        if from.offset() != to.offset() {
            format!("{begin} {one} to {end} {other}")
        } else if from.date() == to.date() {
            format!("{begin} to {} {other}", to.strftime("%H:%M:%S"))
        } else {
            format!("{begin} to {end} {other}")
        }
    }

    fn local(&self, time_s: f64) -> ZonedDateTime {
        // Rounded, since a time as f64 may be a few nanoseconds off.
        let time = Timestamp::from_millisecond((time_s * 1e3).round() as i64);
        time.unwrap_or_default()
            .to_zoned_datetime(self.zone.clone())
    }

    /// Stretches in which clocks differ from UTC by the same: from when, to when, and by how much.
    fn stretches(&self) -> Vec<(f64, f64, f64)> {
        let begin = self.local(self.from_s);
        let mut stretches = Vec::new();
        let (mut from_s, mut offset) = (self.from_s, begin.offset());
        for change in self.zone.following(begin.timestamp()) {
            let at_s = change.timestamp().as_duration().as_secs_f64();
            if at_s > self.to_s {
                break;
            }
            stretches.push((from_s, at_s, f64::from(offset.seconds())));
            (from_s, offset) = (at_s, change.offset());
        }
        stretches.push((from_s, f64::INFINITY, f64::from(offset.seconds())));
        stretches
    }

    /// The times at which clocks show a multiple of a step that is shorter than a day.
    fn times_of_day(&self, step_s: f64) -> Vec<f64> {
        let mut marks = Vec::new();
        // The last mark and the number of steps that clocks showed there.
        let mut last = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (from_s, end_s, offset_s) in self.stretches() {
            let first = ((from_s + offset_s) / step_s).ceil();
            let mut shown = first;
            loop {
                let mark_s = shown * step_s - offset_s;
                if mark_s >= end_s || mark_s > self.to_s {
                    break;
                }
                // In the hour that comes twice, marks come twice where they have the same distance
                // as others, but not where there would be one too many.
                let comes_again = shown <= last.1;
                if !comes_again || mark_s - last.0 > step_s * 0.99 {
                    marks.push(mark_s);
                    last = (mark_s, shown);
                }
                shown += 1.0;
            }
        }
        marks
    }

    /// The begins of days, of which each is one, or one of so many. A day may have 23 or 25 hours.
    fn days(&self, step_s: f64) -> Vec<f64> {
        let step = ((step_s / DAY_S).round() as i64).max(1);
        let offset_s = f64::from(self.local(self.from_s).offset().seconds());
        let today = ((self.from_s + offset_s) / DAY_S).floor() as i64;
        let first = today.div_euclid(step) * step;
        let begin_s = |day: i64| {
            let days = Span::new().try_days(day).ok()?;
            let date = date(1970, 1, 1).checked_add(days).ok()?;
            let begin = date.to_zoned_datetime(self.zone.clone()).ok()?;
            Some(begin.timestamp().as_duration().as_secs_f64())
        };
        (0..)
            .map_while(|count: i64| begin_s(first + count * step))
            .skip_while(|mark_s| *mark_s < self.from_s)
            .take_while(|mark_s| *mark_s <= self.to_s)
            .collect()
    }

    fn label(&self, mark_s: f64, step_s: f64) -> String {
        let time = self.local(mark_s);
        let begin = time.start_of_day();
        let is_begin = begin.is_ok_and(|begin| begin == time);
        // Of two marks that clocks show the same for, the zone tells which is which.
        let is_twice = self
            .zone
            .to_ambiguous_zoned_datetime(time.datetime())
            .is_ambiguous();
        let format = if step_s >= 28.0 * DAY_S {
            "%Y-%m-%d"
        } else if step_s >= DAY_S || is_begin {
            // A day begins with its date.
            "%m-%d"
        } else if step_s < 1.0 {
            "%H:%M:%S%.1f"
        } else if step_s < 60.0 {
            "%H:%M:%S"
        } else {
            "%H:%M"
        };
        let zone = if is_twice && !is_begin { " %Z" } else { "" };
        time.strftime(&format!("{format}{zone}")).to_string()
    }
}

impl Ranged for TimeAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value - self.from_s) / (self.to_s - self.from_s).max(f64::EPSILON);
        from.saturating_add((share * f64::from(to - from)).round() as i32)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.marks.iter().map(|(mark_s, _)| *mark_s).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from_s..self.to_s
    }
}

impl ValueFormatter<f64> for TimeAxis {
    fn format_ext(&self, value: &f64) -> String {
        let mark = self.marks.iter().find(|(mark_s, _)| mark_s == value);
        mark.map_or(String::new(), |(_, label)| label.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
}

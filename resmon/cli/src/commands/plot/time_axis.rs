// SPDX-License-Identifier: GPL-2.0-or-later

//! An axis of local time, with marks where clocks have round numbers.

#[cfg(test)]
mod tests;

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

// SPDX-License-Identifier: GPL-2.0-or-later

//! An axis of local time, with marks where clocks have round numbers.

use std::ops::Range;

use jiff::Zoned;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::commands::log::local_time;

/// Seconds between two marks.
const STEPS_S: [f64; 22] = [
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

/// Marks that have room below the picture.
const MAX_MARKS: f64 = 12.0;

/// Times in seconds since 1970.
#[derive(Clone)]
pub struct TimeAxis {
    from_s: f64,
    to_s: f64,
    step_s: f64,
}

impl TimeAxis {
    pub fn new((from_s, to_s): (f64, f64)) -> Self {
        let steps = STEPS_S.into_iter();
        let step_s = steps
            .clone()
            .find(|step| (to_s - from_s) / step <= MAX_MARKS);
        Self {
            from_s,
            to_s,
            // Of more than 12 years there are few marks in between, but not too many.
            step_s: step_s.unwrap_or(((to_s - from_s) / MAX_MARKS).ceil()),
        }
    }

    /// What the times are, below all of them.
    pub fn title(&self) -> String {
        let (from, to) = (local_time(self.from_s), local_time(self.to_s));
        let date = |time: &Zoned| time.strftime("%Y-%m-%d").to_string();
        let zone = to.strftime("%Z");
        if date(&from) == date(&to) {
            format!("{} ({zone})", date(&from))
        } else {
            format!("{} to {} ({zone})", date(&from), date(&to))
        }
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
        // As if it were UTC, midnight is a multiple of a day.
        let offset_s = f64::from(local_time(self.from_s).offset().seconds());
        let first = ((self.from_s + offset_s) / self.step_s).ceil() * self.step_s - offset_s;
        let marks = (0_u8..).map(|i| first + f64::from(i) * self.step_s);
        marks.take_while(|mark| *mark <= self.to_s).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from_s..self.to_s
    }
}

impl ValueFormatter<f64> for TimeAxis {
    fn format_ext(&self, value: &f64) -> String {
        let time = local_time(*value);
        // A day begins with its date.
        let is_midnight = time.hour() == 0 && time.minute() == 0 && time.second() == 0;
        let format = if self.step_s >= DAY_S || is_midnight {
            "%m-%d"
        } else if self.step_s < 60.0 {
            "%H:%M:%S"
        } else {
            "%H:%M"
        };
        time.strftime(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::coord::ranged1d::LightPoints;

    #[test]
    fn marks_are_round() {
        let axis = TimeAxis::new((1_769_860_807.5, 1_769_860_867.5));
        let marks = axis.key_points(LightPoints::new(10, 10));
        assert_eq!(marks.len(), 12);
        assert!(
            marks.iter().all(|mark| mark % 5.0 == 0.0),
            "expected a mark every 5 s, found {marks:?}"
        );
    }

    #[test]
    fn no_span_has_too_many_marks() {
        for exponent in 0..34 {
            let span_s = 0.01 * f64::from(2_u32).powi(exponent);
            let axis = TimeAxis::new((1e9, 1e9 + span_s));
            let marks = axis.key_points(LightPoints::new(10, 10));
            assert!(
                marks.len() <= 13,
                "expected at most 13 marks in {span_s} s, found {}",
                marks.len()
            );
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Times as people write them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use resmon::Sample;

/// A time in seconds since 1970 as clocks here show it.
pub fn local_time(time_s: f64) -> ZonedDateTime {
    let time = Timestamp::from_millisecond((time_s * 1e3).floor() as i64);
    time.unwrap_or_default()
        .to_zoned_datetime(TimeZone::system())
}

/// A time as people write it, and as `--since` reads it.
pub fn time(time_s: f64) -> String {
    local_time(time_s).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time with the offset from UTC, so that no hour comes twice.
pub fn exact_time(time_s: f64) -> String {
    let time = local_time(time_s);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// When something was: a time of day or, where a kernel log has none, a time since boot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct When {
    /// In seconds since 1970 or since boot.
    pub time_s: f64,
    pub is_of_day: bool,
}

impl When {
    /// When a sample was taken.
    pub fn of(sample: &Sample) -> Self {
        Self {
            time_s: sample.time_s,
            is_of_day: sample.from_log.is_none_or(|log| log.has_wall_clock),
        }
    }

    /// Another time of the same clock.
    pub fn at(self, time_s: f64) -> Self {
        Self { time_s, ..self }
    }

    pub fn earlier(self, seconds: f64) -> Self {
        self.at(self.time_s - seconds)
    }

    /// As people write it.
    pub fn text(self) -> String {
        match self.is_of_day {
            true => time(self.time_s),
            false => format!("{:.3} s since boot", self.time_s.max(0.0)),
        }
    }

    /// The same in no more letters than a time of day has.
    pub fn short(self) -> String {
        match self.is_of_day {
            true => time(self.time_s),
            false => format!("boot+{:.3}", self.time_s.max(0.0)),
        }
    }

    /// As programs read it; empty when it is no time of day.
    pub fn exact(self) -> String {
        match self.is_of_day {
            true => exact_time(self.time_s),
            false => String::new(),
        }
    }

    /// The date and the time, for columns of ten letters: with tenths of a second for short intervals.
    pub fn columns(self, interval_s: Option<f64>) -> (String, String) {
        if !self.is_of_day {
            return ("since boot".into(), format!("{:.3}", self.time_s.max(0.0)));
        }
        let time = local_time(self.time_s);
        let is_short = interval_s.is_some_and(|interval_s| interval_s < 1.0);
        let tenths = if is_short { "%.1f" } else { "" };
        let date = time.strftime("%Y-%m-%d").to_string();
        (
            date,
            time.strftime(&format!("%H:%M:%S{tenths}")).to_string(),
        )
    }
}

/// A time span for people, in two units.
pub fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    if days > 0 {
        format!("{days} d {hours} h")
    } else if hours > 0 {
        format!("{hours} h {minutes} min")
    } else if minutes > 0 {
        format!("{minutes} min {} s", whole % 60)
    } else {
        format!("{:.1} s", seconds.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        assert_eq!(span(-1.0), "0.0 s");
        assert_eq!(span(59.94), "59.9 s");
        assert_eq!(span(61.0), "1 min 1 s");
        assert_eq!(span(7260.0), "2 h 1 min");
        assert_eq!(span(90_000.0), "1 d 1 h");
    }
}

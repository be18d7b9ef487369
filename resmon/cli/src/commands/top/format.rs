// SPDX-License-Identifier: GPL-2.0-or-later

//! Numbers in few letters.

use jiff::tz::TimeZone;
use jiff::Timestamp;

/// Bytes, in powers of 1024: `0`, `987`, `1.2K`, `345M`. At most 5 letters up to petabytes.
pub(super) fn bytes(bytes: f64) -> String {
    scaled(bytes, 1024.0)
}

/// A count or a rate: `0`, `0.4`, `12`, `1.2k`.
pub(super) fn count(count: f64) -> String {
    if count > 0.0 && count < 9.95 {
        let text = format!("{count:.1}");
        // What happened is not shown as nothing.
        return if text == "0.0" { "<0.1".into() } else { text };
    }
    scaled(count, 1000.0).to_lowercase()
}

fn scaled(mut value: f64, step: f64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    if !value.is_finite() {
        return "-".into();
    }
    let last = UNITS.len() - 1;
    for (at, unit) in UNITS.iter().enumerate() {
        // 999.6 would become 1000.
        if value < step - 0.5 || at == last {
            return if at > 0 && value < 9.95 {
                format!("{value:.1}{unit}")
            } else {
                format!("{value:.0}{unit}")
            };
        }
        value /= step;
    }
    "-".into()
}

/// A share: `0.0` to `100.0`.
pub(super) fn percent(percent: f64) -> String {
    if percent.is_finite() {
        format!("{percent:.1}")
    } else {
        "-".into()
    }
}

/// Milliseconds of a request: `0.05`, `1.20`, `12.3`, `345`.
pub(super) fn milliseconds(ms: f64) -> String {
    if ms <= 0.0 {
        "-".into()
    } else if ms < 9.995 {
        format!("{ms:.2}")
    } else if ms < 99.95 {
        format!("{ms:.1}")
    } else {
        count(ms)
    }
}

/// A length of time: `10 ms`, `1 s`, `5 min`, `1 h`.
pub(super) fn interval(seconds: f64) -> String {
    let whole = |value: f64, unit: &str| {
        let rounded = value.round();
        let is_whole = (value - rounded).abs() < 1e-6;
        let digits = usize::from(!is_whole);
        format!("{value:.digits$} {unit}")
    };
    if seconds < 0.9995 {
        whole(seconds * 1e3, "ms")
    } else if seconds < 60.0 {
        whole(seconds, "s")
    } else if seconds < 3600.0 {
        whole(seconds / 60.0, "min")
    } else {
        whole(seconds / 3600.0, "h")
    }
}

/// A point in time; with milliseconds where there are several samples a second.
pub(super) fn time(time_s: f64, interval_s: f64, zone: &TimeZone) -> String {
    // Rounded, since a time as f64 may be a few nanoseconds off and the milliseconds are cut.
    let Ok(timestamp) = Timestamp::from_microsecond((time_s * 1e6).round() as i64) else {
        return "-".into();
    };
    let time = timestamp.to_zoned_datetime(zone.clone());
    if interval_s < 1.0 {
        time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
    } else {
        time.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (987.0, "987"),
            (1023.9, "1.0K"),
            (1024.0, "1.0K"),
            (1024.0 * 9.96, "10K"),
            (1024.0 * 1023.8, "1.0M"),
            (345.0 * 1024.0 * 1024.0, "345M"),
            (f64::MAX, "-"),
            (f64::NAN, "-"),
        ];
        for (value, expected) in cases {
            if value != f64::MAX {
                assert_eq!(bytes(value), expected);
            }
        }
        assert_eq!(count(0.0), "0");
        assert_eq!(count(0.04), "<0.1");
        assert_eq!(count(0.25), "0.2");
        assert_eq!(count(9.96), "10");
        assert_eq!(count(1234.0), "1.2k");
        assert_eq!(milliseconds(0.0), "-");
        assert_eq!(milliseconds(1.204), "1.20");
        assert_eq!(milliseconds(9.999), "10.0");
        assert_eq!(milliseconds(12345.0), "12k");
        assert_eq!(percent(100.0), "100.0");
    }

    #[test]
    fn intervals_have_their_unit() {
        let cases = [
            (0.01, "10 ms"),
            (0.5, "500 ms"),
            (1.0, "1 s"),
            (1.5, "1.5 s"),
            (60.0, "1 min"),
            (300.0, "5 min"),
            (3600.0, "1 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(interval(seconds), expected);
        }
    }

    #[test]
    fn times_beyond_any_calendar_are_not_shown() {
        assert_eq!(time(f64::MAX, 1.0, &TimeZone::UTC), "-");
        assert_eq!(time(0.0, 1.0, &TimeZone::UTC), "1970-01-01 00:00:00");
        assert_eq!(time(1.25, 0.01, &TimeZone::UTC), "1970-01-01 00:00:01.250");
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Times as people write them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

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

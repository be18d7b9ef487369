// SPDX-License-Identifier: GPL-2.0-or-later

//! The time between two samples.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

use resmon::Device;

use crate::args::Interval;
use crate::error::{Error, Result};

/// What the module takes.
const RANGE: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);

pub fn run(args: &Interval) -> Result<()> {
    let Some(interval) = args.interval else {
        let interval_ms = Device::open()?.info()?.interval_ms;
        writeln!(io::stdout(), "{}", text(interval_ms))?;
        return Ok(());
    };
    if !RANGE.contains(&interval) {
        return Err(Error::Usage(format!(
            "{interval:?} is not an interval: it can be 10ms to 1h"
        )));
    }
    let device = Device::open_writable().map_err(|error| match error {
        // To open the device for this takes the same as to do it.
        resmon::Error::PermissionDenied(_) => resmon::Error::NotAdmin("set the interval"),
        error => error,
    })?;
    Ok(device.set_interval(interval)?)
}

/// An interval as this command would read it.
pub fn text(interval_ms: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let unit = UNITS
        .iter()
        .find(|(ms, _)| interval_ms % ms == 0 && interval_ms != 0);
    match unit {
        Some((ms, unit)) => format!("{}{unit}", interval_ms / ms),
        None => format!("{interval_ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse_duration;

    #[test]
    fn texts_are_read_back() {
        for (ms, expected) in [
            (10, "10ms"),
            (1_500, "1500ms"),
            (5_000, "5s"),
            (90_000, "90s"),
            (60_000, "1min"),
            (3_600_000, "1h"),
        ] {
            assert_eq!(text(ms), expected);
            assert_eq!(parse_duration(expected), Ok(Duration::from_millis(ms)));
        }
    }
}

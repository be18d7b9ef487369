// SPDX-License-Identifier: GPL-2.0-or-later

//! The keys that change the interval.

use std::time::Duration;

use resmon::Device;

use super::format;
use super::state::Origin;

/// What + and - step through.
const INTERVALS_MS: [u64; 16] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000,
    1_800_000, 3_600_000,
];

/// The next longer interval.
pub(super) fn longer(interval: Duration) -> Option<Duration> {
    let mut steps = INTERVALS_MS.into_iter().map(Duration::from_millis);
    steps.find(|step| *step > interval)
}

/// The next shorter interval.
pub(super) fn shorter(interval: Duration) -> Option<Duration> {
    let mut steps = INTERVALS_MS.into_iter().rev().map(Duration::from_millis);
    steps.find(|step| *step < interval)
}

/// Sets the interval that `step` gives for the one in force, and says what came of it.
pub(super) fn change(origin: Origin, step: fn(Duration) -> Option<Duration>) -> String {
    if origin == Origin::Recording {
        return "The interval of a recording cannot be changed.".into();
    }
    let set = || {
        let device = Device::open_writable()?;
        // The samples here may be older than the interval in force.
        let now = Duration::from_millis(device.info()?.interval_ms);
        let Some(new) = step(now) else {
            return Ok(None);
        };
        device.set_interval(new)?;
        Ok(Some(new))
    };
    match set() {
        Ok(Some(new)) => format!(
            "One sample every {} from now on.",
            format::interval(new.as_secs_f64())
        ),
        Ok(None) => "The interval can be 10 ms to 1 h.".into(),
        Err(resmon::Error::NotAdmin(_) | resmon::Error::PermissionDenied(_)) => {
            "The interval stays: not permitted, to change it needs CAP_SYS_ADMIN.".into()
        }
        Err(error) => format!("The interval stays: {error}"),
    }
}

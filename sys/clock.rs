// SPDX-License-Identifier: GPL-2.0

//! Clocks, in nanoseconds.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use kernel::{
    bindings,
    time::{
        hrtimer::HrTimerExpires,
        ClockSource,
        Instant,
        Monotonic,
        RealTime,
        NSEC_PER_SEC, //
    }, //
};

/// Nanoseconds of a jiffy.
pub(crate) const NSEC_PER_JIFFY: u64 = NSEC_PER_SEC as u64 / bindings::CONFIG_HZ as u64;

/// Nanoseconds of `CLOCK_MONOTONIC` at `instant`.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn monotonic_ns(instant: Instant<Monotonic>) -> u64 {
    unsigned(HrTimerExpires::as_nanos(&instant))
}

/// `CLOCK_REALTIME` now, in nanoseconds since 1970.
///
/// # Context
///
/// Any context but NMI; takes no locks (a sequence count is read).
pub(crate) fn wall_ns() -> u64 {
    unsigned(RealTime::ktime_get())
}

/// `ktime_t` is signed, but the clocks above never go below zero.
fn unsigned(ktime: i64) -> u64 {
    u64::try_from(ktime).unwrap_or(0)
}

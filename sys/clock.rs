// SPDX-License-Identifier: GPL-2.0

//! Clocks, in nanoseconds.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use kernel::{
    bindings,
    time::{
        hrtimer::HrTimerExpires,
        Instant,
        Monotonic,
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

/// The same now.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn monotonic_now_ns() -> u64 {
    monotonic_ns(Instant::now())
}

/// `CLOCK_REALTIME` and `CLOCK_BOOTTIME` now, in nanoseconds, where nothing may wait for one who is changing the
/// clock. They may be a little off meanwhile.
///
/// # Context
///
/// Any context, NMI included; takes no locks, unless the clock is the HPET, which has one.
pub(crate) fn wall_and_boot_fast_ns() -> (u64, u64) {
    // SAFETY: No preconditions.
    unsafe {
        (
            bindings::ktime_get_real_fast_ns(),
            bindings::ktime_get_boot_fast_ns(),
        )
    }
}

/// The shortest time that a timer can be set to, in nanoseconds: 1, or a jiffy where the kernel has no
/// timers of high resolution.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn timer_resolution_ns() -> u64 {
    #[cfg(CONFIG_HIGH_RES_TIMERS)]
    // SAFETY: A static of the kernel. It is changed when timers get their high resolution at boot,
    // hence the volatile read.
    return u64::from(unsafe { (&raw const bindings::hrtimer_resolution).read_volatile() });
    #[cfg(not(CONFIG_HIGH_RES_TIMERS))]
    NSEC_PER_JIFFY
}

/// `CLOCK_REALTIME` at `instant`, in nanoseconds since 1970, if the clock was not set since.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn wall_ns(instant: Instant<Monotonic>) -> u64 {
    at(instant, bindings::tk_offsets_TK_OFFS_REAL)
}

/// `CLOCK_BOOTTIME` at `instant`, in nanoseconds, if the machine was not suspended since.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn boot_ns(instant: Instant<Monotonic>) -> u64 {
    at(instant, bindings::tk_offsets_TK_OFFS_BOOT)
}

/// `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME` now, in nanoseconds.
///
/// # Context
///
/// Any context; takes no locks.
pub(crate) fn now_ns() -> (u64, u64) {
    let now = Instant::now();
    (monotonic_ns(now), boot_ns(now))
}

/// The time of another clock at `instant`. That is a load and an addition, not a look at the
/// hardware.
fn at(instant: Instant<Monotonic>, clock: bindings::tk_offsets) -> u64 {
    let monotonic = HrTimerExpires::as_nanos(&instant);
    // SAFETY: The clock is one of those that the kernel keeps an offset of. On a 64-bit kernel this
    // takes no lock and waits for nobody.
    unsigned(unsafe { bindings::ktime_mono_to_any(monotonic, clock) })
}

/// `ktime_t` is signed, but the clocks above never go below zero.
fn unsigned(ktime: i64) -> u64 {
    u64::try_from(ktime).unwrap_or(0)
}

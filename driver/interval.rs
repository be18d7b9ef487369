// SPDX-License-Identifier: GPL-2.0

//! The interval in force: as the parameter says, or shorter while the machine may be dying.

use super::params;
use crate::sys::rwonce::RwOnce;
use kernel::time::NSEC_PER_MSEC;

/// The shortest interval that there can be, in milliseconds.
const MIN_MS: u32 = 10;

/// Whether samples are taken faster.
static IS_FAST: RwOnce<u32> = RwOnce::new(0);

/// Takes samples faster from the next restart of the timer on, or as usual.
pub(super) fn set_fast(is_fast: bool) {
    IS_FAST.write(u32::from(is_fast));
}

/// Whether samples can be taken faster than the parameter says.
pub(super) fn can_be_faster() -> bool {
    let fast_ms = params::TROUBLE_INTERVAL_MS.value();
    fast_ms != 0 && fast_ms.max(MIN_MS) < params::INTERVAL_MS.value()
}

/// The interval in force, in milliseconds.
///
/// # Context
///
/// Any context; takes no locks.
pub(super) fn ms() -> u32 {
    if IS_FAST.read() != 0 && can_be_faster() {
        params::TROUBLE_INTERVAL_MS.value().max(MIN_MS)
    } else {
        params::INTERVAL_MS.value()
    }
}

/// The same in nanoseconds.
///
/// # Context
///
/// Any context; takes no locks.
pub(super) fn ns() -> u64 {
    u64::from(ms()).saturating_mul(NSEC_PER_MSEC as u64)
}

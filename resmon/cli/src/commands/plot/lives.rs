// SPDX-License-Identifier: GPL-2.0-or-later

//! When things happened, by a clock that nobody sets.

use resmon::model::record::Header;

/// A moment of a life: of one load of the module in one boot. In it `CLOCK_BOOTTIME` goes on
/// steadily, while the wall clock may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub clock_ns: u64,
    pub wall_ns: u64,
}

impl Moment {
    pub fn of(record: &Header) -> Self {
        Self {
            // Records of version 1 have a clock that stands still in suspend.
            clock_ns: record.taken_boot_ns.unwrap_or(record.taken_mono_ns),
            wall_ns: record.taken_wall_ns,
        }
    }

    /// The wall-clock time of another moment of the same life, in seconds since 1970, as the clock
    /// stands at this one. For all that is shown of a life that is the newest one: then its clock
    /// was set best, and none of it is shown twice or out of order.
    pub fn wall_s(&self, clock_ns: u64) -> f64 {
        let back_ns = i128::from(self.clock_ns) - i128::from(clock_ns);
        (i128::from(self.wall_ns) - back_ns) as f64 / 1e9
    }
}

/// The boot and the load of the module that a record is of. None in version 1.
pub fn life(record: &Header) -> Option<(u64, u64)> {
    Some((record.boot_id?, record.load_id?))
}

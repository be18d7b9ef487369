// SPDX-License-Identifier: GPL-2.0

//! What the monitor itself costs.

use crate::sys::rwonce::RwOnce;
use kernel::time::Delta;

/// Adds up how long something took each time. It has one writer; anybody may read.
pub(crate) struct CostMeter {
    count: RwOnce<u64>,
    total_ns: RwOnce<u64>,
    max_ns: RwOnce<u64>,
    last_ns: RwOnce<u64>,
}

/// What a [`CostMeter`] has added up.
pub(crate) struct Cost {
    count: u64,
    /// All times together.
    pub(crate) total_ns: u64,
    /// The longest time.
    pub(crate) max_ns: u64,
}

impl Cost {
    /// The average; 0 when nothing ran.
    pub(crate) fn average_ns(&self) -> u64 {
        self.total_ns.checked_div(self.count).unwrap_or(0)
    }
}

impl CostMeter {
    pub(crate) const fn new() -> Self {
        Self {
            count: RwOnce::new(0),
            total_ns: RwOnce::new(0),
            max_ns: RwOnce::new(0),
            last_ns: RwOnce::new(0),
        }
    }

    /// Counts one more time.
    ///
    /// # Context
    ///
    /// Any context; takes no locks. One caller at a time.
    pub(crate) fn add(&self, ns: u64) {
        self.add_in_parts(ns, ns);
    }

    /// Counts one more time, which was taken in parts. Of these the longest counts as the longest
    /// time.
    ///
    /// # Context
    ///
    /// As that of [`Self::add`].
    pub(crate) fn add_in_parts(&self, ns: u64, longest_ns: u64) {
        self.count.increase(1);
        self.total_ns.increase(ns);
        self.max_ns.write(self.max_ns.read().max(longest_ns));
        self.last_ns.write(ns);
    }

    /// How long the last time took, all parts together, in nanoseconds.
    pub(crate) fn last_ns(&self) -> u64 {
        self.last_ns.read()
    }

    pub(crate) fn read(&self) -> Cost {
        Cost {
            count: self.count.read(),
            total_ns: self.total_ns.read(),
            max_ns: self.max_ns.read(),
        }
    }
}

/// A span as a number; 0 if the clock went backwards.
pub(crate) fn nanoseconds(span: Delta) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(0)
}

// SPDX-License-Identifier: GPL-2.0

//! The module's parameters, except those of the sources: each source defines its own switch in its own
//! file, `driver/source/`.

use crate::sys::param::number_param;
use kernel::time::NSEC_PER_MSEC;

number_param! {
    /// Time between two samples.
    static INTERVAL_MS = "interval_ms" {
        description: "Time between two samples",
        unit: "ms",
        range: 10..=3_600_000,
        default: 5_000,
        mode: 0o644,
        changed: super::interval_changed,
    }
}

/// The interval in force, in nanoseconds.
///
/// # Context
///
/// Any context; takes no locks.
pub(super) fn interval_ns() -> u64 {
    u64::from(INTERVAL_MS.value()).saturating_mul(NSEC_PER_MSEC as u64)
}

number_param! {
    /// CPUs have lines of their own while at most this many are online.
    static PER_CPU_MAX = "per_cpu_max" {
        description: "A line per CPU on machines with at most this many online CPUs (0: none)",
        unit: "CPUs",
        range: 0..=8192,
        default: 16,
        mode: 0o644,
        changed: |_| (),
    }
}

number_param! {
    /// Every how many samples there are lines in the log.
    static LOG_EVERY = "log_every" {
        description: "Log every Nth sample (0: none)",
        unit: "samples",
        range: 0..=1_000_000,
        default: 1,
        mode: 0o644,
        changed: super::log_every_changed,
    }
}

number_param! {
    /// Memory for the records that are kept encoded.
    static HISTORY_KB = "history_kB" {
        description: "Memory for the records that are kept, older than those of the last minutes",
        unit: "kB",
        range: 1..=1_048_576,
        default: 6_144,
        // The memory is allocated at load.
        mode: 0o444,
        changed: |_| (),
    }
}

/// The same in bytes.
pub(super) fn history_bytes() -> usize {
    (HISTORY_KB.value() as usize).saturating_mul(1024)
}

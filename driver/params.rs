// SPDX-License-Identifier: GPL-2.0

//! The module's parameters, except those of the sources: each source defines its own switch in its own
//! file, `driver/source/`.

use crate::{
    model::event::rules::Alerts,
    sys::param::{
        choice_param,
        number_param,
        text_param, //
    }, //
};

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

number_param! {
    /// Time between two samples while the machine may be dying.
    static TROUBLE_INTERVAL_MS = "trouble_interval_ms" {
        description: "Time between two samples while memory or I/O is in trouble, for at most 5 minutes (0: never)",
        unit: "ms",
        range: 0..=3_600_000,
        default: 500,
        mode: 0o644,
        changed: super::interval_changed,
    }
}

text_param! {
    /// Which triggers are on, and their thresholds.
    static ALERTS: Alerts = "alerts" {
        description: "Triggers of events with other thresholds than usual, as in mem_full:20%/5s,steal:off",
        default: "",
        changed: super::alerts_changed,
    }
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

choice_param! {
    /// What a logged sample is in the log.
    static LOG = "log" {
        description: "What a logged sample is: one line that sums it up, or all lines",
        words: ["brief", "full"],
        changed: super::log_every_changed,
    }
}

number_param! {
    /// At most how much is logged at a panic.
    static PANIC_LOG_KB = "panic_log_kB" {
        description: "Lines of the last minute, of what is wrong and of processes that are logged at a panic, at most (0: none)",
        unit: "kB",
        range: 0..=64,
        default: 2,
        mode: 0o644,
        changed: |_| (),
    }
}

choice_param! {
    /// Who may see the names of processes.
    static NAMES = "names" {
        description: "Where names of processes are: in records alone, in alerts and full lines of the log as well, or nowhere",
        words: ["device", "log", "off"],
        changed: |_| (),
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

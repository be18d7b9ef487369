// SPDX-License-Identifier: GPL-2.0-or-later

//! Time for which tasks were held up.

use model::record::Record;
use model::source::pressure;

use super::columns::{
    column, Column,
    Field::{OptionalReal, Real},
    Merge::Mean,
    Unit::Percent,
};
use super::{per_second, two};

/// Shares of the time for which some tasks, or all that had work to do, were held up.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Pressure {
    pub cpu_some_percent: f64,
    pub memory_some_percent: f64,
    pub memory_full_percent: Option<f64>,
    pub io_some_percent: f64,
    pub io_full_percent: Option<f64>,
}

impl Pressure {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("cpu_some_percent", Percent, Mean, Real(|pressure| pressure.cpu_some_percent), "Some waited for a CPU."),
        column("memory_some_percent", Percent, Mean, Real(|pressure| pressure.memory_some_percent), "Some waited for memory."),
        column("memory_full_percent", Percent, Mean, OptionalReal(|pressure| pressure.memory_full_percent), "All waited for memory."),
        column("io_some_percent", Percent, Mean, Real(|pressure| pressure.io_some_percent), "Some waited for I/O."),
        column("io_full_percent", Percent, Mean, OptionalReal(|pressure| pressure.io_full_percent), "All waited for I/O."),
    ];

    pub(super) fn between(before: Record<'_>, after: Record<'_>) -> Option<Self> {
        let (then, now, elapsed_s) = two::<pressure::Pressure>(before, after)?;
        let share = |then, now| (per_second(then, now, elapsed_s) / 1e7).clamp(0.0, 100.0);
        Some(Self {
            cpu_some_percent: share(then.cpu_some_ns, now.cpu_some_ns),
            memory_some_percent: share(then.memory_some_ns, now.memory_some_ns),
            memory_full_percent: Some(share(then.memory_full_ns, now.memory_full_ns)),
            io_some_percent: share(then.io_some_ns, now.io_some_ns),
            io_full_percent: Some(share(then.io_full_ns, now.io_full_ns)),
        })
    }
}

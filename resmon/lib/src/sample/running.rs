// SPDX-License-Identifier: GPL-2.0-or-later

//! How many tasks run, and how many are blocked.

use model::record::Record;
use model::source::running;

use super::columns::{
    column, Column,
    Field::{OptionalWhole, Whole},
    Merge::Mean,
    Unit::Count,
};

/// Tasks of the whole system in some states, when the later record was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Running {
    /// Tasks that run or wait for a CPU, the module's own thread included.
    pub tasks: u64,
    pub blocked: Option<u64>,
    pub memory_stalled: Option<u64>,
}

impl Running {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("tasks", Count, Mean, Whole(|running| running.tasks), "Tasks that run or wait for a CPU, the module's own thread included."),
        column("blocked", Count, Mean, OptionalWhole(|running| running.blocked), "Tasks that wait for I/O."),
        column("memory_stalled", Count, Mean, OptionalWhole(|running| running.memory_stalled), "Tasks that reclaim memory, or wait for pages to be read back."),
    ];

    pub(super) fn of(record: Record<'_>) -> Option<Self> {
        let tasks: running::Running = record.entries().next()?;
        Some(Self {
            tasks: tasks.running,
            blocked: Some(tasks.blocked),
            memory_stalled: Some(tasks.memory_stalled),
        })
    }
}

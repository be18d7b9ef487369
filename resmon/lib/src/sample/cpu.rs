// SPDX-License-Identifier: GPL-2.0-or-later

//! CPU time.

use std::ops::Add;

use model::record::Record;
use model::source::cpu::{self, Mode, Spent};

use super::columns::{
    column, Column,
    Field::{OptionalReal, Real},
    Merge::Mean,
    Unit::Percent,
};
use super::percent;

/// Shares of CPU time. Guests are not counted as user.
///
/// The one line that a kernel log has of a sample tells less apart: there, programs of all kinds are
/// user and interrupts are system, and what is part of them is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)] // The modes are those of /proc/stat.
pub struct CpuTimes {
    pub user_percent: f64,
    pub nice_percent: Option<f64>,
    pub system_percent: f64,
    pub idle_percent: f64,
    pub iowait_percent: f64,
    pub irq_percent: Option<f64>,
    pub softirq_percent: Option<f64>,
    pub steal_percent: f64,
    pub guest_percent: Option<f64>,
}

/// A CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Cpu {
    /// Its number.
    pub id: u32,
    /// What it did.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub times: CpuTimes,
}

impl CpuTimes {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("user_percent", Percent, Mean, Real(|cpu| cpu.user_percent), "Programs, without guests and niced ones."),
        column("nice_percent", Percent, Mean, OptionalReal(|cpu| cpu.nice_percent), "Niced programs, without guests."),
        column("system_percent", Percent, Mean, Real(|cpu| cpu.system_percent), "The kernel, except interrupts."),
        column("idle_percent", Percent, Mean, Real(|cpu| cpu.idle_percent), "Nothing to do."),
        column("iowait_percent", Percent, Mean, Real(|cpu| cpu.iowait_percent), "Nothing to do but wait for a disk."),
        column("irq_percent", Percent, Mean, OptionalReal(|cpu| cpu.irq_percent), "Hardware interrupts."),
        column("softirq_percent", Percent, Mean, OptionalReal(|cpu| cpu.softirq_percent), "Soft interrupts."),
        column("steal_percent", Percent, Mean, Real(|cpu| cpu.steal_percent), "Taken by the hypervisor."),
        column("guest_percent", Percent, Mean, OptionalReal(|cpu| cpu.guest_percent), "Guests of this machine, niced or not."),
    ];

    /// Those of all online CPUs together.
    pub(super) fn between(before: Record<'_>, after: Record<'_>) -> Option<Self> {
        Self::of(&cpu::spent_together(before, after).spent)
    }

    fn of(spent: &Spent) -> Option<Self> {
        let whole = spent.total();
        let share = |part| percent(part, whole);
        (whole != 0).then(|| Self {
            user_percent: share(spent.of(Mode::User)),
            nice_percent: Some(share(spent.of(Mode::Nice))),
            system_percent: share(spent.of(Mode::System)),
            idle_percent: share(spent.of(Mode::Idle)),
            iowait_percent: share(spent.of(Mode::Iowait)),
            irq_percent: Some(share(spent.of(Mode::Irq))),
            softirq_percent: Some(share(spent.of(Mode::Softirq))),
            steal_percent: share(spent.of(Mode::Steal)),
            guest_percent: Some(share(spent.of(Mode::Guest))),
        })
    }

    /// Programs of all kinds.
    pub fn programs_percent(&self) -> f64 {
        let parts = [self.nice_percent, self.guest_percent];
        parts
            .into_iter()
            .flatten()
            .fold(self.user_percent, f64::add)
    }

    /// The kernel, with interrupts.
    pub fn kernel_percent(&self) -> f64 {
        let parts = [self.irq_percent, self.softirq_percent];
        let parts = parts.into_iter().flatten();
        parts.fold(self.system_percent, f64::add)
    }

    /// All but idle and waiting for disks.
    pub fn busy_percent(&self) -> f64 {
        (100.0 - self.idle_percent - self.iowait_percent).clamp(0.0, 100.0)
    }
}

impl Cpu {
    /// Each CPU that was online all the time.
    pub(super) fn all(before: Record<'_>, after: Record<'_>) -> Vec<Self> {
        cpu::spent_per_cpu(before, after)
            .filter_map(|(id, spent)| {
                let times = CpuTimes::of(&spent)?;
                Some(Self { id, times })
            })
            .collect()
    }
}

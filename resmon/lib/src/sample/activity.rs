// SPDX-License-Identifier: GPL-2.0-or-later

//! The activity of the virtual memory, and interrupts.

use model::record::Record;
use model::source::activity;
use model::source::disk::SECTOR_BYTES;

use super::columns::{
    column, Column,
    Field::{Real, Whole},
    Merge::{Last, Mean},
    Unit::{BytesPerSecond, Count, PerSecond},
};
use super::{per_second, two};

/// What the virtual memory does, and how often the CPUs are interrupted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Activity {
    /// Major ones included.
    pub faults_per_second: f64,
    pub major_faults_per_second: f64,
    pub paged_in_bytes_per_second: f64,
    pub paged_out_bytes_per_second: f64,
    pub interrupts_per_second: f64,
    pub soft_interrupts_per_second: f64,
    /// Since the module was loaded.
    pub oom_kills: u64,
}

impl Activity {
    /// Its numbers.
    #[rustfmt::skip]
    pub const COLUMNS: &'static [Column<Self>] = &[
        column("faults_per_second", PerSecond, Mean, Real(|activity| activity.faults_per_second), "Page faults, major ones included."),
        column("major_faults_per_second", PerSecond, Mean, Real(|activity| activity.major_faults_per_second), "Page faults that needed a disk."),
        column("paged_in_bytes_per_second", BytesPerSecond, Mean, Real(|activity| activity.paged_in_bytes_per_second), "Read from disks for the page cache and swap."),
        column("paged_out_bytes_per_second", BytesPerSecond, Mean, Real(|activity| activity.paged_out_bytes_per_second), "Written to disks."),
        column("interrupts_per_second", PerSecond, Mean, Real(|activity| activity.interrupts_per_second), "Hardware interrupts."),
        column("soft_interrupts_per_second", PerSecond, Mean, Real(|activity| activity.soft_interrupts_per_second), "Soft interrupts."),
        column("oom_kills", Count, Last, Whole(|activity| activity.oom_kills), "Processes killed because memory ran out, since the module was loaded."),
    ];

    pub(super) fn between(before: Record<'_>, after: Record<'_>) -> Option<Self> {
        let (then, now, elapsed_s) = two::<activity::Activity>(before, after)?;
        let rate = |then, now| per_second(then, now, elapsed_s);
        let bytes = |sectors: u64| sectors.saturating_mul(SECTOR_BYTES);
        Some(Self {
            faults_per_second: rate(then.faults, now.faults),
            major_faults_per_second: rate(then.major_faults, now.major_faults),
            paged_in_bytes_per_second: rate(
                bytes(then.paged_in_sectors),
                bytes(now.paged_in_sectors),
            ),
            paged_out_bytes_per_second: rate(
                bytes(then.paged_out_sectors),
                bytes(now.paged_out_sectors),
            ),
            interrupts_per_second: rate(then.device_interrupts, now.device_interrupts)
                + rate(then.cpu_interrupts, now.cpu_interrupts),
            soft_interrupts_per_second: rate(then.soft_interrupts, now.soft_interrupts),
            oom_kills: now.oom_kills,
        })
    }
}

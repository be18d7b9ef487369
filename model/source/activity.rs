// SPDX-License-Identifier: GPL-2.0-or-later

//! What the virtual memory does, and how often the CPUs are interrupted.

use super::super::line::Line;
use super::super::record::Content;
use super::super::words::{words, Fields, Words};
use super::{Entry, Snapshot};

/// Counts since boot, of all CPUs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// `PGFAULT`: page faults, major ones included.
    pub faults: u64,
    /// `PGMAJFAULT`: page faults that had to read from a disk.
    pub major_faults: u64,
    /// `PGPGIN`: read by block devices, in sectors of 512 bytes.
    pub paged_in_sectors: u64,
    /// `PGPGOUT`: written by block devices, in sectors of 512 bytes.
    pub paged_out_sectors: u64,
    /// `OOM_KILL`: processes killed because memory had run out, but since the module was loaded.
    pub oom_kills: u64,
    /// Interrupts of devices.
    pub device_interrupts: u64,
    /// Interrupts of the CPUs themselves, as of timers and of other CPUs. The kernel counts them
    /// in 32 bits, and so does this: it wraps.
    pub cpu_interrupts: u32,
    /// Soft interrupts, in 32 bits as well.
    pub soft_interrupts: u32,
}

words! {
    Activity as "resource_monitor_activity" {
        faults: u64,
        major_faults: u64,
        paged_in_sectors: u64,
        paged_out_sectors: u64,
        oom_kills: u64,
        device_interrupts: u64,
        cpu_interrupts: u32,
        soft_interrupts: u32,
    }
}

impl Content for Activity {
    const KIND: u64 = 4;
}

impl Entry for Activity {
    /// `vm faults=…/s majfaults=…/s pgin=…kB/s pgout=…kB/s irqs=…/s softirqs=…/s oom_kills=…`
    ///
    /// Swap in and out are on the swap line.
    fn log(
        before: Option<Snapshot<'_, Self>>,
        after: Snapshot<'_, Self>,
        line: &mut Line,
        print: &mut dyn FnMut(&Line),
    ) {
        let Some(before) = before else { return };
        let elapsed_ns = after.elapsed_ns(&before);
        for (then, now) in before.entries.iter().zip(after.entries) {
            let interrupts = now
                .device_interrupts
                .saturating_sub(then.device_interrupts)
                .saturating_add(u64::from(
                    now.cpu_interrupts.wrapping_sub(then.cpu_interrupts),
                ));
            let soft_interrupts = now.soft_interrupts.wrapping_sub(then.soft_interrupts);
            let grown = |now: u64, then: u64| now.saturating_sub(then);
            line.start("vm")
                .rate(" faults=", grown(now.faults, then.faults), elapsed_ns)
                .rate(
                    " majfaults=",
                    grown(now.major_faults, then.major_faults),
                    elapsed_ns,
                )
                .sector_rate(
                    " pgin=",
                    grown(now.paged_in_sectors, then.paged_in_sectors),
                    "kB/s",
                    elapsed_ns,
                )
                .sector_rate(
                    " pgout=",
                    grown(now.paged_out_sectors, then.paged_out_sectors),
                    "kB/s",
                    elapsed_ns,
                )
                .rate(" irqs=", interrupts, elapsed_ns)
                .rate(" softirqs=", u64::from(soft_interrupts), elapsed_ns)
                .text(" oom_kills=")
                .number(now.oom_kills);
            print(line);
        }
    }
}

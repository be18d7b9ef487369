// SPDX-License-Identifier: GPL-2.0-or-later

//! What the virtual memory does, and how often the CPUs are interrupted.

use super::super::event::{watch::Watch, Trigger};
use super::super::line::Lines;
use super::super::words::{self, words};
use super::memory::Swapped;
use super::{Entry, Snapshot};

words! {
    /// Counts since boot, of all CPUs together.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Activity: "resource_monitor_activity", kind 4 "activity" "ACTIVITY" {
        /// `PGFAULT`: page faults, major ones included.
        pub faults: u64,
        /// `PGMAJFAULT`: page faults that had to read from a disk.
        pub major_faults: u64,
        /// `PGPGIN`: read by block devices, in sectors of 512 bytes.
        pub paged_in_sectors: u64,
        /// `PGPGOUT`: written by block devices, in sectors of 512 bytes.
        pub paged_out_sectors: u64,
        /// `PSWPIN`: pages read from swap.
        pub swapped_in_pages: u64,
        /// `PSWPOUT`: pages written to swap.
        pub swapped_out_pages: u64,
        /// `OOM_KILL`: processes killed because memory ran out; counted since the module was loaded.
        pub oom_kills: u64,
        /// Interrupts of devices.
        pub device_interrupts: u64,
        /// Interrupts of the CPUs themselves, as of timers and of other CPUs. The kernel counts them in
        /// 32 bits; what has wrapped before the module was loaded is not in it.
        pub cpu_interrupts: u64,
        /// Soft interrupts, which the kernel counts in the same way.
        pub soft_interrupts: u64,
    }
}

/// Goes on with a count that the kernel keeps in 32 bits, where it wraps: gives the total that
/// follows `total` now that the kernel's count is `now`. At most one wrap is noticed, so it has to
/// be called at least once in the time that a wrap takes.
///
/// The low half of a total is the kernel's count when it was last looked at, so no more than the
/// total has to be kept.
pub fn unwrapped(total: u64, now: u32) -> u64 {
    total.wrapping_add(u64::from(now.wrapping_sub(total as u32)))
}

/// What was swapped from one snapshot to the other.
pub fn swapped(before: Snapshot<'_, Activity>, after: Snapshot<'_, Activity>) -> Option<Swapped> {
    let (then, now) = (before.entries.first()?, after.entries.first()?);
    Some(Swapped {
        in_pages: now.swapped_in_pages.saturating_sub(then.swapped_in_pages),
        out_pages: now.swapped_out_pages.saturating_sub(then.swapped_out_pages),
        elapsed_ns: after.elapsed_ns(&before),
    })
}

impl Entry for Activity {
    const WATCHED: &'static [Trigger] = &[Trigger::OomKill];

    /// `vm faults=…/s majfaults=…/s pgin=…kB/s pgout=…kB/s irqs=…/s softirqs=…/s oom_kills=…`
    ///
    /// Swap in and out are on the swap line.
    fn log(before: Option<Snapshot<'_, Self>>, after: Snapshot<'_, Self>, lines: &mut Lines<'_>) {
        let Some(before) = before else { return };
        let elapsed_ns = after.elapsed_ns(&before);
        for (then, now) in before.entries.iter().zip(after.entries) {
            let grown = |now: u64, then: u64| now.saturating_sub(then);
            let interrupts = grown(now.device_interrupts, then.device_interrupts)
                .saturating_add(grown(now.cpu_interrupts, then.cpu_interrupts));
            let soft_interrupts = grown(now.soft_interrupts, then.soft_interrupts);
            lines.line(|line| {
                line.text("vm")
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
                    .rate(" softirqs=", soft_interrupts, elapsed_ns)
                    .text(" oom_kills=")
                    .number(now.oom_kills)
            });
        }
    }

    fn watch(now: Snapshot<'_, Self>, watch: &mut Watch<'_>) {
        if let [activity] = now.entries {
            watch.oom_kills(activity.oom_kills);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What the virtual memory does, and how often the CPUs are interrupted.
//!
//! The kernel counts some interrupts in 32 bits per CPU. A record has 64, so that its readers need
//! not know of wraps: each sample adds to a total what came to the count of each CPU since the
//! sample before. A CPU takes longer for 2^32 interrupts than an interval can be. While the activity
//! is switched off nobody looks, so a wrap in that time is not counted.

use super::{
    table::Table,
    Outcome, //
    Source,
};
use crate::{
    model::source::activity::{
        unwrapped,
        Activity, //
    },
    sys::{
        cpu,
        kstat,
        param::{
            switch_param,
            SwitchParam, //
        },
        rwonce::RwOnce,
        vmstat, //
    }, //
};
use kernel::prelude::*;

switch_param! {
    /// Whether the activity of the virtual memory is sampled.
    static SWITCH = "activity" {
        description: "Sample page faults, paging, swapping, interrupts and OOM kills",
    }
}

/// The activity of all CPUs.
pub(crate) struct VmActivity {
    oom_kills_at_load: u64,
    /// For each CPU that can ever be online. The reporter alone writes these.
    interrupts: KVVec<Interrupts>,
}

/// How often a CPU was interrupted, in 64 bits.
struct Interrupts {
    cpu: RwOnce<u64>,
    soft: RwOnce<u64>,
}

/// Goes on with `total` to the kernel's count `now`, and gives the new total.
fn advance(total: &RwOnce<u64>, now: u32) -> u64 {
    let advanced = unwrapped(total.read(), now);
    total.write(advanced);
    advanced
}

impl VmActivity {
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(crate) fn new() -> Result<Self> {
        let mut interrupts = KVVec::with_capacity(cpu::id_count(), GFP_KERNEL)?;
        for _ in cpu::possible() {
            let none = Interrupts {
                cpu: RwOnce::new(0),
                soft: RwOnce::new(0),
            };
            interrupts.push(none, GFP_KERNEL)?;
        }
        let mut activity = Self {
            oom_kills_at_load: 0,
            interrupts,
        };
        activity.oom_kills_at_load = activity.count().oom_kills;
        Ok(activity)
    }

    /// Counts since boot, added up over all CPUs that can ever be online. That of `OOM_KILL` is
    /// since boot here.
    fn count(&self) -> Activity {
        let mut sum = Activity::default();
        for (cpu, totals) in cpu::possible().zip(&self.interrupts) {
            let events = vmstat::events(cpu);
            let interrupts = kstat::interrupts(cpu);
            let add = |sum: &mut u64, more: u64| *sum = sum.wrapping_add(more);
            add(&mut sum.faults, events.faults);
            add(&mut sum.major_faults, events.major_faults);
            add(&mut sum.paged_in_sectors, events.paged_in_sectors);
            add(&mut sum.paged_out_sectors, events.paged_out_sectors);
            add(&mut sum.swapped_in_pages, events.swapped_in_pages);
            add(&mut sum.swapped_out_pages, events.swapped_out_pages);
            add(&mut sum.oom_kills, events.oom_kills);
            add(&mut sum.device_interrupts, interrupts.device);
            add(
                &mut sum.cpu_interrupts,
                advance(&totals.cpu, interrupts.cpu),
            );
            add(
                &mut sum.soft_interrupts,
                advance(&totals.soft, interrupts.soft),
            );
        }
        sum
    }
}

impl Source for VmActivity {
    type Entry = Activity;
    const CAPACITY: usize = 1;

    fn switch() -> &'static SwitchParam {
        &SWITCH
    }

    fn absence(&self) -> Option<&'static str> {
        (!vmstat::HAS_EVENTS).then_some("the kernel is built without CONFIG_VM_EVENT_COUNTERS")
    }

    fn take(&self, table: &mut Table<Activity>) -> Outcome {
        if !vmstat::HAS_EVENTS {
            return Outcome::Absent;
        }
        let mut activity = self.count();
        activity.oom_kills = activity.oom_kills.saturating_sub(self.oom_kills_at_load);
        table.push(activity);
        Outcome::Snapshot
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What the virtual memory does, and how often the CPUs are interrupted.

use super::{
    snapshots::Table,
    Source,
    Taken, //
};
use crate::{
    model::source::activity::Activity,
    sys::{
        cpu,
        kstat,
        param::{
            switch_param,
            SwitchParam, //
        },
        vmstat, //
    }, //
};

switch_param! {
    /// Whether the activity of the virtual memory is sampled.
    static SWITCH = "activity" {
        description: "Sample page faults, paging, interrupts and OOM kills",
    }
}

/// The activity of all CPUs. It remembers how many OOM kills there were at load.
pub(super) struct VmActivity {
    oom_kills_at_load: u64,
}

impl VmActivity {
    pub(super) fn new() -> Self {
        Self {
            oom_kills_at_load: count().oom_kills,
        }
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

    fn take(&self, table: &mut Table<Activity>) -> Taken {
        if !vmstat::HAS_EVENTS {
            return Taken::Nothing;
        }
        let mut activity = count();
        activity.oom_kills = activity.oom_kills.saturating_sub(self.oom_kills_at_load);
        table.push(activity);
        Taken::Whole
    }
}

/// Counts since boot, added up over all CPUs that can ever be online.
fn count() -> Activity {
    let mut sum = Activity::default();
    for cpu in cpu::possible() {
        let events = vmstat::events(cpu);
        sum.faults = sum.faults.wrapping_add(events.faults);
        sum.major_faults = sum.major_faults.wrapping_add(events.major_faults);
        sum.paged_in_sectors = sum.paged_in_sectors.wrapping_add(events.paged_in_sectors);
        sum.paged_out_sectors = sum.paged_out_sectors.wrapping_add(events.paged_out_sectors);
        sum.oom_kills = sum.oom_kills.wrapping_add(events.oom_kills);
        let interrupts = kstat::interrupts(cpu);
        sum.device_interrupts = sum.device_interrupts.wrapping_add(interrupts.device);
        sum.cpu_interrupts = sum.cpu_interrupts.wrapping_add(interrupts.cpu);
        sum.soft_interrupts = sum.soft_interrupts.wrapping_add(interrupts.soft);
    }
    sum
}

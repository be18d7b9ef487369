// SPDX-License-Identifier: GPL-2.0-or-later

//! The activity of the virtual memory, and interrupts.

use resmon::model::record::Record;
use resmon::model::source::activity::Activity;

use super::super::family::Value;
use super::{whole, Families, Metric, COUNTER, GAUGE, NONE, SECTOR_BYTES};

const COUNT: &str = "Count since boot, as /proc/vmstat has it.";
const PAGES: &str = "Pages since boot, as /proc/vmstat has it.";
const KIB: &str = "KiB since boot, as /proc/vmstat has it.";
const KILLS: &str = "Processes killed for want of memory since the module was loaded.";

#[rustfmt::skip]
const METRICS: [Metric<Activity>; 8] = [
    (GAUGE, "node_vmstat_pgfault", NONE, COUNT, |activity| whole(activity.faults)),
    (GAUGE, "node_vmstat_pgmajfault", NONE, COUNT, |activity| whole(activity.major_faults)),
    (GAUGE, "node_vmstat_pgpgin", NONE, KIB, |activity| kib(activity.paged_in_sectors)),
    (GAUGE, "node_vmstat_pgpgout", NONE, KIB, |activity| kib(activity.paged_out_sectors)),
    (GAUGE, "node_vmstat_pswpin", NONE, PAGES, |activity| whole(activity.swapped_in_pages)),
    (GAUGE, "node_vmstat_pswpout", NONE, PAGES, |activity| whole(activity.swapped_out_pages)),
    (GAUGE, "node_vmstat_oom_kill", NONE, KILLS, |activity| whole(activity.oom_kills)),
    (COUNTER, "node_intr", NONE, "Interrupts serviced.", |activity| whole(activity.device_interrupts.saturating_add(activity.cpu_interrupts))),
];

fn kib(sectors: u64) -> Option<Value> {
    whole(sectors / (1024 / SECTOR_BYTES))
}

pub fn add(families: &mut Families, record: Record<'_>) {
    if let Some(activity) = record.entries().next() {
        families.one(&METRICS, &activity);
    }
}

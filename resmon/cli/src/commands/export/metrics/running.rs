// SPDX-License-Identifier: GPL-2.0-or-later

//! How many tasks run, and how many are blocked.

use resmon::model::record::Record;
use resmon::model::source::running::Running;

use super::{whole, Families, Metric, GAUGE, NONE};

#[rustfmt::skip]
const METRICS: [Metric<Running>; 3] = [
    (GAUGE, "node_procs_running", NONE, "Number of processes in runnable state.", |tasks| whole(tasks.running)),
    (GAUGE, "node_procs_blocked", NONE, "Number of processes blocked waiting for I/O to complete.", |tasks| whole(tasks.blocked)),
    (GAUGE, "resource_monitor_tasks_memory_stalled", NONE, "Tasks that reclaim memory, or wait for pages to be read back.", |tasks| whole(tasks.memory_stalled)),
];

pub fn add(families: &mut Families, record: Record<'_>) {
    if let Some(tasks) = record.entries().next() {
        families.one(&METRICS, &tasks);
    }
}

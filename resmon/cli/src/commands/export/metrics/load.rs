// SPDX-License-Identifier: GPL-2.0-or-later

//! The load averages.

use resmon::model::record::Record;
use resmon::model::source::load::Load;

use super::super::family::Value;
use super::{real, Families, Metric, GAUGE, NONE};

#[rustfmt::skip]
const METRICS: [Metric<Load>; 3] = [
    (GAUGE, "node_load1", NONE, "1m load average.", |load| average(load.one_minute)),
    (GAUGE, "node_load5", NONE, "5m load average.", |load| average(load.five_minutes)),
    (GAUGE, "node_load15", NONE, "15m load average.", |load| average(load.fifteen_minutes)),
];

fn average(load: u64) -> Option<Value> {
    /// A load of 1, as the kernel keeps it: `FIXED_1` of `include/linux/sched/loadavg.h`.
    const FIXED_1: f64 = 2048.0;
    real(load as f64 / FIXED_1)
}

pub fn add(families: &mut Families, record: Record<'_>) {
    if let Some(load) = record.entries().next() {
        families.one(&METRICS, &load);
    }
}

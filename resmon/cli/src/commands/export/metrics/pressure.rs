// SPDX-License-Identifier: GPL-2.0-or-later

//! Time for which tasks were held up.

use resmon::model::record::Record;
use resmon::model::source::pressure::Pressure;

use super::{seconds_of, Families, Metric, COUNTER, SECONDS};

#[rustfmt::skip]
const METRICS: [Metric<Pressure>; 5] = [
    (COUNTER, "node_pressure_cpu_waiting", SECONDS, "Time in which some tasks waited for a CPU.", |pressure| seconds_of(pressure.cpu_some_ns)),
    (COUNTER, "node_pressure_memory_waiting", SECONDS, "Time in which some tasks waited for memory.", |pressure| seconds_of(pressure.memory_some_ns)),
    (COUNTER, "node_pressure_memory_stalled", SECONDS, "Time in which no task could go on for want of memory.", |pressure| seconds_of(pressure.memory_full_ns)),
    (COUNTER, "node_pressure_io_waiting", SECONDS, "Time in which some tasks waited for I/O.", |pressure| seconds_of(pressure.io_some_ns)),
    (COUNTER, "node_pressure_io_stalled", SECONDS, "Time in which no task could go on because of I/O.", |pressure| seconds_of(pressure.io_full_ns)),
];

pub fn add(families: &mut Families, record: Record<'_>) {
    if let Some(pressure) = record.entries().next() {
        families.one(&METRICS, &pressure);
    }
}

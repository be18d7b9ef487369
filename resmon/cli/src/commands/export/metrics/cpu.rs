// SPDX-License-Identifier: GPL-2.0-or-later

//! CPU time.

use resmon::model::record::Record;
use resmon::model::source::cpu::{Cpu, Times};

use super::super::family::{Label, Labels, Life};
use super::{seconds_of, Families, Metric, COUNTER, SECONDS};

/// The time of a CPU in a mode.
struct Spent {
    cpu: Cpu,
    mode: &'static str,
    ns: u64,
}

#[rustfmt::skip]
const METRIC: Metric<Spent> =
    (COUNTER, "node_cpu", SECONDS, "Seconds the CPUs spent in each mode; user and nice include guests.", |spent| seconds_of(spent.ns));

#[rustfmt::skip]
const GUEST_METRIC: Metric<Spent> =
    (COUNTER, "node_cpu_guest", SECONDS, "Seconds the CPUs spent in guests (VMs) for each mode.", |spent| seconds_of(spent.ns));

/// A mode, as its label is named, and the time in it.
type Mode = (&'static str, fn(&Times) -> u64);

const MODES: [Mode; 8] = [
    ("user", |times| times.user),
    ("nice", |times| times.nice),
    ("system", |times| times.system),
    ("idle", |times| times.idle),
    ("iowait", |times| times.iowait),
    ("irq", |times| times.irq),
    ("softirq", |times| times.softirq),
    ("steal", |times| times.steal),
];

const GUEST_MODES: [Mode; 2] = [
    ("user", |times| times.guest),
    ("nice", |times| times.guest_nice),
];

pub fn add(families: &mut Families, record: Record<'_>) {
    for (metric, modes) in [(METRIC, &MODES[..]), (GUEST_METRIC, &GUEST_MODES)] {
        let spent = record.entries::<Cpu>().flat_map(|cpu| {
            let modes = modes.iter();
            modes.map(move |(mode, time)| Spent {
                cpu,
                mode,
                ns: time(&cpu.times),
            })
        });
        let spent: Vec<_> = spent.collect();
        families.each(&[metric], &spent, labels, |spent| Life::Cpu {
            epoch: spent.cpu.epoch,
        });
    }
}

fn labels(spent: &Spent) -> Labels {
    vec![
        Label("cpu", spent.cpu.id.to_string().into()),
        Label("mode", spent.mode.into()),
    ]
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Processes: how many there are and, if that is wanted, which use most.

use std::collections::BTreeMap;

use resmon::model::record::{Content, Record, Section, STALE};
use resmon::model::source::tasks::{Task, Tasks};
use resmon::model::source::Snapshot;

use super::super::family::{Label, Labels, Life};
use super::{real, seconds_of, whole, Families, Metric, BYTES, COUNTER, GAUGE, NONE, SECONDS};

/// Most names that there are metrics of.
const MOST: usize = 16;

#[rustfmt::skip]
const METRICS: [Metric<Tasks>; 3] = [
    (GAUGE, "resource_monitor_processes", NONE, "Processes, zombies and kernel threads included.", |tasks| whole(tasks.processes)),
    (GAUGE, "resource_monitor_threads", NONE, "Threads of all processes.", |tasks| whole(tasks.threads)),
    (COUNTER, "resource_monitor_ended_cpu", SECONDS, "CPU time of processes that came and went since the module was loaded, as far as no census saw it.", |tasks| seconds_of(tasks.ended_ns)),
];

#[rustfmt::skip]
const METRICS_OF_NAME: [Metric<OfName>; 2] = [
    (GAUGE, "resource_monitor_task_cpu_ratio", NONE, "Share of one CPU that listed tasks of this name have used since the census before: 4 are four CPUs.", |of| real(of.cpu_ratio)),
    (GAUGE, "resource_monitor_task_resident", BYTES, "Resident memory of listed tasks of this name.", |of| whole(of.resident_bytes)),
];

/// The last census, and what takes the one before it.
#[derive(Clone, Debug, Default)]
pub struct Census {
    taken_mono_ns: u64,
    tasks: Vec<Task>,
    /// Of each name.
    of_names: Vec<OfName>,
}

/// The tasks of one name together.
#[derive(Clone, Debug)]
struct OfName {
    name: Label,
    cpu_ratio: f64,
    resident_bytes: u64,
}

impl Census {
    /// Goes on to the census of the next record, if that has another one.
    pub fn add(&mut self, record: Record<'_>) {
        let Some(section) = section::<Task>(record) else {
            *self = Self::default();
            return;
        };
        let taken_mono_ns = section.header().first_mono_ns;
        if taken_mono_ns == self.taken_mono_ns {
            return;
        }
        let tasks: Vec<Task> = section.entries().filter(Task::is_there).collect();
        let before = Snapshot {
            taken_mono_ns: self.taken_mono_ns,
            entries: &self.tasks,
        };
        self.of_names = of_names(&tasks, taken_mono_ns, before);
        self.taken_mono_ns = taken_mono_ns;
        self.tasks = tasks;
    }

    /// Adds the metrics of those names that use most of the CPUs, or else have most memory.
    pub fn metrics(&self, families: &mut Families) {
        let labels = |of: &OfName| -> Labels { vec![of.name.clone()] };
        families.each(&METRICS_OF_NAME, &self.of_names, labels, |_| Life::Machine);
    }
}

/// Those without a name are left out: it is what tells them apart.
fn of_names(tasks: &[Task], taken_mono_ns: u64, before: Snapshot<'_, Task>) -> Vec<OfName> {
    let mut of_names: BTreeMap<String, OfName> = BTreeMap::new();
    for task in tasks.iter().filter(|task| !task.comm.as_bytes().is_empty()) {
        let used = task.used(taken_mono_ns, Some(before));
        let ratio = match used.elapsed_ns {
            0 => 0.0,
            elapsed_ns => used.cpu_ns as f64 / elapsed_ns as f64,
        };
        // Two names that are not UTF-8 may look alike, and are one then.
        let name = Label::text("comm", &task.comm);
        let of = of_names.entry(name.1.to_string()).or_insert(OfName {
            name,
            cpu_ratio: 0.0,
            resident_bytes: 0,
        });
        of.cpu_ratio += ratio;
        let bytes = task.rss_kb.saturating_mul(1024);
        of.resident_bytes = of.resident_bytes.saturating_add(bytes);
    }
    let mut of_names: Vec<_> = of_names.into_values().collect();
    of_names.sort_by(|one, other| {
        let order = other.cpu_ratio.total_cmp(&one.cpu_ratio);
        order.then_with(|| other.resident_bytes.cmp(&one.resident_bytes))
    });
    of_names.truncate(MOST);
    of_names
}

/// The section of a kind in a record, if it was taken.
fn section<C: Content>(record: Record<'_>) -> Option<Section<'_>> {
    let mut sections = record.sections();
    sections.find(|section| {
        let header = section.header();
        header.kind == C::KIND && header.state != STALE
    })
}

pub fn add(families: &mut Families, record: Record<'_>) {
    if let Some(tasks) = record.entries().next() {
        families.one(&METRICS, &tasks);
    }
}

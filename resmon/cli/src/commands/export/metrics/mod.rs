// SPDX-License-Identifier: GPL-2.0-or-later

//! A record as metrics: a file per source, in which a metric is a line of a table.
//!
//! The values are the raw counters, since Prometheus makes rates itself; those that fell are held
//! up later, in [`Shown`](super::family::Shown). Names, units and labels are those of node_exporter
//! where the meaning is the same, so that what dashboards and alerts made for it ask of these is
//! answered. What differs:
//!
//! - `node_vmstat_*` and `node_netstat_*` are gauges. node_exporter has them untyped; a counter of OpenMetrics would have
//!   to be named `…_total`, and parsers of the classic text format refuse its type `unknown`.
//! - `node_vmstat_oom_kill` counts from when the module was loaded.
//! - Labels that the module knows nothing of are left out, such as the `device` of a file system.

mod activity;
mod cpu;
mod disk;
mod event;
mod fs;
mod load;
mod memory;
mod module;
mod net;
mod pressure;
mod running;
mod tasks;
mod tcp;

use resmon::model::source::disk::SECTOR_BYTES;
use std::slice;
use std::time::Duration;

use resmon::model::record;
use resmon::Record;

pub use event::Began;
pub use tasks::Census;

use super::family::{Family, Kind, Labels, Life, Sample, Unit, Value};

/// A line of a table: the kind of metric, its name without the unit, the unit, what it means, and
/// its value for a `T`; none where that has no such metric.
type Metric<T> = (
    Kind,
    &'static str,
    Option<Unit>,
    &'static str,
    fn(&T) -> Option<Value>,
);

const COUNTER: Kind = Kind::Counter;
const GAUGE: Kind = Kind::Gauge;

const NONE: Option<Unit> = None;
const BYTES: Option<Unit> = Some(Unit::Bytes);
const SECONDS: Option<Unit> = Some(Unit::Seconds);

fn whole(value: u64) -> Option<Value> {
    Some(Value::Whole(value))
}

fn real(value: f64) -> Option<Value> {
    Some(Value::Real(value))
}

fn seconds_of(ns: u64) -> Option<Value> {
    Some(Value::Seconds(ns))
}

/// What adds the metrics of a source, in the order of the sources.
const SOURCES: &[fn(&mut Families, record::Record<'_>)] = &[
    cpu::add,
    memory::add,
    activity::add,
    load::add,
    running::add,
    pressure::add,
    disk::add,
    net::add,
    tcp::add,
    fs::add,
    tasks::add,
];

/// What `record` has, how many records this program has lost, which events began, and the tasks of the
/// last census, if these are wanted.
pub fn of_record(
    record: &Record,
    lost_records: u64,
    began: &Began,
    census: Option<&Census>,
) -> Vec<Family> {
    let mut families = Families::default();
    // A `Record` was looked at when it was made, so there is always one to look at.
    if let Some(record) = record.raw() {
        for add in SOURCES {
            add(&mut families, record);
        }
        module::add(&mut families, record, lost_records);
        event::add(&mut families, record, began);
        if let Some(census) = census {
            census.metrics(&mut families);
        }
    }
    families.0
}

/// What depends on the time of the scrape: the time, since 1970, and whether records come.
#[rustfmt::skip]
pub fn of_scrape(time: Duration, is_up: bool) -> Vec<Family> {
    const METRICS: [Metric<(u64, bool)>; 2] = [
        (GAUGE, "node_time", SECONDS, "The machine's time, since 1970.", |(time_ns, _)| seconds_of(*time_ns)),
        (GAUGE, "resource_monitor_up", NONE, "Whether records come: 0 when there was none for three intervals and 5 s.", |(_, is_up)| whole(u64::from(*is_up))),
    ];
    let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut families = Families::default();
    families.one(&METRICS, &(time_ns, is_up));
    families.0
}

/// Makes families of metrics, one after the other.
#[derive(Debug, Default)]
pub struct Families(Vec<Family>);

impl Families {
    /// Adds the metrics of a table for one thing, which needs no labels.
    fn one<T>(&mut self, table: &[Metric<T>], thing: &T) {
        let labels = |_: &T| Labels::new();
        self.each(table, slice::from_ref(thing), labels, |_| Life::Machine);
    }

    /// Adds the metrics of a table for each of `things`, which have different labels.
    fn each<T>(
        &mut self,
        table: &[Metric<T>],
        things: &[T],
        labels: fn(&T) -> Labels,
        life: fn(&T) -> Life,
    ) {
        for &(kind, name, unit, help, value) in table {
            let samples = things.iter().filter_map(|thing| {
                let value = value(thing)?;
                Some(Sample::new(labels(thing), value, life(thing)))
            });
            let family = Family::new(kind, (name, unit, help), samples);
            // A machine without disks has no families about them, rather than empty ones.
            if !family.samples.is_empty() {
                self.0.push(family);
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! What the graphs show of a sample.

use resmon::{Disk, Event, EventState, Net, Sample};

/// What the graphs need of a sample. What is not known is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) time_s: f64,
    /// Whether it does not go on from the point before it.
    pub(super) is_apart: bool,
    pub(super) cpu_percent: f32,
    pub(super) memory_percent: f32,
    pub(super) disk_bytes_per_second: f32,
    pub(super) net_bytes_per_second: f32,
    /// How bad the events are: 0 without any, 1, or 2 when the machine may be dying.
    pub(super) event: f32,
}

impl Point {
    pub(super) fn of(sample: &Sample, before: Option<&Sample>) -> Self {
        let cpu = sample.cpu.map_or(f64::NAN, |cpu| cpu.busy_percent());
        let memory = sample
            .memory
            .map_or(f64::NAN, |memory| memory.used_percent());
        Self {
            time_s: sample.time_s,
            is_apart: before.is_some_and(|before| !goes_on(before, sample)),
            cpu_percent: cpu as f32,
            memory_percent: memory as f32,
            disk_bytes_per_second: sample.disk_total(disk_bytes).unwrap_or(f64::NAN) as f32,
            net_bytes_per_second: sample.net_total(net_bytes).unwrap_or(f64::NAN) as f32,
            event: shown_events(sample).map(badness).fold(0.0, f32::max),
        }
    }
}

/// Whether a sample is of the same boot and the same load of the module as the one before it.
/// Records of modules that give no identity are told apart when numbers go back, or when the one
/// did not begin where the other ended.
fn goes_on(before: &Sample, sample: &Sample) -> bool {
    /// As much may be missing in between.
    const GAP_INTERVALS: f64 = 3.0;
    if sample.from_log.is_some() {
        let pause_s = sample.time_s - before.time_s;
        let is_soon = sample
            .interval_s
            .is_none_or(|interval_s| pause_s <= GAP_INTERVALS * interval_s);
        let life = |sample: &Sample| sample.from_log.map(|log| log.life());
        return life(sample) == life(before) && is_soon;
    }
    let life = |sample: &Sample| Some((sample.module_boot_id?, sample.module_load_id?));
    let pause_s = sample.time_s - sample.elapsed_s.unwrap_or(0.0) - before.time_s;
    let longest_s = sample.interval_s.unwrap_or(0.0) * GAP_INTERVALS;
    match (life(before), life(sample)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => sample.seq > before.seq && pause_s <= longest_s,
        _ => false,
    }
}

/// The events that are not over before the sample is.
pub(super) fn shown_events(sample: &Sample) -> impl Iterator<Item = &Event> {
    let events = sample.events.iter();
    events.filter(|event| event.state != EventState::End)
}

fn badness(event: &Event) -> f32 {
    match event.severe {
        true => 2.0,
        false => 1.0,
    }
}

pub(super) fn disk_bytes(disk: &Disk) -> f64 {
    disk.read_bytes_per_second + disk.written_bytes_per_second
}

pub(super) fn net_bytes(net: &Net) -> f64 {
    net.received.bytes_per_second + net.transmitted.bytes_per_second
}

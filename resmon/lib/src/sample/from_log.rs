// SPDX-License-Identifier: GPL-2.0-or-later

//! A sample that was made of the lines of a kernel log.

use super::{Disk, Net, NetDirection, Sample};
use crate::Source;

/// Where a sample is from that was made of the lines of a kernel log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FromLog {
    /// Which of the boots that the log has, from 0.
    pub boot: u64,
    /// Which load of the module in that, from 0.
    pub load: u64,
    /// Whether the log had the time of day. Without it, [`Sample::time_s`] is in seconds since boot.
    pub has_wall_clock: bool,
    /// Whether it was printed when the kernel panicked, as one of the newest samples.
    pub at_panic: bool,
}

impl FromLog {
    /// The boot and the load of the module. Samples that differ in one of them have nothing in common.
    pub fn life(&self) -> (u64, u64) {
        (self.boot, self.load)
    }
}

/// What goes in and out, in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Total {
    pub(crate) incoming: f64,
    pub(crate) outgoing: f64,
}

impl Total {
    /// As one disk, of which nothing else is known.
    pub(super) fn as_disk(self) -> Disk {
        Disk {
            name: String::new(),
            reads_per_second: f64::NAN,
            writes_per_second: f64::NAN,
            discards_per_second: f64::NAN,
            read_bytes_per_second: self.incoming,
            written_bytes_per_second: self.outgoing,
            discarded_bytes_per_second: f64::NAN,
            in_flight: None,
            busy_percent: f64::NAN,
            await_ms: f64::NAN,
            in_total: true,
        }
    }

    /// As one interface.
    pub(super) fn as_net(self) -> Net {
        let direction = |bytes_per_second| NetDirection {
            bytes_per_second,
            packets_per_second: f64::NAN,
            errors_per_second: None,
            drops_per_second: None,
        };
        Net {
            name: String::new(),
            received: direction(self.incoming),
            transmitted: direction(self.outgoing),
            in_total: true,
        }
    }
}

impl Sample {
    /// One of which nothing is known but its time.
    pub(crate) fn from_log(
        from: FromLog,
        time_s: f64,
        since_boot_s: Option<f64>,
        interval_s: Option<f64>,
    ) -> Self {
        Self {
            seq: None,
            time_s,
            since_boot_s,
            module_boot_id: None,
            module_load_id: None,
            elapsed_s: None,
            interval_s,
            late_s: None,
            lost_records: 0,
            late_samples: None,
            missed_ticks: None,
            cpu: None,
            cpus: Vec::new(),
            memory: None,
            swap: None,
            load: None,
            running: None,
            activity: None,
            pressure: None,
            disks: Vec::new(),
            nets: Vec::new(),
            tcp: None,
            file_systems: Vec::new(),
            tasks: None,
            top_tasks: Vec::new(),
            oom_kills: Vec::new(),
            oom_kills_left_out: 0,
            events: Vec::new(),
            incomplete: Vec::new(),
            from_log: Some(from),
            has_disks: false,
            has_nets: false,
            census: None,
            disk_sum: None,
            net_sum: None,
        }
    }

    /// What all disks and all interfaces did together, which the one line of a sample has.
    pub(crate) fn set_totals(&mut self, disks: Option<Total>, nets: Option<Total>) {
        self.disk_sum = disks;
        self.net_sum = nets;
    }

    /// All lines of it are there: those of disks and interfaces add up, unless there are more of these than
    /// have lines.
    pub(crate) fn sum_up(&mut self, more: &[Source]) {
        self.has_disks = !self.disks.is_empty() && !more.contains(&Source::Disk);
        self.has_nets = !self.nets.is_empty() && !more.contains(&Source::Net);
    }
}

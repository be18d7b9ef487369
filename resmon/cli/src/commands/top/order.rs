// SPDX-License-Identifier: GPL-2.0-or-later

//! In which order the tables are.

use resmon::{Disk, Net, Task};

use super::point::{disk_bytes, net_bytes};
use super::state::State;
use crate::tasks::{by_cpu, by_memory};

/// How disks and networks are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Busiest,
    Name,
}

impl Sort {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Busiest => Self::Name,
            Self::Name => Self::Busiest,
        }
    }
}

/// How tasks are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskOrder {
    Cpu,
    Memory,
}

impl State {
    /// The disks of the sample that is looked at, as the user wants them ordered.
    pub(super) fn disks(&self) -> Vec<&Disk> {
        let mut disks: Vec<&Disk> = self
            .sample()
            .map_or(Vec::new(), |sample| sample.disks.iter().collect());
        match self.sort {
            Sort::Busiest => disks.sort_by(|one, other| {
                let busy = other.busy_percent.total_cmp(&one.busy_percent);
                busy.then_with(|| disk_bytes(other).total_cmp(&disk_bytes(one)))
            }),
            Sort::Name => disks.sort_by(|one, other| natural(&one.name, &other.name)),
        }
        disks
    }

    /// The tasks of the sample that is looked at, as the user wants them ordered.
    pub(super) fn tasks(&self) -> Vec<&Task> {
        let tasks = self.sample().map_or(&[][..], |sample| &sample.top_tasks);
        match self.task_order {
            TaskOrder::Cpu => by_cpu(tasks),
            TaskOrder::Memory => by_memory(tasks),
        }
    }

    /// The network interfaces of the sample that is looked at, as the user wants them ordered.
    pub(super) fn nets(&self) -> Vec<&Net> {
        let mut nets: Vec<&Net> = self
            .sample()
            .map_or(Vec::new(), |sample| sample.nets.iter().collect());
        match self.sort {
            Sort::Busiest => {
                nets.sort_by(|one, other| net_bytes(other).total_cmp(&net_bytes(one)));
            }
            Sort::Name => nets.sort_by(|one, other| natural(&one.name, &other.name)),
        }
        nets
    }
}

/// Orders `eth2` before `eth10`.
fn natural(one: &str, other: &str) -> std::cmp::Ordering {
    let key = |name: &str| {
        let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let number = name.strip_prefix(stem).and_then(|rest| rest.parse().ok());
        (stem.to_owned(), number.unwrap_or(0_u64), name.to_owned())
    };
    key(one).cmp(&key(other))
}

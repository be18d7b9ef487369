// SPDX-License-Identifier: GPL-2.0-or-later

//! Which boots there are records of.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use model::ioctl;

use crate::life::wall_s;
use crate::Id;

/// How a life of the module ended, as far as that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// It has not: the module runs.
    Running,
    /// The module was unloaded.
    Unloaded,
    /// The machine was restarted.
    Restart,
    /// The machine was halted or powered off.
    PowerOff,
    /// The kernel panicked.
    Panic,
    /// Nothing was noted: a reset, power loss or a hang.
    Unknown,
}

impl Ended {
    /// What the module calls by a number. One that is not known yet says nothing.
    pub(crate) fn of(number: u64) -> Self {
        match number {
            ioctl::RUNS => Self::Running,
            ioctl::UNLOADED => Self::Unloaded,
            ioctl::RESTART => Self::Restart,
            ioctl::POWER_OFF => Self::PowerOff,
            ioctl::PANIC => Self::Panic,
            _ => Self::Unknown,
        }
    }

    /// It in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Unloaded => "unloaded",
            Self::Restart => "restart",
            Self::PowerOff => "power-off",
            Self::Panic => "panic",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What there is of a life: from one load of the module to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    /// That of its records; none in version 1 of the record.
    pub boot_id: Option<Id>,
    /// As above.
    pub load_id: Option<Id>,
    /// The release of its kernel, which may have any letters in it; none when that is not known, as of
    /// recordings.
    pub kernel: Option<String>,
    /// `CLOCK_BOOTTIME` of its first record or, where that is not known, of its begin, in nanoseconds.
    pub first_boot_ns: u64,
    /// `CLOCK_BOOTTIME` of its end or, where that is not known, of its last record, in nanoseconds.
    pub last_boot_ns: u64,
    /// How far the wall clock was ahead of `CLOCK_BOOTTIME` at its end, in nanoseconds.
    pub wall_ahead_ns: i128,
    /// How it ended; none when that is not known, as of recordings.
    pub ended: Option<Ended>,
    /// How many records there are of it.
    pub records: u64,
}

/// What there is of a boot.
#[derive(Clone, Debug, PartialEq)]
pub struct Boot {
    /// That of its records; none in version 1 of the record.
    pub id: Option<Id>,
    /// The release of its kernel, as in [`Life::kernel`].
    pub kernel: Option<String>,
    /// When the kernel began, in seconds since 1970.
    pub booted_s: f64,
    /// From when there are records, in seconds since 1970.
    pub from_s: f64,
    /// Until when the module is known to have run, in seconds since 1970.
    pub to_s: f64,
    /// How its last life ended.
    pub ended: Option<Ended>,
    /// How many records there are.
    pub records: u64,
    /// Its lives, in order.
    pub lives: Vec<Life>,
}

impl Life {
    fn time_s(&self, boot_ns: u64) -> f64 {
        wall_s(self.wall_ahead_ns, boot_ns)
    }
}

impl Boot {
    fn new(life: Life) -> Self {
        let mut boot = Self {
            id: life.boot_id,
            kernel: None,
            booted_s: 0.0,
            from_s: f64::INFINITY,
            to_s: f64::NEG_INFINITY,
            ended: None,
            records: 0,
            lives: Vec::new(),
        };
        boot.add(life);
        boot
    }

    /// Adds the life after those that are there.
    fn add(&mut self, life: Life) {
        self.booted_s = life.time_s(0);
        // Each life has a clock of its own, and may have been set back.
        self.from_s = self.from_s.min(life.time_s(life.first_boot_ns));
        self.to_s = self.to_s.max(life.time_s(life.last_boot_ns));
        self.kernel = life.kernel.clone().or(self.kernel.take());
        self.ended = life.ended;
        self.records = self.records.saturating_add(life.records);
        self.lives.push(life);
    }

    /// Whether this is the boot that runs.
    pub fn is_running(&self) -> bool {
        self.ended == Some(Ended::Running)
    }
}

/// The boots that lives are of, in the order of their last lives. What has no identity is a boot of its own.
pub(crate) fn boots(lives: Vec<Life>) -> Vec<Boot> {
    let mut boots: Vec<(usize, Boot)> = Vec::new();
    let mut known: HashMap<Id, usize> = HashMap::new();
    for (place, life) in lives.into_iter().enumerate() {
        let at = life.boot_id.and_then(|id| known.get(&id).copied());
        if let Some((last, boot)) = at.and_then(|at| boots.get_mut(at)) {
            *last = place;
            boot.add(life);
            continue;
        }
        if let Some(id) = life.boot_id {
            known.insert(id, boots.len());
        }
        boots.push((place, Boot::new(life)));
    }
    boots.sort_by_key(|(last, _)| *last);
    boots.into_iter().map(|(_, boot)| boot).collect()
}

// SPDX-License-Identifier: GPL-2.0

//! The cases, in the order in which they run.

mod faults;
mod format;
pub mod hotplug;
mod interval;
pub mod kernel;
mod lifecycle;
mod memory;
mod parameters;
mod percentages;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::kmsg::Log;

pub struct Case {
    pub name: &'static str,
    pub needs: Needs,
    pub run: fn(&Guest) -> Result<()>,
}

/// What a guest must have for a case to mean anything. Where it has not, the case is not planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    TwoCpus,
    FaultInjection,
    Kmemleak,
}

pub struct Guest {
    pub log: Arc<Log>,
    pub cpus: u32,
}

impl Guest {
    pub fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::TwoCpus => self.cpus >= 2,
            Needs::FaultInjection => Path::new("/proc/self/fail-nth").exists(),
            Needs::Kmemleak => Path::new(kernel::KMEMLEAK).exists(),
        }
    }

    /// Whether this is a kernel with checks that take time and memory, rather than a stock one.
    pub fn is_debug(&self) -> bool {
        self.has(Needs::Kmemleak)
    }

    /// The CPU that loads run on: as far as can be from the one that boots and waits.
    pub fn last_cpu(&self) -> u32 {
        self.cpus - 1
    }
}

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for part in [
        format::CASES,
        percentages::CASES,
        memory::CASES,
        interval::CASES,
        parameters::CASES,
        hotplug::CASES,
        lifecycle::CASES,
        faults::CASES,
        // These look back at what all the others left behind.
        kernel::CASES,
    ] {
        cases.extend(part.iter().map(|case| Case { ..*case }));
    }
    cases
}

/// How much later than its time a sample may be logged. The guest shares its CPUs with the rest of
/// the machine below, so only what is wrong by more than this can be told from bad luck.
pub const LATE: Duration = Duration::from_millis(300);

pub fn sleep_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

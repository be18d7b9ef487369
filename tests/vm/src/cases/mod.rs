// SPDX-License-Identifier: GPL-2.0

//! The cases, in the order in which they run.

mod activity;
mod behind;
mod churn;
mod clock;
mod device;
mod disk;
mod faults;
pub mod fire;
mod format;
mod fs;
mod fs_paths;
mod fuzz;
pub mod hotplug;
mod interval;
pub mod kernel;
mod lifecycle;
mod load;
mod many_nets;
mod memory;
mod net;
mod parameters;
mod percentages;
mod pressure;
mod pressure_total;
mod programs;
mod sources;
mod stuck;
mod suspend;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::cgroup;
use crate::kmsg::Log;
use crate::{realtime, terminal, tools, trace};

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
    /// The disks, the network and the kernel modules of the test machine.
    Drivers,
    /// A kernel that runs 32-bit programs as well.
    Emulation32,
    /// The disk with programs, and this one on it.
    Program(&'static str),
    /// A clock besides that of the CPUs.
    RealTimeClock,
    /// A kernel with pseudo terminals.
    Terminals,
    /// Pressure, and cgroups, without which it cannot be had.
    Pressure,
    /// The same on three CPUs or more.
    PressureOfThreeCpus,
    /// Two CPUs or more, and a kernel on which real-time tasks may take all of one.
    RealTime,
    /// The same, and pressure.
    PressureUnderRealTime,
    MemoryController,
    /// The network, and a kernel that tells which of its functions are called.
    FunctionTracer,
    /// A kernel that can go through a suspend as a test.
    SuspendTest,
    /// A kernel that is as fast as it can.
    StockKernel,
    FaultInjection,
    Kmemleak,
    Kcsan,
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
            Needs::Drivers => Path::new("/modules").exists(),
            Needs::Emulation32 => Path::new("/proc/sys/abi/vsyscall32").exists(),
            Needs::Program(name) => tools::has_program(name),
            Needs::RealTimeClock => Path::new(clock::REAL_TIME_CLOCK).exists(),
            Needs::Terminals => Path::new(terminal::PTMX).exists(),
            Needs::Pressure => {
                Path::new("/proc/pressure").exists() && Path::new(cgroup::ROOT).exists()
            }
            Needs::PressureOfThreeCpus => self.cpus >= 3 && self.has(Needs::Pressure),
            Needs::RealTime => self.cpus >= 2 && Path::new(realtime::FAIR_SERVER).exists(),
            Needs::PressureUnderRealTime => self.has(Needs::RealTime) && self.has(Needs::Pressure),
            Needs::MemoryController => cgroup::has_memory(),
            Needs::FunctionTracer => {
                self.has(Needs::Drivers) && Path::new(trace::FUNCTION_FILTER).exists()
            }
            Needs::SuspendTest => Path::new(suspend::PM_TEST).exists(),
            Needs::StockKernel => !self.is_debug(),
            Needs::FaultInjection => Path::new("/proc/self/fail-nth").exists(),
            Needs::Kmemleak => Path::new(kernel::KMEMLEAK).exists(),
            Needs::Kcsan => Path::new(kernel::KCSAN).exists(),
        }
    }

    /// Whether this is a kernel with checks that take time and memory, rather than a stock one.
    pub fn is_debug(&self) -> bool {
        self.has(Needs::Kmemleak) || self.has(Needs::Kcsan)
    }

    /// The CPU that loads run on: as far as can be from the one that boots and waits.
    pub fn last_cpu(&self) -> u32 {
        self.cpus - 1
    }
}

/// What a part is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// That numbers are right, for which some of them take long.
    Numbers,
    /// All else.
    Behaviour,
}

/// The cases for this guest.
pub fn all(guest: &Guest) -> Vec<Case> {
    use About::{Behaviour, Numbers};
    let parts: [(About, &[Case]); 28] = [
        // The first one needs a loopback that was never used.
        (Behaviour, net::CASES),
        (Behaviour, format::CASES),
        (Numbers, percentages::CASES),
        (Behaviour, memory::CASES),
        (Behaviour, interval::CASES),
        (Behaviour, parameters::CASES),
        // The first one needs a guest where no case has made a cgroup yet.
        (Numbers, pressure::CASES),
        (Behaviour, pressure_total::CASES),
        (Behaviour, sources::CASES),
        (Behaviour, fs_paths::CASES),
        (Numbers, load::CASES),
        (Numbers, activity::CASES),
        (Behaviour, disk::CASES),
        (Behaviour, fs::CASES),
        (Behaviour, stuck::CASES),
        (Behaviour, behind::CASES),
        (Behaviour, churn::CASES),
        (Behaviour, many_nets::CASES),
        (Behaviour, device::CASES),
        (Behaviour, programs::CASES),
        (Behaviour, hotplug::CASES),
        (Behaviour, clock::CASES),
        (Behaviour, suspend::CASES),
        (Behaviour, fuzz::CASES),
        (Behaviour, fire::CASES),
        (Behaviour, lifecycle::CASES),
        (Behaviour, faults::CASES),
        // These look back at what all the others left behind.
        (Behaviour, kernel::CASES),
    ];
    // A kernel with checks is slow, and its numbers are those of the stock kernel with one CPU, too.
    let is_short = guest.is_debug() && guest.cpus == 1;
    parts
        .iter()
        .filter(|(about, _)| *about == Behaviour || !is_short)
        .flat_map(|(_, part)| part.iter().map(|case| Case { ..*case }))
        .filter(|case| guest.has(case.needs))
        .collect()
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

// SPDX-License-Identifier: GPL-2.0

//! The cases, in the order in which they run.

mod activity;
mod behind;
mod blocks;
mod brief;
mod churn;
mod clock;
mod device;
mod disk;
mod events;
mod faults;
pub mod fire;
mod format;
mod fs;
mod fs_paths;
mod fuzz;
pub mod hotplug;
mod interval;
pub mod kernel;
mod latency;
mod lifecycle;
mod load;
mod many_nets;
mod memory;
mod net;
mod oom;
mod parameters;
mod percentages;
mod pieces;
mod pressure;
mod pressure_total;
mod programs;
mod reserved;
mod running;
mod sources;
mod stuck;
mod suspend;
mod tasks;
mod tcp;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{ensure, Result};

use crate::cgroup;
use crate::kmsg::Log;
use crate::{realtime, terminal, tools, trace};

pub struct Case {
    pub name: &'static str,
    pub needs: Needs,
    pub clock: Clock,
    pub run: fn(&Guest) -> Result<()>,
}

/// What a case's verdict may hang on, and so the guests that it runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// On time, which only counted instructions give without the host having a part in it.
    Instructions,
    /// On nothing that the clock has to do with. CPUs that really run in parallel, by the host's
    /// clock, may bring about more than those that take turns, so it runs in both kinds of guest.
    Any,
    /// On a clock that goes on while the guest stands still.
    Host,
}

impl Clock {
    /// Whether such a case can be judged in a guest that runs by the clock `guest`.
    fn fits(self, guest: Clock) -> bool {
        self == guest || self == Clock::Any
    }
}

/// What a guest must have for a case to mean anything. Where it has not, the case is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    TwoCpus,
    /// More CPUs than the module reads in one piece.
    Pieces,
    /// The disks, the network and the kernel modules of the test machine.
    Drivers,
    /// A loopback that was never used, so no case before may have used it.
    UnusedLoopback,
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
    /// The same, and no cgroup besides the root, so no case before may have left one.
    PressureWithoutCgroup,
    /// The same on three CPUs or more.
    PressureOfThreeCpus,
    /// Two CPUs or more, and a kernel on which real-time tasks may take all of one.
    RealTime,
    /// The same, and pressure.
    PressureUnderRealTime,
    /// The disks, pressure and cgroups.
    BlockedTasks,
    MemoryController,
    /// Room for tens of thousands of processes.
    LargeMemory,
    /// The same, and a disk to swap to.
    Swapping,
    /// The network, and a kernel that tells which of its functions are called.
    FunctionTracer,
    /// A kernel that can go through a suspend as a test, on one CPU: of emulated CPUs that take turns, the
    /// one with the timer waits for seconds while another one waits in the kernel's delay loop.
    SuspendTest,
    /// A log of the kernel that is as large as Debian's, where the others have a larger one.
    SmallLog,
    /// Memory that is reserved for the history, and enough of it.
    ReservedMemory,
    /// The same, but too little.
    TooLittleReservedMemory,
    /// A kernel that is as fast as it can.
    StockKernel,
    /// A kernel with fault injection, on one CPU: others would only take turns with it for each of hundreds of
    /// times that the module is loaded.
    FaultInjection,
    Kmemleak,
    Kcsan,
}

impl Needs {
    /// What a guest lacks that does not have it.
    fn missing(self) -> String {
        match self {
            Needs::Nothing => "nothing".into(),
            Needs::TwoCpus => "a second CPU".into(),
            Needs::Pieces => "more CPUs than the module reads at once".into(),
            Needs::Drivers => "the disks, the network card and their drivers".into(),
            Needs::UnusedLoopback => "a loopback that was never used".into(),
            Needs::Emulation32 => "a kernel that runs 32-bit programs".into(),
            Needs::Program(name) => format!("the disk with {name}"),
            Needs::RealTimeClock => "a real-time clock".into(),
            Needs::Terminals => "a kernel with pseudo terminals".into(),
            Needs::Pressure => "a kernel with PSI and cgroups".into(),
            Needs::PressureWithoutCgroup => "a kernel with PSI, and no cgroup but the root".into(),
            Needs::PressureOfThreeCpus => "three CPUs, and a kernel with PSI and cgroups".into(),
            Needs::RealTime => "a second CPU, and a kernel with a fair server that can be switched off".into(),
            Needs::PressureUnderRealTime => {
                "a second CPU, and a kernel with PSI, cgroups and a fair server that can be switched off".into()
            }
            Needs::FunctionTracer => "the network card and a kernel with the function tracer".into(),
            Needs::SuspendTest => "a kernel with tests of suspending, on one CPU".into(),
            Needs::BlockedTasks => "a disk, and a kernel with pressure and cgroups".into(),
            Needs::MemoryController => "a kernel with the memory controller of cgroups".into(),
            Needs::LargeMemory => "1 GiB of memory".into(),
            Needs::Swapping => "a disk, and a kernel with the memory controller of cgroups".into(),
            Needs::SmallLog => "a log of 128 KiB".into(),
            Needs::ReservedMemory => "reserved memory".into(),
            Needs::TooLittleReservedMemory => "too little reserved memory".into(),
            Needs::StockKernel => "a kernel without checks that take its memory and time".into(),
            Needs::FaultInjection => "a kernel with fault injection, on one CPU".into(),
            Needs::Kmemleak => "a kernel with kmemleak".into(),
            Needs::Kcsan => "a kernel with KCSAN".into(),
        }
    }

    /// What of it a guest has or has not, whatever the cases do. The rest is used up by the first case that
    /// has it, which fails when another one was first.
    fn lasting(self) -> Needs {
        match self {
            Needs::UnusedLoopback => Needs::Drivers,
            Needs::PressureWithoutCgroup => Needs::Pressure,
            other => other,
        }
    }

    /// Whether only one kind of kernel or machine is meant to have it, so that it is not amiss elsewhere.
    fn is_special(self) -> bool {
        matches!(
            self,
            Needs::TwoCpus
                | Needs::PressureOfThreeCpus
                | Needs::RealTime
                | Needs::PressureUnderRealTime
                | Needs::Program(_)
                | Needs::SmallLog
                | Needs::LargeMemory
                | Needs::ReservedMemory
                | Needs::TooLittleReservedMemory
                | Needs::StockKernel
                | Needs::FaultInjection
                | Needs::Kmemleak
                | Needs::Kcsan
        )
    }
}

pub struct Guest {
    pub log: Arc<Log>,
    pub has_small_log: bool,
    /// Memory that is reserved for the history.
    pub reserved_kb: u64,
    pub cpus: u32,
    /// [`Clock::Instructions`] or [`Clock::Host`].
    pub clock: Clock,
}

impl Guest {
    pub fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::TwoCpus => self.cpus >= 2,
            Needs::Pieces => self.cpus as usize > pieces::piece_cpus(self),
            Needs::Drivers => Path::new("/modules").exists(),
            Needs::Emulation32 => Path::new("/proc/sys/abi/vsyscall32").exists(),
            Needs::Program(name) => tools::has_program(name),
            Needs::RealTimeClock => Path::new(clock::REAL_TIME_CLOCK).exists(),
            Needs::Terminals => Path::new(terminal::PTMX).exists(),
            Needs::Pressure => {
                Path::new("/proc/pressure").exists() && Path::new(cgroup::ROOT).exists()
            }
            Needs::PressureWithoutCgroup => {
                self.has(Needs::Pressure) && cgroup::is_none_but_root().is_ok_and(|is_none| is_none)
            }
            Needs::UnusedLoopback => net::is_loopback_unused().is_ok_and(|is_unused| is_unused),
            Needs::PressureOfThreeCpus => self.cpus >= 3 && self.has(Needs::Pressure),
            Needs::RealTime => self.cpus >= 2 && Path::new(realtime::FAIR_SERVER).exists(),
            Needs::PressureUnderRealTime => self.has(Needs::RealTime) && self.has(Needs::Pressure),
            Needs::BlockedTasks => self.has(Needs::Drivers) && self.has(Needs::Pressure),
            Needs::MemoryController => cgroup::has_memory(),
            Needs::SmallLog => self.has_small_log,
            Needs::LargeMemory => memory::has_mib(1024),
            Needs::ReservedMemory => self.reserved_kb >= 1024,
            Needs::TooLittleReservedMemory => (1..1024).contains(&self.reserved_kb),
            Needs::Swapping => self.has(Needs::Drivers) && cgroup::has_memory(),
            Needs::FunctionTracer => {
                self.has(Needs::Drivers) && Path::new(trace::FUNCTION_FILTER).exists()
            }
            Needs::SuspendTest => self.cpus == 1 && Path::new(suspend::PM_TEST).exists(),
            Needs::StockKernel => !self.is_debug(),
            Needs::FaultInjection => self.cpus == 1 && Path::new("/proc/self/fail-nth").exists(),
            Needs::Kmemleak => Path::new(kernel::KMEMLEAK).exists(),
            Needs::Kcsan => Path::new(kernel::KCSAN).exists(),
        }
    }

    /// Fails when a case before has used up what this one needs.
    pub fn ensure_has(&self, needs: Needs) -> Result<()> {
        ensure!(
            self.has(needs),
            "the guest no longer has {}, expected no case before to take it away",
            needs.missing()
        );
        Ok(())
    }

    /// Whether times can be judged. By the host's clock, how busy the host is has a part in them.
    pub fn judges_time(&self) -> bool {
        self.clock == Clock::Instructions
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
    /// What all the others leave behind.
    Remains,
    /// All else.
    Behaviour,
}

/// The cases in the order in which they run.
const PARTS: &[(About, &[Case])] = {
    use About::{Behaviour, Numbers, Remains};
    &[
        (Behaviour, net::CASES),
        (Behaviour, format::CASES),
        (Numbers, percentages::CASES),
        (Behaviour, memory::CASES),
        (Behaviour, interval::CASES),
        (Behaviour, pieces::CASES),
        (Behaviour, latency::CASES),
        (Behaviour, parameters::CASES),
        (Numbers, pressure::CASES),
        (Behaviour, pressure_total::CASES),
        (Behaviour, sources::CASES),
        (Behaviour, fs_paths::CASES),
        (Numbers, load::CASES),
        (Numbers, brief::CASES),
        (Numbers, running::CASES),
        (Behaviour, tasks::CASES),
        (Numbers, activity::CASES),
        (Behaviour, disk::CASES),
        (Behaviour, fs::CASES),
        (Behaviour, stuck::CASES),
        (Behaviour, behind::CASES),
        (Behaviour, churn::CASES),
        (Behaviour, many_nets::CASES),
        (Numbers, tcp::CASES),
        (Behaviour, device::CASES),
        (Behaviour, blocks::CASES),
        (Behaviour, reserved::CASES),
        (Behaviour, programs::CASES),
        (Behaviour, events::CASES),
        (Behaviour, oom::CASES),
        (Behaviour, hotplug::CASES),
        (Behaviour, clock::CASES),
        (Behaviour, suspend::CASES),
        (Behaviour, fuzz::CASES),
        (Behaviour, fire::CASES),
        (Behaviour, lifecycle::CASES),
        (Behaviour, faults::CASES),
        // These look back, so they are the last.
        (Remains, kernel::CASES),
    ]
};

/// What is run between two commits: numbers of each source, records, what programs see, and that
/// the module comes, goes and refuses as it should.
const ESSENTIAL: [&str; 20] = [
    "load line and first sample",
    "lines of a sample",
    "percentages under a user-bound load",
    "memory against /proc/meminfo when idle",
    "interval by run-time write",
    "bad parameters at run time",
    "pressure for want of CPUs",
    "vm rates under page faults and interrupts",
    "disk lines against /proc/diskstats",
    "net lines against /proc/net/dev",
    "fs lines against statfs",
    "a stuck file system, every 200 ms",
    "brief lines",
    "event: a cgroup out of memory",
    "records against /proc",
    "records that are lost",
    "resmon log against /proc",
    "resmon export against /proc",
    "CPU offline and online",
    "unload while parameters are used",
];

/// Which cases are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    All,
    Essential,
    /// Those whose name has this.
    Named(String),
}

impl Wanted {
    fn has(&self, case: &Case) -> bool {
        match self {
            Wanted::All => true,
            Wanted::Essential => ESSENTIAL.contains(&case.name),
            Wanted::Named(words) => case.name.contains(words.as_str()),
        }
    }
}

/// What becomes of a case in a guest.
pub enum Plan {
    Run(Case),
    /// The guest lacks this.
    Skip(Case, String),
}

/// The cases that are `wanted` of this guest. Others belong to other guests.
pub fn plan(guest: &Guest, wanted: &Wanted) -> Vec<Plan> {
    // A kernel with checks is slow, and its numbers are those of the stock kernel. For data races,
    // the loads that make the numbers count, with several CPUs.
    let has_no_numbers = guest.has(Needs::Kmemleak) || guest.is_debug() && guest.cpus == 1;
    // What can be judged by any clock is run on CPUs that are really parallel, where there are any, unless
    // it is asked for by name.
    let has_parallel =
        guest.cpus > 1 && guest.clock == Clock::Instructions && *wanted == Wanted::All;
    let is_here = |about: About, case: &Case| match about {
        About::Numbers | About::Behaviour if has_parallel && case.clock == Clock::Any => false,
        About::Numbers => !has_no_numbers,
        About::Behaviour | About::Remains => true,
    };
    let cases = PARTS.iter().flat_map(|(about, part)| {
        let part = part.iter().filter(move |case| is_here(*about, case));
        part.map(|case| Case { ..*case })
    });
    cases
        .filter(|case| case.clock.fits(guest.clock))
        .filter(|case| wanted.has(case) || case.name == kernel::LOG_IS_CLEAN)
        .filter(|case| {
            // Those of special guests are missed only where they are asked for by name.
            guest.has(case.needs.lasting())
                || !case.needs.is_special()
                || matches!(wanted, Wanted::Named(_))
        })
        .map(|case| match guest.has(case.needs.lasting()) {
            true => Plan::Run(case),
            false => {
                let missing = case.needs.lasting().missing();
                Plan::Skip(case, missing)
            }
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<&'static str> {
        PARTS
            .iter()
            .flat_map(|(_, part)| part.iter().map(|case| case.name))
            .collect()
    }

    #[test]
    fn names_are_unique() {
        let mut names = names();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn essential_cases_exist_and_are_judged_by_instructions() {
        for name in ESSENTIAL {
            let case = PARTS
                .iter()
                .flat_map(|(_, part)| part.iter())
                .find(|case| case.name == name);
            let case = case.unwrap_or_else(|| panic!("there is no case '{name}'"));
            assert!(case.clock.fits(Clock::Instructions), "{name}");
        }
    }

    #[test]
    fn a_case_runs_where_it_can_be_judged() {
        use Clock::{Any, Host, Instructions};
        assert!(Any.fits(Host) && Any.fits(Instructions));
        assert!(Host.fits(Host) && Instructions.fits(Instructions));
        assert!(!Host.fits(Instructions) && !Instructions.fits(Host));
    }
}

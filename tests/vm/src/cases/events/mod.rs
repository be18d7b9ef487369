// SPDX-License-Identifier: GPL-2.0

//! Events, each raised for real and ended: in the records, in the log, and for a program that waits for
//! what cannot wait.

mod memory;
mod parameters;
mod programs;
mod storage;
mod tasks;
mod time;
mod watching;

use super::{Case, Clock, Needs};

/// While these cases run, the kernel has reason to report that it is out of memory.
pub const OUT_OF_MEMORY: [&str; 2] = [
    "event: a cgroup out of memory",
    "event: little memory is available",
];

pub const CASES: &[Case] = &[
    Case {
        name: "an idle hour has no event",
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: time::idle_hour,
    },
    Case {
        name: OUT_OF_MEMORY[0],
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: memory::oom_kill,
    },
    Case {
        name: "event: tasks wait for memory",
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: memory::memory_pressure,
    },
    Case {
        name: OUT_OF_MEMORY[1],
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: memory::little_memory,
    },
    Case {
        name: "event: memory falls",
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: memory::falling_memory,
    },
    Case {
        name: "event: all tasks wait for I/O",
        needs: Needs::BlockedTasks,
        clock: Clock::Instructions,
        run: storage::io_pressure,
    },
    Case {
        name: "event: many tasks want to run",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: tasks::run_queue,
    },
    Case {
        name: "event: a fork bomb",
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: tasks::fork_bomb,
    },
    Case {
        name: "event: a full file system",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: storage::full_file_system,
    },
    Case {
        name: "event: a file system that does not answer",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: storage::stuck_file_system,
    },
    Case {
        name: "event: a disk that completes nothing",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: storage::stuck_disk,
    },
    Case {
        name: "event: late samples",
        // It takes two minutes by the host's clock.
        needs: Needs::StockKernel,
        clock: Clock::Host,
        run: time::late,
    },
    Case {
        name: "a paused guest has no event",
        needs: Needs::RealTimeClock,
        clock: Clock::Instructions,
        run: time::paused,
    },
    Case {
        name: "an event as a test",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: programs::test_event,
    },
    Case {
        name: "events from the exporter and resmon log",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: programs::programs,
    },
    Case {
        name: "event: a command that finds no process",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: programs::command_without_process,
    },
    Case {
        name: "other thresholds of events",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: parameters::thresholds,
    },
    Case {
        name: "unload in a storm of events",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: parameters::storm,
    },
];

// SPDX-License-Identifier: GPL-2.0

//! Tasks by their states, against what the test itself runs and `/proc/stat`.

use std::fs;
use std::thread;

use anyhow::{ensure, Context, Result};
use resmon::model::source::running::Running;
use resmon::Device;

use super::{device, sleep_ms, Case, Clock, Guest, Needs};
use crate::blockdev::{Disk, NullDisk};
use crate::cgroup::Cgroup;
use crate::child::{self, Player, Role};
use crate::load::{Kind, Load};
use crate::{module, proc};

pub const CASES: &[Case] = &[
    Case {
        name: "running tasks",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: running,
    },
    Case {
        name: "tasks blocked in I/O",
        needs: Needs::BlockedTasks,
        clock: Clock::Instructions,
        run: blocked,
    },
    Case {
        name: "tasks stalled on memory",
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: stalled,
    },
];

/// Besides what a case starts: the thread that samples, the one that asks for it, and on each other
/// CPU a thread of the kernel.
fn others(guest: &Guest) -> u64 {
    1 + u64::from(guest.cpus)
}

/// How often is looked, as threads of the kernel come and go.
const TRIES: usize = 10;

/// The fewest of some numbers.
fn fewest(number: impl FnMut() -> Result<u64>) -> Result<u64> {
    let numbers: Result<Vec<_>> = std::iter::repeat_with(number).take(TRIES).collect();
    let fewest = numbers?.into_iter().min();
    fewest.context("expected a number")
}

fn take(device: &Device) -> Result<Running> {
    device::entry(&device::take(device)?)
}

fn running(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("running")?;
    let module = device::load_idle(guest, &module::only(&["running"]))?;
    let device = Device::open_writable()?;
    let in_proc = || fewest(|| proc::stat_sum(&fs::read_to_string("/proc/stat")?, "procs_running"));
    // Without this thread, which reads it.
    let at_rest = in_proc()? - 1;
    for count in [0, 1, 5, 20] {
        // Tasks of the lowest priority count like any others.
        let loads = (0..count)
            .map(|task| Load::start(Kind::Nice, task % guest.cpus))
            .collect::<Result<Vec<_>>>()?;
        sleep_ms(50);
        // What ran before may have ended since.
        let started = u64::from(count);
        let (low, high) = (started + 1, started + at_rest + others(guest));
        let sampled = fewest(|| Ok(take(&device)?.running))?;
        for (whose, found) in [("the record", sampled), ("/proc/stat", in_proc()?)] {
            ensure!(
                (low..=high).contains(&found),
                "{whose} has {found} running tasks while {count} were started beside {at_rest}, \
                 expected {low} to {high}"
            );
        }
        drop(loads);
    }
    drop(device);
    module.unload()?;
    cgroup.remove()
}

fn blocked(guest: &Guest) -> Result<()> {
    const READERS: usize = 3;
    let cgroup = Cgroup::create("running")?;
    let module = device::load_idle(guest, &module::only(&["running"]))?;
    let device = Device::open_writable()?;
    let none = take(&device)?.blocked;
    ensure!(none == 0, "{none} tasks are blocked at rest, expected none");
    // A request takes two seconds.
    let null = NullDisk::create(
        "nullblocked",
        &[
            ("size", "64"),
            ("irqmode", "2"),
            ("completion_nsec", "2000000000"),
        ],
    )?;
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|_| scope.spawn(|| Disk::open("nullblocked")?.read(0, 4096)))
            .collect();
        sleep_ms(500);
        let tasks = take(&device)?;
        let stat = proc::stat_sum(&fs::read_to_string("/proc/stat")?, "procs_blocked")?;
        for reader in readers {
            let read = reader.join();
            read.map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        }
        ensure!(
            tasks.blocked == READERS as u64 && stat == tasks.blocked,
            "{} tasks are blocked, expected {READERS}, as /proc/stat has {stat}",
            tasks.blocked
        );
        Ok(())
    })?;
    null.remove()?;
    drop(device);
    module.unload()?;
    cgroup.remove()
}

/// A process that wants more than its cgroup may have is slowed down.
fn stalled(guest: &Guest) -> Result<()> {
    const SAMPLES: usize = 20;
    let cgroup = Cgroup::with("memory", "running")?;
    cgroup.set("memory.high", "8M")?;
    let module = device::load_idle(guest, &module::only(&["running"]))?;
    let device = Device::open_writable()?;
    let process = Player::start(child::myself(), Role::Eat { mib: 64 }, Some(&cgroup))?;
    sleep_ms(1500);
    let mut stalled = 0;
    for _ in 0..SAMPLES {
        let tasks = take(&device)?;
        ensure!(
            tasks.memory_stalled <= 1,
            "{tasks:?}, expected one process to be stalled at most"
        );
        stalled += tasks.memory_stalled;
        sleep_ms(50);
    }
    ensure!(
        stalled as usize >= SAMPLES / 2,
        "the process was stalled in {stalled} of {SAMPLES} samples, expected at least half of them"
    );
    drop(process);
    drop(device);
    module.unload()?;
    cgroup.remove()
}

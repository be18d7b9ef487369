// SPDX-License-Identifier: GPL-2.0

//! Memory that runs out, or that tasks wait for.

use std::time::Instant;

use anyhow::{ensure, Context, Result};
use resmon::model::event::{Event, Trigger, BEGIN, END};
use resmon::{Device, Record};

use super::watching::{Watching, INTERVAL_MS};
use crate::cases::memory::meminfo_kb;
use crate::cases::{ms, sleep_ms, Guest};
use crate::cgroup::Cgroup;
use crate::child::{self, Player, Role};
use crate::lines::Line;
use crate::module::{self, PATIENCE};

/// A process in a cgroup that takes more than this may have.
pub(super) fn oom_kill(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::with("memory", "events")?;
    cgroup.set("memory.max", "16M")?;
    let mut watching = Watching::start(guest, "interval_ms=5000")?;
    let mut process = Player::start(child::myself(), Role::Eat { mib: 64 }, Some(&cgroup))?;
    let event = watching.wait(Trigger::OomKill, BEGIN)?;
    ensure!(
        event.value == 1,
        "{event:?}, expected one process to be killed"
    );
    process.wait(PATIENCE)?;
    let alert = watching.alert(Trigger::OomKill)?;
    ensure!(
        alert.state == "begin" && alert.left_out == 0,
        "the log says {alert:?}"
    );
    // From here on samples are taken faster, and there are all lines, once.
    let record = loop {
        sleep_ms(100);
        let records: Vec<Record> = Device::history()?;
        let last = records.into_iter().last().context("no record")?;
        if last.header().interval_ns == 500_000_000 {
            break last;
        }
    };
    ensure!(
        module::read("interval_ms")? == 5000,
        "the parameter has changed with record {}",
        record.header().seq
    );
    watching.wait(Trigger::OomKill, END)?;
    sleep_ms(5100);
    let last = Device::history()?.into_iter().last().context("no record")?;
    ensure!(
        last.header().interval_ns == 5_000_000_000,
        "the interval is {} ns after the event, expected 5 s",
        last.header().interval_ns
    );
    let full = watching.count(|line| matches!(line, Line::CpuAll(_)))?;
    ensure!(
        (1..=3).contains(&full),
        "there were all lines {full} times, expected once in 10 s"
    );
    watching.end()?;
    cgroup.remove()
}

/// A process that may hardly have any memory, as long as it runs.
pub(super) fn memory_pressure(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::with("memory", "events")?;
    cgroup.set("memory.high", "8M")?;
    let mut watching = Watching::start(guest, "")?;
    let process = Player::start(child::myself(), Role::Eat { mib: 64 }, Some(&cgroup))?;
    for trigger in [Trigger::MemoryFull, Trigger::MemorySome] {
        let event = match trigger {
            // It is there first, and may have been read with the other one.
            Trigger::MemorySome => watching.wait_open(trigger)?,
            _ => watching.wait(trigger, BEGIN)?,
        };
        ensure!(event.worst >= event.limit, "{event:?}");
        watching.alert(trigger)?;
    }
    drop(process);
    watching.wait_closed(&[Trigger::MemoryFull, Trigger::MemorySome])?;
    watching.end()?;
    cgroup.remove()
}

/// Nearly all memory of the machine goes to one process.
pub(super) fn little_memory(guest: &Guest) -> Result<()> {
    let mut watching = Watching::start(guest, "")?;
    // The rest in small steps: some of what it takes was not counted as available.
    let mib = (available_kb()? / 1024).saturating_sub(16) as usize;
    let mut processes = vec![Player::start(child::myself(), Role::Eat { mib }, None)?];
    let event = loop {
        sleep_ms(5 * INTERVAL_MS);
        watching.read()?;
        let is_it = |event: &&Event| event.trigger == Trigger::MemoryAvailable as u32;
        if let Some(event) = watching.open.iter().find(is_it) {
            break *event;
        }
        ensure!(
            processes.len() < 10,
            "expected mem_avail to begin, found {:?}",
            watching.open
        );
        processes.push(Player::start(child::myself(), Role::Eat { mib: 3 }, None)?);
    };
    ensure!(event.worst < 50, "{event:?}, expected less than 5 %");
    watching.alert(Trigger::MemoryAvailable)?;
    drop(processes);
    watching.wait_closed(&[Trigger::MemoryAvailable, Trigger::MemoryFalling])?;
    watching.end()
}

fn available_kb() -> Result<u64> {
    meminfo_kb("MemAvailable")
}

/// Memory that goes at a steady rate, of which there is still plenty when it is told.
pub(super) fn falling_memory(guest: &Guest) -> Result<()> {
    const STEPS_PER_INTERVAL: u64 = 5;
    let mut watching = Watching::start(guest, "alerts=steal:off,cpu_some:off,run_queue:off")?;
    // After three intervals half of it would be left, which are three more.
    let begin_kb = available_kb()?;
    let mib = (begin_kb / 1024 / 6 / STEPS_PER_INTERVAL) as usize;
    let begin = Instant::now();
    let mut processes = Vec::new();
    let event = loop {
        processes.push(Player::start(child::myself(), Role::Eat { mib }, None)?);
        let step = ms(INTERVAL_MS / STEPS_PER_INTERVAL) * processes.len() as u32;
        std::thread::sleep((begin + step).saturating_duration_since(Instant::now()));
        watching.read()?;
        let is_it = |event: &&Event| event.trigger == Trigger::MemoryFalling as u32;
        if let Some(event) = watching.open.iter().find(is_it) {
            break *event;
        }
        ensure!(
            available_kb()? > begin_kb / 6,
            "expected mem_falling to begin before nearly nothing is left, found {:?}",
            watching.open
        );
    };
    let left_kb = available_kb()?;
    let intervals = begin.elapsed().as_secs_f64() * 1000.0 / INTERVAL_MS as f64;
    let fallen_kb = begin_kb.saturating_sub(left_kb) as f64 / intervals;
    crate::report(&format!(
        "# {left_kb} kB of {begin_kb} kB were left after {intervals:.1} intervals"
    ));
    // It was told of a sample that is less than two steps old.
    let expected = left_kb as f64 / fallen_kb;
    ensure!(
        event.limit == 3 && event.value < 3 && (event.value as f64 + 0.5 - expected).abs() <= 1.0,
        "{event:?}, expected {expected} intervals to be left"
    );
    ensure!(
        watching.open.len() == 1,
        "{:?}, expected none but mem_falling, as there is memory",
        watching.open
    );
    let alert = watching.alert(Trigger::MemoryFalling)?;
    ensure!(alert.state == "begin", "the log says {alert:?}");
    drop(processes);
    let event = watching.wait(Trigger::MemoryFalling, END)?;
    ensure!(event.value >= 4 && event.worst < 3, "{event:?}");
    watching.end()
}

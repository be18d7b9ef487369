// SPDX-License-Identifier: GPL-2.0

//! Machines that idle, or stand still.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use resmon::model::event::{Event, Trigger, BEGIN, END};
use resmon::Device;

use super::watching::Watching;
use crate::cases::{clock, sleep_ms, Guest};
use crate::lines::Line;
use crate::module::Module;

/// With each trigger on.
pub(super) fn idle_hour(guest: &Guest) -> Result<()> {
    let module = Module::load_just(&guest.log, "interval_ms=5000 fs_paths=/,/tmp")?;
    let records = Device::open()?.into_records()?;
    let start = guest.log.mark("an hour")?;
    thread::sleep(Duration::from_secs(3600));
    let mut last = 0;
    for record in records {
        let record = record?;
        let events: Vec<Event> = record.raw().context("a record")?.entries().collect();
        ensure!(
            events.is_empty(),
            "an idle machine has the events {events:?}"
        );
        last = record.header().seq;
        if last >= 720 {
            break;
        }
    }
    ensure!(last >= 720, "the hour has {last} samples, expected 720");
    for (_, line) in module.lines(start)? {
        ensure!(
            matches!(line, Line::Brief(_)),
            "the log of an idle machine has {line:?}"
        );
    }
    module.unload().map(drop)
}

/// The guest stands still, and its clock goes on.
pub(super) fn late(guest: &Guest) -> Result<()> {
    const STILL_S: u64 = 20;
    let mut watching = Watching::start(guest, "alerts=off,late")?;
    crate::report(&format!("freeze {STILL_S}"));
    let event = watching.wait(Trigger::Late, BEGIN)?;
    ensure!(event.value >= 100, "{event:?}, expected at least 10 %");
    watching.alert(Trigger::Late)?;
    watching.wait(Trigger::Late, END)?;
    watching.end()
}

/// The guest stands still, and its clock as well.
pub(super) fn paused(guest: &Guest) -> Result<()> {
    const STILL_S: u64 = 60;
    let real_time_s = || -> Result<u64> {
        let text = fs::read_to_string(clock::REAL_TIME_CLOCK)?;
        Ok(text.trim().parse()?)
    };
    let mut watching = Watching::start(guest, "")?;
    let begin_s = real_time_s()?;
    crate::report(&format!("pause {STILL_S}"));
    // The real-time clock is that of the host.
    while real_time_s()?.saturating_sub(begin_s) < STILL_S - 2 {
        sleep_ms(100);
    }
    sleep_ms(70_000);
    let changes = watching.read()?;
    ensure!(
        changes.is_empty() && !watching.is_urgent(Duration::ZERO)?,
        "the pause has made the events {changes:?}"
    );
    watching.end()
}

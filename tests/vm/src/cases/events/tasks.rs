// SPDX-License-Identifier: GPL-2.0

//! Too many tasks for the CPUs.

use anyhow::{ensure, Result};
use resmon::model::event::{Trigger, BEGIN};

use super::programs::Watch;
use super::watching::Watching;
use crate::cases::{sleep_ms, Guest};
use crate::cgroup::Cgroup;
use crate::child::{self, Player, Role};
use crate::lines::Line;
use crate::load::{Kind, Load};

pub(super) fn run_queue(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("events")?;
    let mut watching = Watching::start(guest, "")?;
    let loads: Vec<Load> = (0..5 * guest.cpus + 1)
        .map(|at| Load::start(Kind::User, at % guest.cpus))
        .collect::<Result<_>>()?;
    let event = watching.wait(Trigger::RunQueue, BEGIN)?;
    let limit = u64::from(4 * guest.cpus + 1);
    ensure!(
        event.limit == limit && event.value >= limit,
        "{event:?}, expected a limit of {limit} tasks"
    );
    watching.alert(Trigger::RunQueue)?;
    let event = watching.wait_open(Trigger::CpuSome)?;
    ensure!(event.value >= 800, "{event:?}, expected at least 80 %");
    drop(loads);
    watching.wait_closed(&[Trigger::RunQueue, Trigger::CpuSome])?;
    // Neither says that the machine may be dying.
    let full = watching.count(|line| matches!(line, Line::CpuAll(_)))?;
    ensure!(
        full == 0,
        "there were all lines {full} times, expected never"
    );
    watching.end()?;
    cgroup.remove()
}

/// Processes that do nothing but start others, as many as there may be.
pub(super) fn fork_bomb(guest: &Guest) -> Result<()> {
    let most = 16 * guest.cpus;
    let cgroup = Cgroup::with("pids", "bomb")?;
    cgroup.set("pids.max", &most.to_string())?;
    let mut watching = Watching::start(guest, "")?;
    let watch = Watch::start(&["--count", "4"], None)?;
    let bomb = Player::start(child::myself(), Role::Bomb, Some(&cgroup))?;
    let event = watching.wait(Trigger::RunQueue, BEGIN)?;
    let limit = u64::from(4 * guest.cpus + 1);
    // Some threads of the kernel may run as well.
    let number = u64::from(most);
    ensure!(
        event.limit == limit && (number / 2..=2 * number).contains(&event.value),
        "{event:?}, expected a limit of {limit} tasks, and about {most}"
    );
    let alert = watching.alert(Trigger::RunQueue)?;
    ensure!(alert.state == "begin", "the log says {alert:?}");
    let event = watching.wait_open(Trigger::CpuSome)?;
    ensure!(event.value >= 800, "{event:?}, expected at least 80 %");
    let refused = cgroup.get("pids.events")?;
    ensure!(
        refused != "max 0",
        "expected the limit of {most} processes to be met, found {refused:?}"
    );
    crate::report(&format!(
        "# {} processes, forks refused: {refused}",
        cgroup.get("pids.peak")?
    ));
    cgroup.remove()?;
    drop(bomb);
    watching.wait_closed(&[Trigger::RunQueue, Trigger::CpuSome])?;
    let mut told = watch.finish()?.told;
    told.sort();
    let expected = [
        "cpu_some begin",
        "cpu_some end",
        "run_queue begin",
        "run_queue end",
    ];
    ensure!(
        told == expected,
        "resmon watch told of {told:?}, expected {expected:?}"
    );
    let ends = |line: &Line| matches!(line, Line::Alert(alert) if alert.trigger == "run_queue" && alert.state == "end");
    // That is in the log when a minute has passed since the begin.
    for _ in 0..60 {
        if watching.count(ends)? != 0 {
            break;
        }
        sleep_ms(1000);
    }
    ensure!(
        watching.count(ends)? == 1,
        "expected one line that says that run_queue ended"
    );
    watching.end()
}

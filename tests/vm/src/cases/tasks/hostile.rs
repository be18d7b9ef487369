// SPDX-License-Identifier: GPL-2.0

//! Processes whose names are meant to be taken for something else.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use resmon::model::source::tasks::Task;
use resmon::Device;
use serde_json::Value;

use super::section;
use crate::cases::programs::printed;
use crate::cases::{device, sleep_ms, Guest};
use crate::child::{self, Player, Role};
use crate::lines::{self, Line};
use crate::module::{self, Module, PATIENCE};

/// At most 15 bytes each.
const NAMES: [&[u8]; 8] = [
    b"a b=c pid=1",
    b"x\nalert=oom",
    b"\x1b[2J\x1b[31mred",
    b"\xff\xfe\x80\xc3",
    b"\",\"pid\":1,\"x",
    b"\"} 1\nup 0\n#",
    b"tab\t,;'`$(id)",
    b"\\040\\\\\r\x07\x7f",
];

/// Records have each as it is, and lines, JSON, CSV and labels what stands for it, and no more.
pub(super) fn names(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 1000;
    let mut players = Vec::new();
    let mut expected = BTreeMap::new();
    for (at, name) in NAMES.into_iter().enumerate() {
        // Each is the largest once those after it are gone.
        let player = Player::start(child::myself(), Role::Named { name, mib: 12 + at }, None)?;
        expected.insert(player.id(), name);
        players.push(player);
    }
    sleep_ms(1000);
    let parameters = format!(
        "interval_ms={INTERVAL_MS} tasks=always top_tasks=16 names=log log=full {}",
        module::only(&["tasks"])
    );
    let module = Module::load(&guest.log, &parameters)?;
    let records = Device::open()?.into_records()?;
    for record in records.take(2) {
        let (_, tasks) = section::<Task>(&record?)?;
        for (pid, name) in &expected {
            let task = tasks.iter().find(|task| task.pid == *pid);
            let task = task.with_context(|| format!("{pid} is not listed: {tasks:?}"))?;
            ensure!(
                task.comm.as_bytes() == *name,
                "{task:?}, expected the name {name:?}"
            );
        }
    }
    for (arguments, is_json) in [
        (&["log", "tasks", "--json"][..], true),
        (&["log", "tasks", "--csv"], false),
        (&["log", "tasks"], false),
        (&["export", "--once", "--tasks"], false),
    ] {
        let said = printed(arguments)?;
        ensure!(
            !said.chars().any(|c| c.is_control() && c != '\n'),
            "resmon {arguments:?} printed a control character: {said:?}"
        );
        ensure!(
            !said
                .lines()
                .any(|line| line.starts_with("alert=") || line.starts_with("up ")),
            "resmon {arguments:?} printed a line of somebody else: {said:?}"
        );
        if is_json {
            check_json(&said, &expected)?;
        }
    }
    // Who is largest goes, so that each name comes to the log.
    while let Some(player) = players.pop() {
        let (pid, name) = (player.id(), expected[&player.id()]);
        let name = String::from_utf8_lossy(name).into_owned();
        let mark = guest.log.mark("the largest")?;
        guest.log.wait(
            mark,
            PATIENCE,
            &format!("task={name:?} pid={pid}"),
            |records| {
                for record in records {
                    ensure!(
                        !record.text.starts_with("resource_monitor: alert="),
                        "a name forges the line {:?}",
                        record.text
                    );
                    if let Some(Line::Task(task)) = lines::parse_record(record)? {
                        if task.pid == u64::from(pid) {
                            ensure!(
                                task.name.as_ref() == Some(&name),
                                "{task:?}, expected {name:?}"
                            );
                            return Ok(Some(()));
                        }
                    }
                }
                Ok(None)
            },
        )?;
    }
    // What was asked for last holds for the next record and the next line.
    module::write("names", "off")?;
    let device = Device::open_writable()?;
    let (_, tasks) = section::<Task>(&device::take(&device)?)?;
    ensure!(
        tasks.iter().any(Task::is_there)
            && tasks.iter().all(|task| task.comm.as_bytes().is_empty()),
        "with names=off a record has {tasks:?}"
    );
    drop(device);
    module.unload().map(drop)
}

/// Each process is told of, by the name that UTF-8 has for it.
fn check_json(said: &str, expected: &BTreeMap<u32, &[u8]>) -> Result<()> {
    let rows = said.lines().map(serde_json::from_str::<Value>);
    let rows = rows.collect::<Result<Vec<_>, _>>().context("JSON")?;
    let mut tasks = Vec::new();
    for row in &rows {
        match row["tasks"].as_array() {
            Some(listed) => tasks.extend(listed),
            None => tasks.push(row),
        }
    }
    for (pid, name) in expected {
        let of_pid: Vec<_> = tasks.iter().filter(|task| task["pid"] == *pid).collect();
        let name = String::from_utf8_lossy(name);
        ensure!(
            !of_pid.is_empty() && of_pid.iter().all(|task| task["comm"] == *name),
            "JSON has {of_pid:?} of {pid}, expected {name:?}"
        );
    }
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! Events as programs tell of them, and what these do.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{bail, ensure, Context, Result};
use resmon::model::event::{Trigger, BEGIN, END, MOMENT};
use resmon::Device;
use serde_json::Value;

use super::watching::Watching;
use crate::cases::fs::Mounted;
use crate::cases::{sleep_ms, Guest};
use crate::cgroup::Cgroup;
use crate::module::PATIENCE;

const RESMON: &str = "/resmon";

/// `resmon watch --json`, which is killed when this goes out of scope.
pub(super) struct Watch {
    child: Child,
}

/// What it said.
pub(super) struct Told {
    /// The events, as `run_queue begin`.
    pub(super) told: Vec<String>,
    errors: String,
}

impl Watch {
    /// Starts it, in a cgroup if there is one, and returns once it waits.
    pub(super) fn start(arguments: &[&str], cgroup: Option<&Cgroup>) -> Result<Self> {
        let child = Command::new(RESMON)
            .args(["watch", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context(RESMON)?;
        let watch = Self { child };
        if let Some(cgroup) = cgroup {
            cgroup.take_in(watch.child.id())?;
        }
        sleep_ms(500);
        Ok(watch)
    }

    /// Starts one that runs a script for each of two events.
    fn running(script: &str, cgroup: Option<&Cgroup>) -> Result<Self> {
        let command = ["--exec", "/bin/busybox", "sh", "-c", script];
        Self::start(&[&["--count", "2"][..], &command].concat(), cgroup)
    }

    /// Waits for its end, which must be one with success.
    pub(super) fn finish(mut self) -> Result<Told> {
        let (mut out, mut errors) = (String::new(), String::new());
        let pipes = (self.child.stdout.take(), self.child.stderr.take());
        let (Some(mut stdout), Some(mut stderr)) = pipes else {
            bail!("resmon watch has no pipes");
        };
        stdout.read_to_string(&mut out)?;
        stderr.read_to_string(&mut errors)?;
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "resmon watch ended with {status} and printed {out:?} and {errors:?}"
        );
        let told = out.lines().map(|line| {
            let row: Value = serde_json::from_str(line)?;
            let word = |name: &str| row[name].as_str().unwrap_or("none").to_owned();
            Ok(format!("{} {}", word("name"), word("state")))
        });
        Ok(Told {
            told: told.collect::<Result<_>>()?,
            errors,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an administrator can ask for, and others cannot.
pub(super) fn test_event(guest: &Guest) -> Result<()> {
    let mut watching = Watching::start(guest, "interval_ms=3600000")?;
    watching.read()?;
    let device = Device::open()?;
    let refused = device.test_event();
    ensure!(
        refused.is_err(),
        "a device that is open for reading makes a test event"
    );
    drop(device);
    let seq = Device::open_writable()?.test_event()?;
    ensure!(
        watching.is_urgent(PATIENCE)?,
        "poll() does not tell of a test event"
    );
    let events = watching.read()?;
    let [event] = &events[..] else {
        bail!("a test made the events {events:?}, expected one");
    };
    let newest = watching.records.get_ref().info()?.next_seq;
    ensure!(
        event.trigger == Trigger::Test as u32 && event.state == MOMENT && newest == seq + 1,
        "{event:?} in a record before {newest}, expected a test in {seq}"
    );
    let alert = watching.alert(Trigger::Test)?;
    ensure!(
        alert.state.is_empty() && alert.left_out == 0,
        "the log says {alert:?}"
    );
    // As the program does it.
    let output = Command::new(RESMON).args(["watch", "--test"]).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success() && printed.contains(" test "),
        "resmon watch --test ended with {} and printed {printed:?} and {:?}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    watching.read()?;
    watching.end()
}

/// A full file system, as the programs of users tell of it.
pub(super) fn programs(guest: &Guest) -> Result<()> {
    const PATH: &str = "/mnt/full";
    const OUT: &str = "/tmp/events";
    let mounted = Mounted::new("full", PATH, "tmpfs", "size=1m")?;
    let mut watching = Watching::start(guest, &format!("fs_paths=/,{PATH}"))?;
    let script = format!("echo $RESMON_EVENT $RESMON_STATE $RESMON_SUBJECT >>{OUT}");
    let watch = Watch::running(&script, None)?;
    let file = Path::new(PATH).join("file");
    fs::write(&file, vec![1; 1020 << 10])?;
    watching.wait(Trigger::FsFull, BEGIN)?;
    let active = "resource_monitor_event_active{event=\"fs_full\"} 1\n";
    let metrics = printed(&["export", "--once"])?;
    ensure!(metrics.contains(active), "the exporter has no {active:?}");
    fs::remove_file(&file)?;
    watching.wait(Trigger::FsFull, END)?;
    let told = watch.finish()?.told;
    let expected = ["fs_full begin", "fs_full end"];
    ensure!(
        told == expected,
        "resmon watch told of {told:?}, expected {expected:?}"
    );
    let told = fs::read_to_string(OUT)?;
    let expected = format!("fs_full begin {PATH}\nfs_full end {PATH}\n");
    ensure!(
        told == expected,
        "the commands wrote {told:?}, expected {expected:?}"
    );
    fs::remove_file(OUT)?;
    let total = "resource_monitor_events_total{event=\"fs_full\"} 1\n";
    let metrics = printed(&["export", "--once"])?;
    ensure!(
        metrics.contains(total) && metrics.contains(&active.replace("} 1", "} 0")),
        "the exporter has no {total:?}, or the event is still open"
    );
    let table = printed(&["log", "events"])?;
    let rows: Vec<&str> = table.lines().skip(1).collect();
    ensure!(
        rows.len() == 2
            && rows[0].contains(" begin ")
            && rows[1].contains(" end ")
            && rows.iter().all(|row| row.ends_with(PATH)),
        "resmon log events printed {table:?}"
    );
    watching.end()?;
    mounted.unmount(100).map(drop)
}

pub(super) fn printed(arguments: &[&str]) -> Result<String> {
    let output = Command::new(RESMON)
        .args(arguments)
        .output()
        .context(RESMON)?;
    ensure!(
        output.status.success(),
        "resmon {arguments:?} ended with {} and printed {:?}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// A command that cannot be started for want of a process, and then can.
pub(super) fn command_without_process(guest: &Guest) -> Result<()> {
    const OUT: &str = "/tmp/commands";
    let cgroup = Cgroup::with("pids", "watch")?;
    let mut watching = Watching::start(guest, "interval_ms=3600000")?;
    let script = format!("echo $RESMON_EVENT $RESMON_SKIPPED >>{OUT}");
    let watch = Watch::running(&script, Some(&cgroup))?;
    // It may have no other process than itself.
    cgroup.set("pids.max", "1")?;
    let device = Device::open_writable()?;
    device.test_event()?;
    ensure!(watching.is_urgent(PATIENCE)?, "no event has come");
    watching.read()?;
    sleep_ms(1000);
    let refused = cgroup.get("pids.events")?;
    ensure!(
        refused == "max 1",
        "expected the command to be refused a process once, found {refused:?}"
    );
    ensure!(!Path::new(OUT).exists(), "the command has run");
    cgroup.set("pids.max", "max")?;
    device.test_event()?;
    let told = watch.finish()?;
    ensure!(
        told.told == ["test moment", "test moment"],
        "resmon watch told of {:?}, expected both events",
        told.told
    );
    let expected =
        "resmon: /bin/busybox: cannot run it: Resource temporarily unavailable (os error 11)\n";
    ensure!(
        told.errors == expected,
        "resmon watch said {:?}, expected {expected:?}",
        told.errors
    );
    let ran = fs::read_to_string(OUT)?;
    ensure!(
        ran == "test 1\n",
        "the command wrote {ran:?}, expected that it was told of one event before"
    );
    fs::remove_file(OUT)?;
    drop(device);
    watching.end()?;
    cgroup.remove()
}

// SPDX-License-Identifier: GPL-2.0

//! More processes than a census looks at.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{ensure, Context, Result};
use resmon::model::census::MAX_PROCESSES;
use resmon::model::source::tasks::Tasks;
use resmon::Device;

use super::{numbers, raw_section};
use crate::cases::{device, Guest};
use crate::module;

/// Those that are left out are counted, and the others are looked at as ever.
pub(super) fn left_out(guest: &Guest) -> Result<()> {
    const MORE: usize = 1500;
    for limit in ["pid_max", "threads-max"] {
        let path = format!("/proc/sys/kernel/{limit}");
        fs::write(&path, "100000").context(path)?;
    }
    let module = device::load_idle(guest, &format!("{} tasks=always", module::only(&["tasks"])))?;
    let device = Device::open_writable()?;
    let mut zombies = Command::new("/zombies")
        .arg((MAX_PROCESSES + MORE).to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("/zombies")?;
    let mut said = String::new();
    let stdout = zombies.stdout.take().context("no pipe")?;
    BufReader::new(stdout).read_line(&mut said)?;
    ensure!(said == "ready\n", "/zombies said {said:?}");
    for _ in 0..3 {
        let (processes, left_out) = counted(&device)?;
        ensure!(
            left_out >= MORE as u64 && processes == left_out + MAX_PROCESSES as u64,
            "{left_out} of {processes} are left out, expected all but {MAX_PROCESSES}"
        );
    }
    drop(zombies.stdin.take());
    ensure!(zombies.wait()?.success(), "/zombies failed");
    let (processes, left_out) = counted(&device)?;
    ensure!(
        left_out == 0 && processes < 1000,
        "{left_out} of {processes} are left out, expected none"
    );
    drop(device);
    module.unload().map(drop)
}

/// How many processes the next sample has, as many as `/proc`, and how many of them it leaves out.
fn counted(device: &Device) -> Result<(u64, u64)> {
    let before = numbers("/proc")?;
    let (header, totals) = raw_section::<Tasks>(&device::take(device)?)?;
    let after = numbers("/proc")?;
    let processes = totals.first().context("no totals")?.processes;
    // The kernel's own come and go.
    ensure!(
        (before.min(after).saturating_sub(2)..=before.max(after) + 2).contains(&processes),
        "{processes} processes, expected {before} to {after}"
    );
    Ok((processes, header.left_out))
}

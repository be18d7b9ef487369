// SPDX-License-Identifier: GPL-2.0

//! Random use of the device and the parameters, also while the module comes and goes.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{ensure, Context, Result};
use resmon::Device;

use super::device::take;
use super::{Case, Clock, Guest, Needs};
use crate::{module, tools, word};

pub const CASES: &[Case] = &[
    Case {
        name: "random use of the device and the parameters",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: |guest| use_at_random(guest, false),
    },
    Case {
        name: "random use while the module comes and goes",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: |guest| use_at_random(guest, true),
    },
];

/// What the random numbers begin with: `vmtest.seed=` on the kernel's command line, or the time.
fn seed() -> Result<u64> {
    let command_line = fs::read_to_string("/proc/cmdline")?;
    if let Some(seed) = word(&command_line, "vmtest.seed=") {
        return seed
            .parse()
            .with_context(|| format!("vmtest.seed is {seed:?}, expected a number"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::from(now.subsec_nanos()) ^ now.as_secs())
}

fn use_at_random(guest: &Guest, is_module_used: bool) -> Result<()> {
    const PROCESSES: u32 = 8;
    // The kernel with all its checks is where a fault shows.
    let seconds = match (guest.is_debug(), is_module_used) {
        (true, false) => 60,
        (true, true) => 30,
        (false, _) => 10,
    };
    let seed = seed()?;
    crate::report(&format!("# seed {seed}, {seconds} s"));
    module::insmod("interval_ms=10 log_every=0")?;
    let mut fuzz = Command::new("/fuzz");
    fuzz.args([seed.to_string(), seconds.to_string(), PROCESSES.to_string()]);
    if is_module_used {
        fuzz.arg(module::FILE);
    }
    let output = fuzz.output().context("/fuzz")?;
    ensure!(
        output.status.success(),
        "/fuzz ended with {}, expected success; it printed {:?}",
        output.status,
        tools::said(&output).trim()
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Vec<u64>> = said
        .lines()
        .map(|line| {
            line.split(' ')
                .filter_map(|word| word.parse().ok())
                .collect()
        })
        .collect();
    let sum = |index: usize| -> u64 { lines.iter().filter_map(|line| line.get(index)).sum() };
    let (calls, records) = (sum(0), sum(1));
    crate::report(&format!("# {calls} calls, {records} records read"));
    ensure!(
        lines.len() == PROCESSES as usize && calls > 1000 && records > 10,
        "{} processes made {calls} calls and read {records} records, expected {PROCESSES}, \
         more than 1000 and more than 10, as fewer prove nothing: {said:?}",
        lines.len()
    );
    // Whatever it was asked for, it goes on as it should.
    if is_module_used && !module::is_loaded() {
        module::insmod("interval_ms=10 log_every=0")?;
    }
    let device = Device::open_writable()?;
    device.set_interval(std::time::Duration::from_millis(50))?;
    let (first, second) = (take(&device)?, take(&device)?);
    ensure!(
        second.header().seq > first.header().seq
            && second.header().taken_mono_ns > first.header().taken_mono_ns,
        "expected a later seq and taken_mono_ns than in {:?}, found {:?}",
        first.header(),
        second.header()
    );
    drop(device);
    module::rmmod_patiently()
        .with_context(|| format!("rmmod, tried for up to {:?}", module::PATIENCE))
}

// SPDX-License-Identifier: GPL-2.0

//! Percentages against `/proc/stat`, which is read as soon as a sample is logged: sample k is
//! compared with the difference between the readings at the samples k-1 and k.

use std::fs;

use anyhow::{bail, ensure, Context, Result};

use super::{sleep_ms, Case, Clock, Guest, Needs};
use crate::lines::{Sample, Shares, SHARES};
use crate::load::{Kind, Load};
use crate::module::Module;
use crate::proc;

pub const CASES: &[Case] = &[
    Case {
        name: "percentages when idle",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: |guest| compare(guest, None, &["idle"], 90.0, 1.0),
    },
    Case {
        name: "percentages under a user-bound load",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: |guest| compare(guest, Some(Kind::User), &["user"], 80.0, 2.0),
    },
    Case {
        name: "percentages under a nice load",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: |guest| compare(guest, Some(Kind::Nice), &["nice"], 80.0, 2.0),
    },
    Case {
        name: "percentages under a system-bound load",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: |guest| compare(guest, Some(Kind::System), &["system"], 80.0, 2.0),
    },
    Case {
        name: "percentages under an irq-heavy load",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: |guest| compare(guest, Some(Kind::SoftIrq), &["irq", "softirq"], 50.0, 2.0),
    },
    Case {
        name: "idle CPUs with a stopped tick",
        needs: Needs::TwoCpus,
        clock: Clock::Instructions,
        run: stopped_tick,
    },
];

/// The times in `/proc/stat` have a resolution of 10 ms, so one per cent of a second. When idle,
/// less is tolerated, so the interval is longer.
const IDLE_INTERVAL_MS: u64 = 3000;
const LOADED_INTERVAL_MS: u64 = 1500;
const COMPARED: usize = 2;

/// `loaded` are the shares that the load must bring to `at_least` per cent on its CPU; without
/// that, the comparison would prove nothing.
fn compare(
    guest: &Guest,
    load: Option<Kind>,
    loaded: &[&str],
    at_least: f64,
    tolerance: f64,
) -> Result<()> {
    let cpu = guest.last_cpu();
    // /proc/stat is read some time after the sample was taken, and a debug kernel logs so slowly
    // that this shows. Over a longer interval it matters less.
    let factor = if guest.is_debug() { 2 } else { 1 };
    let tolerance = tolerance * factor as f64;
    let interval_ms = match load {
        Some(_) => factor * LOADED_INTERVAL_MS,
        None => factor * IDLE_INTERVAL_MS,
    };
    settle()?;
    let _load = load.map(|kind| Load::start(kind, cpu)).transpose()?;
    // Let what the load's start left to do come to an end.
    sleep_ms(200);
    let _snapshots = guest.log.take_snapshots(&["/proc/stat"])?;
    let module = Module::load(&guest.log, &format!("interval_ms={interval_ms}"))?;
    let samples = module.finish(COMPARED + 1, interval_ms)?;
    for two in samples.windows(2) {
        let shares = two[1]
            .cpus
            .get(&cpu)
            .with_context(|| format!("expected a line of CPU {cpu}, found {:?}", two[1].cpus))?;
        let seen: f64 = loaded.iter().map(|name| shares.percent(name)).sum();
        ensure!(
            seen >= at_least,
            "the load does not show: {loaded:?} of CPU {cpu} is {seen:.1} %, expected \
             {at_least:.1} % or more"
        );
        compare_sample(&two[0], &two[1], tolerance)?;
    }
    Ok(())
}

/// Waits until what the case before left to do is done: a debug kernel frees the packets of the
/// irq-heavy load for seconds.
pub fn settle() -> Result<()> {
    let read = || proc::stat(&fs::read_to_string("/proc/stat")?);
    let mut before = read()?;
    let mut idle = Vec::new();
    for _ in 0..100 {
        sleep_ms(300);
        let after = read()?;
        let shares = before
            .values()
            .zip(after.values())
            .map(|pair| proc::percentages(std::iter::once(pair)))
            .collect::<Result<Vec<_>>>()?;
        idle = shares.iter().map(|[_, _, _, idle, ..]| *idle).collect();
        if idle.iter().all(|idle| *idle >= 90.0) {
            return Ok(());
        }
        before = after;
    }
    bail!("the machine does not come to rest within 30 s, expected 90 % idle, found {idle:.1?} %")
}

fn compare_sample(before: &Sample, after: &Sample, tolerance: f64) -> Result<()> {
    let stat = |sample: &Sample| proc::stat(sample.first.snapshot_of("/proc/stat")?);
    let (old, new) = (stat(before)?, stat(after)?);
    ensure!(
        old.keys().eq(new.keys()),
        "/proc/stat had the CPUs {:?}, expected {:?} as with the sample before",
        new.keys(),
        old.keys()
    );
    let all = proc::percentages(old.values().zip(new.values()))?;
    compare_shares("cpu=all", &after.all, &all, tolerance)?;
    ensure!(
        after.cpus.keys().eq(new.keys()),
        "there are lines of the CPUs {:?}, expected {:?}",
        after.cpus.keys(),
        new.keys()
    );
    for (cpu, shares) in &after.cpus {
        let expected = proc::percentages(std::iter::once((&old[cpu], &new[cpu])))?;
        compare_shares(&format!("cpu={cpu}"), shares, &expected, tolerance)?;
    }
    Ok(())
}

fn compare_shares(what: &str, logged: &Shares, expected: &[f64; 9], tolerance: f64) -> Result<()> {
    for (name, expected) in SHARES.iter().zip(expected) {
        let logged = logged.percent(name);
        ensure!(
            (logged - expected).abs() <= tolerance,
            "{what}: {name} was logged as {logged:.1} %, expected {expected:.2} % as \
             /proc/stat says, give or take {tolerance} %"
        );
    }
    Ok(())
}

/// The counters of a CPU whose tick is stopped stand still while it idles. A reader that does not
/// add the time since then finds no idle time, or too much of it once the CPU wakes up.
fn stopped_tick(guest: &Guest) -> Result<()> {
    settle()?;
    let module = Module::load(&guest.log, "interval_ms=300")?;
    let samples = module.first(10, 300)?;
    see_stopped_tick()?;
    for sample in samples {
        for (cpu, shares) in &sample.cpus {
            // CPU 0 and the one where this runs do a little work.
            ensure!(
                shares.percent("idle") >= 80.0,
                "CPU {cpu} was logged as {:.1} % idle, expected 80 % or more: {shares:?}",
                shares.percent("idle")
            );
        }
    }
    module.unload().map(drop)
}

/// A CPU that idles may have its tick for a moment, so one look is not enough.
fn see_stopped_tick() -> Result<()> {
    for _ in 0..200 {
        let timers = fs::read_to_string("/proc/timer_list")?;
        let is_stopped = |line: &str| {
            line.split_once(':')
                .is_some_and(|(key, value)| key.trim() == ".tick_stopped" && value.trim() == "1")
        };
        if timers.lines().any(is_stopped) {
            return Ok(());
        }
        sleep_ms(10);
    }
    bail!("no CPU has its tick stopped within 2 s, expected one, as this proves nothing otherwise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_compared() {
        let logged = Shares([100, 0, 0, 900, 0, 0, 0, 0, 0]);
        let mut expected = [10.0, 0.0, 0.0, 90.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        compare_shares("x", &logged, &expected, 1.0).unwrap();
        expected[0] = 11.2;
        compare_shares("x", &logged, &expected, 1.0).unwrap_err();
        compare_shares("x", &logged, &expected, 2.0).unwrap();
    }
}

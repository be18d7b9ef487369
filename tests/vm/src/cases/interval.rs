// SPDX-License-Identifier: GPL-2.0

//! When samples are taken.

use std::fs;
use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use resmon::model::pieces::GAP_NS;

use super::pieces::now_ns;
use super::{ms, sleep_ms, Case, Clock, Guest, Needs, LATE};
use crate::elapsed::slowness;
use crate::module::{self, Module};
use crate::proc;

pub const CASES: &[Case] = &[
    Case {
        name: "interval by default",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: default,
    },
    Case {
        name: "interval by insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: insmod,
    },
    Case {
        name: "interval by run-time write",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: write,
    },
    Case {
        name: "interval of 10 ms by run-time write",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: shortest,
    },
    Case {
        name: "1000 ticks at 10 ms do not drift",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: drift,
    },
];

fn within(what: &str, time: Duration, expected: Duration) -> Result<()> {
    // The clock of printk and the monotonic clock may differ by some parts per thousand.
    let early = expected.mul_f64(0.99);
    ensure!(
        time >= early && time <= expected + LATE,
        "{what} took {time:?}, expected {early:?} to {:?}",
        expected + LATE
    );
    Ok(())
}

fn default(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "")?;
    let (loaded, at) = module.loaded_line()?;
    ensure!(
        loaded.interval_ms == 5000,
        "expected interval=5000ms, found {loaded:?}"
    );
    for parameter in &module::PARAMETERS {
        let value = module::read(parameter.name)?;
        ensure!(
            value == parameter.default,
            "{} is {value} by default, expected {}",
            parameter.name,
            parameter.default
        );
    }
    for switch in module::SWITCHES {
        ensure!(
            module::read_switch(switch)?,
            "{switch} is off by default, expected it to be on"
        );
    }
    let paths = module::read_text(module::FS_PATHS)?;
    ensure!(
        paths == module::FS_PATHS_DEFAULT,
        "fs_paths is {paths:?} by default, expected {:?}",
        module::FS_PATHS_DEFAULT
    );
    let first = module.wait_begun(module.start, 1, ms(5000))?;
    within("the first interval", first.at.saturating_sub(at), ms(5000))?;
    module.unload().map(drop)
}

fn insmod(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=700")?;
    let (loaded, at) = module.loaded_line()?;
    let interval_ms = module::read("interval_ms")?;
    ensure!(
        (loaded.interval_ms, interval_ms) == (700, 700),
        "interval_ms is {interval_ms} and the log has {loaded:?}, expected 700 ms in both"
    );
    let samples = module.first(3, 700)?;
    for (sample, n) in samples.iter().zip(1..) {
        within(
            &format!("{n} intervals"),
            sample.first.at.saturating_sub(at),
            ms(700) * n,
        )?;
    }
    module.unload().map(drop)
}

/// Writes an interval, and checks that the next sample is logged one such interval later.
fn change(guest: &Guest, module: &Module<'_>, interval_ms: u64) -> Result<()> {
    let before = guest.log.mark("before a write")?;
    module::write("interval_ms", &interval_ms.to_string())?;
    let after = guest.log.mark("after a write")?;
    let found = module::read("interval_ms")?;
    ensure!(
        found == interval_ms,
        "interval_ms reads as {found} after it was written, expected {interval_ms}"
    );
    let samples = module.wait(before, 2, ms(2 * interval_ms))?;
    for (sample, n) in samples.iter().zip(1..) {
        let expected = ms(interval_ms) * n;
        let at = sample.first.at;
        let (longest, shortest) = (at.saturating_sub(before.at), at.saturating_sub(after.at));
        ensure!(
            longest >= expected.mul_f64(0.99) && shortest <= expected + LATE,
            "sample {n} came {shortest:?} to {longest:?} after a write of {interval_ms}, expected \
             {:?} to {:?}",
            expected.mul_f64(0.99),
            expected + LATE
        );
    }
    Ok(())
}

fn write(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=3600000")?;
    sleep_ms(300);
    change(guest, &module, 200)?;
    change(guest, &module, 600)?;
    // The old interval is half over, and must not count.
    sleep_ms(300);
    change(guest, &module, 1200)?;
    module.unload().map(drop)
}

fn shortest(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=1000 per_cpu_max=0")?;
    module::write("interval_ms", "10")?;
    let start = guest.log.mark("interval_ms=10")?.at;
    module.first(100, 10)?;
    let (_, unloaded, end) = module.unload()?;
    let ticks = (end.saturating_sub(start)).as_millis() as u64 / 10;
    let taken = unloaded.samples + unloaded.missed;
    // From the last tick to the line that says so, `rmmod` takes a while.
    let unloading = 3 * u64::from(slowness(guest));
    // The module waits for what it is logging before it says that it was unloaded.
    let waited = unloaded.report_max_ns / 10_000_000;
    ensure!(
        taken <= ticks + 3 && taken + unloading + waited >= ticks,
        "{taken} samples were due in {ticks} ticks, expected {} to {}: {unloaded:?}",
        ticks.saturating_sub(unloading + waited),
        ticks + 3
    );
    Ok(())
}

/// The kernel lists when each timer is due next. From one list to a later one that moves on by whole
/// intervals and by nothing else, however late ticks and lines are.
fn drift(guest: &Guest) -> Result<()> {
    const INTERVAL_NS: u64 = 10_000_000;
    let module = Module::load(&guest.log, "interval_ms=10 per_cpu_max=0 log_every=100")?;
    let (_, loaded_at) = module.loaded_line()?;
    let first = next_tick_ns()?;
    module.wait(module.start, 10, ms(10_000))?;
    let last = next_tick_ns()?;
    let (_, unloaded, unloaded_at) = module.unload()?;

    let passed = last.saturating_sub(first);
    ensure!(
        passed % INTERVAL_NS == 0,
        "the ticks are off by {} ns after {passed} ns, expected 0 ns",
        passed % INTERVAL_NS
    );
    let ticks = passed / INTERVAL_NS;
    let taken = unloaded.samples + unloaded.missed;
    // The lists are read after the module is loaded and before it is unloaded, which takes a while; by the clock of
    // printk, as in `within`.
    let loaded_for = unloaded_at.saturating_sub(loaded_at).mul_f64(1.01);
    let most = loaded_for.as_nanos() as u64 / INTERVAL_NS + 3;
    ensure!(
        unloaded.samples > 1000 && ticks > 980 && (ticks..=most).contains(&taken),
        "{ticks} ticks were due between the first and the last list and {taken} samples in all, \
         expected more than 980, {ticks} to {most}, and more than 1000 taken: {unloaded:?}"
    );
    Ok(())
}

/// When the module's next sample is due, by the monotonic clock.
pub fn next_tick_ns() -> Result<u64> {
    // While its callback runs, a timer is in no list. Between two pieces of a sample it is set to the next
    // one, which is soon.
    for _ in 0..100 {
        let list = fs::read_to_string("/proc/timer_list").context("/proc/timer_list")?;
        let soon_ns = now_ns() + 2 * GAP_NS;
        match proc::timer_expiry_ns(&list, "[resource_monitor]")? {
            Some(expiry_ns) if expiry_ns > soon_ns => return Ok(expiry_ns),
            _ => {}
        }
    }
    bail!("/proc/timer_list has no timer of the module in 100 looks, expected one")
}

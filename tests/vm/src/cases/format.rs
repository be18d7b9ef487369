// SPDX-License-Identifier: GPL-2.0

//! What the log looks like. Each line is parsed strictly wherever a case reads samples.

use std::time::Duration;

use anyhow::{ensure, Context, Result};
use resmon::{Device, Record, Sample as Compared};

use super::device::take;
use super::{ms, sleep_ms, Case, Clock, Guest, Needs, LATE};
use crate::lines::{Line, Sample};
use crate::module::{self, Module};

pub const CASES: &[Case] = &[
    Case {
        name: "load line and first sample",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: load,
    },
    Case {
        name: "lines of a sample",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: sample,
    },
    Case {
        name: "per_cpu_max at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: per_cpu_max,
    },
    Case {
        name: "per_cpu_max at run time",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: per_cpu_max_at_run_time,
    },
    Case {
        name: "log_every at insmod",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: log_every,
    },
    Case {
        name: "log_every at run time",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: log_every_at_run_time,
    },
    Case {
        name: "unload line",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: unload,
    },
    Case {
        name: "swap without swap space",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: swap,
    },
    Case {
        name: "swap without activity",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: swap_alone,
    },
];

fn load(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=500")?;
    let (loaded, at) = module.loaded_line()?;
    ensure!(
        loaded.interval_ms == 500,
        "expected interval=500ms, found {loaded:?}"
    );
    ensure!(
        loaded.cpus == guest.cpus,
        "found {loaded:?}, expected cpus={}",
        guest.cpus
    );
    // The first sample is only what the second one is compared with.
    let first = &module.first(1, 500)?[0];
    let waited = first.first.at.saturating_sub(at);
    ensure!(
        waited >= ms(450),
        "the first sample was logged {waited:?} after loading, expected 450 ms or more"
    );
    ensure!(
        waited <= ms(500) + LATE,
        "the first sample was logged {waited:?} after loading, expected at most {:?}",
        ms(500) + LATE
    );
    module.unload().map(drop)
}

fn sample(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100")?;
    for sample in module.first(10, 100)? {
        let cpus: Vec<u32> = sample.cpus.keys().copied().collect();
        ensure!(
            cpus == (0..guest.cpus).collect::<Vec<_>>(),
            "there are lines for the CPUs {cpus:?}, expected all of {}",
            guest.cpus
        );
    }
    module.unload().map(drop)
}

fn has_per_cpu_lines(guest: &Guest, samples: &[Sample]) -> Result<bool> {
    let counts: Vec<_> = samples.iter().map(|sample| sample.cpus.len()).collect();
    let all = counts.iter().all(|&count| count == guest.cpus as usize);
    ensure!(
        all || counts.iter().all(|&count| count == 0),
        "the samples have {counts:?} per-CPU lines, expected {} in each or 0 in each",
        guest.cpus
    );
    Ok(all)
}

/// Values of per_cpu_max, and whether there are per-CPU lines with them.
fn per_cpu_table(guest: &Guest) -> [(u32, bool); 4] {
    [
        (0, false),
        (guest.cpus - 1, false),
        (guest.cpus, true),
        (guest.cpus + 1, true),
    ]
}

fn per_cpu_max(guest: &Guest) -> Result<()> {
    for (max, expected) in per_cpu_table(guest) {
        let module = Module::load(&guest.log, &format!("interval_ms=50 per_cpu_max={max}"))?;
        let found = has_per_cpu_lines(guest, &module.first(3, 50)?)?;
        ensure!(
            found == expected,
            "per_cpu_max={max}: there are per-CPU lines: {found}, expected {expected}"
        );
        module.unload()?;
    }
    Ok(())
}

fn per_cpu_max_at_run_time(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=50")?;
    for (max, expected) in per_cpu_table(guest) {
        module::write("per_cpu_max", &format!("{max}\n"))?;
        let mark = guest.log.mark("per_cpu_max")?;
        // One sample may have been on its way while the value changed.
        let found = has_per_cpu_lines(guest, &module.wait(mark, 4, ms(200))?[1..])?;
        ensure!(
            found == expected,
            "per_cpu_max={max}: there are per-CPU lines: {found}, expected {expected}"
        );
    }
    module.unload().map(drop)
}

fn distances(samples: &[Sample]) -> Vec<Duration> {
    samples
        .windows(2)
        .map(|two| two[1].first.at.saturating_sub(two[0].first.at))
        .collect()
}

fn log_every(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100 log_every=3")?;
    module.first(5, 300)?;
    let (samples, unloaded, _) = module.unload()?;
    every_third(&samples)?;
    let taken = unloaded.samples + unloaded.missed;
    let logged = samples.len() as u64;
    ensure!(
        (3 * logged..=3 * logged + 4).contains(&taken),
        "{taken} samples were due and {logged} logged, expected {} to {} due: {unloaded:?}",
        3 * logged,
        3 * logged + 4
    );
    Ok(())
}

fn every_third(samples: &[Sample]) -> Result<()> {
    let distances = distances(samples);
    // A sample that is logged late is followed by a short distance, so look at the middle one.
    let mut sorted = distances.clone();
    sorted.sort();
    let middle = *sorted
        .get(sorted.len() / 2)
        .context("expected two samples or more")?;
    ensure!(
        (ms(270)..=ms(330)).contains(&middle),
        "the middle distance with log_every=3 is {middle:?}, expected 270 ms to 330 ms: \
         {distances:?}"
    );
    Ok(())
}

fn log_every_at_run_time(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100 log_every=0")?;
    sleep_ms(600);
    let mut silent = module.lines(module.start)?;
    // Without reserved memory, why there is none is said at load.
    silent
        .retain(|(_, line)| !matches!(line, Line::Loaded(_) | Line::No(..) | Line::HistoryEnds(_)));
    ensure!(
        silent.is_empty(),
        "log_every=0 logged {silent:?}, expected nothing"
    );
    let mark = guest.log.mark("log_every=3")?;
    module::write("log_every", "3")?;
    every_third(&module.wait(mark, 5, ms(1500))?)?;
    module::write("log_every", "0")?;
    sleep_ms(120);
    let mark = guest.log.mark("log_every=0")?;
    sleep_ms(500);
    let silent = module.lines(mark)?;
    ensure!(
        silent.is_empty(),
        "log_every=0 logged {silent:?}, expected nothing"
    );
    let (_, unloaded, _) = module.unload()?;
    ensure!(
        unloaded.samples + unloaded.missed >= 25,
        "{} samples were due, expected 25 or more: {unloaded:?}",
        unloaded.samples + unloaded.missed
    );
    Ok(())
}

fn unload(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=50 per_cpu_max=0")?;
    let (_, loaded) = module.loaded_line()?;
    let logged = module.first(20, 50)?.len() as u64;
    let (_, unloaded, end) = module.unload()?;
    let ticks = (end - loaded).as_millis() as u64 / 50;
    // The baseline and the tick at the very end may count or not.
    let taken = unloaded.samples + unloaded.missed;
    // The module waits for what it is logging before it says that it was unloaded.
    let waited = unloaded.report_max_ns / 50_000_000;
    ensure!(
        taken <= ticks + 2 && taken + 2 + waited >= ticks,
        "{taken} samples were due in {ticks} ticks, expected {} to {}: {unloaded:?}",
        ticks.saturating_sub(2 + waited),
        ticks + 2
    );
    ensure!(
        unloaded.samples >= logged,
        "{} samples were taken, expected {logged} or more, as so many were logged: {unloaded:?}",
        unloaded.samples
    );
    // No code takes no time, and a report takes many times what its callback does.
    ensure!(
        unloaded.callback_avg_ns > 0 && unloaded.report_avg_ns > 0,
        "expected callback_avg and report_avg above 0 ns, found {unloaded:?}"
    );
    ensure!(
        unloaded.report_avg_ns > unloaded.callback_avg_ns,
        "expected report_avg above callback_avg, found {unloaded:?}"
    );
    Ok(())
}

fn swap(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=50")?;
    for sample in module.first(4, 50)? {
        let swap = sample.swap;
        ensure!(
            (swap.free, swap.rates) == (0, Some((0, 0))),
            "expected 0 of all without swap space, found {swap:?}"
        );
    }
    module.unload().map(drop)
}

/// What is swapped is counted with the activity, so that it goes and comes with it.
fn swap_alone(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=50 activity=0")?;
    for sample in module.first(2, 50)? {
        ensure!(
            sample.swap.rates.is_none(),
            "expected no rates without activity, found {:?}",
            sample.swap
        );
    }
    let device = Device::open_writable()?;
    let swap = |before: &Record, after: &Record| {
        let sample = Compared::between(before, after)
            .context("expected a sample of the two records, found none")?;
        sample
            .swap
            .context("expected swap in the sample, found none")
    };
    let (before, after) = (take(&device)?, take(&device)?);
    let alone = swap(&before, &after)?;
    ensure!(
        (alone.in_bytes_per_second, alone.out_bytes_per_second) == (None, None),
        "expected no rates without activity, found {alone:?}"
    );
    let mark = guest.log.mark("activity")?;
    module::write("activity", "1")?;
    // The first one with activity has nothing to be compared with.
    take(&device)?;
    let (before, after) = (take(&device)?, take(&device)?);
    let with = swap(&before, &after)?;
    ensure!(
        (with.in_bytes_per_second, with.out_bytes_per_second) == (Some(0.0), Some(0.0)),
        "expected rates of 0 with activity, found {with:?}"
    );
    let samples = module.wait(mark, 3, ms(150))?;
    let last = samples.last().context("expected a sample, found none")?;
    ensure!(
        last.swap.rates == Some((0, 0)),
        "expected rates of 0 with activity, found {:?}",
        last.swap
    );
    // A file that is open keeps the module.
    drop(device);
    module.unload().map(drop)
}

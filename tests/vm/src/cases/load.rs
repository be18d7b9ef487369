// SPDX-License-Identifier: GPL-2.0

//! Load averages against `/proc/loadavg`, read all the time around the samples.

use std::time::Duration;

use anyhow::{ensure, Context, Result};

use super::{ms, Case, Clock, Guest, Needs};
use crate::lines::{Part, Sample};
use crate::load::{Kind, Load};
use crate::module::Module;
use crate::proc;
use crate::readings::{Reader, Reading};

pub const CASES: &[Case] = &[
    Case {
        name: "load averages at rest",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: |guest| compare(guest, 0, 5).map(drop),
    },
    Case {
        name: "load averages while they rise",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: rising,
    },
];

const INTERVAL_MS: u64 = 250;

/// The kernel works them out anew every five seconds. What a sample has was current some time
/// before its line has arrived, but no longer than this.
const BRACKET: Duration = ms(300);

/// Both sides round to hundredths.
const ROUNDING: u64 = 1;

const NAMES: [&str; 3] = ["1m", "5m", "15m"];

fn averages(sample: &Sample) -> Result<[u64; 3]> {
    let load = sample.load.taken().context("expected a load line")?;
    Ok([load.one, load.five, load.fifteen])
}

/// As the log has it.
fn hundredths(average: u64) -> f64 {
    average as f64 / 100.0
}

fn rising(guest: &Guest) -> Result<()> {
    // Of 20 tasks more, the kernel adds 1.60, 0.33 and 0.11 every five seconds. In 11 seconds it
    // does so twice.
    let shown = compare(guest, 20, 44)?;
    let (first, last) = (shown.first(), shown.last());
    let (first, last) = first
        .zip(last)
        .context("expected samples with a load line, found none")?;
    for ((name, least), (first, last)) in
        NAMES.iter().zip([250, 50, 15]).zip(first.iter().zip(last))
    {
        ensure!(
            *last >= first + least,
            "{name} went from {:.2} to {:.2}, expected {:.2} or more, as less proves little",
            hundredths(*first),
            hundredths(*last),
            hundredths(first + least)
        );
    }
    Ok(())
}

/// Compares `count` samples while so many tasks run, and gives the averages.
fn compare(guest: &Guest, tasks: u32, count: usize) -> Result<Vec<[u64; 3]>> {
    let reader = Reader::start(&["/proc/loadavg"], ms(20))?;
    // Tasks of the lowest priority count like any others.
    let _tasks = (0..tasks)
        .map(|task| Load::start(Kind::Nice, task % guest.cpus))
        .collect::<Result<Vec<_>>>()?;
    std::thread::sleep(BRACKET);
    let module = Module::load(&guest.log, &format!("interval_ms={INTERVAL_MS}"))?;
    let samples = module.first(count, INTERVAL_MS)?;
    module.unload()?;
    let readings = reader.stop()?;
    // With so many tasks the log may be late, and then does with the sources of the next sample.
    let shown: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.load != Part::Missing)
        .collect();
    ensure!(
        2 * shown.len() > samples.len(),
        "{} of {} samples have a load line, expected more than half",
        shown.len(),
        samples.len()
    );
    for sample in &shown {
        compare_sample(sample, &readings)?;
    }
    shown.into_iter().map(averages).collect()
}

fn compare_sample(sample: &Sample, readings: &[Reading]) -> Result<()> {
    let arrived = sample.first.arrived;
    let start = arrived.saturating_sub(BRACKET);
    let first = readings
        .iter()
        .rposition(|reading| reading.done <= start)
        .with_context(|| format!("expected a reading before {start:?}, found none"))?;
    let length = readings[first..]
        .iter()
        .position(|reading| reading.begun >= sample.last.arrived)
        .with_context(|| {
            let arrived = sample.last.arrived;
            format!("expected a reading after {arrived:?}, found none")
        })?;
    let bracket = readings[first..=first + length]
        .iter()
        .map(|reading| proc::loadavg(&reading.texts[0]))
        .collect::<Result<Vec<_>>>()?;
    check(averages(sample)?, &bracket)
}

fn check(logged: [u64; 3], bracket: &[[u64; 3]]) -> Result<()> {
    for (index, name) in NAMES.iter().enumerate() {
        let values = bracket.iter().map(|averages| averages[index]);
        let min = values
            .clone()
            .min()
            .context("expected readings, found none")?;
        let max = values.max().context("expected readings, found none")?;
        let logged = logged[index];
        ensure!(
            (min.saturating_sub(ROUNDING)..=max + ROUNDING).contains(&logged),
            "{name} was logged as {:.2}, expected {:.2} to {:.2} as /proc/loadavg had, give or \
             take {:.2}",
            hundredths(logged),
            hundredths(min),
            hundredths(max),
            hundredths(ROUNDING)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_checked_against_the_bracket() {
        let bracket = [[100, 50, 7], [120, 50, 8]];
        for good in [[99, 51, 9], [121, 49, 6], [110, 50, 8]] {
            let found = check(good, &bracket);
            assert!(found.is_ok(), "{good:?} gives {found:?}, expected success");
        }
        for bad in [[98, 50, 8], [122, 50, 8], [110, 52, 8], [110, 50, 10]] {
            let found = check(bad, &bracket);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
        check([0, 0, 0], &[]).unwrap_err();
    }
}

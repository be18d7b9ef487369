// SPDX-License-Identifier: GPL-2.0

//! The `pressure` line against `/proc/pressure`.
//!
//! The kernel adds up what each CPU has seen every two seconds, and when such a file is read. So a
//! case that wants to see whether the log lags must not read them meanwhile.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{anyhow, ensure, Context, Result};

use super::activity::Raw;
use super::{ms, percentages, sleep_ms, Case, Clock, Guest, Needs};
use crate::cgroup::Cgroup;
use crate::child::{self, Player, Role};
use crate::lines::{Line, Part, Pressure, Sample};
use crate::load::{Kind, Load};
use crate::module::{self, Module};
use crate::proc;

pub const CASES: &[Case] = &[
    Case {
        name: "no pressure without a cgroup",
        needs: Needs::PressureWithoutCgroup,
        clock: Clock::Instructions,
        run: without_cgroup,
    },
    Case {
        name: "pressure does not lag",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: no_lag,
    },
    Case {
        name: "pressure at rest",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: rest,
    },
    Case {
        name: "pressure for want of CPUs",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: |guest| cpu(guest, 1000, 3),
    },
    Case {
        name: "pressure for want of CPUs over 5 s",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: |guest| cpu(guest, 5000, 1),
    },
    Case {
        name: "pressure of one CPU among others",
        needs: Needs::TwoCpus,
        clock: Clock::Instructions,
        run: one_cpu,
    },
    Case {
        name: "pressure for want of memory",
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: memory,
    },
    Case {
        name: "pressure for want of I/O",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: io,
    },
];

const FILES: [&str; 3] = [
    "/proc/pressure/cpu",
    "/proc/pressure/memory",
    "/proc/pressure/io",
];

/// Where each number of the line is found.
const NUMBERS: [(&str, &str, &str); 5] = [
    ("cpu_some", FILES[0], "some"),
    ("mem_some", FILES[1], "some"),
    ("mem_full", FILES[1], "full"),
    ("io_some", FILES[2], "some"),
    ("io_full", FILES[2], "full"),
];

/// The files are read some milliseconds after a sample was taken, and not equally many each time.
const EDGE: Duration = ms(30);

/// The kernel weighs what it adds up: a CPU counts by how long it was not idle, over all the time
/// since it last added up. So what the others do in these milliseconds, when samples are logged and
/// read, changes what one busy CPU counts in the whole second before. Over longer times it is the
/// same for both sides.
const UNEVEN_EDGE: Duration = ms(100);

/// A debug kernel logs and reads slowly.
const DEBUG_EDGE: Duration = ms(400);

/// In per cent.
const ROUNDING: f64 = 0.1;

/// In per cent, in the order of [`NUMBERS`].
fn percents(sample: &Sample) -> Result<[f64; 5]> {
    let Pressure {
        cpu_some,
        mem_some,
        mem_full,
        io_some,
        io_full,
    } = *sample
        .pressure
        .taken()
        .context("expected a pressure line")?;
    Ok([cpu_some, mem_some, mem_full, io_some, io_full].map(|tenths| f64::from(tenths) / 10.0))
}

fn is_shown(sample: &Sample) -> bool {
    matches!(sample.pressure, Part::Taken(_))
}

fn pressures(samples: &[Sample]) -> Vec<&Part<Pressure>> {
    samples.iter().map(|sample| &sample.pressure).collect()
}

fn without_cgroup(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100")?;
    for sample in module.first(4, 100)? {
        ensure!(
            sample.pressure == Part::Missing,
            "the pressure is {:?}, expected none, as there is no cgroup but the root",
            sample.pressure
        );
    }
    let cgroup = Cgroup::create("pressure")?;
    let mark = guest.log.mark("mkdir")?;
    // One sample may have been on its way, and one is what the next is compared with.
    let samples = module.wait(mark, 4, ms(400))?;
    ensure!(
        samples[2..].iter().all(is_shown),
        "the pressure is {:?}, expected numbers from the third sample on, as there is a cgroup",
        pressures(&samples)
    );
    // What was found once is not lost again.
    cgroup.remove()?;
    let mark = guest.log.mark("rmdir")?;
    let samples = module.wait(mark, 10, ms(1000))?;
    ensure!(
        samples.iter().all(is_shown),
        "the pressure is {:?} after the cgroup went, expected numbers in each sample",
        pressures(&samples)
    );
    let lines = module.lines(module.start)?;
    let said: Vec<_> = lines
        .iter()
        .filter_map(|(_, line)| match line {
            Line::No(source, why) if source == "pressure" => Some(why),
            _ => None,
        })
        .collect();
    ensure!(
        said.len() == 1,
        "the log has the reasons {said:?} for no pressure, expected one"
    );
    module.unload()?;

    // Who does not want it need not be told.
    let module = Module::load(&guest.log, "interval_ms=100 pressure=0 running=0")?;
    module.first(1, 100)?;
    let said = says_no(&module)?;
    ensure!(
        said.is_empty(),
        "with pressure=0 and running=0 the log has {said:?}, expected no line of what is not to be had"
    );
    module.unload()?;

    let cgroup = Cgroup::create("pressure")?;
    let module = Module::load(&guest.log, "interval_ms=200")?;
    let samples = module.first(4, 200)?;
    let said = says_no(&module)?;
    ensure!(
        samples[1..].iter().all(is_shown) && said.is_empty(),
        "the pressure is {:?} and the log has {said:?}, expected numbers from the second sample on \
         and no reason for none, as there was a cgroup at load",
        pressures(&samples)
    );
    module.unload()?;
    cgroup.remove()
}

/// The lines in which the module has said that something is not to be had.
fn says_no(module: &Module<'_>) -> Result<Vec<Line>> {
    let lines = module.lines(module.start)?.into_iter();
    let lines = lines.map(|(_, line)| line);
    Ok(lines.filter(|line| matches!(line, Line::No(..))).collect())
}

/// Two tasks that want all of each of these CPUs.
pub fn hogs(cpus: impl Iterator<Item = u32>) -> Result<Vec<Load>> {
    cpus.flat_map(|cpu| [cpu, cpu])
        .map(|cpu| Load::start(Kind::User, cpu))
        .collect()
}

fn no_lag(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 500;
    const SAMPLES: usize = 10;
    let cgroup = Cgroup::create("pressure")?;
    let hogs = hogs(0..guest.cpus)?;
    sleep_ms(200);
    let module = Module::load(&guest.log, &format!("interval_ms={INTERVAL_MS}"))?;
    let samples = module.first(SAMPLES + 1, INTERVAL_MS)?;
    // A debug kernel is so slow that one time may do for two samples.
    let seen = samples[1..]
        .iter()
        .filter(|sample| is_shown(sample) || !guest.is_debug())
        .map(|sample| Ok(percents(sample)?[0]))
        .collect::<Result<Vec<f64>>>()?;
    // Some task waits all the time; only this program, when it runs, may change that.
    ensure!(
        seen.len() >= SAMPLES / 2 && seen.iter().all(|cpu_some| *cpu_some >= 90.0),
        "cpu_some was logged as {seen:?} %, expected 90 % or more in {} samples or more, as tasks \
         wait all the time",
        SAMPLES / 2
    );
    drop(hogs);
    percentages::settle()?;
    let mark = guest.log.mark("at rest")?;
    let samples = module.wait(mark, 4, ms(4 * INTERVAL_MS))?;
    for sample in &samples[1..] {
        let seen = percents(sample)?[0];
        ensure!(
            seen <= 40.0,
            "cpu_some was logged as {seen} %, expected at most 40 %, as no task waits any more"
        );
    }
    module.unload()?;
    cgroup.remove()
}

/// Takes `count` samples with numbers, and compares them. After each sample but the last, `act`
/// does something that ends well before the next.
fn compare(
    guest: &Guest,
    interval_ms: u64,
    count: usize,
    edge: Duration,
    mut act: impl FnMut() -> Result<()>,
) -> Result<Vec<Sample>> {
    let (interval_ms, edge) = if guest.is_debug() {
        (interval_ms.max(3000), DEBUG_EDGE)
    } else {
        (interval_ms, edge)
    };
    let _snapshots = guest.log.take_snapshots(&FILES)?;
    let module = Module::load(&guest.log, &format!("interval_ms={interval_ms}"))?;
    for begun in 1..=count {
        module.wait_begun(module.start, begun, ms(begun as u64 * interval_ms))?;
        act()?;
    }
    let samples = module.finish(count + 1, interval_ms)?;
    let samples = &samples[..=count];
    for two in samples.windows(2) {
        check(&percents(&two[1])?, between(&two[0], &two[1])?, edge)?;
    }
    // And all together, as what is wrong in one direction adds up. A late sample is followed by a
    // short time, which counts for less.
    let (all, found) = between(&samples[0], &samples[count])?;
    let mut average = [0.0; 5];
    for two in samples.windows(2) {
        let part = between(&two[0], &two[1])?.0.as_secs_f64() / all.as_secs_f64();
        for (sum, percent) in average.iter_mut().zip(percents(&two[1])?) {
            *sum += percent * part;
        }
    }
    check(&average, (all, found), edge).context("all together")?;
    Ok(samples[1..].to_vec())
}

/// How long a time was, and which part of it tasks were held up, in per cent.
type Found = (Duration, [f64; 5]);

/// What the files say of the time between two samples.
fn between(one: &Sample, two: &Sample) -> Result<Found> {
    let elapsed = two.first.arrived.saturating_sub(one.first.arrived);
    let mut percents = [0.0; 5];
    for (percent, (_, file, whose)) in percents.iter_mut().zip(NUMBERS) {
        let total = |sample: &Sample| -> Result<u64> {
            proc::pressure_us(sample.first.snapshot_of(file)?, whose)
        };
        let grown = total(two)?.saturating_sub(total(one)?);
        *percent = grown as f64 * 100.0 / elapsed.as_micros() as f64;
    }
    Ok((elapsed, percents))
}

fn check(logged: &[f64; 5], (elapsed, actual): Found, edge: Duration) -> Result<()> {
    let tolerance = edge.as_secs_f64() * 100.0 / elapsed.as_secs_f64() + ROUNDING;
    for ((shown, actual), (key, ..)) in logged.iter().zip(actual).zip(NUMBERS) {
        ensure!(
            (shown - actual).abs() <= tolerance,
            "{key} was logged as {shown:.1} %, expected {actual:.1} % of {elapsed:?}, give or take \
             {tolerance:.1} %; all that was logged: {logged:.1?} %"
        );
    }
    Ok(())
}

fn rest(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("pressure")?;
    percentages::settle()?;
    let samples = compare(guest, 1000, 2, EDGE, || Ok(()))?;
    for sample in samples {
        let [_, mem_some, mem_full, io_some, io_full] = percents(&sample)?;
        ensure!(
            [mem_some, mem_full, io_some, io_full] == [0.0; 4],
            "expected no pressure of memory and I/O at rest, found {:?}",
            sample.pressure
        );
    }
    cgroup.remove()
}

/// The number at `index` must be in this range, otherwise the load does not show. How long a load
/// takes on a debug kernel is hard to tell.
fn must_show(guest: &Guest, samples: &[Sample], index: usize, range: Range<f64>) -> Result<()> {
    let range = if guest.is_debug() { 0.5..101.0 } else { range };
    for sample in samples {
        let seen = percents(sample)?[index];
        ensure!(
            range.contains(&seen),
            "the load does not show: {} is {seen} %, expected {range:?}",
            NUMBERS[index].0
        );
    }
    Ok(())
}

/// Holds tasks up for half of the time.
fn cpu(guest: &Guest, interval_ms: u64, count: usize) -> Result<()> {
    let cgroup = Cgroup::create("pressure")?;
    percentages::settle()?;
    let samples = compare(guest, interval_ms, count, EDGE, || {
        sleep_ms(interval_ms / 5);
        let hogs = hogs(0..guest.cpus)?;
        sleep_ms(interval_ms / 2);
        drop(hogs);
        Ok(())
    })?;
    must_show(guest, &samples, 0, 35.0..85.0)?;
    cgroup.remove()
}

/// The others have nothing to do, so they do not count.
fn one_cpu(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("pressure")?;
    percentages::settle()?;
    let last = guest.last_cpu();
    let hogs = hogs(last..=last)?;
    sleep_ms(200);
    let samples = compare(guest, 1000, 4, UNEVEN_EDGE, || Ok(()))?;
    must_show(guest, &samples, 0, 60.0..101.0)?;
    drop(hogs);
    cgroup.remove()
}

/// A process that wants more than its cgroup may have is slowed down, and does nothing but wait
/// for memory. Half of the time another one has work to do on its CPU, so that not all wait.
fn memory(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::with("memory", "pressure")?;
    cgroup.set("memory.high", "8M")?;
    percentages::settle()?;
    let process = Player::start(child::myself(), Role::Eat { mib: 64 }, Some(&cgroup))?;
    process.pin(guest.last_cpu())?;
    sleep_ms(1500);
    let samples = compare(guest, 1000, 4, UNEVEN_EDGE, || {
        let hog = Load::start(Kind::User, guest.last_cpu())?;
        sleep_ms(500);
        drop(hog);
        Ok(())
    })?;
    must_show(guest, &samples, 1, 60.0..101.0)?;
    must_show(guest, &samples, 2, 20.0..60.0)?;
    drop(process);
    cgroup.remove()
}

/// A thread that does nothing but read from a disk. It ends when this goes out of scope.
struct Reading {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Reading {
    fn start(mut disk: Raw) -> Result<Reading> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("disk load".into())
            .spawn(move || {
                for block in (0..100).cycle() {
                    if seen.load(Ordering::Relaxed) {
                        break;
                    }
                    disk.read(block)?;
                }
                Ok(())
            })?;
        let thread = Some(thread);
        Ok(Reading { stop, thread })
    }

    fn end(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self
            .thread
            .take()
            .context("expected the thread to run, found none")?;
        thread.join().map_err(|_| anyhow!("the load panicked"))?
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn io(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("pressure")?;
    percentages::settle()?;
    let load = Reading::start(Raw::open("/dev/vdb")?)?;
    sleep_ms(200);
    let samples = compare(guest, 1000, 3, EDGE, || Ok(()))?;
    load.end()?;
    must_show(guest, &samples, 3, 5.0..101.0)?;
    must_show(guest, &samples, 4, 1.0..101.0)?;
    cgroup.remove()
}

/// Pressure that was not logged, as it was switched off, must not be made up for later.
pub fn after_a_pause(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 300;
    let cgroup = Cgroup::create("pressure")?;
    let module = Module::load(&guest.log, &format!("interval_ms={INTERVAL_MS}"))?;
    module.first(2, INTERVAL_MS)?;
    module::write("pressure", "N")?;
    let hogs = hogs(0..guest.cpus)?;
    sleep_ms(2500);
    drop(hogs);
    percentages::settle()?;
    let mark = guest.log.mark("pressure on")?;
    module::write("pressure", "Y")?;
    let samples = module.wait(mark, 4, ms(4 * INTERVAL_MS))?;
    // Over all the time since it was switched off, it would be more than half.
    let shown: Vec<f64> = samples
        .iter()
        .filter(|sample| is_shown(sample))
        .map(|sample| Ok(percents(sample)?[0]))
        .collect::<Result<_>>()?;
    ensure!(
        shown.len() >= 2 && shown.iter().all(|cpu_some| *cpu_some <= 40.0),
        "cpu_some was logged as {shown:?} %, expected two numbers or more and at most 40 %, as no \
         task waits any more"
    );
    module.unload()?;
    cgroup.remove()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared() {
        let actual = [50.0, 0.0, 0.0, 3.0, 0.0];
        let check = |logged| check(&logged, (ms(1000), actual), EDGE);
        check([47.5, 0.0, 2.9, 0.0, 0.0]).unwrap();
        for bad in [
            [46.0, 0.0, 0.0, 3.0, 0.0],
            [54.0, 0.0, 0.0, 3.0, 0.0],
            [50.0, 0.0, 0.0, 3.0, 3.5],
        ] {
            let found = check(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The counters of pressure, which the kernel only ever lets grow.
//!
//! The kernel adds up what each CPU has seen every two seconds, from a work of normal priority, and
//! when a file of `/proc/pressure` is read. In between the module adds what is still to be added.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use resmon::model::record::{Content, SectionHeader, TAKEN};
use resmon::model::source::pressure::Pressure;
use resmon::Device;

use super::{ms, percentages, pressure::hogs, sleep_ms, Case, Clock, Guest, Needs};
use crate::cgroup::Cgroup;
use crate::load::{self, Kind, Load};
use crate::module::{self, Module};
use crate::proc;
use crate::realtime::{self, NoFairServer, Spinner};
use crate::report;

pub const CASES: &[Case] = &[
    Case {
        name: "pressure beside real-time tasks",
        needs: Needs::PressureUnderRealTime,
        clock: Clock::Instructions,
        run: beside_real_time,
    },
    Case {
        name: "pressure does not step back",
        needs: Needs::PressureOfThreeCpus,
        clock: Clock::Instructions,
        run: no_step_back,
    },
];

const CPU_PRESSURE: &str = "/proc/pressure/cpu";

const INTERVAL_MS: u64 = 100;

/// All but what is looked at is off.
fn load_module(guest: &Guest) -> Result<Module<'_>> {
    let parameters = format!(
        "interval_ms={INTERVAL_MS} log_every=0 {}",
        module::only(&["pressure"])
    );
    Module::load(&guest.log, &parameters)
}

/// Adds up now, as each reader of the file makes the kernel do, and gives the time of `some`.
fn add_up() -> Result<Duration> {
    let text = fs::read_to_string(CPU_PRESSURE).context(CPU_PRESSURE)?;
    Ok(Duration::from_micros(proc::pressure_us(&text, "some")?))
}

/// A reading of the module's.
#[derive(Debug, Clone, Copy)]
struct Reading {
    taken_ns: u64,
    pressure: Pressure,
}

/// What the records from `seq` on have, up to the newest one there is.
fn readings(seq: u64) -> Result<Vec<Reading>> {
    let mut device = Device::open()?;
    let end = device.info()?.next_seq;
    ensure!(device.seek(seq)? == seq, "the record {seq} is gone");
    let mut readings = Vec::new();
    let mut records = device.into_records()?;
    for _ in seq..end {
        let record = records.next().context("no record")??;
        let raw = record.raw().context("no record")?;
        for section in raw.sections() {
            let SectionHeader {
                kind,
                state,
                first_mono_ns,
                ..
            } = section.header();
            if kind == Pressure::KIND && state == TAKEN {
                readings.push(Reading {
                    taken_ns: first_mono_ns,
                    pressure: raw.entries().next().context("an empty section")?,
                });
            }
        }
    }
    Ok(readings)
}

fn totals(reading: &Reading) -> [(&'static str, u64); 5] {
    let Pressure {
        cpu_some_ns,
        memory_some_ns,
        memory_full_ns,
        io_some_ns,
        io_full_ns,
    } = reading.pressure;
    [
        ("cpu_some", cpu_some_ns),
        ("mem_some", memory_some_ns),
        ("mem_full", memory_full_ns),
        ("io_some", io_some_ns),
        ("io_full", io_full_ns),
    ]
}

fn check_no_step_back(readings: &[Reading]) -> Result<()> {
    for two in readings.windows(2) {
        for ((name, before), (_, after)) in totals(&two[0]).into_iter().zip(totals(&two[1])) {
            ensure!(
                before <= after,
                "{name} went back by {:?}: from {before} ns to {after} ns",
                Duration::from_nanos(before - after)
            );
        }
    }
    Ok(())
}

/// Tasks waited for a CPU all the time, so the time that they did grows from each reading to one
/// that is clearly later.
fn check_growth(readings: &[Reading]) -> Result<()> {
    let clearly_ns = ms(3 * INTERVAL_MS).as_nanos() as u64;
    for (at, one) in readings.iter().enumerate() {
        let later = readings[at..]
            .iter()
            .find(|later| later.taken_ns >= one.taken_ns + clearly_ns);
        let Some(later) = later else { break };
        ensure!(
            later.pressure.cpu_some_ns > one.pressure.cpu_some_ns,
            "tasks wait all the time, but cpu_some stays at {} ns for {:?}",
            one.pressure.cpu_some_ns,
            Duration::from_nanos(later.taken_ns - one.taken_ns)
        );
    }
    Ok(())
}

/// How long a round's real-time tasks keep the kernel from adding up. It is more than the 2 s after
/// which that is due, and with the 32 bits of nanoseconds that each CPU counts in, which go round
/// after 4.29 s, neither the kernel nor the module can go on for longer.
const SPIN: Duration = ms(2500);
const LONGEST: Duration = ms(4100);

/// What came of a round.
enum Round {
    Done,
    /// It was not as it is meant to be, which no one can help.
    HeldUp(String),
}

/// The CPU that a round leaves alone has the module's thread, and this one.
fn round(guest: &Guest, left_alone: u32) -> Result<Round> {
    realtime::pin_reporter(left_alone)?;
    load::pin(left_alone)?;
    let spinners = (0..guest.cpus)
        .filter(|cpu| *cpu != left_alone)
        .map(Spinner::start)
        .collect::<Result<Vec<_>>>()?;
    let device = Device::open()?;
    let first_seq = device.info()?.next_seq;
    let start = Instant::now();
    let before = add_up()?;
    for spinner in &spinners {
        spinner.go(SPIN)?;
    }
    for spinner in spinners {
        spinner.join()?;
    }
    let after = add_up()?;
    let took = start.elapsed();
    if took > LONGEST {
        return Ok(Round::HeldUp(format!("{took:?} instead of {SPIN:?}")));
    }
    let readings = readings(first_seq)?;
    // Else this proves nothing.
    ensure!(
        after.saturating_sub(before) >= took / 2,
        "tasks wait all the time, but by {CPU_PRESSURE} {:?} of {took:?}",
        after.saturating_sub(before)
    );
    let span = match readings[..] {
        [first, .., last] => Duration::from_nanos(last.taken_ns - first.taken_ns),
        _ => Duration::ZERO,
    };
    // A work that was interrupted while it adds up keeps others from reading.
    if span < SPIN / 2 {
        let count = readings.len();
        return Ok(Round::HeldUp(format!("{count} readings in {span:?}")));
    }
    check_no_step_back(&readings)?;
    check_growth(&readings)?;
    Ok(Round::Done)
}

/// The kernel's work that adds up is on one CPU, and late when a real-time task has that for itself.
/// Which one it is nobody can tell, but it is not both of those that are left alone.
fn beside_real_time(guest: &Guest) -> Result<()> {
    const TRIES: u32 = 10;
    let cgroup = Cgroup::create("pressure")?;
    let hogs = hogs(0..guest.cpus)?;
    let module = load_module(guest)?;
    let _taken = NoFairServer::of(0..guest.cpus)?;
    let main = rustix::thread::sched_getaffinity(None)?;
    let result = (|| -> Result<()> {
        for left_alone in [0, 1] {
            for tried in 1..=TRIES {
                let Round::HeldUp(why) = round(guest, left_alone)
                    .with_context(|| format!("with CPU {left_alone} left alone"))?
                else {
                    break;
                };
                report(&format!(
                    "# the guest was held up: {why}, {tried} of {TRIES} times"
                ));
            }
        }
        Ok(())
    })();
    rustix::thread::sched_setaffinity(None, &main)?;
    result?;
    drop(hogs);
    module.unload()?;
    cgroup.remove()
}

/// Where nobody waits, but a CPU is busy, it takes weight from those where somebody does. The sum
/// that the kernel would make then shrinks, until it has been made.
fn no_step_back(guest: &Guest) -> Result<()> {
    const ROUNDS: u32 = 5;
    let cgroup = Cgroup::create("pressure")?;
    let module = load_module(guest)?;
    percentages::settle()?;
    let device = Device::open()?;
    for _ in 0..ROUNDS {
        let first_seq = device.info()?.next_seq;
        let before = add_up()?;
        let last = guest.last_cpu();
        let waiting = hogs(last..=last)?;
        sleep_ms(1000);
        let busy = (0..last)
            .map(|cpu| Load::start(Kind::User, cpu))
            .collect::<Result<Vec<_>>>()?;
        sleep_ms(700);
        drop(waiting);
        drop(busy);
        ensure!(add_up()? > before, "no task has waited");
        let readings = readings(first_seq)?;
        ensure!(readings.len() >= 2, "{} readings", readings.len());
        check_no_step_back(&readings)?;
    }
    drop(device);
    module.unload()?;
    cgroup.remove()
}

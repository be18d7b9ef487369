// SPDX-License-Identifier: GPL-2.0

//! Samples that are taken in pieces: whole, in time, and with what goes on between two pieces.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use resmon::model::pieces::GAP_NS;
use resmon::model::source::cpu::Cpu;
use resmon::{Device, Record};
use rustix::time::{clock_gettime, ClockId};

use super::{device, hotplug, sleep_ms, Case, Clock, Guest, Needs};
use crate::module::{self, Module};

pub const CASES: &[Case] = &[
    Case {
        name: "samples in pieces are whole and in time",
        needs: Needs::Pieces,
        clock: Clock::Any,
        run: whole,
    },
    Case {
        name: "hotplug amid samples in pieces",
        needs: Needs::Pieces,
        clock: Clock::Any,
        run: hotplug_amid,
    },
    Case {
        name: "1000 restarts and requests amid samples in pieces",
        needs: Needs::Pieces,
        clock: Clock::Any,
        run: restarts,
    },
    Case {
        name: "unload amid samples in pieces",
        needs: Needs::Pieces,
        clock: Clock::Any,
        run: unload,
    },
];

/// CPUs of a piece at a long interval, in the module of this guest.
pub fn piece_cpus(guest: &Guest) -> usize {
    // The kernels with checks have a module with pieces of one CPU.
    if guest.is_debug() {
        1
    } else {
        resmon::model::pieces::PIECE_CPUS
    }
}

const INTERVAL_MS: u64 = 10;
const INTERVAL_NS: u64 = INTERVAL_MS * 1_000_000;

const FAST: &str = "interval_ms=10 log_every=0";

/// All records that are kept from `seq` on.
fn records(seq: u64) -> Result<Vec<Record>> {
    let mut device = Device::open()?;
    device.seek(seq)?;
    device.set_nonblocking(true)?;
    let mut reader = device.into_records()?;
    let mut records = Vec::new();
    while let Some(record) = reader.try_next()? {
        records.push(record);
    }
    Ok(records)
}

/// Fails unless `records` follow one after the other, and each is whole: its CPUs ascend, and were
/// read in as many pieces as they need. Returns the numbers of the CPUs of each.
fn check(guest: &Guest, records: &[Record]) -> Result<Vec<Vec<u32>>> {
    let mut all = Vec::new();
    for pair in records.windows(2) {
        let (then, now) = (pair[0].header(), pair[1].header());
        ensure!(
            now.seq == then.seq + 1 && now.lost_records == 0,
            "record {} follows record {}, with {} lost, expected the next number",
            now.seq,
            then.seq,
            now.lost_records
        );
        ensure!(
            now.taken_mono_ns > then.taken_mono_ns,
            "record {} was taken at {} ns, expected that to be after {} ns",
            now.seq,
            now.taken_mono_ns,
            then.taken_mono_ns
        );
    }
    for record in records {
        let header = record.header();
        let raw = device::raw(record)?;
        let cpus: Vec<u32> = raw.entries::<Cpu>().map(|cpu| cpu.id).collect();
        ensure!(
            cpus.windows(2).all(|pair| pair[0] < pair[1]) && !cpus.is_empty(),
            "record {} has the CPUs {cpus:?}, expected ascending numbers",
            header.seq
        );
        let section = device::section::<Cpu>(record)?;
        let gaps = cpus.len().div_ceil(piece_cpus(guest)) as u64 - 1;
        let took_ns = section.last_mono_ns - section.first_mono_ns;
        ensure!(
            section.first_mono_ns == header.taken_mono_ns && took_ns >= gaps * GAP_NS,
            "the {} CPUs of record {} were read in {took_ns} ns, expected {gaps} gaps of {GAP_NS} ns",
            cpus.len(),
            header.seq
        );
        all.push(cpus);
    }
    Ok(all)
}

fn whole(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, FAST)?;
    sleep_ms(1500);
    let records = records(0)?;
    let read = check(guest, &records)?;
    ensure!(
        records.len() >= 20,
        "{} records after 1.5 s, expected 20 or more, as fewer prove little",
        records.len()
    );
    let expected: Vec<u32> = (0..guest.cpus).collect();
    ensure!(
        read.iter().all(|cpus| *cpus == expected),
        "the records have the CPUs {read:?}, expected {expected:?} in each"
    );
    // Due times are whole intervals after the first.
    let first = records[0].header().due_mono_ns;
    for record in &records {
        let header = record.header();
        ensure!(
            (header.due_mono_ns - first) % INTERVAL_NS == 0
                && header.taken_mono_ns >= header.due_mono_ns,
            "record {} was due at {} ns and taken at {} ns, the first was due at {first} ns, expected \
             whole intervals",
            header.seq,
            header.due_mono_ns,
            header.taken_mono_ns
        );
    }
    // What was missed because a sample was late is counted in its record.
    for pair in records.windows(2) {
        let (then, now) = (pair[0].header(), pair[1].header());
        let due = (now.due_mono_ns - first) / INTERVAL_NS;
        ensure!(
            due == now.seq + then.missed_ticks,
            "record {} is due {due} intervals after the first, expected {}, and {} that were missed",
            now.seq,
            now.seq,
            then.missed_ticks
        );
    }
    module.unload().map(drop)
}

/// `CLOCK_MONOTONIC`, in nanoseconds.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn hotplug_amid(guest: &Guest) -> Result<()> {
    let rounds = if guest.is_debug() { 10 } else { 20 };
    let module = Module::load(&guest.log, FAST)?;
    let last = guest.cpus - 1;
    let mut from = 0;
    for round in 0..rounds {
        for online in ["0", "1"] {
            // Each time at another moment of a sample.
            thread::sleep(Duration::from_micros(137 * round));
            let path = hotplug::online_path(last);
            fs::write(&path, online).with_context(|| format!("{path}: {online}"))?;
            let settled_ns = now_ns();
            sleep_ms(60);
            let records = records(from)?;
            let read = check(guest, &records)?;
            let others: Vec<u32> = (0..last).collect();
            for (record, cpus) in records.iter().zip(&read) {
                let without_last = cpus.iter().copied().filter(|cpu| *cpu != last);
                ensure!(
                    without_last.eq(others.iter().copied()),
                    "record {} has the CPUs {cpus:?}, expected all up to {last}",
                    record.header().seq
                );
                ensure!(
                    record.header().taken_mono_ns < settled_ns
                        || cpus.contains(&last) == (online == "1"),
                    "record {} has the CPUs {cpus:?} with CPU {last} online={online}",
                    record.header().seq
                );
            }
            let newest = records.last().context("expected records, found none")?;
            from = newest.header().seq;
        }
    }
    module.unload().map(drop)
}

fn restarts(guest: &Guest) -> Result<()> {
    const ROUNDS: u64 = 1000;
    let module = Module::load(&guest.log, FAST)?;
    let device = Device::open_writable()?;
    let mut asked = BTreeSet::new();
    let mut from = 0;
    for round in 0..ROUNDS {
        // Spins, as a sleep would end at a tick of the timer.
        let end = Instant::now() + Duration::from_micros(37 * (round % 41));
        while Instant::now() < end {
            std::hint::black_box(());
        }
        match round % 3 {
            0 => drop(asked.insert(device.sample_now()?)),
            1 => module::write("interval_ms", "11")?,
            _ => module::write("interval_ms", "10")?,
        }
        if round % 100 == 99 {
            sleep_ms(100);
            let records = records(from)?;
            check(guest, &records)?;
            let last = records.last().context("expected records, found none")?;
            from = last.header().seq;
        }
    }
    // Each number that was asked for was taken, once.
    let next = device.info()?.next_seq;
    ensure!(
        asked.iter().all(|seq| *seq < next),
        "the samples {asked:?} were asked for, but the next one is {next}"
    );
    drop(device);
    let (_, unloaded, _) = module.unload()?;
    ensure!(
        unloaded.samples >= next,
        "{} samples were taken, expected {next} or more",
        unloaded.samples
    );
    Ok(())
}

fn unload(guest: &Guest) -> Result<()> {
    let rounds = if guest.is_debug() { 10 } else { 20 };
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // Something to interrupt.
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Not a hint to the CPU, at which an emulated one gives up its turn.
                std::hint::black_box(());
            }
        });
        let unloaded = (0..rounds).try_for_each(|round| {
            let module = Module::load(&guest.log, FAST)?;
            device::wait_for(1)?;
            thread::sleep(Duration::from_micros(211 * round));
            module.unload().map(drop)
        });
        stop.store(true, Ordering::Relaxed);
        unloaded
    })
}

// SPDX-License-Identifier: GPL-2.0

//! Memory amounts against `/proc/meminfo`, read right before and after a sample is logged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, ensure, Context, Result};
use resmon::model::source::memory::{self as counted, Buffers};
use resmon::Device;

use super::{ms, sleep_ms, Case, Clock, Guest, Needs};
use crate::lines::Sample;
use crate::module::Module;
use crate::proc;
use crate::readings::{Reader, Reading};

pub const CASES: &[Case] = &[
    Case {
        name: "buffers of lines and records",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: buffers,
    },
    Case {
        name: "memory against /proc/meminfo when idle",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: idle,
    },
    Case {
        name: "memory against /proc/meminfo while it changes",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: changing,
    },
];

/// What `/proc/meminfo` has under this name.
pub fn meminfo_kb(name: &str) -> Result<u64> {
    let meminfo = proc::meminfo(&fs::read_to_string("/proc/meminfo")?)?;
    meminfo.get(name).copied().with_context(|| name.to_string())
}

/// Whether the machine has so much, all told.
pub fn has_mib(mib: u64) -> bool {
    meminfo_kb("MemTotal").is_ok_and(|total_kb| total_kb >= mib * 1024)
}

/// The keys of the log and their names in `/proc/meminfo`. `used` is checked within its line.
const NAMES: [(&str, &str); 12] = [
    ("total", "MemTotal"),
    ("free", "MemFree"),
    ("available", "MemAvailable"),
    ("buffers", "Buffers"),
    ("cached", "Cached"),
    ("shmem", "Shmem"),
    ("slab", "Slab"),
    ("dirty", "Dirty"),
    ("writeback", "Writeback"),
    ("anon", "AnonPages"),
    ("mapped", "Mapped"),
    ("pagetables", "PageTables"),
];

/// How far a value may lie outside of the bracket in any case: what the guest's own bookkeeping
/// moves between two readings, which is more than 2 % only of the smallest amounts.
const SLACK_KB: u64 = 64;

const INTERVAL_MS: u64 = 200;

/// The bracket of a sample covers as many readings as may lie between the moment a sample is taken
/// and the moment its line has arrived.
const BRACKET: Duration = ms(100);

type Amounts = BTreeMap<String, u64>;

fn idle(guest: &Guest) -> Result<()> {
    compare(guest, 5).map(drop)
}

fn changing(guest: &Guest) -> Result<()> {
    let stop = AtomicBool::new(false);
    let samples = thread::scope(|scope| {
        let change = scope.spawn(|| change(&stop));
        let samples = compare(guest, 20);
        stop.store(true, Ordering::Relaxed);
        let changed = change
            .join()
            .map_err(|_| anyhow::anyhow!("the load panicked"))?;
        samples.and_then(|samples| changed.map(|()| samples))
    })?;
    for key in ["free", "available", "shmem", "anon", "cached"] {
        let values = samples.iter().map(|sample| sample.memory.kilobytes(key));
        let range = values.clone().max().unwrap_or(0) - values.min().unwrap_or(0);
        ensure!(
            range >= 8 * 1024,
            "{key} changed by {range} kB, expected 8192 kB or more, as less proves little"
        );
    }
    Ok(())
}

/// Lets anonymous memory, a file in tmpfs and page tables grow and shrink.
fn change(stop: &AtomicBool) -> Result<()> {
    const STEP: usize = 1 << 20;
    const STEPS: usize = 40;
    const FILE: &str = "/tmp/growing";
    while !stop.load(Ordering::Relaxed) {
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(FILE)?;
        let mut blocks = Vec::new();
        for _ in 0..STEPS {
            blocks.push(vec![1_u8; STEP]);
            file.write_all(&blocks[0])?;
            sleep_ms(20);
        }
        for kept in (0..STEPS).rev() {
            blocks.truncate(kept);
            file.set_len((kept * STEP) as u64)?;
            sleep_ms(10);
        }
    }
    fs::remove_file(FILE).context(FILE)
}

/// Reads a disk through its page cache again and again, and drops that each time.
fn fill_buffers(stop: &AtomicBool) -> Result<()> {
    const DROP_CACHES: &str = "/proc/sys/vm/drop_caches";
    let mut bytes = vec![0; 64 << 10];
    while !stop.load(Ordering::Relaxed) {
        let mut disk = File::open("/dev/vdb").context("/dev/vdb")?;
        while !stop.load(Ordering::Relaxed) && disk.read(&mut bytes)? != 0 {}
        fs::write(DROP_CACHES, "1").context(DROP_CACHES)?;
    }
    Ok(())
}

/// Buffers cannot be read in the timer callback. They are read once for the lines and the record of a
/// sample, so both have the same, however fast they change.
fn buffers(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 200;
    const SAMPLES: usize = 20;
    let stop = AtomicBool::new(false);
    let (samples, records) = thread::scope(|scope| -> Result<_> {
        let load = scope.spawn(|| fill_buffers(&stop));
        let taken = (|| -> Result<_> {
            let module = Module::load(&guest.log, &format!("interval_ms={INTERVAL_MS}"))?;
            let samples = module.first(SAMPLES, INTERVAL_MS)?;
            let mut device = Device::open()?;
            let end = device.info()?.next_seq;
            device.seek(0)?;
            let mut reader = device.into_records()?;
            let records = (0..end)
                .map(|_| Ok(reader.next().context("no record")??))
                .collect::<Result<Vec<_>>>()?;
            drop(reader);
            module.unload()?;
            Ok((samples, records))
        })();
        stop.store(true, Ordering::Relaxed);
        load.join().map_err(|_| anyhow!("the load panicked"))??;
        taken
    })?;
    // What the callback has read says which sample it is, unless two have the same.
    type Key = [u64; 4];
    let mut logged: BTreeMap<Key, Vec<u64>> = BTreeMap::new();
    for sample in &samples {
        let key = ["free", "available", "anon", "mapped"].map(|key| sample.memory.kilobytes(key));
        let buffers = sample.memory.kilobytes("buffers");
        logged.entry(key).or_default().push(buffers);
    }
    let mut recorded: BTreeMap<Key, Vec<Option<u64>>> = BTreeMap::new();
    for record in &records {
        let raw = record.raw().context("no record")?;
        let memory = raw
            .entries::<counted::Memory>()
            .next()
            .context("no memory")?;
        let kib = |pages: u64| pages * memory.page_bytes / 1024;
        let key = [memory.free, memory.available, memory.anon, memory.mapped].map(kib);
        // One that was late has no buffers, as they were not read at its time.
        let buffers: Option<Buffers> = raw.entries().next();
        let buffers = buffers.map(|buffers| kib(buffers.buffers));
        recorded.entry(key).or_default().push(buffers);
    }
    let mut values = BTreeSet::new();
    for (key, logged) in &logged {
        if let ([logged], Some([Some(recorded)])) = (
            logged.as_slice(),
            recorded.get(key).map(|recorded| recorded.as_slice()),
        ) {
            ensure!(
                logged == recorded,
                "a record has {recorded} kB of buffers, but its lines have {logged} kB"
            );
            values.insert(*logged);
        }
    }
    ensure!(values.len() >= 3, "the buffers were {values:?} kB");
    Ok(())
}

fn compare(guest: &Guest, count: usize) -> Result<Vec<Sample>> {
    let reader = Reader::start(&["/proc/meminfo"], ms(10))?;
    let _snapshots = guest.log.take_snapshots(&["/proc/meminfo"])?;
    let module = Module::load(
        &guest.log,
        &format!("interval_ms={INTERVAL_MS} per_cpu_max=0"),
    )?;
    let samples = module.first(count, INTERVAL_MS)?;
    module.unload()?;
    let readings = reader.stop()?;
    for sample in &samples {
        compare_sample(sample, &readings)?;
    }
    Ok(samples)
}

fn compare_sample(sample: &Sample, readings: &[Reading]) -> Result<()> {
    let arrived = sample.first.arrived;
    let start = arrived.saturating_sub(BRACKET);
    let mut bracket = vec![proc::meminfo(sample.first.snapshot_of("/proc/meminfo")?)?];
    // The last reading before the bracket belongs to it, in case there was none in it.
    let first = readings
        .iter()
        .rposition(|reading| reading.begun <= start)
        .with_context(|| format!("expected a reading before {start:?}, found none"))?;
    for reading in &readings[first..] {
        if reading.begun <= arrived {
            bracket.push(proc::meminfo(&reading.texts[0])?);
        }
    }
    for (key, name) in NAMES {
        check(key, sample.memory.kilobytes(key), name, &bracket)?;
    }
    Ok(())
}

fn check(key: &str, logged: u64, name: &str, bracket: &[Amounts]) -> Result<()> {
    let values = bracket.iter().map(|amounts| {
        let found = amounts.get(name).copied();
        found.with_context(|| format!("expected {name} in /proc/meminfo, found {amounts:?}"))
    });
    let values = values.collect::<Result<Vec<u64>>>()?;
    let min = values
        .iter()
        .copied()
        .min()
        .context("expected readings, found none")?;
    let max = values
        .iter()
        .copied()
        .max()
        .context("expected readings, found none")?;
    let low = min - SLACK_KB.max(min / 50).min(min);
    let high = max + SLACK_KB.max(max / 50);
    ensure!(
        (low..=high).contains(&logged),
        "{key} is {logged} kB, expected {low} kB to {high} kB, since /proc/meminfo had {min} kB to \
         {max} kB"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_against_the_bracket() {
        let bracket: Vec<Amounts> = [10_000, 20_000]
            .map(|amount| Amounts::from([("MemFree".to_string(), amount)]))
            .into();
        for good in [9_800, 10_000, 15_000, 20_400] {
            let found = check("free", good, "MemFree", &bracket);
            assert!(found.is_ok(), "{good:?} gives {found:?}, expected success");
        }
        for bad in [0, 9_799, 20_401] {
            let found = check("free", bad, "MemFree", &bracket);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
        check("free", 1, "Missing", &bracket).unwrap_err();
        let none = [Amounts::from([("Dirty".to_string(), 0)])];
        check("dirty", 0, "Dirty", &none).unwrap();
        check("dirty", 65, "Dirty", &none).unwrap_err();
    }
}

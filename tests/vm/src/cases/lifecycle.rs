// SPDX-License-Identifier: GPL-2.0

//! Loading and unloading.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use resmon::{Device, Record, Sample};
use rustix::io::Errno;

use super::device::take;
use super::{ms, sleep_ms, Case, Clock, Guest, Needs};
use crate::lines::Line;
use crate::module::{self, Module};
use crate::proc;

pub const CASES: &[Case] = &[
    Case {
        name: "second insmod",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: second,
    },
    Case {
        name: "identities of boot and load",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: identities,
    },
    Case {
        name: "load and unload cycles",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: cycles,
    },
    Case {
        name: "unload while parameters are used",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: unload_under_use,
    },
];

fn second(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=100")?;
    let mark = guest.log.mark("second insmod")?;
    let result = module::insmod("interval_ms=200");
    ensure!(
        result == Err(Errno::EXIST),
        "a second insmod returned {result:?}, expected EEXIST"
    );
    let interval_ms = module::read("interval_ms")?;
    ensure!(
        interval_ms == 100,
        "interval_ms is {interval_ms} after a second insmod, expected 100 as before"
    );
    let samples = module.wait(mark, 3, ms(300))?;
    let again = module.lines(mark)?;
    ensure!(
        !again
            .iter()
            .any(|(_, line)| matches!(line, Line::Loaded(_) | Line::Unloaded(_))),
        "a second insmod was logged, expected no loaded and no unloaded line, found {again:?}"
    );
    ensure!(
        samples.len() >= 3,
        "{} samples were logged after a second insmod, expected 3 or more",
        samples.len()
    );
    module.unload().map(drop)
}

/// The boot is the same for each load, and the load another one. What belongs together by them is
/// what is compared.
fn identities(guest: &Guest) -> Result<()> {
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..3 {
        let module = Module::load(&guest.log, "interval_ms=60000")?;
        let device = Device::open_writable()?;
        for _ in 0..2 {
            records.push(take(&device)?);
        }
        drop(device);
        module.unload()?;
    }
    let known = |record: &Record| {
        let header = record.header();
        header
            .boot_id
            .zip(header.load_id)
            .with_context(|| format!("expected identities, found {header:?}"))
    };
    let ids = records.iter().map(known).collect::<Result<Vec<_>>>()?;
    let boots: BTreeSet<u64> = ids.iter().map(|(boot, _)| *boot).collect();
    let loads: BTreeSet<u64> = ids.iter().map(|(_, load)| *load).collect();
    ensure!(
        boots.len() == 1 && loads.len() == 3,
        "expected one boot and three loads, found {ids:x?}"
    );
    ensure!(
        !boots.contains(&0) && !loads.contains(&0),
        "expected no identity of 0, found {ids:x?}"
    );
    for pair in records.windows(2) {
        let is_one_load = known(&pair[0])? == known(&pair[1])?;
        let sample = Sample::between(&pair[0], &pair[1]);
        ensure!(
            sample.is_some() == is_one_load,
            "expected {} of records of {}, found {sample:?}",
            if is_one_load { "a sample" } else { "none" },
            if is_one_load { "one load" } else { "two loads" }
        );
    }
    // The script that boots compares this one with others.
    let boot = boots.first().context("expected a boot, found none")?;
    crate::report(&format!("boot {boot:016x}"));
    Ok(())
}

/// Numbers that repeat from run to run (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Kernel memory that a module could leak into, in kB.
pub const LEAKS: [&str; 5] = ["Slab", "SUnreclaim", "VmallocUsed", "Percpu", "KernelStack"];

/// What may be in use more after 180 cycles than before, for each CPU: the slab allocator and the
/// module loader keep some freed memory per CPU. With one CPU there is hardly any growth, so a
/// leak of 600 bytes per cycle shows there.
pub const GROWTH_KB_PER_CPU: u64 = 100;

/// KASAN keeps freed memory for a while, so only a large leak shows by its size on a debug kernel.
/// That one has kmemleak to find the others.
pub const DEBUG_GROWTH_KB_PER_CPU: u64 = 2048;

pub fn kernel_memory() -> Result<Vec<u64>> {
    // What can be had back must not count, nor what is freed with a delay. A kernel without
    // sysctl does not have this.
    match fs::write("/proc/sys/vm/drop_caches", "3") {
        Err(error) if error.kind() == ErrorKind::NotFound => (),
        result => result.context("drop_caches")?,
    }
    sleep_ms(300);
    let amounts = proc::meminfo(&fs::read_to_string("/proc/meminfo")?)?;
    LEAKS
        .iter()
        .map(|name| {
            amounts
                .get(*name)
                .copied()
                .with_context(|| format!("expected {name} in /proc/meminfo, found {amounts:?}"))
        })
        .collect()
}

fn cycles(guest: &Guest) -> Result<()> {
    const WARM_UP: u32 = 20;
    // With all the checks a cycle takes seconds, and leaks are looked for otherwise as well.
    let cycles = if guest.is_debug() { 60 } else { 200 };
    let mut random = Random(0x5eed);
    let mut before = Vec::new();
    let (mut loading, mut unloading) = (Duration::ZERO, Duration::ZERO);
    let start = guest.log.mark("cycles")?;
    for cycle in 0..cycles {
        if cycle == WARM_UP {
            before = kernel_memory()?;
        }
        let begin = Instant::now();
        module::insmod("interval_ms=10").with_context(|| format!("insmod {cycle}"))?;
        loading += begin.elapsed();
        sleep_ms(random.below(31));
        let begin = Instant::now();
        module::rmmod_patiently().with_context(|| format!("rmmod {cycle}"))?;
        unloading += begin.elapsed();
    }
    let (loading, unloading) = (loading / cycles, unloading / cycles);
    crate::report(&format!(
        "# insmod took {loading:.1?}, rmmod {unloading:.1?}"
    ));
    let per_cpu = if guest.is_debug() {
        DEBUG_GROWTH_KB_PER_CPU
    } else {
        GROWTH_KB_PER_CPU
    };
    for ((name, before), after) in LEAKS.iter().zip(before).zip(kernel_memory()?) {
        crate::report(&format!("# {name}: {before} kB, then {after} kB"));
        let most = before + per_cpu * u64::from(guest.cpus);
        ensure!(
            after <= most,
            "{name} grew from {before} to {after} kB, expected at most {most} kB"
        );
    }
    guest.log.mark("end of the cycles")?;
    let mut loaded = 0;
    let mut unloaded = 0;
    for record in guest.log.since(start)? {
        match crate::lines::parse_record(&record)? {
            Some(Line::Loaded(_)) => loaded += 1,
            Some(Line::Unloaded(_)) => unloaded += 1,
            _ => (),
        }
    }
    ensure!(
        (loaded, unloaded) == (cycles, cycles),
        "there are {loaded} loaded and {unloaded} unloaded lines, expected {cycles} of each"
    );
    Ok(())
}

fn unload_under_use(guest: &Guest) -> Result<()> {
    let rounds: u32 = if guest.is_debug() { 20 } else { 50 };
    let mut random = Random(0xdecade);
    let (reads, writes) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| keep_writing(&stop, &writes));
        scope.spawn(|| keep_reading(&stop, &reads));
        let result = (|| -> Result<()> {
            for round in 0..rounds {
                let mark = guest.log.mark("load under use")?;
                module::insmod("interval_ms=10 per_cpu_max=0")
                    .with_context(|| format!("insmod {round}"))?;
                wait_for_use([&reads, &writes])?;
                sleep_ms(random.below(26));
                module::rmmod_patiently().with_context(|| format!("rmmod {round}"))?;
                ensure!(
                    !module::is_loaded(),
                    "the module is still there after round {round}, expected it to be gone"
                );
                crate::lines::samples(&guest.log.since(mark)?, true)?;
            }
            Ok(())
        })();
        stop.store(true, Ordering::Relaxed);
        result
    })?;
    let (reads, writes) = (reads.into_inner(), writes.into_inner());
    // Otherwise nothing was going on while the module went away.
    ensure!(
        reads >= u64::from(rounds) && writes >= u64::from(rounds),
        "{reads} reads and {writes} writes succeeded, expected {rounds} or more of each"
    );
    Ok(())
}

/// Waits until each of the counters has grown.
fn wait_for_use(counters: [&AtomicU64; 2]) -> Result<()> {
    let deadline = Instant::now() + module::PATIENCE;
    for (what, counter) in ["reads", "writes"].into_iter().zip(counters) {
        let before = counter.load(Ordering::Relaxed);
        while counter.load(Ordering::Relaxed) == before {
            ensure!(
                Instant::now() < deadline,
                "{before} {what} of parameters have succeeded, expected more within {:?}",
                module::PATIENCE
            );
            sleep_ms(1);
        }
    }
    Ok(())
}

/// Uses files that stay open while the module goes away below them.
fn keep_writing(stop: &AtomicBool, done: &AtomicU64) {
    const OTHERS: [(&str, [&str; 2]); 10] = [
        ("load", ["N", "Y"]),
        ("running", ["N", "Y"]),
        ("activity", ["0", "1"]),
        ("pressure", ["off", "on"]),
        ("disk", ["N", "Y"]),
        ("net", ["N", "Y"]),
        ("tcp", ["N", "Y"]),
        ("fs", ["N", "Y"]),
        ("fs_paths", ["/tmp,/proc,/nowhere", "/"]),
        ("log_every", ["2", "1"]),
    ];
    let _ = rustix::process::setpriority_process(None, 0);
    let open = |name: &str| {
        OpenOptions::new()
            .write(true)
            .open(module::parameter_path(name))
    };
    while !stop.load(Ordering::Relaxed) {
        let files: Result<Vec<_>, _> = OTHERS.iter().map(|(name, _)| open(name)).collect();
        let (Ok(interval), Ok(files)) = (open("interval_ms"), files) else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let mut round = 0;
        loop {
            let mut ok = write_at_start(&interval, &format!("{}\n", 10 + round % 10));
            for (file, (_, values)) in files.iter().zip(OTHERS) {
                ok &= write_at_start(file, values[round % 2]);
            }
            if !ok || stop.load(Ordering::Relaxed) {
                break;
            }
            done.fetch_add(1, Ordering::Relaxed);
            round += 1;
        }
    }
}

fn write_at_start(file: &File, value: &str) -> bool {
    file.write_at(value.as_bytes(), 0).is_ok()
}

fn keep_reading(stop: &AtomicBool, done: &AtomicU64) {
    let _ = rustix::process::setpriority_process(None, 0);
    while !stop.load(Ordering::Relaxed) {
        for parameter in module::parameter_names() {
            if module::read_text(parameter).is_ok() {
                done.fetch_add(1, Ordering::Relaxed);
            } else {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

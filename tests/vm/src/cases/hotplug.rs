// SPDX-License-Identifier: GPL-2.0

//! CPUs that go offline and come online while the module samples.

use std::fs;

use anyhow::{ensure, Context, Result};

use super::{ms, sleep_ms, Case, Clock, Guest, Needs};
use crate::module::{self, Module};

pub const CASES: &[Case] = &[
    Case {
        name: "CPU offline and online",
        needs: Needs::TwoCpus,
        clock: Clock::Instructions,
        run: off_and_on,
    },
    Case {
        name: "CPU offline and online between two samples",
        needs: Needs::TwoCpus,
        clock: Clock::Instructions,
        run: between,
    },
    Case {
        name: "CPU offline at load",
        needs: Needs::TwoCpus,
        clock: Clock::Any,
        run: offline_at_load,
    },
    Case {
        name: "CPU offline and online 20 times at 10 ms",
        needs: Needs::TwoCpus,
        clock: Clock::Any,
        run: fast,
    },
];

const CPU: u32 = 1;

pub fn online_path(cpu: u32) -> String {
    format!("/sys/devices/system/cpu/cpu{cpu}/online")
}

fn set_online(online: bool) -> Result<()> {
    fs::write(online_path(CPU), if online { "1" } else { "0" })
        .with_context(|| format!("cannot set CPU {CPU} online={online}"))
}

fn expected(guest: &Guest, online: bool) -> Vec<u32> {
    (0..guest.cpus)
        .filter(|&cpu| online || cpu != CPU)
        .collect()
}

fn off_and_on(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=200")?;
    module.first(2, 200)?;
    for online in [false, true, false, true] {
        set_online(online)?;
        let mark = guest.log.mark(if online { "online" } else { "offline" })?;
        let samples = module.wait(mark, if online { 6 } else { 3 }, ms(1200))?;
        // A sample may have been taken before the change and logged after it, and a CPU that
        // came back must first get a baseline.
        let unsettled = if online { 2 } else { 1 };
        for (n, sample) in samples.iter().enumerate() {
            let cpus: Vec<u32> = sample.cpus.keys().copied().collect();
            if n >= unsettled {
                ensure!(
                    cpus == expected(guest, online),
                    "online={online}: there are lines of the CPUs {cpus:?}, expected {:?}",
                    expected(guest, online)
                );
            }
            if let (true, Some(shares)) = (online, sample.cpus.get(&CPU)) {
                ensure!(
                    shares.percent("idle") >= 90.0,
                    "line {n} has {:.1} % idle, expected 90 % or more, as CPU {CPU} idles since it \
                     came back: {shares:?}",
                    shares.percent("idle")
                );
            }
        }
    }
    module.unload().map(drop)
}

/// A CPU that was away must not be compared with what it was before.
fn between(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=1000")?;
    module.wait_begun(module.start, 1, ms(1000))?;
    set_online(false)?;
    set_online(true)?;
    let mark = guest.log.mark("back online")?;
    let samples = module.wait(module.start, 3, ms(3000))?;
    ensure!(
        samples[0].first.at < mark.at && mark.at < samples[1].first.at,
        "the CPU was back at {:?}, expected a time between the samples at {:?} and {:?}, as the \
         case proves nothing otherwise",
        mark.at,
        samples[0].first.at,
        samples[1].first.at
    );
    for (sample, online) in samples[1..].iter().zip([false, true]) {
        let cpus: Vec<u32> = sample.cpus.keys().copied().collect();
        ensure!(
            cpus == expected(guest, online),
            "there are lines of the CPUs {cpus:?}, expected {:?}",
            expected(guest, online)
        );
    }
    module.unload().map(drop)
}

fn offline_at_load(guest: &Guest) -> Result<()> {
    set_online(false)?;
    let module = Module::load(&guest.log, "interval_ms=100")?;
    let (loaded, _) = module.loaded_line()?;
    ensure!(
        loaded.cpus == guest.cpus - 1,
        "found {loaded:?}, expected cpus={} with one CPU offline",
        guest.cpus - 1
    );
    for sample in module.first(2, 100)? {
        let cpus: Vec<u32> = sample.cpus.keys().copied().collect();
        ensure!(
            cpus == expected(guest, false),
            "there are lines of the CPUs {cpus:?}, expected {:?}",
            expected(guest, false)
        );
    }
    set_online(true)?;
    let mark = guest.log.mark("online")?;
    let samples = module.wait(mark, 5, ms(500))?;
    for sample in &samples[2..] {
        let cpus: Vec<u32> = sample.cpus.keys().copied().collect();
        ensure!(
            cpus == expected(guest, true),
            "there are lines of the CPUs {cpus:?}, expected {:?}",
            expected(guest, true)
        );
    }
    module.unload().map(drop)
}

fn fast(guest: &Guest) -> Result<()> {
    let module = Module::load(&guest.log, "interval_ms=10")?;
    for _ in 0..20 {
        set_online(false)?;
        sleep_ms(15);
        set_online(true)?;
        sleep_ms(15);
    }
    // All lines were parsed strictly, which rules out absurd values.
    let mark = guest.log.mark("end of the rounds")?;
    module.wait(mark, 5, ms(50))?;
    let (samples, unloaded, _) = module.unload()?;
    let without = samples
        .iter()
        .filter(|sample| !sample.cpus.contains_key(&CPU))
        .count();
    ensure!(
        !guest.judges_time() || (without >= 10 && without < samples.len()),
        "{without} of {} samples lack CPU {CPU}, expected 10 or more and not all: {unloaded:?}",
        samples.len()
    );
    ensure!(
        !module::is_loaded(),
        "the module is still there after rmmod, expected it to be gone"
    );
    Ok(())
}

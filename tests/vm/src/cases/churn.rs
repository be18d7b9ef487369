// SPDX-License-Identifier: GPL-2.0

//! Devices and mounts that come and go under the same names while they are sampled.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

use super::fs::Mounted;
use super::net::{self, Veth};
use super::{lifecycle, ms, Case, Guest, Needs, LATE};
use crate::blockdev::{self, Backing, Disk, Loop, NullDisk};
use crate::drivers;
use crate::kmsg::monotonic;
use crate::lines::{FsState, Sample};
use crate::module::Module;

pub const CASES: &[Case] = &[Case {
    name: "devices and mounts that come and go",
    needs: Needs::Drivers,
    run: churn,
}];

const INTERVAL_MS: u64 = 10;

const LOOP: &str = "loop6";
const NULL: &str = "nullchurn";
const LEFT: &str = "tchurn";
const RIGHT: &str = "tnruhc";
const MOUNT: &str = "/tmp/mnt/churn";

/// How much of a thing went through a device, in kB.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    in_kb: f64,
    out_kb: f64,
}

/// One life of each device.
#[derive(Debug, Clone)]
struct Round {
    start: Duration,
    end: Duration,
    /// In the order of [`DEVICES`].
    moved: [Moved; 4],
    /// What took longest to go, and how long that took.
    slowest: (&'static str, Duration),
}

const DEVICES: [&str; 4] = [LOOP, NULL, LEFT, RIGHT];

fn churn(guest: &Guest) -> Result<()> {
    const WARM_UP: u64 = 20;
    const ALONE: u64 = 5;
    let rounds = if guest.is_debug() { 40 } else { 200 };
    net::silence()?;
    let backing = Backing::create("churn.loop", 1 << 20)?;
    // What things take to go when nobody looks at them.
    let alone = (0..ALONE)
        .map(|number| round(number, &backing))
        .collect::<Result<Vec<_>>>()?;
    let alone = alone.iter().map(|round| round.slowest.1).max();
    let patience = alone.unwrap_or_default() + ms(INTERVAL_MS) + LATE;

    let module = Module::load(
        &guest.log,
        &format!(
            "interval_ms={INTERVAL_MS} per_cpu_max=0 load=0 activity=0 pressure=0 fs_paths={MOUNT}"
        ),
    )?;
    let mut done = Vec::new();
    let mut memory = Vec::new();
    for number in 0..rounds {
        if number == WARM_UP {
            memory = lifecycle::kernel_memory()?;
        }
        let round = round(number, &backing).with_context(|| format!("round {number}"))?;
        let (what, took) = round.slowest;
        ensure!(
            took <= patience,
            "in round {number} {what} took {took:?}, when nobody looks {alone:?}"
        );
        done.push(round);
    }
    check_memory(guest, &memory)?;
    drop(backing);
    // A reference that is left over would keep a driver from going.
    for driver in ["loop", "null_blk", "veth"] {
        if let Some(uses) = drivers::uses(driver)? {
            ensure!(uses == 0, "{driver} is used {uses} times");
            drivers::reload(driver)?;
        }
    }
    let (samples, _, _) = module.unload()?;
    check_samples(&samples, &done)
}

/// What the drivers' own comings and goings may leave in the allocators, for each CPU.
const GROWTH_KB_PER_CPU: u64 = 200;

fn check_memory(guest: &Guest, before: &[u64]) -> Result<()> {
    let per_cpu = if guest.is_debug() {
        lifecycle::DEBUG_GROWTH_KB_PER_CPU
    } else {
        GROWTH_KB_PER_CPU
    };
    let after = lifecycle::kernel_memory()?;
    for ((name, before), after) in lifecycle::LEAKS.iter().zip(before).zip(after) {
        crate::report(&format!("# {name}: {before} kB, then {after} kB"));
        ensure!(
            after <= before + per_cpu * u64::from(guest.cpus),
            "{name} grew from {before} to {after} kB"
        );
    }
    Ok(())
}

/// Lets all devices come, do something and go, and measures it.
fn round(number: u64, backing: &Backing) -> Result<Round> {
    // Some lives in which there is much to do, then some with little.
    let steps = if number / 10 % 2 == 0 { 64 } else { 2 };
    let start = monotonic();
    let mut slowest = ("", Duration::ZERO);
    let mut timed = |what, go: &mut dyn FnMut() -> Result<()>| {
        let start = Instant::now();
        go().with_context(|| format!("{what} {number}"))?;
        slowest = slowest.max_by_time((what, start.elapsed()));
        anyhow::Ok(())
    };

    let before = blockdev::counters()?.get(LOOP).copied().unwrap_or_default();
    let mut attached = Some(Loop::attach(LOOP, &backing.0)?);
    let mut null = Some(NullDisk::create(NULL, &[("size", "16")])?);
    let mut veth = Some(Veth::create(LEFT, RIGHT, [79, 1])?);
    let mut mounted = Some(Mounted::new("tmpfs", MOUNT, "tmpfs", "size=1m")?);
    for name in [LOOP, NULL] {
        let mut disk = Disk::open(name)?;
        for step in 0..steps {
            disk.write(step * 4096, &[number as u8; 4096])?;
        }
        disk.read(0, 4096)?;
    }
    net::broadcast([79, 1], steps, 1000)?;
    fs::write(format!("{MOUNT}/file"), vec![1; 1024 * steps as usize])?;

    let mut moved = [Moved::default(); 4];
    let disks = blockdev::counters()?;
    for (moved, (name, before)) in moved
        .iter_mut()
        .zip([(LOOP, before), (NULL, Default::default())])
    {
        let counted = disks[name].since(&before)?;
        moved.in_kb = counted.read_sectors as f64 / 2.0;
        moved.out_kb = counted.written_sectors as f64 / 2.0;
    }
    let interfaces = net::counters()?;
    for (moved, name) in moved[2..].iter_mut().zip([LEFT, RIGHT]) {
        moved.in_kb = interfaces[name].rx_bytes as f64 / 1024.0;
        moved.out_kb = interfaces[name].tx_bytes as f64 / 1024.0;
    }

    timed("losetup -d", &mut || {
        attached.take().map_or(Ok(()), Loop::detach)
    })?;
    timed("rmdir of a null_blk", &mut || {
        null.take().map_or(Ok(()), NullDisk::remove)
    })?;
    timed("ip link del", &mut || {
        veth.take().map_or(Ok(()), Veth::remove)
    })?;
    timed("umount", &mut || {
        mounted
            .take()
            .map_or(Ok(()), |mounted| mounted.unmount().map(drop))
    })?;
    Ok(Round {
        start,
        end: monotonic(),
        moved,
        slowest,
    })
}

trait MaxByTime {
    fn max_by_time(self, other: Self) -> Self;
}

impl MaxByTime for (&'static str, Duration) {
    fn max_by_time(self, other: Self) -> Self {
        if other.1 > self.1 {
            other
        } else {
            self
        }
    }
}

/// No rate is above what one life of a device really moved, nor their sum above that of all.
fn check_samples(samples: &[Sample], rounds: &[Round]) -> Result<()> {
    let mut shown = [Moved::default(); 4];
    let mut lines = [0; 4];
    let (mut absent, mut there) = (0, 0);
    for two in samples.windows(2) {
        let sample = &two[1];
        let seconds = (sample.first.at.saturating_sub(two[0].first.at)).as_secs_f64();
        for (index, rates) in rates(sample)? {
            let most = most_moved(rounds, index, two);
            check_rates(rates, most)
                .with_context(|| format!("{} at {:?}", DEVICES[index], sample.first.at))?;
            shown[index].in_kb += rates.in_kb * seconds;
            shown[index].out_kb += rates.out_kb * seconds;
            lines[index] += 1;
        }
        for line in &sample.fs {
            match line.state {
                FsState::Absent => absent += 1,
                FsState::Shown { .. } => there += 1,
                // Between a hundred samples a second it may be late once.
                FsState::Stale => (),
                FsState::Error(error) => anyhow::bail!("{}: error {error}", line.path),
            }
        }
    }
    for (index, name) in DEVICES.iter().enumerate() {
        let sum = |of: fn(&Moved) -> f64| -> f64 {
            rounds.iter().map(|round| of(&round.moved[index])).sum()
        };
        let (in_kb, out_kb) = (sum(|moved| moved.in_kb), sum(|moved| moved.out_kb));
        crate::report(&format!(
            "# {name}: {} lines, {:.0} of {in_kb:.0} kB in, {:.0} of {out_kb:.0} kB out",
            lines[index], shown[index].in_kb, shown[index].out_kb
        ));
        // When a sample is late, the time between two lines is not quite that of the rates.
        ensure!(
            shown[index].in_kb <= 1.5 * in_kb && shown[index].out_kb <= 1.5 * out_kb,
            "the log has more for {name} than was moved"
        );
        ensure!(lines[index] > 0, "{name} was never seen");
    }
    ensure!(
        absent > 0 && there > 0,
        "{MOUNT} was absent in {absent} samples and there in {there}"
    );
    Ok(())
}

/// The rates of the devices in a sample, in kB/s.
fn rates(sample: &Sample) -> Result<Vec<(usize, Moved)>> {
    use crate::lines::Part;
    let mut rates = Vec::new();
    let index = |name: &str| DEVICES.iter().position(|device| *device == name);
    let kilobytes = |hundredths: u64| hundredths as f64 / 100.0;
    if let Part::Taken(table) = &sample.disks {
        for line in &table.shown {
            if let Some(index) = index(&line.name) {
                let rate = Moved {
                    in_kb: kilobytes(line.rkb),
                    out_kb: kilobytes(line.wkb),
                };
                rates.push((index, rate));
            }
        }
    }
    if let Part::Taken(table) = &sample.nets {
        for line in &table.shown {
            if let Some(index) = index(&line.name) {
                let rate = Moved {
                    in_kb: kilobytes(line.rx),
                    out_kb: kilobytes(line.tx),
                };
                rates.push((index, rate));
            }
        }
    }
    Ok(rates)
}

/// The most that a life of a device moved around the time of a sample.
fn most_moved(rounds: &[Round], index: usize, two: &[Sample]) -> Moved {
    // A line may have been read late.
    let start = two[0].first.arrived.saturating_sub(LATE);
    let end = two[1].last.arrived;
    let mut most = Moved::default();
    for round in rounds {
        if round.start <= end && round.end >= start {
            most.in_kb = most.in_kb.max(round.moved[index].in_kb);
            most.out_kb = most.out_kb.max(round.moved[index].out_kb);
        }
    }
    most
}

/// All of it may have been moved between two readings that were no further apart than this, if the
/// first one was late.
const SHORTEST_S: f64 = 0.001;

fn check_rates(rates: Moved, most: Moved) -> Result<()> {
    for (what, rate, most) in [
        ("in", rates.in_kb, most.in_kb),
        ("out", rates.out_kb, most.out_kb),
    ] {
        ensure!(
            rate * SHORTEST_S <= most + 0.01,
            "{rate} kB/s {what}, but one life moved at most {most} kB"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_is_found() {
        let kb = |in_kb: f64, out_kb: f64| Moved { in_kb, out_kb };
        check_rates(kb(0.0, 0.0), kb(0.0, 0.0)).unwrap();
        check_rates(kb(400.0, 4000.0), kb(4.0, 8.0)).unwrap();
        assert!(check_rates(kb(1e9, 0.0), kb(256.0, 256.0)).is_err());
        assert!(check_rates(kb(0.0, 9000.0), kb(256.0, 8.0)).is_err());
    }
}

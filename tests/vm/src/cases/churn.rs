// SPDX-License-Identifier: GPL-2.0

//! Devices and mounts that come and go under the same names while they are sampled.

use std::fs;
use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure, Context, Result};

use super::fs::Mounted;
use super::net::{self, Veth};
use super::{lifecycle, ms, sleep_ms, Case, Clock, Guest, Needs, LATE};
use crate::blockdev::{self, Backing, Counters, Disk, Loop, NullDisk};
use crate::drivers;
use crate::elapsed::{self, slowness, wait};
use crate::kmsg::monotonic;
use crate::lines::{FsState, Sample};
use crate::module::Module;

pub const CASES: &[Case] = &[
    Case {
        name: "what went between two samples is not held, and begins anew",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: anew,
    },
    Case {
        name: "devices and mounts that come and go",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: churn,
    },
];

const INTERVAL_MS: u64 = 10;

const LOOP: &str = "loop6";
const NULL: &str = "nullchurn";
const LEFT: &str = "tchurn";
const RIGHT: &str = "tnruhc";
const MOUNT: &str = "/tmp/mnt/churn";
const BACKING: &str = "churn.loop";
const NET: [u8; 2] = [79, 1];

/// How much of a thing went through a device, in kB.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    in_kb: f64,
    out_kb: f64,
}

/// From when a thing came until it went.
#[derive(Debug, Clone, Default)]
struct Life {
    start: Duration,
    /// When all that it did was done, and when it began to go.
    used: Duration,
    went: Duration,
    end: Duration,
    /// What went through a device, or through both ends of one.
    moved: [Moved; 2],
    /// How long it took to go.
    going: Duration,
}

/// What comes and goes: how that is called, and one life of it, in which it is to do so many steps.
struct Thing {
    name: &'static str,
    live: fn(u64, &dyn Fn() -> Result<()>) -> Result<Life>,
}

const THINGS: [Thing; 4] = [
    Thing {
        name: "losetup -d",
        live: live_loop,
    },
    Thing {
        name: "rmdir of a null_blk",
        live: live_null,
    },
    Thing {
        name: "ip link del",
        live: live_veth,
    },
    Thing {
        name: "umount",
        live: live_mount,
    },
];

/// The devices that have lines: their name, their thing, and which of its ends they are.
const DEVICES: [(&str, usize, usize); 4] =
    [(LOOP, 0, 0), (NULL, 1, 0), (LEFT, 2, 0), (RIGHT, 2, 1)];

type Lives = [Vec<Life>; 4];

fn load<'a>(guest: &'a Guest, interval_ms: u64, more: &str) -> Result<Module<'a>> {
    let only = elapsed::only(&["disk", "net", "fs"]);
    let parameters =
        format!("interval_ms={interval_ms} per_cpu_max=0 {only} fs_paths={MOUNT} {more}");
    Module::load(&guest.log, &parameters)
}

/// With a long interval, what is held until the next sample shows by the time it takes to go. What
/// comes again under the same name is new, and so has no line in the first sample that sees it.
fn anew(guest: &Guest) -> Result<()> {
    const TRIES: u32 = 3;
    let interval_ms = 1500 * u64::from(slowness(guest));
    net::silence()?;
    let backing = Backing::create(BACKING, 1 << 20)?;
    let alone = live(2, few_steps, &|_| Ok(()))?;
    let module = load(guest, interval_ms, "")?;
    for _ in 0..TRIES {
        let lives = live(2, |life| 8 << life, &|life| {
            let mark = guest.log.mark("all are there")?;
            module.wait_begun(mark, 2 + life as usize, ms(3 * interval_ms))?;
            // While a sample is taken, things may be held.
            sleep_ms(interval_ms / 8);
            Ok(())
        })?;
        for ((thing, alone), lives) in THINGS.iter().zip(&alone).zip(&lives) {
            let usual = alone.iter().map(|life| life.going).max();
            let patience = usual.unwrap_or_default() + ms(interval_ms) / 2;
            let going = lives[0].going;
            ensure!(
                going <= patience,
                "{} took {going:.1?}, expected at most {patience:.1?}, as it takes {usual:.1?} \
                 when nobody looks",
                thing.name
            );
        }
        let samples = wait(&module, module.start, 1, interval_ms)?;
        if let Some([last, first, second]) = around(&samples, &lives) {
            check_anew(last, first, second)?;
            drop(backing);
            return module.unload().map(drop);
        }
        crate::report("# not all came again before the next sample: once more");
    }
    bail!("expected all to go and come between two samples, but in {TRIES} tries not all did")
}

/// The sample before all went and came again, and the two after that; if there were no others.
fn around<'a>(samples: &'a [Sample], lives: &Lives) -> Option<[&'a Sample; 3]> {
    let went = lives.iter().map(|lives| lives[0].went).min()?;
    let came = lives.iter().map(|lives| lives[1].used).max()?;
    let after = samples
        .iter()
        .position(|sample| sample.first.arrived > went)?;
    let [last, first, second] = samples.get(after.checked_sub(1)?..after + 2)? else {
        return None;
    };
    // A line arrives some time after its sample was taken.
    (came + LATE < first.first.arrived).then_some([last, first, second])
}

fn check_anew(last: &Sample, first: &Sample, second: &Sample) -> Result<()> {
    let seen = |sample: &Sample| -> Result<Vec<&str>> {
        let rates = rates(sample)?.into_iter();
        Ok(rates.map(|(index, _)| DEVICES[index].0).collect())
    };
    ensure!(
        seen(last)?.len() == DEVICES.len() && last.fs.iter().all(|line| is_shown(&line.state)),
        "there are rates of {:?} and file systems {:?}, expected rates of all of {DEVICES:?} and all \
         file systems to be shown",
        seen(last)?,
        last.fs
    );
    ensure!(
        seen(first)?.is_empty(),
        "{:?} have lines, expected none, as all came only after the sample before",
        seen(first)?
    );
    for (index, rates) in rates(second)? {
        ensure!(
            rates.in_kb == 0.0 && rates.out_kb == 0.0,
            "{} did nothing and has {rates:?}, expected 0 kB/s",
            DEVICES[index].0
        );
    }
    ensure!(
        seen(second)?.len() == DEVICES.len(),
        "{:?} were seen again, expected all of {DEVICES:?}",
        seen(second)?
    );
    Ok(())
}

/// Some lives in which there is much to do, then some with little.
fn many_steps(life: u64) -> u64 {
    match life / 10 % 2 {
        0 => 64,
        _ => 2,
    }
}

fn few_steps(_: u64) -> u64 {
    2
}

fn is_shown(state: &FsState) -> bool {
    matches!(state, FsState::Shown { .. })
}

fn churn(guest: &Guest) -> Result<()> {
    const ALONE: u64 = 10;
    const WARM_UP: u64 = 20;
    let count = if guest.is_debug() { 40 } else { 200 };
    net::silence()?;
    let backing = Backing::create(BACKING, 1 << 20)?;
    let alone = live(ALONE, many_steps, &|_| Ok(()))?;

    // Half of the samples are not logged, which takes most of the time.
    let module = load(guest, INTERVAL_MS, "log_every=2")?;
    let mut lives = live(WARM_UP, many_steps, &|_| Ok(()))?;
    let memory = Memory::read()?;
    let more = live(count - WARM_UP, many_steps, &|_| Ok(()))?;
    for (lives, more) in lives.iter_mut().zip(more) {
        lives.extend(more);
    }
    check_goings(guest, &alone, &lives)?;
    memory.check_growth(guest, count - WARM_UP)?;
    drop(backing);
    // A reference that is left over would keep a driver from going.
    for driver in ["loop", "null_blk", "veth"] {
        if let Some(uses) = drivers::uses(driver)? {
            ensure!(
                uses == 0,
                "the use count of {driver} is {uses} when all have gone, expected 0"
            );
            drivers::reload(driver)?;
        }
    }
    let (samples, _, _) = module.unload()?;
    check_samples(guest, &samples, &lives)
}

/// What happens before a thing goes, by the number of its life.
type Before<'a> = &'a (dyn Fn(u64) -> Result<()> + Sync);

/// Lets each thing come, do something and go so many times, all things at once.
fn live(count: u64, steps: fn(u64) -> u64, before: Before<'_>) -> Result<Lives> {
    thread::scope(|scope| {
        let threads = THINGS.map(|thing| {
            scope.spawn(move || {
                let mut lives = Vec::new();
                for number in 0..count {
                    let start = monotonic();
                    let life = (thing.live)(steps(number), &|| before(number))
                        .with_context(|| format!("{}, number {number}", thing.name))?;
                    lives.push(Life {
                        start,
                        end: monotonic(),
                        ..life
                    });
                }
                anyhow::Ok(lives)
            })
        });
        let mut all = Lives::default();
        for (lives, thread) in all.iter_mut().zip(threads) {
            *lives = thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        Ok(all)
    })
}

fn live_loop(steps: u64, before: &dyn Fn() -> Result<()>) -> Result<Life> {
    // The counters of a loop device outlive its file.
    let counted = blockdev::counters()?.get(LOOP).copied().unwrap_or_default();
    let attached = Loop::attach(LOOP, &format!("/tmp/{BACKING}"))?;
    let moved = use_disk(LOOP, steps, &counted)?;
    gone(moved, before, || attached.detach())
}

fn live_null(steps: u64, before: &dyn Fn() -> Result<()>) -> Result<Life> {
    let null = NullDisk::create(NULL, &[("size", "16")])?;
    let moved = use_disk(NULL, steps, &Counters::default())?;
    gone(moved, before, || null.remove())
}

fn use_disk(name: &str, steps: u64, before: &Counters) -> Result<[Moved; 2]> {
    let mut disk = Disk::open(name)?;
    disk.read(0, 4096)?;
    for step in 0..steps {
        if step == steps / 2 {
            // So that there are samples before and after some of it.
            sleep_ms(3 * INTERVAL_MS);
        }
        disk.write(step * 4096, &[1; 4096])?;
    }
    let counters = blockdev::counters()?;
    let counters = counters.get(name).with_context(|| {
        let names = counters.keys();
        format!("expected {name} in /proc/diskstats, found {names:?}")
    })?;
    let counted = counters.since(before)?;
    let moved = Moved {
        in_kb: counted.read_sectors as f64 / 2.0,
        out_kb: counted.written_sectors as f64 / 2.0,
    };
    Ok([moved, Moved::default()])
}

fn live_veth(steps: u64, before: &dyn Fn() -> Result<()>) -> Result<Life> {
    let veth = Veth::create(LEFT, RIGHT, NET)?;
    net::broadcast(NET, steps - steps / 2, 1000)?;
    sleep_ms(3 * INTERVAL_MS);
    net::broadcast(NET, steps / 2, 1000)?;
    let interfaces = net::counters()?;
    let moved = [LEFT, RIGHT].map(|name| {
        let counters = interfaces.get(name).copied().unwrap_or_default();
        Moved {
            in_kb: counters.rx_bytes as f64 / 1024.0,
            out_kb: counters.tx_bytes as f64 / 1024.0,
        }
    });
    gone(moved, before, || veth.remove())
}

fn live_mount(steps: u64, before: &dyn Fn() -> Result<()>) -> Result<Life> {
    let mounted = Mounted::new("tmpfs", MOUNT, "tmpfs", "size=1m")?;
    fs::write(format!("{MOUNT}/file"), vec![1; 1024 * steps as usize])?;
    // So that there is a sample between its coming and its going.
    sleep_ms(INTERVAL_MS * 3 / 2);
    // The module may be kept from running while it looks.
    gone(Default::default(), before, || {
        mounted.unmount(300).map(drop)
    })
}

fn gone(
    moved: [Moved; 2],
    before: &dyn Fn() -> Result<()>,
    go: impl FnOnce() -> Result<()>,
) -> Result<Life> {
    let used = monotonic();
    before()?;
    let went = monotonic();
    go()?;
    Ok(Life {
        used,
        went,
        moved,
        going: monotonic().saturating_sub(went),
        ..Life::default()
    })
}

/// To go takes hardly longer than when nobody looks. A sample every 10 ms takes a good part of an
/// emulated CPU, so this finds only what holds things up for long.
fn check_goings(guest: &Guest, alone: &Lives, sampled: &Lives) -> Result<()> {
    let slowest = slowness(guest) * ms(2000);
    for ((thing, alone), sampled) in THINGS.iter().zip(alone).zip(sampled) {
        let times = |lives: &[Life]| {
            let mut times: Vec<_> = lives.iter().map(|life| life.going).collect();
            times.sort();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            (median, times.last().copied().unwrap_or_default())
        };
        let ((usual, longest), (median, most)) = (times(alone), times(sampled));
        let told = format!(
            "{} took {median:.1?}, at most {most:.1?}; when nobody looks {usual:.1?}, \
             at most {longest:.1?}",
            thing.name
        );
        crate::report(&format!("# {told}"));
        // The samples take their part of the CPU as well.
        let (most_usual, most_long) = (3 * usual + 5 * ms(INTERVAL_MS), longest + slowest);
        ensure!(
            !guest.judges_time() || (median <= most_usual && most <= most_long),
            "{told}; expected {most_usual:.1?} or less, and at most {most_long:.1?}"
        );
    }
    Ok(())
}

/// What the drivers' own comings and goings leave in the allocators, for each CPU: measured with the
/// sources off, 250 kB.
const GROWTH_KB_PER_CPU: u64 = 500;

/// Kernel memory that a leak would show in.
struct Memory {
    /// In the order of [`lifecycle::LEAKS`].
    kilobytes: Vec<u64>,
    /// Objects of a disk each, where that is known.
    disks: Option<u64>,
}

impl Memory {
    fn read() -> Result<Memory> {
        Ok(Memory {
            kilobytes: lifecycle::kernel_memory()?,
            disks: match fs::read_to_string("/proc/slabinfo") {
                Ok(text) => objects(&text, "bdev_cache"),
                // A kernel without CONFIG_SLUB_DEBUG has none.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            },
        })
    }

    fn check_growth(&self, guest: &Guest, lives: u64) -> Result<()> {
        let per_cpu = if guest.is_debug() {
            lifecycle::DEBUG_GROWTH_KB_PER_CPU
        } else {
            GROWTH_KB_PER_CPU
        };
        let after = Memory::read()?;
        let kilobytes = self.kilobytes.iter().zip(after.kilobytes);
        for (name, (before, after)) in lifecycle::LEAKS.iter().zip(kilobytes) {
            crate::report(&format!("# {name}: {before} kB, then {after} kB"));
            let most = before + per_cpu * u64::from(guest.cpus);
            ensure!(
                after <= most,
                "{name} grew from {before} to {after} kB, expected at most {most} kB"
            );
        }
        if let (Some(before), Some(after)) = (self.disks, after.disks) {
            crate::report(&format!("# disks: {before}, then {after}"));
            // KASAN keeps freed objects for a while.
            ensure!(
                guest.is_debug() || after <= before + lives / 2,
                "the kernel has {after} disks after {lives} lives and had {before} before, \
                 expected at most {}",
                before + lives / 2
            );
        }
        Ok(())
    }
}

/// The objects in use of a kind, from `/proc/slabinfo`. Kinds of the same size may be one there.
fn objects(slabinfo: &str, kind: &str) -> Option<u64> {
    slabinfo.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|name| *name == kind)?;
        words.next()?.parse().ok()
    })
}

/// No rate is above what one life of a device really moved, nor their sum above that of all.
fn check_samples(guest: &Guest, samples: &[Sample], lives: &Lives) -> Result<()> {
    let mut shown = [Moved::default(); 4];
    let mut lines = [0; 4];
    let (mut absent, mut there) = (0, 0);
    for two in samples.windows(2) {
        let sample = &two[1];
        let seconds = (sample.first.at.saturating_sub(two[0].first.at)).as_secs_f64();
        for (index, rates) in rates(sample)? {
            let (name, thing, end) = DEVICES[index];
            let most = most_moved(&lives[thing], end, two);
            check_rates(rates, most).with_context(|| format!("{name} at {:?}", sample.first.at))?;
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
                FsState::Error(error) => bail!(
                    "{} has error={error}, expected it to be absent, shown or stale",
                    line.path
                ),
            }
        }
    }
    for (index, (name, thing, end)) in DEVICES.into_iter().enumerate() {
        let sum = |of: fn(&Moved) -> f64| -> f64 {
            lives[thing].iter().map(|life| of(&life.moved[end])).sum()
        };
        let (in_kb, out_kb) = (sum(|moved| moved.in_kb), sum(|moved| moved.out_kb));
        crate::report(&format!(
            "# {name}: {} lines, {:.0} of {in_kb:.0} kB in, {:.0} of {out_kb:.0} kB out",
            lines[index], shown[index].in_kb, shown[index].out_kb
        ));
        // When a sample is late, the time between two lines is not quite that of the rates.
        ensure!(
            shown[index].in_kb <= 1.5 * in_kb && shown[index].out_kb <= 1.5 * out_kb,
            "the log has {:.0} kB in and {:.0} kB out for {name}, expected at most {:.0} and \
             {:.0} kB, as {in_kb:.0} and {out_kb:.0} kB were moved",
            shown[index].in_kb,
            shown[index].out_kb,
            1.5 * in_kb,
            1.5 * out_kb
        );
        ensure!(
            !guest.judges_time() || lines[index] > 0,
            "{name} has {} lines in {} samples, expected 1 or more",
            lines[index],
            samples.len()
        );
    }
    ensure!(
        !guest.judges_time() || (absent > 0 && there > 0),
        "{MOUNT} was absent in {absent} samples and there in {there}, expected 1 or more of each"
    );
    Ok(())
}

/// The rates of the devices in a sample, in kB/s.
fn rates(sample: &Sample) -> Result<Vec<(usize, Moved)>> {
    use crate::lines::Part;
    let mut rates = Vec::new();
    let index = |name: &str| DEVICES.iter().position(|(device, ..)| *device == name);
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
fn most_moved(lives: &[Life], side: usize, two: &[Sample]) -> Moved {
    // A line may have been read late.
    let start = two[0].first.arrived.saturating_sub(LATE);
    let end = two[1].last.arrived;
    let mut most = Moved::default();
    for life in lives {
        if life.start <= end && life.end >= start {
            most.in_kb = most.in_kb.max(life.moved[side].in_kb);
            most.out_kb = most.out_kb.max(life.moved[side].out_kb);
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
            "{rate} kB/s {what}, expected at most {:.0} kB/s, as one life moved at most {most} kB",
            (most + 0.01) / SHORTEST_S
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted() {
        let text = "slabinfo - version: 2.1\n# name <active_objs> <num_objs>\n\
            bdev_cache_x 1 2\nbdev_cache 57 60 1600 20 8\n";
        assert_eq!(objects(text, "bdev_cache"), Some(57));
        assert_eq!(objects(text, "mnt_cache"), None);
    }

    #[test]
    fn a_spike_is_found() {
        let kb = |in_kb: f64, out_kb: f64| Moved { in_kb, out_kb };
        check_rates(kb(0.0, 0.0), kb(0.0, 0.0)).unwrap();
        check_rates(kb(400.0, 4000.0), kb(4.0, 8.0)).unwrap();
        check_rates(kb(1e9, 0.0), kb(256.0, 256.0)).unwrap_err();
        check_rates(kb(0.0, 9000.0), kb(256.0, 8.0)).unwrap_err();
    }
}

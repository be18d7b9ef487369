// SPDX-License-Identifier: GPL-2.0

//! The `vm` line against `/proc/vmstat` and `/proc/stat`, read all the time around the samples.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure, Context, Result};
use resmon::model::source::activity::Activity;
use resmon::{Device, Record};
use rustix::fs::OFlags;
use rustix::mount::{mount, unmount, MountFlags, UnmountFlags};
use rustix::thread::disable_transparent_huge_pages;

use super::device::take;
use super::{ms, percentages, sleep_ms, Case, Clock, Guest, Needs};
use crate::cgroup::Cgroup;
use crate::child::{self, Player, Role};
use crate::lines::Sample;
use crate::load::{self, Kind, Load};
use crate::module::{self, Module};
use crate::proc;
use crate::readings::{Reader, Reading};
use crate::tools::busybox;

/// While these cases run, the kernel has reason to report that it is out of memory.
pub const OUT_OF_MEMORY: [&str; 2] = ["OOM kill in a cgroup", "OOM kill of the whole machine"];

pub const CASES: &[Case] = &[
    Case {
        name: "vm rates at rest",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: rest,
    },
    Case {
        name: "vm rates under page faults and interrupts",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: faults,
    },
    Case {
        name: "vm rates under disk I/O",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: disk,
    },
    Case {
        name: "swapping against /proc/vmstat",
        needs: Needs::Swapping,
        clock: Clock::Instructions,
        run: swapping,
    },
    Case {
        name: OUT_OF_MEMORY[0],
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: oom_in_cgroup,
    },
    Case {
        name: OUT_OF_MEMORY[1],
        // Filling all memory takes a debug kernel minutes.
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: oom,
    },
];

const FILES: [&str; 2] = ["/proc/vmstat", "/proc/stat"];
const KEYS: [&str; 6] = ["faults", "majfaults", "pgin", "pgout", "irqs", "softirqs"];

/// How long before its line has arrived a sample may have been taken.
const BRACKET: Duration = ms(100);

/// By how much the time between two samples may differ from that between their lines. Of the
/// interval, it is 3 %.
const SLACK: Duration = ms(60);
const INTERVAL_MS: u64 = 2000;

/// How often a load is begun. It takes a debug kernel long.
fn times(guest: &Guest) -> usize {
    if guest.is_debug() {
        1
    } else {
        3
    }
}

/// The last digit of a rate, and the kB that pages and sectors are rounded to.
const ROUNDING: f64 = 0.51;

/// In the order of [`KEYS`].
fn counts(reading: &Reading) -> Result<[u64; 6]> {
    let [vmstat, stat] = [&reading.texts[0], &reading.texts[1]];
    Ok([
        proc::vmstat(vmstat, "pgfault")?,
        proc::vmstat(vmstat, "pgmajfault")?,
        proc::vmstat(vmstat, "pgpgin")?,
        proc::vmstat(vmstat, "pgpgout")?,
        proc::stat_sum(stat, "intr")?,
        proc::stat_sum(stat, "softirq")?,
    ])
}

/// In the order of [`KEYS`], per second.
fn rates(sample: &Sample) -> Result<[f64; 6]> {
    let vm = sample.activity.taken().context("expected a vm line")?;
    let hundredths = [
        vm.faults,
        vm.majfaults,
        vm.pgin,
        vm.pgout,
        vm.irqs,
        vm.softirqs,
    ];
    Ok(hundredths.map(|rate| rate as f64 / 100.0))
}

/// The counters never go back, so what a sample found lies between a reading that was done before
/// the sample was taken and one that was begun after its lines had arrived.
fn bracket(sample: &Sample, readings: &[Reading]) -> Result<[[u64; 6]; 2]> {
    let start = sample.first.arrived.saturating_sub(BRACKET);
    let before = readings
        .iter()
        .rfind(|reading| reading.done <= start)
        .with_context(|| format!("expected a reading before {start:?}, found none"))?;
    let after = readings
        .iter()
        .find(|reading| reading.begun >= sample.last.arrived)
        .with_context(|| {
            let arrived = sample.last.arrived;
            format!("expected a reading after {arrived:?}, found none")
        })?;
    Ok([counts(before)?, counts(after)?])
}

fn compare_sample(one: &Sample, two: &Sample, readings: &[Reading]) -> Result<()> {
    let [one_low, one_high] = bracket(one, readings)?;
    let [two_low, two_high] = bracket(two, readings)?;
    let elapsed = two.first.at.saturating_sub(one.first.at);
    let logged = rates(two)?;
    for (index, key) in KEYS.iter().enumerate() {
        let least = two_low[index].saturating_sub(one_high[index]);
        let most = two_high[index].saturating_sub(one_low[index]);
        check(key, logged[index], least, most, elapsed)?;
    }
    Ok(())
}

fn check(key: &str, logged: f64, least: u64, most: u64, elapsed: Duration) -> Result<()> {
    let low = least as f64 / (elapsed + SLACK).as_secs_f64() - ROUNDING;
    let high = most as f64 / elapsed.saturating_sub(SLACK).as_secs_f64() + ROUNDING;
    ensure!(
        (low..=high).contains(&logged),
        "{key} was logged as {logged:.2}/s, expected {low:.2}/s to {high:.2}/s, since {least} to \
         {most} were counted in {elapsed:?}"
    );
    Ok(())
}

/// Compares the samples while `act` is done so often. Each time it begins early in an interval, and
/// where the machine is fast enough it ends well before the next sample, so that it counts for
/// exactly one of them.
fn compare(guest: &Guest, times: usize, act: impl Fn() -> Result<()>) -> Result<Vec<Sample>> {
    let interval_ms = INTERVAL_MS * if guest.is_debug() { 2 } else { 1 };
    let reader = Reader::start(&FILES, ms(20))?;
    let module = Module::load(&guest.log, &format!("interval_ms={interval_ms}"))?;
    let mut mark = module.start;
    for _ in 0..times {
        module.wait_begun(mark, 1, ms(interval_ms))?;
        // Out of that sample's bracket.
        sleep_ms(100);
        act()?;
        mark = guest.log.mark("acted")?;
    }
    module.wait_begun(mark, 1, ms(interval_ms))?;
    sleep_ms(200);
    let (samples, ..) = module.unload()?;
    let readings = reader.stop()?;
    // What the rates of the first one start from was not read.
    for two in samples.windows(2) {
        compare_sample(&two[0], &two[1], &readings)?;
    }
    Ok(samples)
}

/// By the log, `key` must have grown by so much at least. Otherwise the load does not show, and a
/// comparison proves nothing.
fn must_show(samples: &[Sample], key: &str, at_least: f64) -> Result<()> {
    let index = KEYS
        .iter()
        .position(|other| *other == key)
        .with_context(|| format!("expected one of {KEYS:?}, found {key:?}"))?;
    let mut sum = 0.0;
    for two in samples.windows(2) {
        let elapsed = two[1].first.at.saturating_sub(two[0].first.at);
        sum += rates(&two[1])?[index] * elapsed.as_secs_f64();
    }
    ensure!(
        sum >= 0.95 * at_least,
        "the load does not show: {key} grew by {sum:.1}, expected {:.1} or more",
        0.95 * at_least
    );
    Ok(())
}

fn rest(guest: &Guest) -> Result<()> {
    percentages::settle()?;
    let samples = compare(guest, 2, || Ok(()))?;
    for sample in &samples[1..] {
        let [_, majfaults, pgin, pgout, ..] = rates(sample)?;
        ensure!(
            (majfaults, pgin, pgout) == (0.0, 0.0, 0.0),
            "expected no majfaults, pgin and pgout at rest, found {:?}",
            sample.activity
        );
    }
    // The clocks of this very program go on.
    must_show(&samples, "irqs", 50.0)
}

/// How many page faults [`touch_pages`] makes.
pub const PAGES: u32 = 10_240;

/// Touches that much fresh memory.
pub fn touch_pages() {
    const PAGE: usize = 4096;
    let mut memory = vec![0_u8; PAGES as usize * PAGE];
    for byte in memory.iter_mut().step_by(PAGE) {
        *byte = 1;
    }
    black_box(&memory);
}

fn faults(guest: &Guest) -> Result<()> {
    // A huge page would be one fault instead of 512.
    let _ = disable_transparent_huge_pages(true);
    let last = guest.last_cpu();
    let samples = compare(guest, times(guest), || {
        // On each CPU, as all have counters of their own.
        for cpu in 0..guest.cpus {
            let touching = thread::spawn(move || load::pin(cpu).map(|()| touch_pages()));
            touching
                .join()
                .map_err(|_| anyhow!("the load panicked"))??;
        }
        child::run(child::myself())?;
        let packets = Load::start(Kind::SoftIrq, last)?;
        sleep_ms(200);
        drop(packets);
        // Each time, the timer interrupts.
        (0..100).for_each(|_| sleep_ms(1));
        Ok(())
    })?;
    let times = times(guest) as f64;
    let pages = f64::from(PAGES * guest.cpus);
    must_show(&samples, "faults", times * pages)?;
    must_show(&samples, "irqs", times * 100.0)?;
    must_show(&samples, "softirqs", times * 100.0)
}

/// A file system, until this goes out of scope.
struct Mounted(&'static str);

impl Mounted {
    fn new(device: &str, at: &'static str) -> Result<Mounted> {
        fs::create_dir_all(at)?;
        mount(device, at, "ext4", MountFlags::empty(), None)
            .with_context(|| format!("mount {device}"))?;
        Ok(Mounted(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = unmount(self.0, UnmountFlags::empty());
        let _ = fs::remove_dir(self.0);
    }
}

/// A disk without a page cache in between.
pub struct Raw {
    device: File,
    memory: Vec<u8>,
    /// Where memory that such a disk takes begins.
    start: usize,
}

impl Raw {
    pub const BLOCK: usize = 64 << 10;

    pub fn open(path: &str) -> Result<Raw> {
        const ALIGNMENT: usize = 4096;
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::DIRECT.bits() as i32)
            .open(path)
            .context(path.to_string())?;
        let memory = vec![7; Raw::BLOCK + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Ok(Raw {
            device,
            memory,
            start,
        })
    }

    pub fn read(&mut self, block: usize) -> Result<()> {
        let memory = &mut self.memory[self.start..][..Raw::BLOCK];
        self.device
            .read_exact_at(memory, (block * Raw::BLOCK) as u64)
            .with_context(|| format!("read block {block}"))
    }

    pub fn write(&mut self, block: usize) -> Result<()> {
        let memory = &self.memory[self.start..][..Raw::BLOCK];
        self.device
            .write_all_at(memory, (block * Raw::BLOCK) as u64)
            .with_context(|| format!("write block {block}"))
    }
}

fn disk(guest: &Guest) -> Result<()> {
    const FOLDER: &str = "/tmp/activity";
    /// Blocks of 64 kB.
    const READ: usize = 60;
    const WRITTEN: usize = 25;
    let mounted = Mounted::new("/dev/vda", FOLDER)?;
    let program = Path::new(FOLDER).join("vmtest");
    child::copy_to(&program)?;
    rustix::fs::sync();
    let samples = compare(guest, times(guest), || {
        let mut disk = Raw::open("/dev/vdb")?;
        for block in 0..WRITTEN {
            disk.write(block)?;
        }
        for block in 0..READ {
            disk.read(block)?;
        }
        // What was read before must be read from the disk again.
        fs::write("/proc/sys/vm/drop_caches", "1").context("drop_caches")?;
        child::run(&program)
    });
    let _ = fs::remove_file(&program);
    drop(mounted);
    let samples = samples?;
    let times = times(guest) as f64;
    let kb = |blocks: usize| (blocks * Raw::BLOCK / 1024) as f64;
    must_show(&samples, "pgin", times * kb(READ))?;
    must_show(&samples, "pgout", times * kb(WRITTEN))?;
    must_show(&samples, "majfaults", times)
}

fn oom_kills() -> Result<u64> {
    proc::vmstat(&fs::read_to_string(FILES[0])?, "oom_kill")
}

/// A disk that is swapped to. That ends when this goes out of scope.
struct Swap(&'static str);

impl Swap {
    fn on(path: &'static str) -> Result<Swap> {
        busybox(&["mkswap", path])?;
        busybox(&["swapon", path])?;
        Ok(Swap(path))
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        let _ = busybox(&["swapoff", self.0]);
    }
}

/// A process with more memory than its cgroup may have, of which the rest is swapped.
fn swapping(guest: &Guest) -> Result<()> {
    const LIMIT: &str = "16M";
    const MIB: usize = 48;
    /// Pages of 4 KiB that have to go, at the least.
    const PAGES: u64 = 4096;
    const KEYS: [&str; 2] = ["pswpin", "pswpout"];
    let counts = || -> Result<[u64; 2]> {
        let text = fs::read_to_string("/proc/vmstat")?;
        Ok([proc::vmstat(&text, KEYS[0])?, proc::vmstat(&text, KEYS[1])?])
    };
    let swap = Swap::on("/dev/vdb")?;
    let cgroup = Cgroup::with("memory", "swaps")?;
    cgroup.set("memory.max", LIMIT)?;
    let module = Module::load(&guest.log, "interval_ms=60000")?;
    let device = Device::open_writable()?;
    // Each with what /proc/vmstat says right before and after.
    let take =
        || -> Result<([u64; 2], Record, [u64; 2])> { Ok((counts()?, take(&device)?, counts()?)) };
    // The first sample of the log has nothing to be compared with.
    let base = take()?;
    let process = Player::start(child::myself(), Role::Eat { mib: MIB }, Some(&cgroup))?;
    let deadline = Instant::now() + module::PATIENCE;
    while counts()?[1] < base.2[1] + PAGES {
        ensure!(
            Instant::now() < deadline,
            "pswpout is {} after {:?}, expected {} or more",
            counts()?[1],
            module::PATIENCE,
            base.2[1] + PAGES
        );
        sleep_ms(10);
    }
    let mark = guest.log.mark("swapped")?;
    let swapped = take()?;
    for (least, record, most) in [&base, &swapped] {
        let activity: Option<Activity> = record.raw().and_then(|raw| raw.entries().next());
        let activity = activity.context("expected activity in the record, found none")?;
        let counted = [activity.swapped_in_pages, activity.swapped_out_pages];
        for ((key, counted), (least, most)) in KEYS.iter().zip(counted).zip(least.iter().zip(most))
        {
            ensure!(
                (*least..=*most).contains(&counted),
                "{key} is {counted} in the record, expected {least} to {most} as in /proc/vmstat"
            );
        }
    }
    let sample = resmon::Sample::between(&base.1, &swapped.1)
        .context("expected a sample of the two records, found none")?;
    let known = sample
        .swap
        .context("expected swap in the sample, found none")?;
    ensure!(
        known.free_bytes > 0 && known.out_bytes_per_second.is_some_and(|rate| rate > 0.0),
        "expected free swap space and a rate above 0 of what is written out, found {known:?}"
    );
    drop(process);
    drop(device);
    // What the log has is over the same time, as its lines say when they were made.
    let (samples, ..) = module.unload()?;
    let logged = samples.iter().filter(|sample| sample.first.at >= mark.at);
    let rates: Vec<_> = logged.map(|sample| sample.swap.rates).collect();
    ensure!(
        matches!(rates[..], [Some((_, out))] if out > 0),
        "expected one line with a rate above 0 of what is written out, as {known:?}, found {rates:?}"
    );
    cgroup.remove()?;
    drop(swap);
    Ok(())
}

fn oom_in_cgroup(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::with("memory", "oom")?;
    cgroup.set("memory.max", "16M")?;
    kill(guest, Some(&cgroup))?;
    cgroup.remove()
}

fn oom(guest: &Guest) -> Result<()> {
    kill(guest, None)
}

/// Has a process killed by the kernel, twice: kills are counted from when the module was loaded.
fn kill(guest: &Guest, cgroup: Option<&Cgroup>) -> Result<()> {
    // More than any test machine has.
    let role = Role::Eat { mib: 100_000 };
    for _ in 0..2 {
        let at_load = oom_kills()?;
        let module = Module::load(&guest.log, "interval_ms=100")?;
        let before = module.first(3, 100)?;
        let mut process = Player::start(child::myself(), role, cgroup)?;
        let status = process.wait(module::PATIENCE)?;
        let mark = guest.log.mark("killed")?;
        let kills = oom_kills()? - at_load;
        ensure!(
            kills == 1 && !status.success(),
            "the process ended with {status} and the kernel's count of OOM kills grew by {kills}, \
             expected one kill, that of the process"
        );
        let after = module.wait(mark, 3, ms(300))?;
        for (samples, expected) in [(&before[1..], 0), (&after[1..], 1)] {
            for sample in samples {
                let logged = sample.activity.taken().context("expected a vm line")?;
                let logged = logged.oom_kills;
                ensure!(
                    logged == expected,
                    "{logged} OOM kills were logged, expected {expected}"
                );
            }
        }
        module.unload()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_checked_against_the_bracket() {
        let check = |logged| check("x", logged, 1000, 1100, ms(2000));
        for good in [485.0, 500.0, 550.0, 567.0] {
            let found = check(good);
            assert!(found.is_ok(), "{good} gives {found:?}, expected success");
        }
        for bad in [0.0, 484.0, 569.0, 1000.0] {
            let found = check(bad);
            assert!(found.is_err(), "{bad} gives {found:?}, expected an error");
        }
    }
}

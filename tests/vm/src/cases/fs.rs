// SPDX-License-Identifier: GPL-2.0

//! `fs=` lines against statfs(2).

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure, Context, Result};
use resmon::{Device, FileSystemState, Sample as Compared};
use rustix::fs::{statvfs, StatVfs, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mount::{mount, mount_bind, mount_remount, unmount, MountFlags, UnmountFlags};

use super::device::take;
use super::{ms, sleep_ms, Case, Clock, Guest, Needs};
use crate::elapsed::{self, one, slowness, wait_answered};
use crate::kmsg::monotonic;
use crate::lines::{Fs, FsState, Sample};
use crate::module::{self, Module};

pub const CASES: &[Case] = &[
    Case {
        name: "fs lines against statfs",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: compare,
    },
    Case {
        name: "fs lines while files grow",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: growing,
    },
    Case {
        name: "fs paths that come and go",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: come_and_go,
    },
    Case {
        name: "a watched file system can be unmounted at once",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: unmount_watched,
    },
    Case {
        name: "a file system that is read-only, and a mount",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: read_only,
    },
];

fn parameters(interval_ms: u64) -> String {
    let only = elapsed::only(&["fs"]);
    format!("interval_ms={interval_ms} per_cpu_max=0 {only}")
}

/// How often an unmount may be tried: the module may be kept from running while it looks.
const TRIES: u32 = 20;

/// Where the cases mount things. It is in a file system in memory.
const FOLDER: &str = "/tmp/mnt";

/// A mount, which ends when this goes out of scope.
pub struct Mounted(String);

impl Mounted {
    pub fn new(source: &str, path: &str, kind: &str, options: &str) -> Result<Mounted> {
        fs::create_dir_all(path).context(path.to_string())?;
        let options = std::ffi::CString::new(options)?;
        mount(source, path, kind, MountFlags::empty(), &*options)
            .with_context(|| format!("mount {source} as {kind} on {path}"))?;
        Ok(Mounted(path.to_string()))
    }

    fn bind(source: &str, path: &str) -> Result<Mounted> {
        fs::create_dir_all(path).context(path.to_string())?;
        mount_bind(source, path).with_context(|| format!("bind {source} to {path}"))?;
        Ok(Mounted(path.to_string()))
    }

    /// Unmounts as umount does. The module is in the way for an instant at most, so this tries only
    /// so often, a millisecond apart; it gives how often that was in vain.
    pub fn unmount(self, tries: u32) -> Result<u32> {
        for refused in 0..tries {
            match unmount(self.0.as_str(), UnmountFlags::empty()) {
                Err(Errno::BUSY) => sleep_ms(1),
                result => {
                    result.with_context(|| format!("umount {}", self.0))?;
                    std::mem::forget(self);
                    return Ok(refused);
                }
            }
        }
        bail!(
            "{} is busy after {tries} tries to unmount it, a millisecond apart, expected success",
            self.0
        )
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Files may be open after a failure, so the rest happens when they are closed.
        let _ = unmount(self.0.as_str(), UnmountFlags::DETACH);
    }
}

/// The amounts of a file system in the units of the log.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Amounts {
    size: u64,
    used: u64,
    avail: u64,
    /// Per cent, not rounded.
    use_: f64,
    inodes: f64,
}

impl Amounts {
    fn read(path: &str) -> Result<Amounts> {
        Ok(Amounts::new(
            &statvfs(path).with_context(|| format!("statfs {path}"))?,
        ))
    }

    fn new(stat: &StatVfs) -> Amounts {
        let kilobytes = |blocks: u64| blocks * stat.f_frsize / 1024;
        let percent = |part: u64, all: u64| match all {
            0 => 0.0,
            all => part as f64 * 100.0 / all as f64,
        };
        let used = stat.f_blocks - stat.f_bfree;
        Amounts {
            size: kilobytes(stat.f_blocks),
            used: kilobytes(used),
            avail: kilobytes(stat.f_bavail),
            use_: percent(used, used + stat.f_bavail),
            inodes: percent(stat.f_files - stat.f_ffree, stat.f_files),
        }
    }
}

/// The type that `/proc/mounts` has for what is mounted last on a path.
fn kind_of(path: &str) -> Result<String> {
    let mounts = fs::read_to_string("/proc/mounts")?;
    let escaped = path.replace(' ', "\\040");
    let line = mounts
        .lines()
        .rfind(|line| line.split(' ').nth(1) == Some(&escaped));
    let kind = line.and_then(|line| line.split(' ').nth(2));
    Ok(kind
        .with_context(|| format!("expected {path} in /proc/mounts, found {mounts:?}"))?
        .to_string())
}

fn state<'a>(sample: &'a Sample, path: &str) -> Result<&'a FsState> {
    let line = one(&sample.fs, &format!("line of {path}"), |line: &Fs| {
        line.path == path
    })?;
    Ok(&line.state)
}

/// A line must lie between the readings before and after it. What is being allocated just then
/// (`in_flight_kb`) may be missing, or counted twice: ext4 moves it from one counter to another, and
/// its statfs sums the two one after the other, with no lock (ext4_statfs, ext4_mb_mark_diskspace_used).
fn check(state: &FsState, kind: &str, readings: &[Amounts], in_flight_kb: u64) -> Result<()> {
    let FsState::Shown {
        kind: shown_kind,
        size,
        used,
        avail,
        use_,
        inodes,
    } = state
    else {
        bail!("expected a line with amounts, found {state:?}");
    };
    ensure!(shown_kind == kind, "type is {shown_kind}, expected {kind}");
    let between = |what: &str, shown: f64, slack: f64, of: fn(&Amounts) -> f64| {
        let values = readings.iter().map(of);
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        ensure!(
            (low - slack..=high + slack).contains(&shown),
            "{what} is {shown}, expected {low} to {high} as statfs had, give or take {slack}"
        );
        Ok(())
    };
    let slack = in_flight_kb as f64;
    between("size", *size as f64, 0.0, |reading| reading.size as f64)?;
    between("used", *used as f64, slack, |reading| reading.used as f64)?;
    between("avail", *avail as f64, slack, |reading| {
        reading.avail as f64
    })?;
    // Shown with one digit after the point.
    let slack = 0.1 + slack * 100.0 / *size as f64;
    between("use", f64::from(*use_) / 10.0, slack, |reading| {
        reading.use_
    })?;
    between("inodes", f64::from(*inodes) / 10.0, 0.1, |reading| {
        reading.inodes
    })
}

/// Writes the paths to watch.
fn watch(paths: &[&str]) -> Result<()> {
    module::write("fs_paths", &paths.join(",")).with_context(|| format!("watch {paths:?}"))
}

/// Writes files of this many kilobytes in all.
fn fill(folder: &str, kilobytes: usize) -> Result<()> {
    let mut file = File::create(format!("{folder}/filler"))?;
    file.write_all(&vec![1; kilobytes * 1024])?;
    // So that delayed allocation is over.
    file.sync_all()?;
    for n in 0..20 {
        File::create(format!("{folder}/{n}"))?;
    }
    Ok(())
}

fn compare(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 200;
    let path = |name: &str| format!("{FOLDER}/{name}");
    let [ext4, memory, blank, over, bound, link] =
        ["ext4", "memory", "with a blank", "over", "bound", "link"].map(path);
    let limits = "size=8m,nr_inodes=100";
    let _ext4 = Mounted::new("/dev/vda", &ext4, "ext4", "")?;
    let _memory = Mounted::new("tmpfs", &memory, "tmpfs", limits)?;
    let _blank = Mounted::new("tmpfs", &blank, "tmpfs", "size=1m")?;
    for folder in ["lower", "upper", "work", "inner"] {
        fs::create_dir_all(format!("{memory}/{folder}"))?;
    }
    let layers = format!("lowerdir={memory}/lower,upperdir={memory}/upper,workdir={memory}/work");
    let _over = Mounted::new("overlay", &over, "overlay", &layers)?;
    // A folder that is mounted once more elsewhere is the root of that mount.
    let _bound = Mounted::bind(&format!("{memory}/inner"), &bound)?;
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(&ext4, &link)?;
    fill(&ext4, 5000)?;
    fill(&memory, 3000)?;
    fill(&blank, 900)?;

    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    // More mounts for the parameter's default: the root.
    let watched = ["/", &ext4, &memory, &blank, &over, &bound, &link];
    watch(&watched)?;
    for round in 0..2 {
        let mark = guest.log.mark("before statfs")?;
        let before = watched.map(Amounts::read);
        let samples = wait_answered(&module, mark, 2, INTERVAL_MS)?;
        let after = watched.map(Amounts::read);
        for sample in &samples[..2] {
            let paths: Vec<&str> = sample.fs.iter().map(|line| line.path.as_str()).collect();
            ensure!(
                paths == watched,
                "there are lines of {paths:?}, expected {watched:?}"
            );
            for ((path, before), after) in watched.iter().zip(&before).zip(&after) {
                let readings = [before, after]
                    .map(|reading| reading.as_ref().map_err(|error| anyhow!("{error:#}")));
                let [before, after] = readings;
                let kind = match *path {
                    path if path == link => kind_of(&ext4)?,
                    path => kind_of(path)?,
                };
                let state = state(sample, path)?;
                check(state, &kind, &[*before?, *after?], 0)
                    .with_context(|| format!("{path} has {state:?}"))?;
            }
        }
        let full = Amounts::read(&memory)?;
        ensure!(
            full.use_ > 30.0 && full.inodes > 20.0,
            "expected use above 30 % and inodes above 20 % of {memory}, as the case proves little \
             otherwise, found {full:?}"
        );
        if round == 0 {
            fs::remove_file(format!("{ext4}/filler"))?;
            fs::write(format!("{memory}/another"), vec![1; 100 * 1024])?;
        }
    }
    fs::remove_file(&link)?;
    module.unload().map(drop)
}

type Readings = Vec<(Duration, Amounts)>;

/// A sample is taken at most this long before its first line arrives here.
const TAKEN: Duration = ms(150);

/// A growing file grows by this much at a time.
const STEP_KB: u64 = 64;

/// While files grow, a line lies between what statfs said before and after it.
fn growing(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 100;
    const SAMPLES: usize = 12;
    let paths = ["grow-ext4", "grow-memory"].map(|name| format!("{FOLDER}/{name}"));
    let _ext4 = Mounted::new("/dev/vda", &paths[0], "ext4", "")?;
    let _memory = Mounted::new("tmpfs", &paths[1], "tmpfs", "size=32m")?;
    let kinds = [kind_of(&paths[0])?, kind_of(&paths[1])?];
    let readings = [Mutex::new(Readings::new()), Mutex::new(Readings::new())];
    let stop = AtomicBool::new(false);
    let samples = thread::scope(|scope| {
        let reader = scope.spawn(|| keep_reading(&paths, &readings, &stop));
        let writers: Vec<_> = paths
            .iter()
            .map(|path| {
                let stop = &stop;
                scope.spawn(move || keep_growing(path, stop))
            })
            .collect();
        let result = (|| -> Result<Vec<Sample>> {
            // A bracket begins before its sample.
            thread::sleep(TAKEN + ms(INTERVAL_MS));
            let parameters = parameters(INTERVAL_MS);
            let watched = format!("fs_paths={}", paths.join(","));
            let module = Module::load(&guest.log, &format!("{parameters} {watched}"))?;
            let samples = wait_answered(&module, module.start, SAMPLES, INTERVAL_MS)?;
            module.unload()?;
            Ok(samples)
        })();
        stop.store(true, Ordering::Relaxed);
        for thread in writers.into_iter().chain([reader]) {
            thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        result
    })?;

    for ((path, kind), readings) in paths.iter().zip(&kinds).zip(&readings) {
        let readings = readings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = Vec::new();
        let in_flight_kb = if kind == "ext4" { STEP_KB } else { 0 };
        for (number, sample) in samples.iter().enumerate() {
            let state = state(sample, path)
                .with_context(|| format!("sample {number}, which has {:?}", sample.fs))?;
            let bracket = bracket(&readings, sample)?;
            check(state, kind, &bracket, in_flight_kb)
                .with_context(|| format!("{path} has {state:?}"))?;
            if let FsState::Shown { used, .. } = state {
                seen.push(*used);
            }
        }
        seen.dedup();
        ensure!(
            seen.len() >= SAMPLES / 3,
            "{path} had {seen:?} kB used, expected {} amounts or more, as fewer prove little",
            SAMPLES / 3
        );
    }
    Ok(())
}

/// The readings around the time at which a sample can have been taken.
fn bracket(readings: &Readings, sample: &Sample) -> Result<Vec<Amounts>> {
    let start = sample.first.arrived.saturating_sub(TAKEN);
    let end = sample.last.arrived;
    let first = readings
        .iter()
        .rposition(|(at, _)| *at <= start)
        .with_context(|| format!("expected a reading before {start:?}, found none"))?;
    let last = readings
        .iter()
        .position(|(at, _)| *at >= end)
        .with_context(|| format!("expected a reading after {end:?}, found none"))?;
    Ok(readings[first..=last]
        .iter()
        .map(|(_, amounts)| *amounts)
        .collect())
}

fn keep_reading(
    paths: &[String; 2],
    readings: &[Mutex<Readings>; 2],
    stop: &AtomicBool,
) -> Result<()> {
    rustix::process::setpriority_process(None, -20).context("nice -20")?;
    // One more round after the end, which comes after the last sample.
    let mut last = false;
    while !last {
        last = stop.load(Ordering::Relaxed);
        for (path, readings) in paths.iter().zip(readings) {
            let reading = (monotonic(), Amounts::read(path)?);
            readings
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(reading);
        }
        sleep_ms(5);
    }
    Ok(())
}

fn keep_growing(folder: &str, stop: &AtomicBool) -> Result<()> {
    const STEPS: u32 = 300;
    let path = format!("{folder}/growing");
    let mut file = File::create(&path).context(path.clone())?;
    for _ in 0..STEPS {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        file.write_all(&[1; STEP_KB as usize * 1024])?;
        file.sync_all()?;
        sleep_ms(10);
    }
    drop(file);
    fs::remove_file(&path).context(path)
}

fn come_and_go(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 200;
    let [path, missing] = ["comes", "missing"].map(|name| format!("{FOLDER}/{name}"));
    fs::create_dir_all(FOLDER)?;
    let _ = fs::remove_dir(&path);
    ensure!(
        !Path::new(&path).exists(),
        "{path} is there at the start, expected it to be missing"
    );
    let below = format!("{path}/below");
    let broken = format!("{FOLDER}/broken");
    let _ = fs::remove_file(&broken);
    std::os::unix::fs::symlink("/nowhere", &broken)?;
    let module = Module::load(&guest.log, &parameters(INTERVAL_MS))?;
    // The folders /tmp and /proc are there for comparison.
    watch(&[
        &path, &missing, &below, &broken, "/tmp", "/proc", "/tmp/mnt",
    ])?;
    let expect = |when: &str, comes: bool| -> Result<()> {
        let mark = guest.log.mark(when)?;
        let samples = wait_answered(&module, mark, 2, INTERVAL_MS)?;
        // What is under way when the mark is made may still be as before.
        let sample = &samples[1];
        let found = state(sample, &path)?;
        let is_right = match found {
            FsState::Shown { kind, .. } => comes && kind == "tmpfs",
            FsState::Absent => !comes,
            _ => false,
        };
        let expected = if comes { "shown as tmpfs" } else { "absent" };
        ensure!(
            is_right,
            "{when}, {path} is {found:?}, expected it to be {expected}"
        );
        for path in [&missing, &below, &broken, FOLDER] {
            let found = state(sample, path)?;
            ensure!(
                *found == FsState::Absent,
                "{when}, {path} is {found:?}, expected it to be absent, as nothing is mounted there"
            );
        }
        for path in ["/tmp", "/proc"] {
            let found = state(sample, path)?;
            ensure!(
                matches!(found, FsState::Shown { .. }),
                "{when}, {path} is {found:?}, expected it to be shown"
            );
        }
        Ok(())
    };
    expect("before there is a folder", false)?;
    fs::create_dir(&path)?;
    expect("when there is just a folder", false)?;
    for _ in 0..2 {
        let mounted = Mounted::new("tmpfs", &path, "tmpfs", "size=1m")?;
        fs::create_dir(&below)?;
        expect("when it is mounted", true)?;
        mounted.unmount(TRIES)?;
        expect("when it is unmounted", false)?;
    }
    fs::remove_dir(&path)?;
    expect("when the folder is gone", false)?;
    fs::remove_file(&broken)?;
    module.unload().map(drop)
}

/// A file system is read-only at a path when the mount there is, and everywhere when all of it is.
fn read_only(guest: &Guest) -> Result<()> {
    let [path, other] = ["whole", "bound"].map(|name| format!("{FOLDER}/{name}"));
    let whole = Mounted::new("/dev/vda", &path, "ext4", "")?;
    let bound = Mounted::bind(&path, &other)?;
    let module = Module::load(&guest.log, &parameters(60000))?;
    watch(&[&path, &other])?;
    let device = Device::open_writable()?;
    let expect = |what: &str, expected: [bool; 2]| -> Result<()> {
        let (before, after) = (take(&device)?, take(&device)?);
        let sample = Compared::between(&before, &after)
            .context("expected a sample of the two records, found none")?;
        for (path, expected) in [&path, &other].into_iter().zip(expected) {
            let mut all = sample.file_systems.iter();
            let found = all
                .find(|fs| fs.path == *path)
                .with_context(|| format!("expected {path} in the sample, found none"))?;
            let FileSystemState::Mounted(usage) = &found.state else {
                bail!("{what}: expected {path} to be mounted, found {found:?}");
            };
            let to_statvfs = statvfs(path.as_str())?
                .f_flag
                .contains(StatVfsMountFlags::RDONLY);
            ensure!(
                (usage.read_only, to_statvfs) == (Some(expected), expected),
                "{what}: {path} is read-only: {:?} in the sample, {to_statvfs} to statvfs(), \
                 expected {expected}",
                usage.read_only
            );
        }
        Ok(())
    };
    let read_only = MountFlags::RDONLY;
    expect("when all can be written to", [false, false])?;
    mount_remount(other.as_str(), read_only | MountFlags::BIND, c"")?;
    expect("when a mount is read-only", [false, true])?;
    mount_remount(other.as_str(), MountFlags::BIND, c"")?;
    expect("when it is not any more", [false, false])?;
    mount_remount(path.as_str(), read_only, c"")?;
    expect("when the file system is read-only", [true, true])?;
    mount_remount(path.as_str(), MountFlags::empty(), c"")?;
    expect("at the end", [false, false])?;
    drop(device);
    module.unload()?;
    bound.unmount(TRIES)?;
    whole.unmount(TRIES).map(drop)
}

/// The module must not keep what it looks at from being unmounted, nor the disk below from going.
fn unmount_watched(guest: &Guest) -> Result<()> {
    const ROUNDS: u32 = 100;
    let [memory, ext4] = ["watched", "watched-ext4"].map(|name| format!("{FOLDER}/{name}"));
    let module = Module::load(&guest.log, &parameters(10))?;
    watch(&[&memory, &ext4])?;
    let slow = slowness(guest);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let mounted = Mounted::new("tmpfs", &memory, "tmpfs", "")?;
        // At another time of the interval in each round.
        thread::sleep(Duration::from_micros(u64::from(round) * 137 % 15_000));
        refused += mounted
            .unmount(TRIES * slow)
            .with_context(|| format!("round {round}"))?;
    }
    for round in 0..ROUNDS / 10 {
        let mounted = Mounted::new("/dev/vda", &ext4, "ext4", "")?;
        sleep_ms(u64::from(20 + round));
        refused += mounted
            .unmount(TRIES * slow)
            .with_context(|| format!("ext4, round {round}"))?;
        // It is open for nobody else only when the last of the file system is gone.
        open_alone("/dev/vda").with_context(|| format!("round {round}"))?;
    }
    crate::report(&format!(
        "# {refused} of {} calls of umount said EBUSY",
        ROUNDS + ROUNDS / 10 + refused
    ));
    ensure!(
        refused <= ROUNDS / 4 * slow,
        "{refused} calls of umount said EBUSY, expected at most {}",
        ROUNDS / 4 * slow
    );
    let samples = wait_answered(&module, module.start, 2, 10)?;
    let shown = |path: &str| {
        let is_shown = |sample: &&Sample| matches!(state(sample, path), Ok(FsState::Shown { .. }));
        samples.iter().filter(is_shown).count()
    };
    ensure!(
        shown(&memory) > 5 && shown(&ext4) > 5,
        "{memory} was shown in {} samples and {ext4} in {}, expected more than 5 of each",
        shown(&memory),
        shown(&ext4)
    );
    module.unload().map(drop)
}

/// A disk can be opened with O_EXCL when no file system is on it.
fn open_alone(disk: &str) -> Result<()> {
    use rustix::fs::{open, Mode, OFlags};
    // The last of an unmounted file system goes on the way back to user space.
    open(disk, OFlags::RDONLY | OFlags::EXCL, Mode::empty())
        .map(drop)
        .with_context(|| format!("{disk} is in use after it was unmounted, expected it to be free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(used: u64, use_: u32) -> FsState {
        FsState::Shown {
            kind: "ext4".into(),
            size: 1000,
            used,
            avail: 850,
            use_,
            inodes: 4,
        }
    }

    #[test]
    fn a_line_must_lie_between_the_readings() {
        let reading = |used: u64| Amounts {
            size: 1000,
            used,
            avail: 850,
            use_: 12.34,
            inodes: 0.41,
        };
        let readings = [reading(100), reading(120)];
        check(&shown(110, 123), "ext4", &readings, 0).unwrap();
        check(&shown(120, 124), "ext4", &readings, 0).unwrap();
        check(&shown(121, 123), "ext4", &readings, 0).unwrap_err();
        check(&shown(99, 123), "ext4", &readings, 0).unwrap_err();
        check(&shown(110, 125), "ext4", &readings, 0).unwrap_err();
        check(&shown(110, 123), "tmpfs", &readings, 0).unwrap_err();
        check(&FsState::Absent, "ext4", &readings, 0).unwrap_err();
        // What is in flight may be missing or there twice.
        check(&shown(90, 123), "ext4", &readings, 10).unwrap();
        check(&shown(130, 123), "ext4", &readings, 10).unwrap();
        check(&shown(131, 123), "ext4", &readings, 10).unwrap_err();
    }

    #[test]
    fn amounts_are_those_of_df() {
        let mut stat = statvfs("/").unwrap();
        stat.f_frsize = 2048;
        stat.f_blocks = 1000;
        stat.f_bfree = 400;
        stat.f_bavail = 200;
        stat.f_files = 0;
        stat.f_ffree = 0;
        let amounts = Amounts::new(&stat);
        assert_eq!(
            (amounts.size, amounts.used, amounts.avail),
            (2000, 1200, 400)
        );
        assert_eq!((amounts.use_, amounts.inodes), (75.0, 0.0));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A file system that does not answer must not hold up anything else.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::{anyhow, bail, ensure, Context, Result};
use resmon::Device;
use rustix::io::Errno;
use rustix::mount::{unmount, UnmountFlags};

use super::suspend::{self, PmTest};
use super::{ms, sleep_ms, Case, Clock, Guest, Needs, LATE};
use crate::elapsed::{one, slowness, wait};
use crate::fuse::{self, Fuse};
use crate::kmsg::Mark;
use crate::kthread;
use crate::lines::{Fs, FsState, Sample};
use crate::module::{self, Module, PATIENCE};

pub const CASES: &[Case] = &[
    Case {
        name: "a stuck file system, every 200 ms",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: |guest| stuck(guest, 200),
    },
    Case {
        name: "a stuck file system, every second",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: |guest| stuck(guest, 1000),
    },
    Case {
        name: "fifteen stuck file systems",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: many,
    },
    Case {
        name: "one thread until a file system is stuck",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: threads,
    },
    Case {
        name: "a stuck file system while the system suspends",
        needs: Needs::SuspendTest,
        clock: Clock::Instructions,
        run: suspended,
    },
    Case {
        name: "a stuck file system that is given up",
        needs: Needs::Drivers,
        clock: Clock::Any,
        run: given_up,
    },
];

const PATH: &str = "/tmp/stuck";

fn state<'a>(sample: &'a Sample, path: &str) -> Result<&'a FsState> {
    let line = one(&sample.fs, &format!("line of {path}"), |line: &Fs| {
        line.path == path
    })?;
    Ok(&line.state)
}

/// What the server says, in the units of the log.
fn healthy() -> FsState {
    let kilobytes = |blocks: u64| blocks * fuse::BLOCK / 1024;
    let used = fuse::BLOCKS - fuse::FREE;
    FsState::Shown {
        kind: "fuse".into(),
        size: kilobytes(fuse::BLOCKS),
        used: kilobytes(used),
        avail: kilobytes(fuse::AVAILABLE),
        // 15360 of 20480 blocks, and 750 of 1000 files.
        use_: 750,
        inodes: 750,
    }
}

/// Waits until the state of the path was what it must be in `count` samples. It may take a sample or
/// two to become so. Then it must stay so, but for an answer that is late on a machine that is busy.
/// Gives the samples that have it.
fn wait_for(
    module: &Module<'_>,
    from: Mark,
    expected: &FsState,
    count: usize,
    interval_ms: u64,
) -> Result<Vec<Sample>> {
    const CHANGING: usize = 2;
    let mut samples = Vec::new();
    loop {
        samples = wait(module, from, samples.len() + 1, interval_ms)?;
        let states = samples
            .iter()
            .map(|sample| state(sample, PATH))
            .collect::<Result<Vec<_>>>()?;
        let first = states.iter().position(|state| *state == expected);
        let first = first.unwrap_or(states.len());
        let others = states.iter().filter(|state| **state != expected).count();
        let stays = states[first..]
            .iter()
            .all(|state| *state == expected || **state == FsState::Stale);
        ensure!(
            stays && others <= CHANGING,
            "expected {expected:?} after at most {CHANGING} samples and then in all that are not \
             stale, found {states:?}"
        );
        if samples.len() >= others + count {
            return Ok(samples.split_off(first));
        }
    }
}

/// Everything but the stuck path goes on: lines in time, and of all sources.
fn check_the_rest(guest: &Guest, samples: &[Sample], interval_ms: u64) -> Result<()> {
    let interval = ms(interval_ms);
    let late = 2 * LATE * slowness(guest);
    for two in samples.windows(2) {
        let passed = two[1].first.at.saturating_sub(two[0].first.at);
        ensure!(
            passed + late >= interval && passed <= interval + late,
            "{passed:?} passed between two samples, expected {interval:?}, give or take {late:?}"
        );
    }
    for sample in samples {
        let took = sample.last.at.saturating_sub(sample.first.at);
        ensure!(
            took <= interval / 2 + late / 2,
            "the lines of a sample took {took:?}, expected at most {:?}",
            interval / 2 + late / 2
        );
        let root = state(sample, "/")?;
        ensure!(
            matches!(root, FsState::Shown { .. }),
            "expected / to be shown, found {root:?}"
        );
        ensure!(
            !sample.disks.taken()?.shown.is_empty(),
            "there are 0 lines of disks, expected 1 or more"
        );
        ensure!(
            !sample.nets.taken()?.shown.is_empty(),
            "there are 0 lines of interfaces, expected 1 or more"
        );
        sample.load.taken().context("expected a load line")?;
        sample.activity.taken().context("expected a vm line")?;
    }
    Ok(())
}

/// With this path first, the others must not wait for it.
fn load(guest: &Guest, interval_ms: u64) -> Result<Module<'_>> {
    fs::create_dir_all(PATH)?;
    // A disk has lines from its first use on.
    fs::read("/dev/vda")?;
    Module::load(
        &guest.log,
        &format!("interval_ms={interval_ms} per_cpu_max=0 fs_paths={PATH},/"),
    )
}

/// A module that waits for the file system says so rather than wait as well.
fn check_rmmod_refuses() -> Result<()> {
    // If it waited, so would this program.
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(module::rmmod()));
    match result.recv_timeout(4 * LATE) {
        Ok(Err(Errno::AGAIN)) => Ok(()),
        Ok(result) => {
            bail!("rmmod returned {result:?} while a file system is stuck, expected EAGAIN")
        }
        Err(_) => bail!(
            "rmmod has not returned in {:?} while a file system is stuck, expected EAGAIN",
            4 * LATE
        ),
    }
}

fn stuck(guest: &Guest, interval_ms: u64) -> Result<()> {
    let interval_ms = interval_ms * u64::from(slowness(guest));
    let module = load(guest, interval_ms)?;
    let fuse = Fuse::mount(PATH)?;
    let mounted = guest.log.mark("it is mounted")?;
    wait_for(&module, mounted, &healthy(), 1, interval_ms)?;

    let rounds = if interval_ms < 1000 { 2 } else { 1 };
    for _ in 0..rounds {
        fuse.stop_answering();
        let stopped = guest.log.mark("it stops answering")?;
        let samples = wait_for(&module, stopped, &FsState::Stale, 2, interval_ms)?;
        check_the_rest(guest, &samples, interval_ms)?;
        check_rmmod_refuses()?;
        // It is not asked once more while it does not answer.
        let asked = fuse.asked();
        let mark = guest.log.mark("nobody asks")?;
        let samples = wait_for(&module, mark, &FsState::Stale, 2, interval_ms)?;
        check_the_rest(guest, &samples, interval_ms)?;
        ensure!(
            fuse.asked() == asked,
            "a file system that does not answer was asked {} times, expected {asked} as before",
            fuse.asked()
        );

        fuse.resume();
        let resumed = guest.log.mark("it answers again")?;
        let samples = wait_for(&module, resumed, &healthy(), 2, interval_ms)?;
        check_the_rest(guest, &samples, interval_ms)?;
    }
    // Nothing holds the module any more.
    module.unload().map(drop)
}

/// How often the thread for each sample and its rescuer go to sleep from now on, while the path has
/// `state`, for each of so many samples.
fn sleeps(
    guest: &Guest,
    module: &Module<'_>,
    state: &FsState,
    samples: usize,
    interval_ms: u64,
) -> Result<[f64; 2]> {
    // The samples in which it becomes what it is do not count.
    let mark = guest.log.mark("another state")?;
    wait_for(module, mark, state, 2, interval_ms)?;
    let reporter = kthread::find(kthread::REPORTER)?;
    let rescuer = kthread::find(kthread::RESCUER)?;
    let count = || -> Result<[u64; 3]> {
        Ok([
            kthread::sleeps(reporter)?,
            kthread::sleeps(rescuer)?,
            Device::open()?.info()?.next_seq,
        ])
    };
    let before = count()?;
    let mark = guest.log.mark("count")?;
    wait_for(module, mark, state, samples, interval_ms)?;
    let after = count()?;
    let [by_reporter, by_rescuer, samples] =
        [0, 1, 2].map(|which: usize| (after[which] - before[which]) as f64);
    Ok([by_reporter, by_rescuer].map(|sleeps| sleeps / samples))
}

/// One thread goes to sleep once for each sample, with all sources on: it wakes no other one and waits
/// for none. When a file system keeps it, another one goes on, until it is back.
fn threads(guest: &Guest) -> Result<()> {
    const SAMPLES: usize = 10;
    let interval_ms = 200 * u64::from(slowness(guest));
    let module = load(guest, interval_ms)?;
    let fuse = Fuse::mount(PATH)?;
    let ensure = |what: &str, found: [f64; 2], expected: [std::ops::RangeInclusive<f64>; 2]| {
        ensure!(
            expected[0].contains(&found[0]) && expected[1].contains(&found[1]),
            "{what}, {} and {} sleep {found:?} times per sample, expected {expected:?}",
            kthread::REPORTER,
            kthread::RESCUER
        );
        Ok(())
    };
    for _ in 0..2 {
        fuse.stop_answering();
        let found = sleeps(guest, &module, &FsState::Stale, SAMPLES, interval_ms)?;
        // It waits for the other jobs as well.
        ensure("while one is stuck", found, [0.0..=0.0, 0.8..=4.0])?;
        fuse.resume();
        // It sleeps for the answer of the server, and until the next sample.
        let found = sleeps(guest, &module, &healthy(), SAMPLES, interval_ms)?;
        ensure("while a server answers", found, [0.8..=4.0, 0.0..=0.5])?;
    }
    drop(fuse);
    let found = sleeps(guest, &module, &FsState::Absent, SAMPLES, interval_ms)?;
    ensure("while all answer at once", found, [0.8..=1.2, 0.0..=0.0])?;
    module.unload().map(drop)
}

/// The freezer does not wait for a thread that waits without an end.
fn suspended(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 200;
    let module = load(guest, INTERVAL_MS)?;
    let fuse = Fuse::mount(PATH)?;
    fuse.stop_answering();
    let stopped = guest.log.mark("it stops answering")?;
    wait_for(&module, stopped, &FsState::Stale, 1, INTERVAL_MS)?;
    let test = PmTest::of("freezer")?;
    let frozen = fs::write(suspend::STATE, "freeze");
    drop(test);
    frozen.context("suspend while a file system is stuck")?;
    let thawed = guest.log.mark("it is thawed")?;
    let samples = wait_for(&module, thawed, &FsState::Stale, 2, INTERVAL_MS)?;
    check_the_rest(guest, &samples, INTERVAL_MS)?;
    fuse.resume();
    let resumed = guest.log.mark("it answers again")?;
    wait_for(&module, resumed, &healthy(), 2, INTERVAL_MS)?;
    drop(fuse);
    module.unload().map(drop)
}

/// However many hang, the rest goes on; and one that hangs can be left out and taken in again.
fn many(guest: &Guest) -> Result<()> {
    const STUCK: usize = 15;
    let interval_ms = 300 * u64::from(slowness(guest));
    let module = load(guest, interval_ms)?;
    let paths: Vec<String> = (0..STUCK).map(|n| format!("{PATH}/{n}")).collect();
    let all = format!("{},/", paths.join(","));
    let servers = paths
        .iter()
        .map(|path| Fuse::mount(path))
        .collect::<Result<Vec<_>>>()?;
    module::write("fs_paths", &all)?;
    // So many that hang at once may take the others' time away for a sample.
    let expect = |when: &str, expected: &FsState| -> Result<()> {
        const MOST: usize = 8;
        let mark = guest.log.mark(when)?;
        let mut found = Ok(());
        for number in 1..=MOST {
            let samples = wait(&module, mark, number, interval_ms)?;
            let last = samples.last().context("expected a sample, found none")?;
            found = check_the_rest(guest, std::slice::from_ref(last), interval_ms);
            for path in &paths {
                let state = state(last, path)?;
                if found.is_ok() && state != expected {
                    found = Err(anyhow!("{path} is {state:?}, expected {expected:?}"));
                }
            }
            if found.is_ok() {
                break;
            }
        }
        found.with_context(|| format!("{when}, the last of {MOST} samples"))
    };
    expect("when all answer", &healthy())?;
    for server in &servers {
        server.stop_answering();
    }
    expect("when all hang", &FsState::Stale)?;
    check_rmmod_refuses()?;

    // What is not watched any more is waited for as well before the module can go.
    module::write("fs_paths", "/")?;
    let mark = guest.log.mark("only the root")?;
    let samples = wait(&module, mark, 2, interval_ms)?;
    ensure!(
        samples[1].fs.len() == 1,
        "expected the line of / alone, found {:?}",
        samples[1].fs
    );
    check_the_rest(guest, &samples[..2], interval_ms)?;
    check_rmmod_refuses()?;
    let asked: u64 = servers.iter().map(Fuse::asked).sum();
    module::write("fs_paths", &all)?;
    expect("when all are watched again", &FsState::Stale)?;
    let asked_now: u64 = servers.iter().map(Fuse::asked).sum();
    ensure!(
        asked_now == asked,
        "file systems that do not answer were asked {asked_now} times, expected {asked} as before"
    );
    for server in &servers {
        server.resume();
    }
    expect("when all answer again", &healthy())?;
    drop(servers);
    module.unload().map(drop)
}

/// A server that dies, a connection that is aborted, and a mount that is taken away by force.
fn given_up(guest: &Guest) -> Result<()> {
    const NOT_CONNECTED: FsState = FsState::Error(107);
    let interval_ms = 200 * u64::from(slowness(guest));
    type End = fn(&mut Fuse) -> Result<()>;
    let ends: [(&str, End, FsState); 3] = [
        (
            "the server dies",
            |fuse| {
                fuse.die();
                Ok(())
            },
            NOT_CONNECTED,
        ),
        ("the connection is aborted", |_| abort(), NOT_CONNECTED),
        (
            "it is unmounted by force",
            |_| unmount_by_force(),
            FsState::Absent,
        ),
    ];
    for (what, end, expected) in ends {
        let module = load(guest, interval_ms)?;
        let mut fuse = Fuse::mount(PATH)?;
        let mounted = guest.log.mark("it is mounted")?;
        wait_for(&module, mounted, &healthy(), 1, interval_ms)?;
        fuse.stop_answering();
        let stopped = guest.log.mark("it stops answering")?;
        wait_for(&module, stopped, &FsState::Stale, 2, interval_ms)?;
        check_rmmod_refuses()?;

        end(&mut fuse).context(what)?;
        let ended = guest.log.mark(what)?;
        let samples = wait_for(&module, ended, &expected, 2, interval_ms).context(what)?;
        check_the_rest(guest, &samples, interval_ms)?;
        // A mount whose server is gone can be taken away, and is not pinned.
        if expected == NOT_CONNECTED {
            unmount_patiently(UnmountFlags::empty()).context(what)?;
            let ended = guest.log.mark("it is unmounted")?;
            wait_for(&module, ended, &FsState::Absent, 1, interval_ms)?;
        }
        module.unload()?;
    }
    Ok(())
}

/// What an administrator does who has no server to stop.
fn abort() -> Result<()> {
    const CONNECTIONS: &str = "/sys/fs/fuse/connections";
    use rustix::mount::{mount, MountFlags};
    match mount("fusectl", CONNECTIONS, "fusectl", MountFlags::empty(), None) {
        Err(Errno::BUSY) => (),
        result => result.context("mount fusectl")?,
    }
    // A connection is named after its file system's device number, and asking the file system
    // itself for that would hang.
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let line = mounts
        .lines()
        .find(|line| line.split(' ').nth(4) == Some(PATH));
    let device = line.and_then(|line| line.split(' ').nth(2));
    let (_, minor) = device
        .and_then(|device| device.split_once(':'))
        .with_context(|| format!("expected a mount on {PATH} in mountinfo, found {mounts:?}"))?;
    let path = format!("{CONNECTIONS}/{minor}/abort");
    fs::write(&path, "1").context(path)
}

fn unmount_by_force() -> Result<()> {
    // The first call aborts the connection; the module then lets go of the mount.
    unmount_patiently(UnmountFlags::FORCE)
}

fn unmount_patiently(flags: UnmountFlags) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let start = Instant::now();
    loop {
        match unmount(PATH, flags) {
            Err(Errno::BUSY) if Instant::now() < deadline => sleep_ms(2),
            result => {
                result
                    .with_context(|| format!("umount {PATH}, tried for {:?}", start.elapsed()))?;
                ensure!(
                    start.elapsed() < 4 * LATE,
                    "umount took {:?}, expected less than {:?}",
                    start.elapsed(),
                    4 * LATE
                );
                return Ok(());
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Sampling while user space does its worst, as the records tell it afterwards.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use resmon::model::record::Content;
use resmon::model::source::oom_kill::OomKill;
use resmon::{Device, Record};
use rustix::mount::{mount, unmount, MountFlags, UnmountFlags};

use super::{device, hotplug, sleep_ms, Case, Clock, Guest, Needs};
use crate::cgroup::Cgroup;
use crate::child::{myself, Player, Role};
use crate::module::{Module, PATIENCE};
use crate::tools::{busybox, PROGRAMS};
use crate::{netlink, proc};

/// While this case runs, the kernel has reason to tell of processes that it kills.
pub const OUT_OF_MEMORY: &str = "under fire, memory that runs out";

/// Cases by their names, with what burns for so long.
macro_rules! fires {
    ($($name:literal => $burn:expr,)*) => {
        pub const CASES: &[Case] = &[$(Case {
            name: concat!("under fire, ", $name),
            needs: Needs::Program("stress-ng"),
            clock: Clock::Instructions,
            run: |guest| measure(guest, $burn),
        }),*];
    };
}

fires! {
    "nothing, to compare" => |_, time| {
        thread::sleep(time);
        Ok(())
    },
    "busy CPUs" => |guest, time| stress(time, &["--cpu", &(2 * guest.cpus).to_string()]),
    "memory that comes and goes" => |_, time| {
        stress(time, &["--vm", "4", "--vm-bytes", "40%"])
    },
    "writes to a disk" => write_to_disk,
    "forks" => |guest, time| stress(time, &["--fork", &(2 * guest.cpus).to_string()]),
    "context switches" => |guest, time| stress(time, &["--switch", &guest.cpus.to_string()]),
    "timers" => |guest, time| {
        stress(time, &["--timer", &guest.cpus.to_string(), "--timer-freq", "2000"])
    },
    "a flood of UDP packets" => |guest, time| {
        netlink::set_up("lo", true)?;
        stress(time, &["--udp", &guest.cpus.to_string()])
    },
    "CPUs that come and go" => come_and_go,
    "memory that runs out" => run_out_of_memory,
    "a fork bomb in a cgroup" => fork_bomb,
}

type Burn = fn(&Guest, Duration) -> Result<()>;

fn measure(guest: &Guest, burn: Burn) -> Result<()> {
    for (interval_ms, seconds) in [(10, 2), (1000, 4)] {
        // Memory that runs out is an event, with which samples would be taken faster.
        let parameters =
            format!("interval_ms={interval_ms} trouble_interval_ms=0 log_every=0 history_kB=65536");
        let module = Module::load(&guest.log, &parameters)?;
        burn(guest, Duration::from_secs(seconds))?;
        // What the module kept by itself, read once all is over.
        let records = Device::history()?;
        module.unload()?;
        let count = Count::of(&records)?;
        if let Some(pair) = records
            .windows(2)
            .find(|pair| pair[1].header().seq != pair[0].header().seq + 1)
        {
            let (then, now) = (pair[0].header(), pair[1].header());
            crate::report(&format!(
                "# record {} follows record {} and says that {} are lost before it",
                now.seq, then.seq, now.lost_records
            ));
        }
        let Count {
            due,
            taken,
            hurried,
            missed,
            late,
            lost,
        } = count;
        crate::report(&format!(
            "# every {interval_ms} ms: {due} due, {taken} taken, {late} late by more than an \
             interval, {lost} lost"
        ));
        ensure!(
            due >= seconds * 1000 / interval_ms,
            "{due} samples were due in {seconds} s, expected {} or more",
            seconds * 1000 / interval_ms
        );
        // Nothing goes without being counted.
        ensure!(
            lost == 0 && due + hurried == taken + missed,
            "every {interval_ms} ms: expected none lost, and all due to be taken or missed, found \
             {count:?}"
        );
        // With one CPU, by the clock of instructions, whatever makes a sample late is in the guest.
        // Several emulated CPUs take turns, and one of them may wait for its turn, with its timer,
        // longer than the shortest interval, and then several times.
        let is_for_turns = guest.cpus > 1 && interval_ms < 100;
        ensure!(
            (missed == 0 && late == 0) || (is_for_turns && taken >= due / 2),
            "every {interval_ms} ms: expected none missed or late{}, found {count:?}",
            if is_for_turns {
                ", or half of all taken"
            } else {
                ""
            }
        );
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    /// By the times at which samples were due.
    due: u64,
    taken: u64,
    /// Taken before they were due, since a process was chosen as memory ran out.
    hurried: u64,
    /// As the module counts those that were due and not taken.
    missed: u64,
    late: u64,
    /// Taken, but not kept.
    lost: u64,
}

impl Count {
    fn of(records: &[Record]) -> Result<Count> {
        let headers: Vec<_> = records.iter().map(Record::header).collect();
        let (first, last) = (
            headers.first().context("expected records, found none")?,
            headers.last().context("expected records, found none")?,
        );
        ensure!(
            first.seq == 0,
            "the first record that is kept is {}, expected 0",
            first.seq
        );
        // What the last one missed was due after it.
        let before_last = headers.iter().rev().nth(1);
        let is_late = |taken_ns: u64, due_ns: u64| taken_ns - due_ns > first.interval_ns;
        let (mut due, mut hurried) = (1, 0);
        for (pair, records) in headers.windows(2).zip(records.windows(2)) {
            let passed_ns = pair[1].due_mono_ns - pair[0].due_mono_ns;
            if passed_ns % first.interval_ns == 0 {
                due += passed_ns / first.interval_ns;
                continue;
            }
            hurried += 1;
            // One that was due meanwhile may have them already.
            ensure!(
                has_kills(&records[0])? || has_kills(&records[1])?,
                "sample {} was due {passed_ns} ns after the one before, expected whole intervals, \
                 as nobody was killed",
                pair[1].seq
            );
        }
        Ok(Count {
            due,
            taken: last.seq + 1,
            hurried,
            missed: before_last.map_or(0, |header| header.missed_ticks),
            late: headers
                .iter()
                .filter(|header| is_late(header.taken_mono_ns, header.due_mono_ns))
                .count() as u64,
            lost: last.seq + 1 - records.len() as u64,
        })
    }
}

fn has_kills(record: &Record) -> Result<bool> {
    let mut sections = device::raw(record)?.sections();
    Ok(sections.any(|section| section.header().kind == OomKill::KIND))
}

/// Runs stress-ng with these stressors.
fn stress(time: Duration, stressors: &[&str]) -> Result<()> {
    let seconds = time.as_secs().to_string();
    let words = [
        "chroot",
        PROGRAMS,
        "/stress-ng",
        "--quiet",
        "--temp-path",
        "/tmp",
        "--timeout",
        &seconds,
    ];
    busybox(&[&words, stressors].concat()).map(drop)
}

fn write_to_disk(_: &Guest, time: Duration) -> Result<()> {
    let folder = format!("{PROGRAMS}/tmp");
    mount("/dev/vda", &folder, "ext4", MountFlags::empty(), None).context("/dev/vda")?;
    let result = stress(
        time,
        &["--hdd", "2", "--hdd-bytes", "8M", "--hdd-opts", "fsync"],
    );
    unmount(&folder, UnmountFlags::DETACH)?;
    result
}

fn come_and_go(guest: &Guest, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    let mut rounds = 0;
    while Instant::now() < end {
        for cpu in 1..guest.cpus {
            for online in ["0", "1"] {
                fs::write(hotplug::online_path(cpu), online)?;
            }
        }
        rounds += 1;
    }
    ensure!(
        rounds > 1,
        "CPUs went {rounds} times in {time:?}, expected 2 or more"
    );
    Ok(())
}

/// How often the kernel killed a process for want of memory.
fn oom_kills() -> Result<u64> {
    proc::vmstat(&fs::read_to_string("/proc/vmstat")?, "oom_kill")
}

/// Processes that take all the memory there is, again and again.
fn run_out_of_memory(guest: &Guest, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    let before = oom_kills()?;
    let eat = Role::Eat { mib: 4096 };
    let mut eaters = Vec::new();
    while Instant::now() < end || oom_kills()? == before {
        ensure!(
            Instant::now() < end + PATIENCE,
            "the kernel killed {} processes for want of memory in {:?}, expected 1 or more",
            oom_kills()? - before,
            time + PATIENCE
        );
        eaters.clear();
        for _ in 0..guest.cpus {
            eaters.push(Player::start(myself(), eat, None)?);
        }
        let kills = oom_kills()?;
        while Instant::now() < end + PATIENCE && oom_kills()? == kills {
            sleep_ms(20);
        }
    }
    drop(eaters);
    let kills = oom_kills()? - before;
    crate::report(&format!("# the kernel killed {kills} processes"));
    Ok(())
}

fn fork_bomb(_: &Guest, time: Duration) -> Result<()> {
    const MOST: u32 = 300;
    let cgroup = Cgroup::with("pids", "bomb")?;
    cgroup.set("pids.max", &MOST.to_string())?;
    // It begins once it is in there. Each process starts two more, whatever becomes of them.
    let mut bomb = Command::new("/bin/busybox")
        .args([
            "sh",
            "-c",
            "read go; bomb() { bomb | bomb & bomb; }; bomb 2>/dev/null",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    cgroup.take_in(bomb.id())?;
    drop(bomb.stdin.take());
    thread::sleep(time);
    let peak = cgroup.get("pids.peak")?;
    let refused = cgroup.get("pids.events")?;
    drop(cgroup);
    let _ = bomb.wait();
    crate::report(&format!(
        "# {} processes at once, forks refused: {}",
        peak, refused
    ));
    ensure!(
        peak == MOST.to_string(),
        "there were {peak} processes at once, expected the limit of {MOST}"
    );
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0

//! Events, each raised for real and ended: in the records, in the log, and for a program that waits for
//! what cannot wait.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use resmon::model::event::trigger::{Description, Unit};
use resmon::model::event::{Event, Trigger, BEGIN, END, MOMENT, ONGOING};
use resmon::{Device, Record, Records};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use serde_json::Value;

use super::fs::Mounted;
use super::{clock, sleep_ms, Case, Clock, Guest, Needs};
use crate::blockdev::{Disk, NullDisk};
use crate::cgroup::Cgroup;
use crate::child::{self, Player, Role};
use crate::fuse::Fuse;
use crate::kmsg::Mark;
use crate::lines::{self, Alert, Line};
use crate::load::{Kind, Load};
use crate::module::{self, Module, ALERTS, PATIENCE};
use crate::proc;

/// While these cases run, the kernel has reason to report that it is out of memory.
pub const OUT_OF_MEMORY: [&str; 2] = [
    "event: a cgroup out of memory",
    "event: little memory is available",
];

pub const CASES: &[Case] = &[
    Case {
        name: "an idle hour has no event",
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: idle_hour,
    },
    Case {
        name: OUT_OF_MEMORY[0],
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: oom_kill,
    },
    Case {
        name: "event: tasks wait for memory",
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: memory_pressure,
    },
    Case {
        name: OUT_OF_MEMORY[1],
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: little_memory,
    },
    Case {
        name: "event: all tasks wait for I/O",
        needs: Needs::BlockedTasks,
        clock: Clock::Instructions,
        run: io_pressure,
    },
    Case {
        name: "event: many tasks want to run",
        needs: Needs::Pressure,
        clock: Clock::Instructions,
        run: run_queue,
    },
    Case {
        name: "event: a full file system",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: full_file_system,
    },
    Case {
        name: "event: a file system that does not answer",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: stuck_file_system,
    },
    Case {
        name: "event: a disk that completes nothing",
        needs: Needs::Drivers,
        clock: Clock::Instructions,
        run: stuck_disk,
    },
    Case {
        name: "event: late samples",
        // It takes two minutes by the host's clock.
        needs: Needs::StockKernel,
        clock: Clock::Host,
        run: late,
    },
    Case {
        name: "a paused guest has no event",
        needs: Needs::RealTimeClock,
        clock: Clock::Instructions,
        run: paused,
    },
    Case {
        name: "an event as a test",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: test_event,
    },
    Case {
        name: "events from the exporter and resmon log",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: programs,
    },
    Case {
        name: "other thresholds of events",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: thresholds,
    },
    Case {
        name: "unload in a storm of events",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: storm,
    },
];

/// Between two samples.
const INTERVAL_MS: u64 = 1000;

/// A module, and a program that waits for events alone.
struct Watching<'a> {
    guest: &'a Guest,
    module: Module<'a>,
    records: Records<Device>,
    start: Mark,
    /// The events that are open, as the records have them.
    open: Vec<Event>,
}

impl<'a> Watching<'a> {
    fn start(guest: &'a Guest, parameters: &str) -> Result<Self> {
        let parameters = format!("interval_ms={INTERVAL_MS} {parameters}");
        let module = Module::load_just(&guest.log, &parameters)?;
        let device = Device::open()?;
        device.set_nonblocking(true)?;
        let mut watching = Self {
            guest,
            module,
            records: device.into_records()?,
            start: guest.log.mark("watching")?,
            open: Vec::new(),
        };
        // With a few samples that are quiet.
        sleep_ms(3 * INTERVAL_MS + INTERVAL_MS / 2);
        ensure!(
            !watching.is_urgent(Duration::ZERO)?,
            "an event is said to be there from the start"
        );
        watching.read()?;
        Ok(watching)
    }

    /// Whether a record is there, within some time, with an event that begins or ends.
    fn is_urgent(&self, patience: Duration) -> Result<bool> {
        let time = Timespec::try_from(patience)?;
        let mut fds = [PollFd::new(self.records.get_ref(), PollFlags::PRI)];
        poll(&mut fds, Some(&time))?;
        Ok(fds[0].revents().contains(PollFlags::PRI))
    }

    /// The events that begin or end in the records that are there.
    fn read(&mut self) -> Result<Vec<Event>> {
        let mut changes = Vec::new();
        while let Some(record) = self.records.try_next()? {
            changes.extend(self.check(&record)?);
        }
        Ok(changes)
    }

    /// Each event has a begin and an end, and is in each record in between.
    fn check(&mut self, record: &Record) -> Result<Vec<Event>> {
        let mut events: Vec<Event> = record
            .raw()
            .context("a record of this version")?
            .entries::<Event>()
            .collect();
        events.sort_by_key(|event| event.number);
        let (began, known): (Vec<Event>, Vec<Event>) = events
            .iter()
            .partition(|event| matches!(event.state, BEGIN | MOMENT));
        let numbers = |events: &[Event]| -> Vec<u64> { events.iter().map(|e| e.number).collect() };
        ensure!(
            numbers(&known) == numbers(&self.open),
            "record {} has the events {known:?} besides new ones, expected {:?}",
            record.header().seq,
            self.open
        );
        self.open = events.clone();
        self.open
            .retain(|event| matches!(event.state, BEGIN | ONGOING));
        let mut changes: Vec<Event> = began.into_iter().filter(|e| e.state == BEGIN).collect();
        let is_over = |event: &Event| matches!(event.state, END | MOMENT);
        changes.extend(events.iter().filter(|event| is_over(event)));
        Ok(changes)
    }

    /// Waits for an event to begin or end, as `poll()` tells it. Others may be there, too.
    fn wait(&mut self, trigger: Trigger, state: u32) -> Result<Event> {
        let name = trigger.description().name;
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(60);
        let mut found = Vec::new();
        while Instant::now() < deadline {
            if !self.is_urgent(deadline - Instant::now())? {
                break;
            }
            let changes = self.read()?;
            ensure!(
                !changes.is_empty(),
                "poll() told of an event, and no record has one"
            );
            ensure!(
                !self.is_urgent(Duration::ZERO)?,
                "poll() tells of an event that was read"
            );
            found.extend(changes);
            let wanted = found
                .iter()
                .find(|event| event.trigger == trigger as u32 && event.state == state);
            if let Some(event) = wanted {
                let Description { bad, unit, .. } = trigger.description();
                // A time may be a little short, as samples are a little late.
                ensure!(
                    state == END || unit == Unit::Nanoseconds || bad.is(event.value, event.limit),
                    "{event:?} began with a value that is not bad"
                );
                return Ok(*event);
            }
        }
        bail!(
            "expected {name} to change to {state}, found {found:?}, and {:?}",
            self.open
        )
    }

    /// What the log says of a trigger, once there is a line.
    fn alert(&self, trigger: Trigger) -> Result<Alert> {
        let name = trigger.description().name;
        let what = format!("alert={name}");
        self.guest.log.wait(self.start, PATIENCE, &what, |records| {
            for record in records {
                if let Some(Line::Alert(alert)) = lines::parse_record(record)? {
                    if alert.trigger == name {
                        return Ok(Some(alert));
                    }
                }
            }
            Ok(None)
        })
    }

    /// How many lines of some kind the log has since the start.
    fn count(&self, is_wanted: fn(&Line) -> bool) -> Result<usize> {
        let lines = self.module.lines(self.start)?;
        Ok(lines.iter().filter(|(_, line)| is_wanted(line)).count())
    }

    fn end(self) -> Result<()> {
        drop(self.records);
        self.module.unload().map(drop)
    }
}

/// With each trigger on.
fn idle_hour(guest: &Guest) -> Result<()> {
    let module = Module::load_just(&guest.log, "interval_ms=5000 fs_paths=/,/tmp")?;
    let records = Device::open()?.into_records()?;
    let start = guest.log.mark("an hour")?;
    thread::sleep(Duration::from_secs(3600));
    let mut last = 0;
    for record in records {
        let record = record?;
        let events: Vec<Event> = record.raw().context("a record")?.entries().collect();
        ensure!(
            events.is_empty(),
            "an idle machine has the events {events:?}"
        );
        last = record.header().seq;
        if last >= 720 {
            break;
        }
    }
    ensure!(last >= 720, "the hour has {last} samples, expected 720");
    for (_, line) in module.lines(start)? {
        ensure!(
            matches!(line, Line::Brief(_)),
            "the log of an idle machine has {line:?}"
        );
    }
    module.unload().map(drop)
}

/// A process in a cgroup that takes more than this may have.
fn oom_kill(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::with("memory", "events")?;
    cgroup.set("memory.max", "16M")?;
    let mut watching = Watching::start(guest, "interval_ms=5000")?;
    let mut process = Player::start(child::myself(), Role::Eat { mib: 64 }, Some(&cgroup))?;
    let event = watching.wait(Trigger::OomKill, BEGIN)?;
    ensure!(
        event.value == 1,
        "{event:?}, expected one process to be killed"
    );
    process.wait(PATIENCE)?;
    let alert = watching.alert(Trigger::OomKill)?;
    ensure!(
        alert.state == "begin" && alert.left_out == 0,
        "the log says {alert:?}"
    );
    // From here on samples are taken faster, and there are all lines, once.
    let record = loop {
        sleep_ms(100);
        let records: Vec<Record> = Device::history()?;
        let last = records.into_iter().last().context("no record")?;
        if last.header().interval_ns == 500_000_000 {
            break last;
        }
    };
    ensure!(
        module::read("interval_ms")? == 5000,
        "the parameter has changed with record {}",
        record.header().seq
    );
    watching.wait(Trigger::OomKill, END)?;
    sleep_ms(5100);
    let last = Device::history()?.into_iter().last().context("no record")?;
    ensure!(
        last.header().interval_ns == 5_000_000_000,
        "the interval is {} ns after the event, expected 5 s",
        last.header().interval_ns
    );
    let full = watching.count(|line| matches!(line, Line::CpuAll(_)))?;
    ensure!(
        (1..=3).contains(&full),
        "there were all lines {full} times, expected once in 10 s"
    );
    watching.end()?;
    cgroup.remove()
}

/// A process that may hardly have any memory, as long as it runs.
fn memory_pressure(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::with("memory", "events")?;
    cgroup.set("memory.high", "8M")?;
    let mut watching = Watching::start(guest, "")?;
    let process = Player::start(child::myself(), Role::Eat { mib: 64 }, Some(&cgroup))?;
    for trigger in [Trigger::MemoryFull, Trigger::MemorySome] {
        let event = match trigger {
            // It is there first, and may have been read with the other one.
            Trigger::MemorySome => watching.wait_open(trigger)?,
            _ => watching.wait(trigger, BEGIN)?,
        };
        ensure!(event.worst >= event.limit, "{event:?}");
        watching.alert(trigger)?;
    }
    drop(process);
    watching.wait_closed(&[Trigger::MemoryFull, Trigger::MemorySome])?;
    watching.end()?;
    cgroup.remove()
}

impl Watching<'_> {
    /// Waits until an event of the trigger is open.
    fn wait_open(&mut self, trigger: Trigger) -> Result<Event> {
        let is_it = |event: &&Event| event.trigger == trigger as u32;
        match self.open.iter().find(is_it) {
            Some(event) => Ok(*event),
            None => self.wait(trigger, BEGIN),
        }
    }

    /// Waits until no event of these triggers is open.
    fn wait_closed(&mut self, triggers: &[Trigger]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(60);
        loop {
            self.read()?;
            let is_open = |trigger: &Trigger| {
                let mut open = self.open.iter();
                open.any(|event| event.trigger == *trigger as u32)
            };
            if !triggers.iter().any(is_open) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{:?} do not end, expected none of {triggers:?}",
                self.open
            );
            self.is_urgent(Duration::from_secs(1))?;
        }
    }
}

/// Nearly all memory of the machine goes to one process.
fn little_memory(guest: &Guest) -> Result<()> {
    let mut watching = Watching::start(guest, "")?;
    let meminfo = proc::meminfo(&fs::read_to_string("/proc/meminfo")?)?;
    let available_kb = meminfo.get("MemAvailable").context("MemAvailable")?;
    // The rest in small steps: some of what it takes was not counted as available.
    let mib = (available_kb / 1024).saturating_sub(16) as usize;
    let mut processes = vec![Player::start(child::myself(), Role::Eat { mib }, None)?];
    let event = loop {
        sleep_ms(5 * INTERVAL_MS);
        watching.read()?;
        let is_it = |event: &&Event| event.trigger == Trigger::MemoryAvailable as u32;
        if let Some(event) = watching.open.iter().find(is_it) {
            break *event;
        }
        ensure!(
            processes.len() < 10,
            "expected mem_avail to begin, found {:?}",
            watching.open
        );
        processes.push(Player::start(child::myself(), Role::Eat { mib: 3 }, None)?);
    };
    ensure!(event.worst < 50, "{event:?}, expected less than 5 %");
    watching.alert(Trigger::MemoryAvailable)?;
    drop(processes);
    watching.wait_closed(&[Trigger::MemoryAvailable, Trigger::MemoryFalling])?;
    watching.end()
}

/// The only task that has anything to do waits for a disk that is slow.
fn io_pressure(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("events")?;
    let null = NullDisk::create(
        "nullslow",
        &[
            ("size", "64"),
            ("irqmode", "2"),
            ("completion_nsec", "900000000"),
        ],
    )?;
    let mut watching = Watching::start(guest, "")?;
    let event = thread::scope(|scope| {
        let reader = scope.spawn(|| -> Result<()> {
            let mut disk = Disk::open("nullslow")?;
            for at in 0..20 {
                disk.read(at * 4096, 4096)?;
            }
            Ok(())
        });
        let event = watching.wait(Trigger::IoFull, BEGIN);
        let read = reader.join();
        read.map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        event
    })?;
    ensure!(event.value >= 500, "{event:?}, expected at least 50 %");
    watching.alert(Trigger::IoFull)?;
    watching.wait(Trigger::IoFull, END)?;
    watching.end()?;
    null.remove()?;
    cgroup.remove()
}

fn run_queue(guest: &Guest) -> Result<()> {
    let cgroup = Cgroup::create("events")?;
    let mut watching = Watching::start(guest, "")?;
    let loads: Vec<Load> = (0..5 * guest.cpus + 1)
        .map(|at| Load::start(Kind::User, at % guest.cpus))
        .collect::<Result<_>>()?;
    let event = watching.wait(Trigger::RunQueue, BEGIN)?;
    let limit = u64::from(4 * guest.cpus + 1);
    ensure!(
        event.limit == limit && event.value >= limit,
        "{event:?}, expected a limit of {limit} tasks"
    );
    watching.alert(Trigger::RunQueue)?;
    let event = watching.wait_open(Trigger::CpuSome)?;
    ensure!(event.value >= 800, "{event:?}, expected at least 80 %");
    drop(loads);
    watching.wait_closed(&[Trigger::RunQueue, Trigger::CpuSome])?;
    // Neither says that the machine may be dying.
    let full = watching.count(|line| matches!(line, Line::CpuAll(_)))?;
    ensure!(
        full == 0,
        "there were all lines {full} times, expected never"
    );
    watching.end()?;
    cgroup.remove()
}

fn full_file_system(guest: &Guest) -> Result<()> {
    const PATH: &str = "/mnt/full";
    let mounted = Mounted::new("full", PATH, "tmpfs", "size=1m")?;
    let mut watching = Watching::start(guest, &format!("fs_paths=/,{PATH}"))?;
    let file = Path::new(PATH).join("file");
    fs::write(&file, vec![1; 1020 << 10])?;
    let event = watching.wait(Trigger::FsFull, BEGIN)?;
    ensure!(
        event.subject.as_bytes() == PATH.as_bytes() && event.value >= 950,
        "{event:?}, expected {PATH}"
    );
    let alert = watching.alert(Trigger::FsFull)?;
    ensure!(
        alert.subject == Some(("fs".into(), PATH.into())),
        "the log says {alert:?}"
    );
    fs::remove_file(&file)?;
    let event = watching.wait(Trigger::FsFull, END)?;
    ensure!(event.value < 100 && event.worst >= 950, "{event:?}");
    watching.end()?;
    mounted.unmount(100).map(drop)
}

fn stuck_file_system(guest: &Guest) -> Result<()> {
    const PATH: &str = "/mnt/stuck";
    let fuse = Fuse::mount(PATH)?;
    let mut watching = Watching::start(guest, &format!("fs_paths=/,{PATH}"))?;
    fuse.stop_answering();
    let event = watching.wait(Trigger::FsStuck, BEGIN)?;
    ensure!(
        event.subject.as_bytes() == PATH.as_bytes() && event.value >= 29_000_000_000,
        "{event:?}, expected {PATH} to be stuck for 30 s"
    );
    watching.alert(Trigger::FsStuck)?;
    fuse.resume();
    watching.wait(Trigger::FsStuck, END)?;
    watching.end()
}

fn stuck_disk(guest: &Guest) -> Result<()> {
    const NAME: &str = "nullstuck";
    let null = NullDisk::create(
        NAME,
        &[
            ("size", "64"),
            ("irqmode", "2"),
            ("completion_nsec", "2000000000"),
        ],
    )?;
    // A request that takes as long as the usual threshold is given up by the block layer.
    let mut watching = Watching::start(guest, "interval_ms=200 alerts=disk_stuck:1s")?;
    let event = thread::scope(|scope| {
        let reader = scope.spawn(|| Disk::open(NAME)?.read(0, 4096));
        let event = watching.wait(Trigger::DiskStuck, BEGIN);
        let read = reader.join();
        read.map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        event
    })?;
    ensure!(
        event.subject.as_bytes() == NAME.as_bytes() && event.value >= 900_000_000,
        "{event:?}, expected {NAME} to complete nothing for 1 s"
    );
    let alert = watching.alert(Trigger::DiskStuck)?;
    ensure!(
        alert.subject == Some(("disk".into(), NAME.into())),
        "the log says {alert:?}"
    );
    watching.wait_closed(&[Trigger::DiskStuck])?;
    watching.end()?;
    null.remove()
}

/// The guest stands still, and its clock goes on.
fn late(guest: &Guest) -> Result<()> {
    const STILL_S: u64 = 20;
    let mut watching = Watching::start(guest, "alerts=off,late")?;
    crate::report(&format!("freeze {STILL_S}"));
    let event = watching.wait(Trigger::Late, BEGIN)?;
    ensure!(event.value >= 100, "{event:?}, expected at least 10 %");
    watching.alert(Trigger::Late)?;
    watching.wait(Trigger::Late, END)?;
    watching.end()
}

/// The guest stands still, and its clock as well.
fn paused(guest: &Guest) -> Result<()> {
    const STILL_S: u64 = 60;
    let real_time_s = || -> Result<u64> {
        let text = fs::read_to_string(clock::REAL_TIME_CLOCK)?;
        Ok(text.trim().parse()?)
    };
    let mut watching = Watching::start(guest, "")?;
    let begin_s = real_time_s()?;
    crate::report(&format!("pause {STILL_S}"));
    // The real-time clock is that of the host.
    while real_time_s()?.saturating_sub(begin_s) < STILL_S - 2 {
        sleep_ms(100);
    }
    sleep_ms(70_000);
    let changes = watching.read()?;
    ensure!(
        changes.is_empty() && !watching.is_urgent(Duration::ZERO)?,
        "the pause has made the events {changes:?}"
    );
    watching.end()
}

/// What an administrator can ask for, and others cannot.
fn test_event(guest: &Guest) -> Result<()> {
    let mut watching = Watching::start(guest, "interval_ms=3600000")?;
    watching.read()?;
    let device = Device::open()?;
    let refused = device.test_event();
    ensure!(
        refused.is_err(),
        "a device that is open for reading makes a test event"
    );
    drop(device);
    let seq = Device::open_writable()?.test_event()?;
    ensure!(
        watching.is_urgent(PATIENCE)?,
        "poll() does not tell of a test event"
    );
    let events = watching.read()?;
    let [event] = &events[..] else {
        bail!("a test made the events {events:?}, expected one");
    };
    let newest = watching.records.get_ref().info()?.next_seq;
    ensure!(
        event.trigger == Trigger::Test as u32 && event.state == MOMENT && newest == seq + 1,
        "{event:?} in a record before {newest}, expected a test in {seq}"
    );
    let alert = watching.alert(Trigger::Test)?;
    ensure!(
        alert.state.is_empty() && alert.left_out == 0,
        "the log says {alert:?}"
    );
    // As the program does it.
    let output = Command::new(RESMON).args(["watch", "--test"]).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success() && printed.contains(" test "),
        "resmon watch --test ended with {} and printed {printed:?} and {:?}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    watching.read()?;
    watching.end()
}

/// A full file system, as the programs of users tell of it.
fn programs(guest: &Guest) -> Result<()> {
    const PATH: &str = "/mnt/full";
    const OUT: &str = "/tmp/events";
    let mounted = Mounted::new("full", PATH, "tmpfs", "size=1m")?;
    let mut watching = Watching::start(guest, &format!("fs_paths=/,{PATH}"))?;
    let script = format!("echo $RESMON_EVENT $RESMON_STATE $RESMON_SUBJECT >>{OUT}");
    let watch = Command::new(RESMON)
        .args([
            "watch",
            "--json",
            "--count",
            "2",
            "--exec",
            "/bin/busybox",
            "sh",
            "-c",
            &script,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .context(RESMON)?;
    sleep_ms(500);
    let file = Path::new(PATH).join("file");
    fs::write(&file, vec![1; 1020 << 10])?;
    watching.wait(Trigger::FsFull, BEGIN)?;
    let active = "resource_monitor_event_active{event=\"fs_full\"} 1\n";
    let metrics = printed(&["export", "--once"])?;
    ensure!(metrics.contains(active), "the exporter has no {active:?}");
    fs::remove_file(&file)?;
    watching.wait(Trigger::FsFull, END)?;
    let output = watch.wait_with_output()?;
    let lines: Vec<Value> = String::from_utf8(output.stdout)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let states: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["state"].as_str())
        .collect();
    ensure!(
        output.status.success() && states == ["begin", "end"],
        "resmon watch ended with {} and printed {lines:?}",
        output.status
    );
    let told = fs::read_to_string(OUT)?;
    let expected = format!("fs_full begin {PATH}\nfs_full end {PATH}\n");
    ensure!(
        told == expected,
        "the commands wrote {told:?}, expected {expected:?}"
    );
    fs::remove_file(OUT)?;
    let total = "resource_monitor_events_total{event=\"fs_full\"} 1\n";
    let metrics = printed(&["export", "--once"])?;
    ensure!(
        metrics.contains(total) && metrics.contains(&active.replace("} 1", "} 0")),
        "the exporter has no {total:?}, or the event is still open"
    );
    let table = printed(&["log", "events"])?;
    let rows: Vec<&str> = table.lines().skip(1).collect();
    ensure!(
        rows.len() == 2
            && rows[0].contains(" begin ")
            && rows[1].contains(" end ")
            && rows.iter().all(|row| row.ends_with(PATH)),
        "resmon log events printed {table:?}"
    );
    watching.end()?;
    mounted.unmount(100).map(drop)
}

const RESMON: &str = "/resmon";

fn printed(arguments: &[&str]) -> Result<String> {
    let output = Command::new(RESMON)
        .args(arguments)
        .output()
        .context(RESMON)?;
    ensure!(
        output.status.success(),
        "resmon {arguments:?} ended with {} and printed {:?}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Thresholds are changed while samples are taken, and what is no threshold is refused.
fn thresholds(guest: &Guest) -> Result<()> {
    const LOW: &str = "off,mem_avail:100%";
    let mut watching = Watching::start(guest, "trouble_interval_ms=0 alerts=off")?;
    module::write(ALERTS, LOW)?;
    let event = watching.wait(Trigger::MemoryAvailable, BEGIN)?;
    ensure!(
        event.limit == 1000 && event.value < 1000,
        "{event:?}, expected a limit of 100 %"
    );
    for (bad, word, why) in [
        ("mem", "mem", "names no trigger"),
        (
            "steal:off,mem_full:20",
            "mem_full:20",
            "has no threshold such as 20% or 0.5%, up to 100%",
        ),
        (
            "steal:20%/1h",
            "steal:20%/1h",
            "has no time such as 500ms, 5s or 2min, of at most an hour",
        ),
    ] {
        let start = guest.log.mark(bad)?;
        let error = module::write(ALERTS, bad).err();
        let error = error.with_context(|| format!("alerts={bad} was taken"))?;
        ensure!(
            module::is_einval(&error),
            "alerts={bad} made {error}, expected EINVAL"
        );
        let said = guest.log.wait(start, PATIENCE, "the refusal", |records| {
            for record in records {
                if let Some(Line::BadParameter(said)) = lines::parse_record(record)? {
                    return Ok(Some(said));
                }
            }
            Ok(None)
        })?;
        ensure!(
            said.name == ALERTS && said.value == word && said.why == why,
            "alerts={bad} is refused with {said:?}, expected {word:?} and {why:?}"
        );
        let text = module::read_text(ALERTS)?;
        ensure!(
            text == LOW,
            "alerts is {text:?} after {bad:?}, expected {LOW:?}"
        );
    }
    // What is switched off ends.
    module::write(ALERTS, "off")?;
    watching.wait(Trigger::MemoryAvailable, END)?;
    let interval_ns = Device::history()?
        .last()
        .context("no record")?
        .header()
        .interval_ns;
    ensure!(
        interval_ns == INTERVAL_MS * 1_000_000,
        "the interval is {interval_ns} ns, expected no other with trouble_interval_ms=0"
    );
    watching.end()
}

/// A severe event begins and ends with nearly each sample, so that the reporter restarts the timer again
/// and again, and so do parameters and programs, while the module is unloaded.
fn storm(_: &Guest) -> Result<()> {
    const CYCLES: u32 = 20;
    const ALWAYS: &str = "off,mem_avail:100%";
    let is_over = AtomicBool::new(false);
    let written = AtomicU32::new(0);
    let events = AtomicU32::new(0);
    let write = |parameter: &str, values: [&str; 2]| {
        while !is_over.load(Ordering::Relaxed) {
            for value in values {
                // There is no module at times.
                if module::write(parameter, value).is_ok() {
                    written.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| write("alerts", ["off", ALWAYS]));
        scope.spawn(|| write("interval_ms", ["5000", "6000"]));
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let Ok(device) = Device::open_writable() else {
                    sleep_ms(1);
                    continue;
                };
                if device.test_event().is_ok() {
                    events.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let cycle = |cycle: u32| -> Result<()> {
            let parameters = format!("interval_ms=5000 trouble_interval_ms=10 alerts={ALWAYS}");
            module::insmod(&parameters).with_context(|| format!("insmod {cycle}"))?;
            sleep_ms(60);
            module::rmmod_patiently().with_context(|| format!("rmmod {cycle}"))
        };
        let result = (0..CYCLES).try_for_each(cycle);
        is_over.store(true, Ordering::Relaxed);
        result
    })?;
    let (written, events) = (written.into_inner(), events.into_inner());
    crate::report(&format!("# {written} writes and {events} test events"));
    ensure!(
        written > CYCLES && events > CYCLES,
        "{written} writes and {events} test events, expected more than {CYCLES} of each"
    );
    Ok(())
}

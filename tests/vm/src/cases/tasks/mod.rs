// SPDX-License-Identifier: GPL-2.0

//! Processes: those that are listed against what `/proc` has of them before and after, and all together.

mod hostile;
mod many;
mod storm;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use resmon::model::record::{Content, SectionHeader};
use resmon::model::source::tasks::{Task, Tasks};
use resmon::{Device, Record};

use super::{device, sleep_ms, Case, Clock, Guest, Needs};
use crate::child::{self, Player, Role};
use crate::module::{self, Module};
use crate::proc;

pub const CASES: &[Case] = &[
    Case {
        name: "tasks against /proc",
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: against_proc,
    },
    Case {
        name: "lines of tasks",
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: lines,
    },
    Case {
        name: "tasks that came and went",
        needs: Needs::StockKernel,
        clock: Clock::Instructions,
        run: came_and_went,
    },
    Case {
        name: "tasks while processes come, go and change",
        needs: Needs::Nothing,
        clock: Clock::Host,
        run: storm::storm,
    },
    Case {
        name: "names of tasks forge nothing",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: hostile::names,
    },
    Case {
        name: "more processes than are looked at",
        needs: Needs::LargeMemory,
        clock: Clock::Instructions,
        run: many::left_out,
    },
    Case {
        name: "when tasks are looked at",
        needs: Needs::Nothing,
        clock: Clock::Instructions,
        run: when,
    },
];

/// What `/proc` has of a process.
#[derive(Debug, Clone)]
struct Proc {
    uid: u64,
    threads: u64,
    cpu_ns: u64,
    rss_kb: u64,
    major_faults: u64,
    read_bytes: u64,
    written_bytes: u64,
    comm: String,
    start_ticks: u64,
}

/// The field of `status` or `io` that has this name.
fn field(text: &str, name: &str) -> Result<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    word.with_context(|| format!("no {name}"))?
        .parse()
        .with_context(|| name.to_string())
}

impl Proc {
    fn read(pid: u32) -> Result<Proc> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| path)
        };
        let status = read("status")?;
        let stat = read("stat")?;
        let fields = proc::stat_fields(&stat)?;
        let mut cpu_ns = 0;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = text.split(' ').next().context("schedstat")?;
            cpu_ns += first.parse::<u64>()?;
        }
        let io = read("io")?;
        Ok(Proc {
            uid: field(&status, "Uid")?,
            threads: field(&status, "Threads")?,
            cpu_ns,
            rss_kb: field(&status, "VmRSS").unwrap_or(0),
            major_faults: fields.number(12)?,
            read_bytes: field(&io, "read_bytes")?,
            written_bytes: field(&io, "write_bytes")?,
            comm: fields.comm.to_string(),
            start_ticks: fields.number(22)?,
        })
    }

    /// Of all processes. Those that go meanwhile are left out.
    fn read_all() -> Result<BTreeMap<u32, Proc>> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            if let Ok(process) = Proc::read(pid) {
                all.insert(pid, process);
            }
        }
        Ok(all)
    }
}

/// What is in a folder whose name is a number.
fn numbers(folder: &str) -> Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(folder).with_context(|| folder.to_string())? {
        let name = entry?.file_name();
        count += u64::from(
            name.to_str()
                .is_some_and(|name| name.parse::<u32>().is_ok()),
        );
    }
    Ok(count)
}

/// The header and the entries of a section.
fn raw_section<C: Content>(record: &Record) -> Result<(SectionHeader, Vec<C>)> {
    let raw = device::raw(record)?;
    let sections = raw.sections();
    let mut found = sections.filter(|section| section.header().kind == C::KIND);
    let section = found
        .next()
        .with_context(|| format!("no {}", C::DESCRIPTION.name))?;
    Ok((section.header(), section.entries().collect()))
}

/// When the census was taken, and the entries of a section.
fn section<C: Content>(record: &Record) -> Result<(u64, Vec<C>)> {
    let (header, entries) = raw_section(record)?;
    Ok((header.first_mono_ns, entries))
}

/// A number of the record lies between what was read before and after, give or take some.
fn between(what: &str, task: &Task, found: u64, before: u64, after: u64, off: u64) -> Result<()> {
    ensure!(
        found + off >= before && found <= after + off,
        "{what} of {task:?} is {found}, expected {before} to {after}, give or take {off}"
    );
    Ok(())
}

fn against_proc(guest: &Guest) -> Result<()> {
    const ROUNDS: usize = 20;
    let module = device::load_idle(guest, &format!("{} tasks=always", module::only(&["tasks"])))?;
    let device = Device::open_writable()?;
    // Some that use memory, some that use CPUs, and each is known by its number.
    let eaters = (1..=4)
        .map(|count| Player::start(child::myself(), Role::Eat { mib: 4 * count }, None))
        .collect::<Result<Vec<_>>>()?;
    let spinners = (0..2)
        .map(|_| Player::start(child::myself(), Role::Spin, None))
        .collect::<Result<Vec<_>>>()?;
    for spinner in &spinners {
        spinner.pin(guest.last_cpu())?;
    }
    sleep_ms(500);
    device::take(&device)?;
    let page_kb = 4;
    // As many pages as CPUs may hold back of each counter (percpu_counter_batch).
    let held_back_kb = 3 * page_kb * u64::from(guest.cpus) * u64::from(guest.cpus * 2).max(32);
    let mut last: Option<(u64, Vec<Task>)> = None;
    let mut seen = BTreeMap::new();
    for round in 0..ROUNDS {
        sleep_ms(100);
        let before = Proc::read_all()?;
        let record = device::take(&device)?;
        let after = Proc::read_all()?;
        let (mono_ns, tasks) = section::<Task>(&record)?;
        let (_, totals) = section::<Tasks>(&record)?;
        let header = record.header();
        ensure!(
            mono_ns >= header.taken_mono_ns,
            "the census of sample {} was taken before it",
            header.seq
        );
        ensure!(tasks.len() == 16, "{} places, expected 16", tasks.len());
        let totals = totals.first().context("no totals")?;
        let processes = totals.processes as usize;
        let range = before.len().min(after.len())..=before.len().max(after.len());
        ensure!(
            range.contains(&processes) || before.len().abs_diff(processes) <= 2,
            "{processes} processes, expected {range:?}"
        );
        let threads = |all: &BTreeMap<u32, Proc>| all.values().map(|p| p.threads).sum::<u64>();
        ensure!(
            threads(&before).abs_diff(totals.threads) <= 2,
            "{} threads, expected {}",
            totals.threads,
            threads(&before)
        );
        for task in tasks.iter().filter(|task| task.is_there()) {
            let (Some(then), Some(now)) = (before.get(&task.pid), after.get(&task.pid)) else {
                continue;
            };
            *seen.entry(task.pid).or_insert(0) += 1;
            ensure!(
                u64::from(task.uid) == now.uid && task.threads == now.threads,
                "{task:?}, expected {now:?}"
            );
            let (name, shown) = (task.comm.as_bytes(), now.comm.as_bytes());
            // Of the kernel's workers /proc tells what they work at as well.
            let is_worker = name.starts_with(b"kworker/") && shown.starts_with(name);
            ensure!(name == shown || is_worker, "{task:?}, expected {now:?}");
            ensure!(
                task.start_boot_ns / 10_000_000 == now.start_ticks,
                "{task:?}, expected {now:?}"
            );
            // Of threads that have ended /proc has ticks alone, and this process has such ones.
            if task.pid != std::process::id() {
                between("cpu_ns", task, task.cpu_ns, then.cpu_ns, now.cpu_ns, 0)?;
            }
            let low = then.rss_kb.min(now.rss_kb);
            let high = then.rss_kb.max(now.rss_kb);
            between("rss_kb", task, task.rss_kb, low, high, held_back_kb)?;
            let faults = (then.major_faults, now.major_faults);
            between(
                "major_faults",
                task,
                task.major_faults,
                faults.0,
                faults.1,
                0,
            )?;
            let read = (then.read_bytes, now.read_bytes);
            between("read_bytes", task, task.read_bytes, read.0, read.1, 0)?;
            let written = (then.written_bytes, now.written_bytes);
            between(
                "written_bytes",
                task,
                task.written_bytes,
                written.0,
                written.1,
                0,
            )?;
        }
        // Who is listed keeps its place.
        if let Some((_, last)) = &last {
            for (place, task) in tasks.iter().enumerate() {
                let was = last.iter().position(|other| other.is_same(task));
                ensure!(
                    !task.is_there() || was.is_none_or(|was| was == place),
                    "{task:?} went from place {was:?} to {place}"
                );
            }
        }
        // The two share a CPU.
        let then = last
            .as_ref()
            .map(|(mono_ns, entries)| resmon::model::source::Snapshot {
                taken_mono_ns: *mono_ns,
                entries,
            });
        for spinner in &spinners {
            let task = tasks.iter().find(|task| task.pid == spinner.id());
            let task =
                task.with_context(|| format!("{} is not listed: {tasks:?}", spinner.id()))?;
            let used = task.used(mono_ns, then);
            let share = used.share();
            ensure!(
                round == 0 || (300..=700).contains(&share),
                "round {round}: {task:?} has used {used:?}, a share of {share}, expected about 500"
            );
        }
        last = Some((mono_ns, tasks));
    }
    for eater in &eaters[1..] {
        let times = seen.get(&eater.id()).copied().unwrap_or(0);
        ensure!(times == ROUNDS, "{} was listed {times} times", eater.id());
    }
    drop((eaters, spinners, device));
    module.unload().map(drop)
}

/// Who keeps a CPU busy is in the first line, with a name where names are for the log.
fn lines(guest: &Guest) -> Result<()> {
    const INTERVAL_MS: u64 = 1000;
    let spinner = Player::start(child::myself(), Role::Spin, None)?;
    spinner.pin(guest.last_cpu())?;
    let comm = Proc::read(spinner.id())?.comm;
    for (names, name) in [("device", None), ("log", Some(comm))] {
        let parameters = format!(
            "interval_ms={INTERVAL_MS} names={names} {}",
            module::only(&["tasks"])
        );
        let module = Module::load(&guest.log, &format!("{parameters} tasks=always"))?;
        let samples = module.finish(3, INTERVAL_MS)?;
        for sample in &samples {
            let totals = sample.tasks.taken()?;
            ensure!(
                totals.processes > 10 && totals.threads + 10 > totals.processes,
                "{totals:?}"
            );
            let first = sample.top.first().context("no task")?;
            ensure!(
                first.pid == u64::from(spinner.id()) && first.name == name && first.cpu > 500,
                "the first of {:?}, expected {} ({name:?})",
                sample.top,
                spinner.id()
            );
            ensure!(
                sample.top.len() <= 6 && sample.top.iter().any(|task| task.rss_kb > 0),
                "{:?}",
                sample.top
            );
        }
    }
    Ok(())
}

/// CPU time of processes that begin and end between two samples is that which their parent is told.
fn came_and_went(guest: &Guest) -> Result<()> {
    const ROUNDS: usize = 5;
    const CHILDREN: usize = 300;
    let module = device::load_idle(guest, &format!("{} tasks=always", module::only(&["tasks"])))?;
    let device = Device::open_writable()?;
    let ended = || -> Result<u64> {
        let (_, totals) = section::<Tasks>(&device::take(&device)?)?;
        Ok(totals.first().context("no totals")?.ended_ns)
    };
    for round in 0..ROUNDS {
        let (told_before, ended_before) = (children_ns()?, ended()?);
        for _ in 0..CHILDREN {
            let status = Command::new("/bin/busybox").arg("true").status()?;
            ensure!(status.success(), "busybox true: {status}");
        }
        let (told_ns, ended_ns) = (children_ns()? - told_before, ended()? - ended_before);
        ensure!(told_ns > 0, "the children have used no time");
        let off = told_ns.abs_diff(ended_ns);
        ensure!(
            off * 50 <= told_ns,
            "round {round}: {ended_ns} ns of processes that came and went, {told_ns} ns by /proc/self/stat"
        );
    }
    drop(device);
    module.unload().map(drop)
}

/// With each sample, or not at all, or while there is an event; and what a record has when there is no census.
fn when(guest: &Guest) -> Result<()> {
    let only = module::only(&["tasks"]);
    let module = device::load_idle(guest, &format!("{only} tasks=always top_tasks=2"))?;
    let device = Device::open_writable()?;
    let census = |expected: Option<bool>| -> Result<u64> {
        sleep_ms(20);
        let record = device::take(&device)?;
        let found = section::<Task>(&record).ok();
        let is_new = found
            .as_ref()
            .map(|(mono_ns, _)| *mono_ns >= record.header().taken_mono_ns);
        ensure!(
            is_new == expected,
            "a census is {is_new:?}, expected {expected:?}"
        );
        if let Some((_, tasks)) = &found {
            ensure!(tasks.len() == 4, "{} places for 2 of each", tasks.len());
        }
        Ok(found.map_or(0, |(mono_ns, _)| mono_ns))
    };
    let first_ns = census(Some(true))?;
    ensure!(
        census(Some(true))? > first_ns,
        "a census is not newer than the one before"
    );
    module::write("tasks", "auto")?;
    // At most one in a second: the last one is there again, with its time.
    let last_ns = census(Some(false))?;
    ensure!(
        census(Some(false))? == last_ns,
        "the time of a census has changed"
    );
    module::write("tasks", "off")?;
    census(None)?;
    // Without an event there is none.
    module::write("tasks", "trouble")?;
    census(None)?;
    device.test_event()?;
    sleep_ms(50);
    census(Some(false))?;
    // It is over, so however long ago the last census was, there is no other.
    sleep_ms(1500);
    census(Some(false))?;
    for (parameter, bad) in [
        ("tasks", "sometimes"),
        ("tasks", "auto,off"),
        ("names", "Off"),
    ] {
        ensure!(
            module::write(parameter, bad).is_err_and(|error| module::is_einval(&error)),
            "{parameter}={bad} is taken"
        );
    }
    ensure!(
        module::write("top_tasks", "3").is_err(),
        "top_tasks can be written"
    );
    drop(device);
    module.unload().map(drop)
}

/// CPU time of the children that this process has waited for, as `getrusage()` has it, to two ticks.
fn children_ns() -> Result<u64> {
    const TICK_NS: u64 = 10_000_000;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = proc::stat_fields(&stat)?;
    Ok((fields.number(16)? + fields.number(17)?) * TICK_NS)
}

// SPDX-License-Identifier: GPL-2.0

//! Processes that the kernel kills as memory runs out, told of at once: against its own report.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use resmon::model::event::{Event, Trigger, BEGIN};
use resmon::model::record::{Content, Header};
use resmon::model::source::oom_kill::{OomKill, KILLED, WAS_DYING};
use resmon::model::source::tasks::Task;
use resmon::{Device, Record};
use rustix::event::{poll, PollFd, PollFlags, Timespec};

use super::memory::meminfo_kb;
use super::{device, sleep_ms, Case, Clock, Guest, Needs};
use crate::cgroup::Cgroup;
use crate::child::{self, Player, Role};
use crate::kmsg::Mark;
use crate::lines::{self, Alert, Line};
use crate::module::{Module, PATIENCE};
use crate::proc;

/// While these cases run, the kernel has reason to report that it is out of memory.
pub const OUT_OF_MEMORY: [&str; 4] = [
    "an OOM kill is known at once",
    "names of an OOM kill",
    "unload in a storm of OOM kills in a cgroup",
    "unload in a storm of OOM kills outside of cgroups",
];

pub const CASES: &[Case] = &[
    Case {
        name: OUT_OF_MEMORY[0],
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: at_once,
    },
    Case {
        name: OUT_OF_MEMORY[1],
        needs: Needs::MemoryController,
        clock: Clock::Instructions,
        run: names,
    },
    Case {
        name: OUT_OF_MEMORY[2],
        needs: Needs::MemoryController,
        clock: Clock::Host,
        run: |guest| {
            let cgroup = small_cgroup("storm")?;
            // Several at a time, each of which is to be quick.
            cgroup.set("memory.max", "2M")?;
            storm(guest, Some(&cgroup))?;
            cgroup.remove()
        },
    },
    Case {
        name: OUT_OF_MEMORY[3],
        // The kernel with checks takes the last pages itself, and panics when nobody is left to be killed.
        needs: Needs::StockKernel,
        clock: Clock::Host,
        run: |guest| {
            let _players = fill_memory()?;
            storm(guest, None)
        },
    },
];

/// Samples come by themselves once an hour.
const NEVER: &str = "interval_ms=3600000";

/// Has a process take more memory than there is in `cgroup`, or at all, until it is gone. Returns its process ID.
fn kill(cgroup: Option<&Cgroup>) -> Result<u32> {
    let mut process = Player::start(child::myself(), Role::Eat { mib: 64 }, cgroup)?;
    let pid = process.id();
    process.wait(PATIENCE)?;
    Ok(pid)
}

fn small_cgroup(name: &str) -> Result<Cgroup> {
    let cgroup = Cgroup::with("memory", name)?;
    cgroup.set("memory.max", "16M")?;
    Ok(cgroup)
}

/// A process that has so much of the machine's memory that others cannot have much more, and that is not the
/// one to be killed; and some that are killed when nobody else is left, with which the kernel would panic.
fn fill_memory() -> Result<Vec<Player>> {
    const LEFT_MIB: u64 = 64;
    const LAST: usize = 4;
    let available_kb = || meminfo_kb("MemAvailable");
    let mib = (available_kb()? / 1024).saturating_sub(LEFT_MIB) as usize;
    let balloon = Player::start(child::myself(), Role::Eat { mib }, None)?;
    let mut players = vec![balloon];
    for _ in 0..LAST {
        let last = Player::start(child::myself(), Role::Wait { threads: 1 }, None)?;
        players.push(last);
    }
    for (at, player) in players.iter().enumerate() {
        let adj = format!("/proc/{}/oom_score_adj", player.id());
        fs::write(&adj, if at == 0 { "-1000" } else { "-900" }).context(adj)?;
    }
    let deadline = Instant::now() + PATIENCE;
    while available_kb()? > (LEFT_MIB + 8) * 1024 {
        ensure!(Instant::now() < deadline, "memory does not fill up");
        sleep_ms(50);
    }
    Ok(players)
}

/// The entries of a kind in a record.
fn entries<C: Content>(record: &Record) -> Result<Vec<C>> {
    Ok(device::raw(record)?.entries().collect())
}

/// What the log says of kills since `from`, once that is as much.
fn alerts(guest: &Guest, from: Mark, count: usize) -> Result<Vec<Alert>> {
    guest.log.wait(from, PATIENCE, "alert=oom_kill", |records| {
        let mut alerts = Vec::new();
        for record in records {
            if let Some(Line::Alert(alert)) = lines::parse_record(record)? {
                alerts.extend(Some(alert).filter(|alert| alert.trigger == "oom_kill"));
            }
        }
        Ok((alerts.len() >= count).then_some(alerts))
    })
}

/// The anonymous and the other resident memory of `pid`, in kB, as the kernel's report has it.
fn reported(guest: &Guest, from: Mark, pid: u32) -> Result<(u64, u64)> {
    let report = format!("Killed process {pid} (");
    guest.log.wait(from, PATIENCE, &report, |records| {
        let Some(record) = records.iter().find(|record| record.text.contains(&report)) else {
            return Ok(None);
        };
        let kb = |key: &str| -> Result<u64> {
            let (_, rest) = record.text.split_once(key).context("a key")?;
            let (number, _) = rest.split_once("kB").context("kB")?;
            Ok(number.parse()?)
        };
        Ok(Some((
            kb("anon-rss:")?,
            kb("file-rss:")? + kb("shmem-rss:")?,
        )))
    })
}

/// Though a sample is due in an hour, there is one as soon as a process is killed, with who it was and a census
/// in which that is still to be seen.
fn at_once(guest: &Guest) -> Result<()> {
    const ROUNDS: u64 = 3;
    let cgroup = small_cgroup("kills")?;
    let module = Module::load_just(&guest.log, &format!("{NEVER} trouble_interval_ms=0"))?;
    let (loaded, _) = module.loaded_line()?;
    ensure!(loaded.tells_of_kills, "the module does not tell of kills");
    device::wait_for(0)?;
    let mut next_seq = 1;
    for round in 0..ROUNDS {
        // Apart from one another, so that each has a sample of its own.
        sleep_ms(200);
        let from = guest.log.mark("kill")?;
        let watcher = Device::open()?;
        let pid = kill(Some(&cgroup))?;
        // A victim may be chosen once more, as one that is dying anyway.
        let (record, victim) = loop {
            let record = device::wait_for(next_seq)?;
            next_seq += 1;
            let kills: Vec<OomKill> = entries(&record)?;
            let killed = kills.iter().find(|victim| victim.outcome == KILLED);
            if let Some(victim) = killed.copied() {
                break (record, victim);
            }
        };
        // Each one is news, also while the event goes on.
        let mut files = [PollFd::new(&watcher, PollFlags::PRI)];
        poll(&mut files, Some(&Timespec::default()))?;
        ensure!(
            files[0].revents().contains(PollFlags::PRI),
            "poll says {:?} after the kill of round {round}",
            files[0].revents()
        );
        let (anon_kb, other_kb) = reported(guest, from, pid)?;
        let expected = (KILLED, pid, 0, anon_kb, other_kb, 1000, pid);
        let found = (
            victim.outcome,
            victim.pid,
            victim.uid,
            victim.anon_kb,
            victim.file_kb + victim.shmem_kb,
            victim.oom_score_adj,
            victim.by_pid,
        );
        ensure!(found == expected, "{victim:?}, expected {expected:?}");
        ensure!(
            victim.comm.as_bytes() == victim.by_comm.as_bytes()
                && !victim.comm.as_bytes().is_empty(),
            "{victim:?}"
        );
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(cgroup.path())?);
        ensure!(
            victim.cgroup_id == inode,
            "{victim:?}, expected the cgroup {inode}"
        );
        let after_ns = record.header().taken_mono_ns.saturating_sub(victim.mono_ns);
        ensure!(
            record.header().taken_mono_ns >= victim.mono_ns
                && (!guest.judges_time() || after_ns < 50_000_000),
            "the sample was taken {after_ns} ns after {victim:?}"
        );
        let events: Vec<Event> = entries(&record)?;
        ensure!(
            events.iter().any(|event| event.is_of(Trigger::OomKill)),
            "record {} has the events {events:?}",
            record.header().seq
        );
        let raw = device::raw(&record)?;
        let mut sections = raw.sections();
        let census = sections.find(|section| section.header().kind == Task::KIND);
        let census = census.context("no census")?;
        ensure!(
            census.header().first_mono_ns >= record.header().taken_mono_ns,
            "the census is older than the sample"
        );
        let largest = census.entries::<Task>().max_by_key(|task| task.rss_kb);
        ensure!(
            largest.is_some_and(|task| task.rss_kb > 0),
            "the census has nobody with memory"
        );
        if round == 0 {
            ensure!(
                events
                    .iter()
                    .any(|event| event.is_of(Trigger::OomKill) && event.state == BEGIN),
                "{events:?}"
            );
            // Without names, since they are for the records alone.
            let alerts = alerts(guest, from, 1)?;
            let said = alerts[0].victim.clone().context("no victim")?;
            ensure!(
                (said.pid, said.rss_kb) == (u64::from(pid), anon_kb + other_kb)
                    && said.name.is_none()
                    && said.by_name.is_none(),
                "the log says {said:?}"
            );
        }
    }
    module.unload()?;
    cgroup.remove()
}

/// Names are in records, or in the log as well, or nowhere.
fn names(guest: &Guest) -> Result<()> {
    let cgroup = small_cgroup("kills")?;
    for (value, in_records, in_log) in [("log", true, true), ("off", false, false)] {
        let module = Module::load_just(&guest.log, &format!("{NEVER} names={value} log=full"))?;
        device::wait_for(0)?;
        let from = guest.log.mark("names")?;
        kill(Some(&cgroup))?;
        let record = device::wait_for(1)?;
        let kills: Vec<OomKill> = entries(&record)?;
        let victim = kills.first().context("no victim")?;
        let tasks: Vec<Task> = entries(&record)?;
        let there = tasks.iter().filter(|task| task.is_there());
        let named: Vec<bool> = there
            .map(|task| !task.comm.as_bytes().is_empty())
            .chain([
                !victim.comm.as_bytes().is_empty(),
                !victim.by_comm.as_bytes().is_empty(),
            ])
            .collect();
        ensure!(
            named.len() > 2 && named.iter().all(|named| *named == in_records),
            "with names={value} the record has {tasks:?}, {victim:?}"
        );
        let said = alerts(guest, from, 1)?;
        let said = said[0].victim.clone().context("no victim in the log")?;
        ensure!(
            said.name.is_some() == in_log && said.by_name.is_some() == in_log,
            "with names={value} the log says {said:?}"
        );
        let lines = guest.log.wait(from, PATIENCE, "full lines", |records| {
            let mut tasks = Vec::new();
            for record in records {
                if let Some(Line::Task(task)) = lines::parse_record(record)? {
                    tasks.push(task);
                }
            }
            Ok((!tasks.is_empty()).then_some(tasks))
        })?;
        ensure!(
            lines.iter().all(|task| task.name.is_some() == in_log),
            "with names={value} the log has {lines:?}"
        );
        module.unload()?;
    }
    cgroup.remove()
}

/// By how many nanoseconds samples were due later than the interval has it: kills bring samples, and put none
/// off.
fn put_off_ns(headers: &[Header]) -> u64 {
    let gaps = headers.windows(3).map(|of| {
        let (first, then, now) = (&of[0], &of[1], &of[2]);
        // What a late sample has missed is in its own record.
        let missed = then.missed_ticks.saturating_sub(first.missed_ticks);
        let most_ns = now.interval_ns * (1 + missed + now.lost_records);
        let passed_ns = now.due_mono_ns.saturating_sub(then.due_mono_ns);
        passed_ns.saturating_sub(most_ns)
    });
    gaps.sum()
}

/// Hundreds of kills, as fast as the machine can bring them about, while the module comes and goes. Each is in a
/// record or counted there, and the records' kills are those that the kernel counts.
fn storm(guest: &Guest, cgroup: Option<&Cgroup>) -> Result<()> {
    const LOADS: u64 = 4;
    const AT_A_TIME: usize = 4;
    let rounds = match cgroup {
        Some(_) if guest.is_debug() => 12,
        Some(_) => 400 / LOADS,
        None => 160 / LOADS,
    };
    let begin = Instant::now();
    let is_over = AtomicBool::new(false);
    let mut all = 0;
    thread::scope(|scope| {
        let killers: Vec<_> = (0..AT_A_TIME)
            .map(|_| {
                scope.spawn(|| -> Result<u64> {
                    let mut kills = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        kill(cgroup)?;
                        kills += 1;
                    }
                    Ok(kills)
                })
            })
            .collect();
        let result = (|| -> Result<()> {
            for load in 0..LOADS {
                let module =
                    Module::load_just(&guest.log, "interval_ms=1000 log_every=0 alerts=off")?;
                device::wait_for(0)?;
                let counted = || proc::vmstat(&fs::read_to_string("/proc/vmstat")?, "oom_kill");
                let start = counted()?;
                let mut records = Device::open()?.into_records()?;
                let (mut listed, mut left_out, mut last_ns) = (0, 0, 0);
                let deadline = Instant::now() + PATIENCE + Duration::from_secs(120);
                let mut headers: Vec<Header> = Vec::new();
                while counted()? < start + rounds && Instant::now() < deadline {
                    let record = records.next().context("a record")??;
                    let raw = device::raw(&record)?;
                    for section in raw.sections() {
                        if section.header().kind == OomKill::KIND {
                            left_out += section.header().left_out;
                        }
                        for victim in section.entries::<OomKill>() {
                            ensure!(
                                matches!(victim.outcome, KILLED | WAS_DYING)
                                    && victim.mono_ns >= last_ns,
                                "{victim:?} after {last_ns}"
                            );
                            last_ns = victim.mono_ns;
                            listed += u64::from(victim.outcome == KILLED);
                        }
                    }
                    headers.push(record.header());
                }
                let end = counted()?;
                ensure!(end >= start + rounds, "only {} kills", end - start);
                ensure!(
                    listed + left_out + 2 * 64 >= end - start && listed <= end - start + 64,
                    "load {load}: {listed} kills are listed and {left_out} left out, {} were counted",
                    end - start
                );
                // A sample that is asked for while the host lets the timer wait takes that one's place.
                let late_ns = put_off_ns(&headers);
                let times = headers.first().zip(headers.last());
                let all_ns = times.map_or(0, |(first, last)| last.due_mono_ns - first.due_mono_ns);
                ensure!(
                    late_ns * 4 <= all_ns,
                    "samples were put off by {late_ns} ns within {all_ns} ns, expected a quarter at most"
                );
                drop(records);
                module.unload()?;
            }
            Ok(())
        })();
        is_over.store(true, Ordering::Relaxed);
        for killer in killers {
            let kills = killer.join();
            let kills = kills.map_err(|_| anyhow::anyhow!("a killer panicked"))??;
            ensure!(kills > 0, "a killer had no victim");
            all += kills;
        }
        result
    })?;
    let seconds = begin.elapsed().as_secs();
    crate::report(&format!("# {all} kills in {seconds} s, {LOADS} loads"));
    Ok(())
}

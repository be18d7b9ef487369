// SPDX-License-Identifier: GPL-2.0

//! Processes that come, go and change while they are looked at.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use resmon::model::source::tasks::{Task, Tasks};
use resmon::{Device, Record};

use super::{numbers, section};
use crate::cases::{sleep_ms, Guest};
use crate::child::{self, Player, Role};
use crate::module::{Module, PATIENCE};

/// Has a busybox do something, and waits for it.
fn run_busybox(words: &[&str]) -> Result<()> {
    let status = Command::new("/bin/busybox").args(words).status()?;
    ensure!(status.success(), "busybox {words:?}: {status}");
    Ok(())
}

/// The next process gets the number of one that has just ended.
fn use_again() -> Result<()> {
    const LAST: &str = "/proc/sys/kernel/ns_last_pid";
    let mut child = Command::new("/bin/busybox").arg("true").spawn()?;
    let pid = child.id();
    child.wait()?;
    // Where another one is faster, that is as good.
    let _ = fs::write(LAST, (pid - 1).to_string());
    run_busybox(&["true"])
}

/// One that has ended, and that nobody waits for yet.
fn zombie() -> Result<()> {
    let mut child = Command::new("/bin/busybox").arg("true").spawn()?;
    sleep_ms(15);
    child.wait()?;
    Ok(())
}

fn threads() -> Result<()> {
    let threads: Vec<_> = (0..8).map(|_| thread::spawn(|| sleep_ms(1))).collect();
    for thread in threads {
        ensure!(thread.join().is_ok(), "a thread panicked");
    }
    Ok(())
}

fn become_another() -> Result<()> {
    let mut process = Player::start(child::myself(), Role::Become, None)?;
    let status = process.wait(PATIENCE)?;
    ensure!(
        status.success(),
        "it became another program, which ended with {status}"
    );
    Ok(())
}

fn leader() -> Result<()> {
    let status = Command::new("/leader").status()?;
    ensure!(status.success(), "/leader: {status}");
    Ok(())
}

/// Whether all in a record can be so, after the one before.
fn check_tasks(
    record: &Record,
    before: Option<&(u64, Vec<Task>)>,
    cpus: u64,
) -> Result<(u64, Vec<Task>)> {
    let (mono_ns, tasks) = section::<Task>(record)?;
    let header = record.header();
    let boot_ns = header.taken_boot_ns.context("the time since boot")?;
    let slept_ns = boot_ns.saturating_sub(header.taken_mono_ns);
    let there: Vec<&Task> = tasks.iter().filter(|task| task.is_there()).collect();
    let then = before.map(|(mono_ns, entries)| resmon::model::source::Snapshot {
        taken_mono_ns: *mono_ns,
        entries,
    });
    for (at, task) in there.iter().enumerate() {
        ensure!(
            there[..at].iter().all(|other| other.pid != task.pid),
            "{task:?} is listed twice"
        );
        let letter = char::from_u32(task.state).context("a state")?;
        ensure!(
            "RSDTtXZPI".contains(letter),
            "{task:?} is in the state {letter:?}"
        );
        // Since it started: the kernel adds time up at the tick, which is late where the host lets a CPU
        // wait, and so is much at once.
        let used = task.used(mono_ns, then);
        let lived_ns = (mono_ns + slept_ns).saturating_sub(task.start_boot_ns);
        let most_ns = (lived_ns + 20_000_000) * cpus;
        ensure!(
            used.cpu_ns <= task.cpu_ns && task.cpu_ns <= most_ns,
            "{task:?} has used {used:?}, expected at most {most_ns} in all"
        );
        ensure!(task.rss_kb < 1 << 20 && task.threads < 1024, "{task:?}");
    }
    Ok((mono_ns, tasks))
}

/// Has so many threads that a census lets others have their turn among the processes that come and go.
fn hold_up() -> Result<Player> {
    const BATCH: u64 = 1024;
    /// Steps of the census from the process with the threads to where it pauses.
    const BEFORE: u64 = 6;
    let text = fs::read_to_string("/proc/loadavg")?;
    let (_, threads) = text.split_once('/').context("/proc/loadavg")?;
    let (threads, _) = threads.split_once(' ').context("/proc/loadavg")?;
    let threads: u64 = threads.parse().context("threads")?;
    let processes = numbers("/proc")?;
    // Of each process the census counts one more than its threads.
    let count = BATCH.saturating_sub(threads + processes + BEFORE);
    let player = Player::start(child::myself(), Role::Wait { threads: count }, None)?;
    let deadline = Instant::now() + PATIENCE;
    let task = format!("/proc/{}/task", player.id());
    while numbers(&task)? < count {
        ensure!(Instant::now() < deadline, "{count} threads do not start");
        sleep_ms(50);
    }
    Ok(player)
}

/// Whatever happens to processes while they are looked at, every few milliseconds.
pub(super) fn storm(guest: &Guest) -> Result<()> {
    // With all the checks a census of so many threads leaves little time for anything else every 10 ms.
    let (rounds, interval_ms) = if guest.is_debug() {
        (20, 50)
    } else {
        (200, 10)
    };
    let parameters = format!("interval_ms={interval_ms} log_every=0 tasks=always alerts=off");
    let module = Module::load_just(&guest.log, &parameters)?;
    let records = Device::open()?.into_records()?;
    let _threads = hold_up()?;
    let is_over = AtomicBool::new(false);
    type Act = (&'static str, usize, fn() -> Result<()>);
    let acts: [Act; 8] = [
        ("fork", rounds, || run_busybox(&["true"])),
        ("exec", rounds, || {
            run_busybox(&[
                "sh",
                "-c",
                "exec /bin/busybox sh -c \"exec /bin/busybox true\"",
            ])
        }),
        ("threads", rounds, threads),
        ("exec by another thread", rounds, become_another),
        ("zombies", rounds, zombie),
        ("the first thread ends", rounds, leader),
        ("numbers that are used again", rounds, use_again),
        ("namespaces", rounds, || {
            run_busybox(&["unshare", "-p", "-f", "/bin/busybox", "true"])
        }),
    ];
    thread::scope(|scope| {
        let actors: Vec<_> = acts
            .iter()
            .map(|(name, rounds, act)| {
                scope.spawn(move || -> Result<()> {
                    for round in 0..*rounds {
                        act().with_context(|| format!("{name}, round {round}"))?;
                    }
                    Ok(())
                })
            })
            .collect();
        let is_over = &is_over;
        let cpus = u64::from(guest.cpus);
        let reader = scope.spawn(move || -> Result<u64> {
            let (mut before, mut ended_ns, mut read) = (None, 0, 0);
            for record in records {
                let record = record?;
                // One that came late has CPU and memory alone.
                if section::<Tasks>(&record).is_ok() {
                    before = Some(check_tasks(&record, before.as_ref(), cpus)?);
                    let (_, totals) = section::<Tasks>(&record)?;
                    let totals = totals.first().context("no totals")?;
                    ensure!(
                        totals.ended_ns >= ended_ns && (10..5000).contains(&totals.processes),
                        "{totals:?} after {ended_ns}"
                    );
                    ended_ns = totals.ended_ns;
                    read += 1;
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            Ok(read)
        });
        let results: Vec<_> = actors.into_iter().map(|actor| actor.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        for result in results {
            result.map_err(|_| anyhow::anyhow!("an actor panicked"))??;
        }
        let read = reader
            .join()
            .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        ensure!(read > 50, "{read} records with tasks were read");
        Ok(())
    })?;
    module.unload().map(drop)
}

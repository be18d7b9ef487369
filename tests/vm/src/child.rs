// SPDX-License-Identifier: GPL-2.0

//! What this program does as a process of its own, for cases that need one that can be killed or
//! held up.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use rustix::process::{kill_process, Pid, Signal};
use rustix::thread::{sched_setaffinity, CpuSet};

use crate::cgroup::Cgroup;
use crate::readers;

/// What a process is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Uses more and more memory, up to so many MiB, and keeps it.
    Eat { mib: usize },
    /// Reads the device for so many seconds and writes what it got to the file of this number.
    Read { seconds: u64, number: u32 },
    /// Wakes up as often for as long, and does nothing.
    Tick { seconds: u64, interval_ms: u64 },
    /// Has so many threads, which do nothing.
    Wait { threads: u64 },
    /// Takes a name, whatever it is, and so many MiB, and keeps both.
    Named { name: &'static [u8], mib: usize },
    /// Keeps a CPU busy.
    Spin,
    /// Becomes another program, by a thread that is not the first.
    Become,
    /// Starts others that do the same, for ever, whether it can or not.
    Bomb,
    /// Nothing, right away.
    Exit,
}

impl Role {
    fn words(self) -> Vec<String> {
        match self {
            Role::Eat { mib } => vec!["eat".into(), mib.to_string()],
            Role::Read { seconds, number } => {
                vec!["read".into(), seconds.to_string(), number.to_string()]
            }
            Role::Tick {
                seconds,
                interval_ms,
            } => vec!["tick".into(), seconds.to_string(), interval_ms.to_string()],
            Role::Wait { threads } => vec!["wait".into(), threads.to_string()],
            Role::Named { name, mib } => {
                let hex = name.iter().map(|byte| format!("{byte:02x}"));
                vec!["named".into(), hex.collect(), mib.to_string()]
            }
            Role::Spin => vec!["spin".into()],
            Role::Become => vec!["become".into()],
            Role::Bomb => vec!["bomb".into()],
            Role::Exit => vec!["exit".into()],
        }
    }

    fn of(words: &[String]) -> Option<Role> {
        match words {
            [role, mib] if role == "eat" => Some(Role::Eat {
                mib: mib.parse().ok()?,
            }),
            [role, seconds, number] if role == "read" => Some(Role::Read {
                seconds: seconds.parse().ok()?,
                number: number.parse().ok()?,
            }),
            [role, seconds, interval_ms] if role == "tick" => Some(Role::Tick {
                seconds: seconds.parse().ok()?,
                interval_ms: interval_ms.parse().ok()?,
            }),
            [role, threads] if role == "wait" => Some(Role::Wait {
                threads: threads.parse().ok()?,
            }),
            [role, hex, mib] if role == "named" => {
                let bytes = (0..hex.len()).step_by(2).map(|at| {
                    let digits = hex.get(at..at + 2)?;
                    u8::from_str_radix(digits, 16).ok()
                });
                let name = bytes.collect::<Option<Vec<u8>>>()?;
                Some(Role::Named {
                    name: name.leak(),
                    mib: mib.parse().ok()?,
                })
            }
            [role] if role == "spin" => Some(Role::Spin),
            [role] if role == "become" => Some(Role::Become),
            [role] if role == "bomb" => Some(Role::Bomb),
            [role] if role == "exit" => Some(Role::Exit),
            _ => None,
        }
    }
}

/// Plays the role that the arguments name, as a child. `None` when they name none.
pub fn play() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let role = Role::of(&words)?;
    Some(match perform(role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vmtest {role:?}: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn perform(role: Role) -> Result<()> {
    // The parent lets this begin once everything is set up.
    let mut go = [0];
    std::io::stdin().read_exact(&mut go)?;
    match role {
        Role::Eat { mib } => eat(mib)?,
        Role::Named { name, mib } => {
            fs::write("/proc/self/comm", name).context("/proc/self/comm")?;
            eat(mib)?;
        }
        Role::Wait { threads } => {
            let wait = || loop {
                std::thread::park();
            };
            for _ in 0..threads {
                let builder = std::thread::Builder::new().stack_size(64 << 10);
                builder.spawn(wait)?;
            }
            let _ = std::io::stdin().read(&mut go)?;
        }
        Role::Read { seconds, number } => readers::read(seconds, number)?,
        Role::Tick {
            seconds,
            interval_ms,
        } => {
            let end = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < end {
                std::thread::sleep(Duration::from_millis(interval_ms));
            }
        }
        Role::Spin => loop {
            // Not a hint to the CPU, at which an emulated one gives up its turn.
            std::hint::black_box(());
        },
        Role::Become => {
            let other = std::thread::spawn(|| Command::new("/bin/busybox").arg("true").exec());
            let error = other.join();
            bail!("it goes on as what it was: {error:?}");
        }
        Role::Bomb => loop {
            // They go with the cgroup, and are not waited for.
            if let Ok(mut other) = Player::spawn(myself(), role) {
                let _ = other.go();
                std::mem::forget(other);
            }
        },
        Role::Exit => (),
    }
    Ok(())
}

/// Uses so many MiB until the parent goes, or ends this.
fn eat(mib: usize) -> Result<()> {
    let mut eaten = Vec::with_capacity(mib);
    for _ in 0..mib {
        eaten.push(vec![1_u8; 1 << 20]);
    }
    std::hint::black_box(&eaten);
    let _ = std::io::stdin().read(&mut [0])?;
    Ok(())
}

/// A process that plays a role. It is killed when this goes out of scope.
pub struct Player {
    child: Child,
}

impl Player {
    /// Starts `program`, which must be this one or a copy of it, in a cgroup if there is one.
    /// Where memory runs out, it is the first to be killed.
    pub fn start(program: &Path, role: Role, cgroup: Option<&Cgroup>) -> Result<Player> {
        let mut player = Player::spawn(program, role)?;
        let id = player.child.id();
        fs::write(format!("/proc/{id}/oom_score_adj"), "1000").context("oom_score_adj")?;
        if let Some(cgroup) = cgroup {
            cgroup.take_in(id)?;
        }
        player.go()?;
        Ok(player)
    }

    /// One that waits for [`Player::go`].
    fn spawn(program: &Path, role: Role) -> Result<Player> {
        let child = Command::new(program)
            .args(role.words())
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Player { child })
    }

    fn go(&mut self) -> Result<()> {
        let go = self
            .child
            .stdin
            .as_mut()
            .context("expected a pipe to the process, found none")?;
        match go.write_all(&[1]) {
            // Where memory runs out it may be killed before, of which `wait` tells.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let id = id.with_context(|| format!("expected a process id, found {}", self.child.id()))?;
        kill_process(id, signal).with_context(|| format!("kill {id:?} with {signal:?}"))
    }

    /// Keeps it on one CPU.
    pub fn pin(&self, cpu: u32) -> Result<()> {
        let mut cpus = CpuSet::new();
        cpus.set(cpu as usize);
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        sched_setaffinity(id, &cpus).with_context(|| format!("cannot move it to CPU {cpu}"))
    }

    /// Waits until it has ended.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                Instant::now() < deadline,
                "process {} still runs after {patience:?}, expected it to end",
                self.child.id()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the kernel calls a process that runs [`myself`].
pub const COMMAND: &str = "exe";

/// This program.
pub fn myself() -> &'static Path {
    Path::new("/proc/self/exe")
}

/// Makes a copy of this program that can be run.
pub fn copy_to(path: &Path) -> Result<()> {
    fs::copy(myself(), path).with_context(|| path.display().to_string())?;
    File::open(path)?.sync_all()?;
    Ok(())
}

/// Runs `program` to its end.
pub fn run(program: &Path) -> Result<()> {
    let mut player = Player::start(program, Role::Exit, None)?;
    let status = player.wait(Duration::from_secs(60))?;
    if !status.success() {
        bail!(
            "{} ended with {status}, expected success",
            program.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        let read = Role::Read {
            seconds: 3,
            number: 4,
        };
        let tick = Role::Tick {
            seconds: 5,
            interval_ms: 6,
        };
        let wait = Role::Wait { threads: 7 };
        let named = Role::Named {
            name: b"\n\xff =",
            mib: 8,
        };
        let eat = Role::Eat { mib: 12 };
        for role in [eat, read, tick, wait, named, Role::Bomb, Role::Exit] {
            assert_eq!(Role::of(&role.words()), Some(role));
        }
        for words in [
            &[][..],
            &["eat"],
            &["eat", "x"],
            &["named", "0", "1"],
            &["run"],
        ] {
            let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
            assert_eq!(Role::of(&words), None, "{words:?}");
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The command that is run for events, one at a time.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{kill_process_group, pidfd_open, Pid, PidfdFlags, Signal};

use crate::events::Row;

use super::say;

/// How often a command is looked at whose end cannot be waited for.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs a command for events. While it runs, the newest event waits, and those between are counted.
#[derive(Debug)]
pub struct Runner {
    /// The program, and its arguments.
    command: Vec<OsString>,
    /// How long it may take.
    timeout: Duration,
    running: Option<Running>,
    waiting: Option<Row>,
    /// Events for which it was not run, since it was started last.
    skipped: u64,
    /// Whether it has failed the last time.
    has_failed: bool,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// Tells its end.
    end: Option<OwnedFd>,
    /// When it is killed; none when it was.
    deadline: Option<Instant>,
}

impl Runner {
    pub fn new(command: Vec<OsString>, timeout: Duration) -> Self {
        Self {
            command,
            timeout,
            running: None,
            waiting: None,
            skipped: 0,
            has_failed: false,
        }
    }

    /// Runs the command for an event, as soon as it does not run for another one.
    pub fn add(&mut self, row: &Row) {
        self.look();
        if self.running.is_none() {
            self.start(row);
        } else if self.waiting.replace(row.clone()).is_some() {
            self.skipped = self.skipped.saturating_add(1);
        }
    }

    /// Whether the command runs.
    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the command has failed the last time, which was said then.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// How long [`Runner::look`] may wait to be called.
    pub fn time_left(&self) -> Option<Duration> {
        let running = self.running.as_ref()?;
        let deadline = running.deadline;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match running.end {
            Some(_) => left,
            None => Some(left.unwrap_or(PAUSE).min(PAUSE)),
        }
    }

    /// What can be read once the command has ended.
    pub fn end(&self) -> Option<BorrowedFd<'_>> {
        Some(self.running.as_ref()?.end.as_ref()?.as_fd())
    }

    /// Looks whether the command has ended or has to, and starts it for the event that waits.
    pub fn look(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        match running.child.try_wait() {
            Ok(None) => {
                let is_late = running
                    .deadline
                    .is_some_and(|deadline| deadline <= Instant::now());
                if is_late {
                    running.deadline = None;
                    self.kill();
                }
                return;
            }
            Ok(Some(status)) => {
                let was_killed = running.deadline.is_none();
                if !status.success() && !was_killed {
                    self.fail(format!("{} failed: {status}", self.name()));
                }
            }
            Err(error) => self.fail(format!("{}: cannot wait for it: {error}", self.name())),
        }
        self.running = None;
        if let Some(row) = self.waiting.take() {
            self.start(&row);
        }
    }

    fn start(&mut self, row: &Row) {
        self.has_failed = false;
        match self.spawn(row) {
            Ok(running) => {
                self.running = Some(running);
                self.skipped = 0;
            }
            // There may be no memory for it, or no such program.
            Err(error) => {
                self.skipped = self.skipped.saturating_add(1);
                self.fail(format!("{}: cannot run it: {error}", self.name()));
            }
        }
    }

    fn spawn(&self, row: &Row) -> io::Result<Running> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or(io::ErrorKind::InvalidInput)?;
        let child = Command::new(program)
            .args(arguments)
            .envs(row.environment())
            .env("RESMON_SKIPPED", self.skipped.to_string())
            .stdin(Stdio::null())
            // Standard output is that of this program, and may be JSON.
            .stdout(io::stderr().as_fd().try_clone_to_owned()?)
            .process_group(0)
            .spawn()?;
        Ok(Running {
            end: pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).ok(),
            child,
            deadline: Instant::now().checked_add(self.timeout),
        })
    }

    /// Ends the command, with the processes that it has started.
    fn kill(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        // It is not waited for yet, so that its number is no other process's.
        let killed = kill_process_group(Pid::from_child(&running.child), Signal::KILL);
        let timeout = self.timeout.as_secs_f64();
        self.fail(match killed {
            Ok(()) => format!("{} was killed: it took more than {timeout} s", self.name()),
            Err(errno) => format!("{}: cannot kill it: {errno}", self.name()),
        });
    }

    fn name(&self) -> String {
        let program = self.command.first();
        program.map_or_else(String::new, |program| {
            Path::new(program).display().to_string()
        })
    }

    fn fail(&mut self, failure: String) {
        say(failure);
        self.has_failed = true;
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! A program on a pseudo terminal that controls it, and the screen that somebody would see there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::process::{kill_process, Pid, Signal};
use rustix::pty::{ioctl_tiocgptpeer, openpt, unlockpt, OpenptFlags};
use rustix::termios::{tcgetattr, tcsetwinsize, LocalModes, Winsize};

/// Longer than anything takes on the slowest host.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Terminal {
    ours: File,
    /// Kept, so that the state of the terminal outlives the program.
    theirs: OwnedFd,
    program: Child,
    screen: vt100::Parser,
}

impl Terminal {
    /// Starts a program on a terminal that says that it has this size, and is looked at as one of
    /// 80x24 if that is 0x0.
    pub fn start(program: &str, args: &[&str], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
        tcsetwinsize(&ours, winsize(size)).unwrap();
        // A new session takes the terminal; std cannot do that without unsafe code. What is started in
        // the background ignores SIGINT, and so would all that it starts.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "env", "--default-signal", program]);
        command.args(args);
        command.env_remove("COLUMNS").env_remove("LINES");
        command.env("TERM", "xterm-256color").env("TZ", "UTC");
        let program = command
            .envs(env.iter().copied())
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs.try_clone().unwrap())
            .spawn()
            .expect("setsid of util-linux and env of coreutils can be run");
        let (columns, rows) = if size == (0, 0) { (80, 24) } else { size };
        Self {
            ours: ours.into(),
            theirs,
            program,
            screen: vt100::Parser::new(rows, columns, 0),
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    pub fn resize(&mut self, size: (u16, u16)) {
        tcsetwinsize(&self.ours, winsize(size)).unwrap();
        self.screen.set_size(size.1, size.0);
    }

    /// The process that was started, which is the program itself.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.program)
    }

    pub fn kill(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// What can be read on it, without blanks at the ends of lines.
    pub fn text(&self) -> String {
        let contents = self.screen.screen().contents();
        let lines = contents.lines().map(str::trim_end);
        lines.collect::<Vec<_>>().join("\n").trim_end().to_string()
    }

    /// Waits until it is as `is_as_wanted` says.
    pub fn wait_until(&mut self, what: &str, is_as_wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_as_wanted(self) {
            let ended = self.program.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the program ended with {ended:?}, expected {what}, found:\n{}",
                self.text()
            );
            assert!(
                Instant::now() < deadline,
                "expected {what} within {PATIENCE:?}, found:\n{}",
                self.text()
            );
            self.take_in();
        }
    }

    /// Waits until exactly this is on it.
    pub fn wait_for_screen(&mut self, text: &str) {
        self.wait_until(&format!("the screen\n{text}"), |terminal| {
            terminal.text() == text.trim_end()
        });
    }

    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("{text:?}"), |terminal| {
            terminal.text().contains(text)
        });
    }

    /// Waits until the terminal is as it was before the program.
    pub fn wait_until_left(&mut self) {
        self.wait_until("a terminal as it was", |terminal| {
            terminal.not_restored().is_none()
        });
    }

    /// Waits until the program has ended.
    pub fn wait_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.take_in();
            if let Some(status) = self.program.try_wait().unwrap() {
                // Whatever it still had to say.
                self.take_in();
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the program still runs after {PATIENCE:?}, expected it to end, found:\n{}",
                self.text()
            );
        }
    }

    #[track_caller]
    pub fn assert_is_restored(&self) {
        assert_eq!(self.not_restored(), None);
    }

    /// What is not as it was before the program.
    fn not_restored(&self) -> Option<String> {
        let screen = self.screen.screen();
        let modes = tcgetattr(&self.theirs).unwrap().local_modes;
        if screen.alternate_screen() {
            Some("the alternate screen is still shown".into())
        } else if screen.hide_cursor() {
            Some("the cursor is still hidden".into())
        } else if !modes.contains(LocalModes::ECHO | LocalModes::ICANON) {
            Some(format!("the terminal stays raw with {modes:?}"))
        } else {
            None
        }
    }

    /// Closes the terminal, and gives the status with which the program ends then.
    pub fn close(self) -> ExitStatus {
        let Self {
            ours,
            theirs,
            mut program,
            ..
        } = self;
        drop((ours, theirs));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = program.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                program.kill().unwrap();
                program.wait().unwrap();
                panic!("the program still runs {PATIENCE:?} after its terminal was closed");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Shows what the program wrote, for which it waits a little.
    fn take_in(&mut self) {
        let mut bytes = [0; 4096];
        let mut wait = Duration::from_millis(50);
        loop {
            let time = Timespec::try_from(wait).unwrap();
            let mut files = [PollFd::new(&self.ours, PollFlags::IN)];
            if poll(&mut files, Some(&time)).unwrap() == 0 {
                return;
            }
            let count = self.ours.read(&mut bytes).unwrap();
            self.screen.process(&bytes[..count]);
            wait = Duration::ZERO;
        }
    }
}

fn winsize((columns, rows): (u16, u16)) -> Winsize {
    Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

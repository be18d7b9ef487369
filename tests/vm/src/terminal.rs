// SPDX-License-Identifier: GPL-2.0

//! A program on a pseudo terminal, and the screen that somebody would see there.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::mount::{mount, MountFlags};
use rustix::process::{kill_process, Pid, Signal};
use rustix::pty::{ioctl_tiocgptpeer, openpt, unlockpt, OpenptFlags};
use rustix::termios::{tcgetattr, tcsetwinsize, LocalModes, Winsize};

use crate::module::PATIENCE;

/// Where a kernel with pseudo terminals gives them out.
pub const PTMX: &str = "/dev/ptmx";

pub struct Terminal {
    ours: File,
    /// Kept, so that the state of the terminal outlives the program.
    theirs: OwnedFd,
    program: Child,
    screen: vt100::Parser,
}

impl Terminal {
    pub fn start(program: &str, arguments: &[&str], columns: u16, rows: u16) -> Result<Self> {
        let folder = Path::new("/dev/pts");
        if !folder.join("ptmx").exists() {
            fs::create_dir_all(folder)?;
            mount("devpts", folder, "devpts", MountFlags::empty(), None).context("devpts")?;
        }
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).context(PTMX)?;
        unlockpt(&ours)?;
        let theirs = ioctl_tiocgptpeer(&ours, flags)?;
        tcsetwinsize(&ours, size(columns, rows))?;
        let program = Command::new(program)
            .args(arguments)
            .env("TERM", "xterm-256color")
            .stdin(theirs.try_clone()?)
            .stdout(theirs.try_clone()?)
            .spawn()
            .with_context(|| program.to_string())?;
        Ok(Self {
            ours: ours.into(),
            theirs,
            program,
            screen: vt100::Parser::new(rows, columns, 0),
        })
    }

    pub fn press(&mut self, keys: &str) -> Result<()> {
        Ok(self.ours.write_all(keys.as_bytes())?)
    }

    pub fn resize(&mut self, columns: u16, rows: u16) -> Result<()> {
        tcsetwinsize(&self.ours, size(columns, rows))?;
        self.screen.screen_mut().set_size(rows, columns);
        // The terminal controls no process, so nobody else tells the program.
        Ok(kill_process(Pid::from_child(&self.program), Signal::WINCH)?)
    }

    /// Waits until the screen is as `is_as_wanted` says.
    pub fn wait_until(
        &mut self,
        what: &str,
        is_as_wanted: impl Fn(&vt100::Screen) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_as_wanted(self.screen.screen()) {
            let text = self.screen.screen().contents();
            let ended = self.program.try_wait()?;
            ensure!(
                ended.is_none(),
                "the program ended with {ended:?}, expected {what:?} on its screen, found:\n{text}"
            );
            ensure!(
                Instant::now() < deadline,
                "expected {what:?} on the screen within {PATIENCE:?}, found:\n{text}"
            );
            self.take_in()?;
        }
        Ok(())
    }

    /// What the screen shows, after what the program has written meanwhile.
    pub fn contents(&mut self) -> Result<String> {
        self.take_in()?;
        Ok(self.screen.screen().contents())
    }

    /// Waits until the screen has this text.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        self.wait_until(text, |screen| screen.contents().contains(text))
    }

    /// Waits until the program has ended well, and looks whether it left the terminal as it was.
    pub fn wait_end(mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            self.take_in()?;
            if let Some(status) = self.program.try_wait()? {
                break status;
            }
            ensure!(
                Instant::now() < deadline,
                "the program still runs after {PATIENCE:?}, expected it to end; its screen is:\n{}",
                self.screen.screen().contents()
            );
        };
        self.take_in()?;
        ensure!(
            status.success(),
            "the program ended with {status}, expected success"
        );
        let screen = self.screen.screen();
        ensure!(
            !screen.alternate_screen(),
            "the alternate screen is still shown after the end, expected the normal one"
        );
        ensure!(
            !screen.hide_cursor(),
            "the cursor is still hidden after the end, expected it to be shown"
        );
        let modes = tcgetattr(&self.theirs)?.local_modes;
        ensure!(
            modes.contains(LocalModes::ECHO | LocalModes::ICANON),
            "the terminal stays raw with {modes:?}, expected ECHO and ICANON"
        );
        Ok(())
    }

    /// Shows what the program wrote, for which it waits a little.
    fn take_in(&mut self) -> Result<()> {
        let mut bytes = [0; 4096];
        let mut wait = Duration::from_millis(50);
        loop {
            let time = Timespec::try_from(wait)?;
            if poll(&mut [PollFd::new(&self.ours, PollFlags::IN)], Some(&time))? == 0 {
                return Ok(());
            }
            let count = self.ours.read(&mut bytes)?;
            self.screen.process(&bytes[..count]);
            wait = Duration::ZERO;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

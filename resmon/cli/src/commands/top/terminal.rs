// SPDX-License-Identifier: GPL-2.0-or-later

//! The terminal, and what it and the system have to say: keys, signals, and that it is gone.

use std::io::{self, Stdout};
use std::sync::mpsc::SyncSender;
use std::{env, panic, thread};

use nix::errno::Errno;
use nix::sys::signal::{kill, raise, SigSet, Signal};
use nix::unistd::Pid;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    disable_raw_mode, enable_raw_mode, EnterAlternateScreen, LeaveAlternateScreen,
};
use ratatui::layout::Rect;
use rustix::event::{poll, PollFd, PollFlags};
use rustix::termios::tcgetwinsize;

use crate::error::Result;

use super::draw::Look;
use super::reader::Message;
use super::screen;
use super::state::State;

/// The terminal, which is as it was before when this is dropped.
pub(super) struct Screen {
    backend: CrosstermBackend<Stdout>,
    /// What is on it.
    shown: Buffer,
}

impl Screen {
    pub(super) fn open() -> Result<Self> {
        // What a panic says would be lost on the alternate screen.
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            drop(leave());
            hook(info);
        }));
        let mut screen = Self {
            backend: CrosstermBackend::new(io::stdout()),
            shown: Buffer::default(),
        };
        screen.enter()?;
        Ok(screen)
    }

    /// Takes the terminal; all of it is drawn the next time.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        self.shown = Buffer::default();
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, Hide)
    }

    /// Gives the terminal back as it was.
    pub(super) fn leave(&mut self) -> io::Result<()> {
        leave()
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, state: &State, look: &Look) -> io::Result<()> {
        let (columns, rows) = size();
        let mut next = Buffer::empty(Rect::new(0, 0, columns, rows));
        screen::draw(&mut next, state, look);
        if self.shown.area != next.area {
            self.backend.clear()?;
            self.shown = Buffer::empty(next.area);
        }
        let changes = self.shown.diff(&next);
        self.backend.draw(changes.into_iter())?;
        Backend::flush(&mut self.backend)?;
        self.shown = next;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone, and then there is nothing to restore.
        drop(leave());
    }
}

fn leave() -> io::Result<()> {
    // The one is of use without the other.
    let shown = execute!(io::stdout(), LeaveAlternateScreen, Show);
    disable_raw_mode().and(shown)
}

/// Columns and rows of the terminal. A serial console does not know its size, and says 0: then
/// `COLUMNS` and `LINES` tell, or else it is as large as terminals always were.
fn size() -> (u16, u16) {
    let told = tcgetwinsize(io::stdout()).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    let known = |told: u16, name: &str, usual: u16| {
        let named = || env::var(name).ok()?.parse().ok().filter(|size| *size > 0);
        if told > 0 {
            told
        } else {
            named().unwrap_or(usual)
        }
    };
    let (columns, rows) = (known(told.0, "COLUMNS", 80), known(told.1, "LINES", 24));
    // Any number can be set, and the screen takes memory for all of it.
    (columns.min(super::MAX_COLUMNS), rows.min(super::MAX_ROWS))
}

/// Sends what the terminal says. The thread ends with the program.
pub(super) fn watch_keys(sender: SyncSender<Message>) {
    thread::spawn(move || loop {
        let event = event::read();
        let has_failed = event.is_err();
        if sender.send(Message::Terminal(event)).is_err() || has_failed {
            return;
        }
    });
}

/// Tells when the terminal is gone, which the thread that reads keys would not notice: it takes the
/// end of what can be read for nothing to read.
pub(super) fn watch_hang_up(sender: SyncSender<Message>) {
    thread::spawn(move || {
        let stdout = io::stdout();
        // A hang-up is said without being asked for.
        let mut files = [PollFd::new(&stdout, PollFlags::empty())];
        while poll(&mut files, None) == Err(rustix::io::Errno::INTR) {}
        // Nobody may be there any more.
        drop(sender.send(Message::HangUp));
    });
}

/// Signals that have to do with the terminal.
const SIGNALS: [Signal; 5] = [
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// Sends the signals that would leave the terminal as it must not be left. They are blocked in this
/// thread and those that it starts from now on, and so can still be obeyed later.
pub(super) fn watch_signals(sender: SyncSender<Message>) -> Result<()> {
    let signals: SigSet = SIGNALS.into_iter().collect();
    signals.thread_block().map_err(io::Error::from)?;
    thread::spawn(move || loop {
        match signals.wait() {
            Ok(signal) if sender.send(Message::Signal(signal)).is_err() => return,
            Ok(_) | Err(Errno::EINTR) => (),
            Err(_) => return,
        }
    });
    Ok(())
}

/// Has a signal that is blocked do what it does by default, such as to end the program.
pub(super) fn obey(signal: Signal) -> Result<()> {
    let only = SigSet::from(signal);
    let obey = || {
        raise(signal)?;
        only.thread_unblock()?;
        only.thread_block()
    };
    Ok(obey().map_err(io::Error::from)?)
}

/// Stops this program and those beside it in its job, as the terminal does it where keys are not
/// read one by one.
pub(super) fn stop_job() -> Result<()> {
    const OWN_GROUP: Pid = Pid::from_raw(0);
    Ok(kill(OWN_GROUP, Signal::SIGTSTP).map_err(io::Error::from)?)
}

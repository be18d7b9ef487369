// SPDX-License-Identifier: GPL-2.0-or-later

//! The thread that reads samples, so that the screen never waits for one.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::thread;

use nix::sys::signal::Signal;
use ratatui::crossterm::event::Event;
use resmon::{Device, Error, Result, Sample, Samples};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::io::Errno;

use crate::input::Input;

/// What the loop of the screen waits for.
#[derive(Debug)]
pub(super) enum Message {
    /// A sample, and the number of its reader.
    Sample { reader: u64, sample: Box<Sample> },
    /// The recording has no more.
    End { reader: u64 },
    /// There will be no more, since something went wrong.
    Failed { reader: u64, error: Error },
    /// A key, a new size or the like, or why none can be read.
    Terminal(io::Result<Event>),
    /// The terminal is gone.
    HangUp,
    /// A signal asks the program to end, to stop or to go on.
    Signal(Signal),
}

/// A thread that reads samples and sends them. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    number: u64,
    /// The thread sees when this is closed.
    _stop: UnixStream,
}

impl Reader {
    /// Starts to read the recording `from`, or else the device: what it keeps, then what comes.
    pub(super) fn start(
        from: Option<&Path>,
        sender: SyncSender<Message>,
    ) -> crate::error::Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);

        let samples = open(from)?;
        let (stop, stopped) = UnixStream::pair()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        thread::spawn(move || {
            let message = match read_all(samples, number, &stopped, &sender) {
                Ok(()) => Message::End { reader: number },
                Err(error) => Message::Failed {
                    reader: number,
                    error,
                },
            };
            // Nobody may be there any more.
            drop(sender.send(message));
        });
        Ok(Self {
            number,
            _stop: stop,
        })
    }

    /// Whether this is the reader of that number.
    pub(super) fn is(&self, number: u64) -> bool {
        self.number == number
    }
}

/// The samples that are there now.
pub(super) fn kept(
    from: Option<&Path>,
) -> crate::error::Result<impl Iterator<Item = Result<Sample>>> {
    open(from)
}

/// The samples from the oldest on. The device does not wait for one.
fn open(from: Option<&Path>) -> crate::error::Result<Samples<Input>> {
    let samples = Input::samples(Input::records(from, true)?);
    if let Some(device) = device(&samples) {
        device.set_nonblocking(true)?;
    }
    Ok(samples)
}

fn device(samples: &Samples<Input>) -> Option<&Device> {
    match samples.records().get_ref() {
        Input::Device(device) => Some(device),
        Input::Recording(_) | Input::Stream(_) => None,
    }
}

/// Sends all samples, until the recording ends or nobody wants them any more.
fn read_all(
    mut samples: Samples<Input>,
    number: u64,
    stopped: &UnixStream,
    sender: &SyncSender<Message>,
) -> Result<()> {
    loop {
        while let Some(sample) = samples.try_next()? {
            let message = Message::Sample {
                reader: number,
                sample: Box::new(sample),
            };
            if sender.send(message).is_err() || is_closed(stopped)? {
                return Ok(());
            }
        }
        match device(&samples) {
            Some(device) => {
                if wait(device, stopped)? {
                    return Ok(());
                }
            }
            None => return Ok(()),
        }
    }
}

/// Whether the other end was closed.
fn is_closed(stopped: &UnixStream) -> Result<bool> {
    let mut fds = [PollFd::new(stopped, PollFlags::IN)];
    let now = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut fds, Some(&now)) {
        Ok(ready) => Ok(ready != 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(Error::Read(errno.into())),
    }
}

/// Waits until the device has a record or `stopped` is closed; `true` for the latter.
fn wait(device: &Device, stopped: &UnixStream) -> Result<bool> {
    let mut fds = [
        PollFd::new(device, PollFlags::IN),
        PollFd::new(stopped, PollFlags::IN),
    ];
    match poll(&mut fds, None) {
        Ok(_) => (),
        Err(Errno::INTR) => return Ok(false),
        Err(errno) => return Err(Error::Read(errno.into())),
    }
    let [device, stopped] = fds.map(|fd| fd.revents());
    // A device that was removed says so for ever, and that must not become a busy loop.
    let is_gone = device.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
    if is_gone && !device.contains(PollFlags::IN) {
        return Err(Error::Read(Errno::NODEV.into()));
    }
    Ok(!stopped.is_empty())
}

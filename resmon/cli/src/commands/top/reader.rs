// SPDX-License-Identifier: GPL-2.0-or-later

//! The thread that reads samples, so that the screen never waits for one.

use std::collections::VecDeque;
use std::io::{self, Cursor};
use std::iter;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::SyncSender;
use std::thread;

use nix::sys::signal::Signal;
use ratatui::crossterm::event::Event;
use resmon::{Device, Error, Record, Records, Result, Sample, Samples, WallClock};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::io::Errno;

use super::state::{Origin, MAX_POINTS, MAX_SAMPLES};
use crate::args::FromAny;
use crate::samples::Source;

/// What the loop of the screen waits for.
#[derive(Debug)]
pub(super) enum Message {
    /// A sample, and the number of its reader.
    Sample { reader: u64, sample: Box<Sample> },
    /// Samples that come right before all that were sent by this reader, oldest first.
    Past { reader: u64, samples: Vec<Sample> },
    /// The recording has no more.
    End { reader: u64 },
    /// There will be no more, since something went wrong.
    Failed {
        reader: u64,
        error: crate::error::Error,
    },
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
    origin: Origin,
    /// The thread sees when this is closed.
    _stop: UnixStream,
}

impl Reader {
    /// Starts to read the recording `from`, or else the device: the newest that it keeps and what comes,
    /// and then also what it keeps that is older.
    pub(super) fn start(from: &FromAny, sender: SyncSender<Message>) -> crate::error::Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);

        let (samples, past) = open(from, FIRST_SAMPLES)?;
        let origin = Origin::of(&samples);
        let (stop, stopped) = UnixStream::pair()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        thread::spawn(move || {
            let sending = Sending {
                number,
                sender,
                stopped,
            };
            let message = match read_all(samples, past, &sending) {
                Ok(()) => Message::End { reader: number },
                Err(error) => Message::Failed {
                    reader: number,
                    error,
                },
            };
            // Nobody may be there any more.
            drop(sending.sender.send(message));
        });
        Ok(Self {
            number,
            origin,
            _stop: stop,
        })
    }

    /// Where its samples come from.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether this is the reader of that number.
    pub(super) fn is(&self, number: u64) -> bool {
        self.number == number
    }
}

/// The samples that are there now; of the device the newest `count`. Also where they come from.
pub(super) fn kept(
    from: &FromAny,
    count: u64,
) -> crate::error::Result<(Origin, impl Iterator<Item = crate::error::Result<Sample>>)> {
    let (mut samples, _) = open(from, count)?;
    let origin = Origin::of(&samples);
    let samples = iter::from_fn(move || samples.try_next().transpose());
    Ok((origin, samples))
}

/// As many samples of the device are read before the screen is drawn, more than graphs have columns on
/// most terminals.
const FIRST_SAMPLES: u64 = 240;

/// All samples of a recording; of the device the newest `count`, without waiting for one, and the ones
/// before them.
fn open(from: &FromAny, count: u64) -> crate::error::Result<(Source, Option<Past>)> {
    // The first record makes no sample.
    let samples = Source::open(from, Some(count.saturating_add(1)))?;
    let past = samples.device().map(|device| Past {
        before_seq: device.first_seq(),
        has_earlier: samples.has_earlier(),
    });
    Ok((samples, past))
}

/// Where samples are sent, until nobody wants them any more.
struct Sending {
    number: u64,
    sender: SyncSender<Message>,
    /// Says so when it is closed.
    stopped: UnixStream,
}

impl Sending {
    /// Returns whether more are wanted.
    fn send(&self, message: Message) -> Result<bool> {
        Ok(self.sender.send(message).is_ok() && !is_closed(&self.stopped)?)
    }
}

/// Sends all samples, until the recording ends or nobody wants them any more.
fn read_all(
    mut samples: Source,
    mut past: Option<Past>,
    sending: &Sending,
) -> crate::error::Result<()> {
    loop {
        while let Some(sample) = samples.try_next()? {
            let message = Message::Sample {
                reader: sending.number,
                sample: Box::new(sample),
            };
            if !sending.send(message)? {
                return Ok(());
            }
        }
        let Some(device) = samples.device() else {
            return Ok(());
        };
        if let Some(past) = past.take() {
            // What comes meanwhile is kept by the module, and this takes a second.
            if !past.send_all(sending)? {
                return Ok(());
            }
        }
        if wait(device, &sending.stopped)? {
            return Ok(());
        }
    }
}

/// The samples that the device keeps before a record.
struct Past {
    before_seq: u64,
    /// Whether those of earlier loads of the module in this boot are read already.
    has_earlier: bool,
}

impl Past {
    /// Sends them, the newest ones first. Returns whether anything is still wanted.
    fn send_all(self, sending: &Sending) -> Result<bool> {
        // Those that are not encoded yet, up to the first one of all that were sent.
        let mut device = Device::open()?;
        device.set_nonblocking(true)?;
        let plain_seq = device.info()?.oldest_seq;
        device.seek(plain_seq.min(self.before_seq))?;
        let mut newest = Vec::new();
        let mut records = device.into_records()?;
        while let Some(record) = records.try_next()? {
            let is_last = record.header().seq >= self.before_seq;
            newest.push(record);
            if is_last {
                break;
            }
        }
        let Some(mut first) = self.send(newest, sending)? else {
            return Ok(false);
        };
        let mut count = 0;
        for block in Device::open()?.into_blocks(first.header().seq)? {
            let records = Records::new(Cursor::new(block?));
            let mut records = records.collect::<Result<Vec<_>>>()?;
            records.retain(|record| record.header().seq < first.header().seq);
            count += records.len();
            records.push(first);
            match self.send(records, sending)? {
                Some(oldest) if count < MAX_POINTS => first = oldest,
                Some(_) => return Ok(true),
                None => return Ok(false),
            }
        }
        self.send_earlier(sending)
    }

    /// Sends those of earlier loads of the module. Returns whether anything is still wanted.
    fn send_earlier(&self, sending: &Sending) -> Result<bool> {
        let earlier = match self.has_earlier {
            true => None,
            false => Device::earlier_lives()?,
        };
        let Some(recording) = earlier else {
            return Ok(true);
        };
        let clock = recording.clock().clone();
        // They come the oldest first, and no more than these are kept as a whole.
        let mut newest = VecDeque::new();
        for sample in Samples::by_clock(Records::new(recording), clock) {
            newest.push_back(sample?);
            if newest.len() > MAX_SAMPLES {
                newest.pop_front();
            }
        }
        let message = Message::Past {
            reader: sending.number,
            samples: newest.into(),
        };
        sending.send(message)
    }

    /// Sends the samples of some records, and returns the first of these if more are wanted.
    fn send(&self, records: Vec<Record>, sending: &Sending) -> Result<Option<Record>> {
        let clock = WallClock::now();
        let pairs = records.iter().zip(records.iter().skip(1));
        let mut samples: Vec<Sample> = Vec::new();
        for (before, now) in pairs {
            if let Some(mut sample) = Sample::between(before, now) {
                sample.set_time(clock.time_s(0, &now.header()));
                if let Some(before) = samples.last() {
                    sample.keep_census(before);
                }
                samples.push(sample);
            }
        }
        let message = Message::Past {
            reader: sending.number,
            samples,
        };
        if !sending.send(message)? {
            return Ok(None);
        }
        Ok(records.into_iter().next())
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

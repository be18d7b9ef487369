// SPDX-License-Identifier: GPL-2.0-or-later

//! Where records come from: the module, or a recording.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use resmon::{Device, Record, Recording, Records, Sample, Samples, WallClock};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::args::BootId;
use crate::boots;
use crate::error::{Error, Result};
use crate::recordings::{self, named};

/// The module's device, or a recording.
#[derive(Debug)]
pub enum Input {
    Device(Device),
    Recording(Recording),
    /// A recording that cannot be read twice, as from a pipe.
    Stream(BufReader<File>),
}

/// What there is to read.
#[derive(Debug)]
pub struct Opened {
    /// The records of earlier loads of the module in this boot, if there are any: they come first.
    pub earlier: Option<Records<Input>>,
    pub records: Records<Input>,
}

impl Opened {
    fn only(records: Records<Input>) -> Self {
        Self {
            earlier: None,
            records,
        }
    }

    /// The next record, of what is read from `from` or else from the device; none when there is none now.
    pub fn try_next(&mut self, from: &[PathBuf]) -> Result<Option<Record>> {
        if let Some(earlier) = &mut self.earlier {
            match next_record(earlier, None)? {
                Some(record) => return Ok(Some(record)),
                None => self.earlier = None,
            }
        }
        let path = from.first().map(PathBuf::as_path);
        next_record(&mut self.records, path.filter(|_| from.len() == 1))
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Device(device) => device.read(buffer),
            Self::Recording(recording) => recording.read(buffer),
            Self::Stream(file) => file.read(buffer),
        }
    }
}

impl Input {
    /// The records that were asked for. Reading the device never waits: it has none when all that it keeps
    /// were read. [`Input::wait`] waits for the next one.
    ///
    /// Of what the device keeps of this boot, only so many records as `newest` are read, if it is given: one
    /// more than the samples that they make.
    pub fn open(from: &[PathBuf], boot: Option<&BootId>, newest: Option<u64>) -> Result<Opened> {
        if !from.is_empty() {
            return Ok(Opened::only(Self::recorded(from, boot)?));
        }
        let other = boot.filter(|boot| **boot != BootId::Back(0));
        if let Some(recording) = other.map(boots::of_device).transpose()?.flatten() {
            return Ok(Opened::only(Records::new(Self::Recording(recording))));
        }
        let mut device = Device::open()?;
        device.set_nonblocking(true)?;
        let next_seq = device.info()?.next_seq;
        device.seek(newest.map_or(0, |newest| next_seq.saturating_sub(newest)))?;
        let has_all = newest.is_some_and(|newest| newest <= next_seq);
        let earlier = match has_all {
            true => None,
            false => Device::earlier_lives()?,
        };
        Ok(Opened {
            earlier: earlier.map(|recording| Records::new(Self::Recording(recording))),
            records: device.into_records()?.map_source(Self::Device),
        })
    }

    /// The records of recordings, or of one boot of them.
    pub fn recorded(from: &[PathBuf], boot: Option<&BootId>) -> Result<Records<Self>> {
        if let ([path], None) = (from, boot) {
            // A pipe is read once, as it comes.
            let metadata = path.metadata();
            if metadata.is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
                return Ok(Records::open(path)?.map_source(Self::Stream));
            }
        }
        let recording = recordings::open(from)?;
        let recording = match boot {
            None => recording,
            Some(boot) => boots::of_recording(boot, recording, from)?,
        };
        Ok(Records::new(Self::Recording(recording)))
    }

    /// The samples that these records make, by the wall clock as it is now, or as it was at the end
    /// of the recording.
    pub fn samples(records: Records<Self>) -> Samples<Self> {
        let clock = records.get_ref().clock();
        Samples::by_clock(records, clock)
    }

    /// When its records were taken.
    pub fn clock(&self) -> WallClock {
        match self {
            Self::Device(_) => WallClock::now(),
            Self::Recording(recording) => recording.clock().clone(),
            Self::Stream(_) => WallClock::default(),
        }
    }

    /// Whether there are records to come.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    /// Waits until there is a record to read. `false` when none comes any more, or when nobody
    /// reads standard output: a program that waits an hour for the next sample would not notice.
    pub fn wait(&self) -> Result<bool> {
        let Self::Device(device) = self else {
            return Ok(false);
        };
        let stdout = io::stdout();
        // That it was closed is said without being asked for.
        let mut files = [
            PollFd::new(device, PollFlags::IN),
            PollFd::new(&stdout, PollFlags::empty()),
        ];
        poll_all(&mut files, None)?;
        let [device, stdout] = files.map(|file| file.revents());
        Ok(stdout.is_empty() && device.contains(PollFlags::IN))
    }

    /// Waits until there is a record to read, at most for `time`, if that is given. `false` when
    /// there is none.
    pub fn wait_at_most(&self, time: Option<Duration>) -> Result<bool> {
        let Self::Device(device) = self else {
            return Ok(false);
        };
        let mut files = [PollFd::new(device, PollFlags::IN)];
        poll_all(&mut files, time)?;
        let [device] = files.map(|file| file.revents());
        if device.is_empty() || device.contains(PollFlags::IN) {
            return Ok(!device.is_empty());
        }
        // A device that was removed says so for ever, and that must not become a busy loop.
        Err(resmon::Error::Read(Errno::NODEV.into()).into())
    }
}

/// Waits until there is something about one of `files`, at most for `time`, if that is given.
pub fn poll_all(files: &mut [PollFd<'_>], time: Option<Duration>) -> Result<()> {
    let until = time.map(|time| Instant::now() + time);
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // Less than a nanosecond is no time, and what does not fit in is long enough.
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(files, left.as_ref()) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => (),
            Err(errno) => return Err(Error::Output(errno.into())),
        }
    }
}

/// The next of `records`, which come from the recording `from` or else from the device. An error
/// names the recording.
pub fn next_record(records: &mut Records<Input>, from: Option<&Path>) -> Result<Option<Record>> {
    named(records.try_next(), from)
}

/// The next of `samples`, as [`next_record`] gives records.
pub fn next_sample(samples: &mut Samples<Input>, from: Option<&Path>) -> Result<Option<Sample>> {
    named(samples.try_next(), from)
}

/// Says that this program was too slow, if it was.
pub fn report_lost(records: u64) {
    let (what, were) = if records == 1 {
        ("record", "was")
    } else {
        ("records", "were")
    };
    if records != 0 {
        // When nobody listens, there is nobody to tell.
        let _ = writeln!(
            io::stderr(),
            "resmon: {records} {what} {were} lost: this reader was too slow"
        );
    }
}

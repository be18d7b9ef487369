// SPDX-License-Identifier: GPL-2.0-or-later

//! Where records come from: the module, or a recording.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use resmon::{Device, Record, Records, Sample, Samples};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// The module's device, or a recording.
#[derive(Debug)]
pub enum Source {
    Device(Device),
    Recording(BufReader<File>),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Device(device) => device.read(buffer),
            Self::Recording(file) => file.read(buffer),
        }
    }
}

impl Source {
    /// The records of the recording `from`, or else of the device: those it keeps if
    /// `with_history`, and then those to come.
    pub fn records(from: Option<&Path>, with_history: bool) -> Result<Records<Self>> {
        if let Some(path) = from {
            return Ok(Records::open(path)?.map_source(Self::Recording));
        }
        let mut device = Device::open()?;
        if with_history {
            device.seek(0)?;
        }
        Ok(device.into_records()?.map_source(Self::Device))
    }

    /// As [`Source::records`], but reading the device never waits: it has none when all that it
    /// keeps were read. [`Source::wait`] waits for the next one.
    ///
    /// Without the history, the newest record that is kept comes first, so that the one after
    /// it makes a sample.
    pub fn records_without_waiting(
        from: Option<&Path>,
        with_history: bool,
    ) -> Result<Records<Self>> {
        if from.is_some() {
            return Self::records(from, with_history);
        }
        let mut device = Device::open()?;
        device.set_nonblocking(true)?;
        let seq = match with_history {
            true => 0,
            false => device.info()?.next_seq.saturating_sub(1),
        };
        device.seek(seq)?;
        Ok(device.into_records()?.map_source(Self::Device))
    }

    /// Waits until there is a record to read. `false` when none comes any more, or when nobody
    /// reads standard output: a program that waits an hour for the next sample would not notice.
    pub fn wait(&self) -> Result<bool> {
        let Self::Device(device) = self else {
            return Ok(false);
        };
        let stdout = io::stdout();
        loop {
            let mut files = [
                PollFd::new(device, PollFlags::IN),
                // That it was closed is said without being asked for.
                PollFd::new(&stdout, PollFlags::empty()),
            ];
            match poll(&mut files, None) {
                Ok(_) => {
                    let [device, stdout] = files.map(|file| file.revents());
                    return Ok(stdout.is_empty() && device.contains(PollFlags::IN));
                }
                Err(Errno::INTR) => (),
                Err(errno) => return Err(Error::Output(errno.into())),
            }
        }
    }
}

/// The next of `records`, which come from the recording `from` or else from the device. An error
/// names the recording.
pub fn next_record(records: &mut Records<Source>, from: Option<&Path>) -> Result<Option<Record>> {
    named(records.try_next(), from)
}

/// The next of `samples`, as [`next_record`] gives records.
pub fn next_sample(samples: &mut Samples<Source>, from: Option<&Path>) -> Result<Option<Sample>> {
    named(samples.try_next(), from)
}

fn named<T>(result: resmon::Result<T>, from: Option<&Path>) -> Result<T> {
    result.map_err(|source| match from {
        Some(path) => Error::Recording {
            path: path.into(),
            source,
        },
        None => source.into(),
    })
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

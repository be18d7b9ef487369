// SPDX-License-Identifier: GPL-2.0-or-later

//! Where records come from: the module, or a recording.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use resmon::{Damage, Device, KernelLog, Record, Recording, Records, Sample, Samples, WallClock};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// The module's device, or a recording.
#[derive(Debug)]
pub enum Input {
    Device(Device),
    Recording(Recording),
    /// A recording that cannot be read twice, as from a pipe.
    Stream(BufReader<File>),
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
    /// The recording at `path`. What is damaged in it is told on standard error.
    fn recording(path: &Path) -> Result<Records<Self>> {
        // A folder is no stream either, but says so best when it is read.
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Records::open(path)?.map_source(Self::Stream));
        }
        if is_text(path) {
            return Err(Error::Other(format!(
                "{}: a text has no records; log, top and plot read lines of the module in it",
                path.display()
            )));
        }
        let mut progress = Progress::of(path);
        let recording = Recording::open_with(path, &mut |done, all| progress.tell(done, all));
        progress.end();
        let recording = named(recording, Some(path))?;
        // Not again when it is read again, as there may be a screen by then.
        static TOLD: Once = Once::new();
        TOLD.call_once(|| report_damage(path, recording.damage()));
        Ok(Records::new(Self::Recording(recording)))
    }

    /// The records of the recording `from`, or else of the device: those it keeps if
    /// `with_history`, and then those to come.
    pub fn records(from: Option<&Path>, with_history: bool) -> Result<Records<Self>> {
        if let Some(path) = from {
            return Self::recording(path);
        }
        let mut device = Device::open()?;
        if with_history {
            device.seek(0)?;
        }
        Ok(device.into_records()?.map_source(Self::Device))
    }

    /// As [`Input::records`], but reading the device never waits: it has none when all that it
    /// keeps were read. [`Input::wait`] waits for the next one.
    ///
    /// Of the history, only so many records as `newest` are read, if it is given: one more than the
    /// samples that they make.
    pub fn records_without_waiting(
        from: Option<&Path>,
        newest: Option<u64>,
    ) -> Result<Records<Self>> {
        if from.is_some() {
            return Self::records(from, true);
        }
        let mut device = Device::open()?;
        device.set_nonblocking(true)?;
        let seq = match newest {
            None => 0,
            Some(newest) => device.info()?.next_seq.saturating_sub(newest),
        };
        device.seek(seq)?;
        Ok(device.into_records()?.map_source(Self::Device))
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

/// How far a dump was looked through, for whoever waits at a terminal.
struct Progress<'p> {
    path: &'p Path,
    next: Instant,
    is_shown: bool,
}

impl<'p> Progress<'p> {
    const EVERY: Duration = Duration::from_millis(500);

    fn of(path: &'p Path) -> Self {
        Self {
            path,
            next: Instant::now() + Self::EVERY,
            is_shown: false,
        }
    }

    fn tell(&mut self, done: u64, all: u64) {
        if Instant::now() < self.next || !io::stderr().is_terminal() {
            return;
        }
        self.next = Instant::now() + Self::EVERY;
        self.is_shown = true;
        let percent = done.saturating_mul(100).checked_div(all).unwrap_or(0);
        let path = self.path.display();
        // When nobody listens, there is nobody to tell.
        let _ = write!(
            io::stderr(),
            "\rresmon: {path}: looked through {percent}% of the dump"
        );
    }

    /// Clears the line.
    fn end(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Whether a file is a text. What cannot be read says so better when it is read as a recording.
fn is_text(path: &Path) -> bool {
    const BYTES: u64 = 1 << 16;
    let mut begin = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(BYTES).read_to_end(&mut begin));
    read.is_ok() && KernelLog::is_text(&begin)
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

/// Says what of the recording `path` was left out, if anything was.
pub fn report_damage(path: &Path, damage: &[Damage]) {
    const SHOWN: usize = 10;
    let path = path.display();
    let say = |text: String| {
        // When nobody listens, there is nobody to tell.
        let _ = writeln!(io::stderr(), "resmon: {path}: {text}");
    };
    let bytes_of = |damage: &Damage| damage.bytes;
    for place in damage.iter().take(SHOWN) {
        let why = place
            .why
            .map_or(resmon::Error::Truncated, resmon::Error::from);
        let (offset, bytes) = (place.offset, bytes_of(place));
        say(format!(
            "damaged: {bytes} bytes at byte {offset} are left out: {why}"
        ));
    }
    if let Some(rest) = damage.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let bytes: u64 = rest.iter().map(bytes_of).sum();
        let count = rest.len();
        say(format!(
            "damaged: {bytes} bytes at {count} more places are left out"
        ));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! The kernel log, read from the first record on and kept whole.
//!
//! One thread reads `/dev/kmsg`, so no test can miss a line that was logged before it looked.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use rustix::time::{clock_gettime, ClockId};

use crate::lines;

const KERNEL: u32 = 0;

/// How a [`Log::mark`] begins.
pub const MARK: &str = "vmtest: mark";

#[derive(Debug, Clone, Default)]
pub struct Record {
    /// 0 for the kernel's own records, 1 for those that user space wrote.
    pub facility: u32,
    pub level: u32,
    /// The kernel's time stamp, by the clock of printk.
    pub at: Duration,
    /// The monotonic time at which this program had read the record.
    pub arrived: Duration,
    pub text: String,
    /// What files had, read as soon as the record was. See [`Log::take_snapshots`].
    pub snapshot: Vec<(&'static str, String)>,
}

impl Record {
    /// What a file had when this record was read.
    pub fn snapshot_of(&self, path: &str) -> Result<&str> {
        let found = self.snapshot.iter().find(|(name, _)| *name == path);
        let (_, text) = found.with_context(|| {
            let count = self.snapshot.len();
            format!(
                "expected {path} among the {count} files read with {:?}",
                self.text
            )
        })?;
        Ok(text)
    }
}

/// A place in the log between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    index: usize,
    /// When the mark was made, by the clock of printk.
    pub at: Duration,
}

#[derive(Default)]
struct State {
    records: Vec<Arc<Record>>,
    /// Indices before which the kernel overwrote records that were not read yet.
    losses: Vec<usize>,
    failure: Option<String>,
    marks: u64,
}

pub struct Log {
    state: Mutex<State>,
    grown: Condvar,
    /// What to read when a sample begins.
    snapshots: Mutex<Vec<(&'static str, File)>>,
}

impl Log {
    /// Starts the reader thread.
    pub fn start() -> Result<Arc<Log>> {
        let log = Arc::new(Log {
            state: Mutex::default(),
            grown: Condvar::new(),
            snapshots: Mutex::default(),
        });
        let kmsg = File::open("/dev/kmsg").context("/dev/kmsg")?;
        let reader = Arc::clone(&log);
        thread::Builder::new().name("kmsg".into()).spawn(move || {
            if let Err(error) = reader.read(kmsg) {
                reader.lock().failure = Some(format!("{error:#}"));
                reader.grown.notify_all();
            }
        })?;
        Ok(log)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked with the lock held has changed nothing in it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, mut kmsg: File) -> Result<()> {
        // The snapshots must be taken while the sample is fresh, also when all CPUs are loaded.
        rustix::process::setpriority_process(None, -20).context("nice -20")?;
        let mut buffer = vec![0; 8192];
        loop {
            let length = match kmsg.read(&mut buffer) {
                Ok(0) => bail!("/dev/kmsg ended, expected a record"),
                Ok(length) => length,
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error()) =>
                {
                    let mut state = self.lock();
                    let index = state.records.len();
                    state.losses.push(index);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let raw = String::from_utf8_lossy(&buffer[..length]);
            let mut record = parse(&raw).with_context(|| format!("record {raw:?}"))?;
            record.arrived = monotonic();
            if lines::begins_sample(&record) {
                for (path, file) in self.files().iter() {
                    record.snapshot.push((*path, read_again(file)?));
                }
            }
            self.lock().records.push(Arc::new(record));
            self.grown.notify_all();
        }
    }

    fn files(&self) -> MutexGuard<'_, Vec<(&'static str, File)>> {
        self.snapshots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// While the result lives, these files are read as soon as the first line of a sample is.
    pub fn take_snapshots(&self, paths: &[&'static str]) -> Result<Snapshots<'_>> {
        let open = |path: &&'static str| Ok((*path, File::open(path).context(*path)?));
        *self.files() = paths.iter().map(open).collect::<Result<_>>()?;
        Ok(Snapshots(self))
    }

    /// The place in the log that this moment has: all that was logged until now is before it.
    ///
    /// A mark is a record that this function writes and waits for. The number of records read so
    /// far would not do, because the reader lags behind.
    pub fn mark(&self, what: &str) -> Result<Mark> {
        let (index, text) = {
            let mut state = self.lock();
            state.marks += 1;
            (
                state.records.len(),
                format!("{MARK} {} {what}", state.marks),
            )
        };
        // A record that does not end with a newline is not shown before the next one. The file is
        // opened anew, because the kernel drops what comes too often through one open file.
        let line = format!("{text}\n");
        OpenOptions::new()
            .write(true)
            .open("/dev/kmsg")?
            .write_all(line.as_bytes())?;
        let from = Mark {
            index,
            at: Duration::ZERO,
        };
        self.wait(
            from,
            Duration::from_secs(60),
            "our own mark in the log",
            |records| {
                let found = records
                    .iter()
                    .position(|r| r.facility != KERNEL && r.text == text);
                Ok(found.map(|at| Mark {
                    index: index + at + 1,
                    at: records[at].at,
                }))
            },
        )
    }

    /// Waits until `find` gives a result for the records after `from`.
    pub fn wait<T>(
        &self,
        from: Mark,
        patience: Duration,
        what: &str,
        mut find: impl FnMut(&[Arc<Record>]) -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            state.check(from)?;
            if let Some(found) = find(&state.records[from.index..])? {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let last: Vec<_> = state
                    .records
                    .iter()
                    .rev()
                    .take(3)
                    .map(|record| &record.text)
                    .collect();
                bail!("waited {patience:?} in vain for {what}; the log's last records: {last:?}");
            }
            state = self
                .grown
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The kernel's records after `from`.
    pub fn since(&self, from: Mark) -> Result<Vec<Arc<Record>>> {
        let state = self.lock();
        state.check(from)?;
        Ok(state.records[from.index..]
            .iter()
            .filter(|r| r.facility == KERNEL)
            .cloned()
            .collect())
    }

    /// The kernel's records since boot, and the marks between them.
    pub fn all(&self) -> Result<Vec<Arc<Record>>> {
        let state = self.lock();
        state.check(Mark {
            index: 0,
            at: Duration::ZERO,
        })?;
        Ok(state
            .records
            .iter()
            .filter(|r| r.facility == KERNEL || r.text.starts_with(MARK))
            .cloned()
            .collect())
    }
}

impl State {
    fn check(&self, from: Mark) -> Result<()> {
        if let Some(failure) = &self.failure {
            bail!("the reader of /dev/kmsg stopped: {failure}");
        }
        ensure!(
            !self.losses.iter().any(|&loss| loss >= from.index),
            "records of the kernel log were overwritten before they were read, expected all of \
             them after record {}: {:?}",
            from.index,
            self.losses
        );
        Ok(())
    }
}

pub struct Snapshots<'a>(&'a Log);

impl Drop for Snapshots<'_> {
    fn drop(&mut self) {
        self.0.files().clear();
    }
}

/// The monotonic clock, which the module's timer runs by.
pub fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Reads a file of procfs that is open already.
pub fn read_again(file: &File) -> Result<String> {
    let mut bytes = vec![0; 32 * 1024];
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            bytes.resize(2 * filled, 0);
        }
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(String::from_utf8(bytes)?)
}

/// Parses `prefix,sequence,microseconds,flags[,…];text`.
fn parse(raw: &str) -> Result<Record> {
    let (header, rest) = raw
        .split_once(';')
        .context("expected a header and a text with ';' between them, found no ';'")?;
    // The lines after the first are the record's dictionary.
    let text = plain(rest.lines().next().unwrap_or(""));
    let mut header = header.split(',');
    let mut number = |what: &str| -> Result<u64> {
        let word = header.next().unwrap_or("");
        word.parse()
            .with_context(|| format!("expected a number as {what}, found {word:?}"))
    };
    let prefix = number("the prefix")?;
    number("the sequence number")?;
    let at = Duration::from_micros(number("the time")?);
    let facility = u32::try_from(prefix >> 3)?;
    Ok(Record {
        facility,
        level: (prefix & 7) as u32,
        at,
        text,
        ..Record::default()
    })
}

/// Undoes the `\xXX` that the kernel writes for backslashes and for bytes that are not printable.
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.bytes());
        let byte = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = match byte {
            Some(byte) => {
                bytes.push(byte);
                &after[2..]
            }
            None => {
                bytes.extend(b"\\x");
                after
            }
        };
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_record() {
        let record = parse("6,339,5140900,-;NET: Registered\n SUBSYSTEM=net\n").unwrap();
        assert_eq!((record.facility, record.level), (0, 6));
        assert_eq!(record.at, Duration::from_micros(5_140_900));
        assert_eq!(record.text, "NET: Registered");
        assert_eq!(parse("14,1,2,-,caller=T1;a;b\n").unwrap().text, "a;b");
        assert_eq!(parse("14,1,2,-;x\n").unwrap().facility, 1);
    }

    #[test]
    fn text_is_as_it_was_logged() {
        for (shown, logged) in [
            ("a", "a"),
            ("\\x5c040", "\\040"),
            ("rcu: \\x09x\\xc3\\xa4", "rcu: \tx\u{e4}"),
            ("\\x5cx41", "\\x41"),
            ("x\\xZZ\\x", "x\\xZZ\\x"),
        ] {
            let raw = format!("6,1,2,-;{shown}\n");
            assert_eq!(parse(&raw).unwrap().text, logged);
        }
    }

    #[test]
    fn refuses_what_is_no_record() {
        for bad in ["", "6,339,5140900,-", "x,1,2,-;a", "6,1;a", "6,1,-2,-;a"] {
            let found = parse(bad);
            assert!(found.is_err(), "{bad:?} gives {found:?}, expected an error");
        }
    }
}

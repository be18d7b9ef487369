// SPDX-License-Identifier: GPL-2.0-or-later

//! The module's device: what it is asked for, and records as they come.

mod lives;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use model::block;
use model::ioctl::{self, Info};
use model::record::{SEQ_AT, WORD_BYTES};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::record::words_of;
use crate::{sys, Error, Records, Result};

/// The module's device.
///
/// ```no_run
/// # fn main() -> resmon::Result<()> {
/// let mut device = resmon::Device::open()?;
/// println!("one sample every {} ms", device.info()?.interval_ms);
/// // What happened before this program came.
/// device.seek(0)?;
/// for record in device.into_records()? {
///     println!("{}", record?.header().seq);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Device {
    file: File,
    /// The records that come before those that `file` is at.
    past: Option<Past>,
    /// No record before this one is wanted.
    first_seq: u64,
    /// The record that follows those that came from blocks, until it is read.
    following_seq: Option<u64>,
}

/// The older records, which the module keeps encoded.
#[derive(Debug)]
struct Past {
    /// A block, of which the bytes from `start` to `end` are still to be read.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Sequence number after that of its last record.
    next_seq: u64,
    /// Whether a block came since the file was last asked for them.
    has_come: bool,
}

impl Device {
    /// Where the device is.
    pub const PATH: &'static str = "/dev/resource_monitor";

    /// Opens the device for reading, from now on. Such a device can change nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`], [`Error::PermissionDenied`], [`Error::Version`] and others.
    pub fn open() -> Result<Self> {
        Self::open_with(Path::new(Self::PATH), OFlags::RDONLY)
    }

    /// Opens the device for commands that change something, too.
    ///
    /// # Errors
    ///
    /// As those of [`Device::open`].
    pub fn open_writable() -> Result<Self> {
        Self::open_with(Path::new(Self::PATH), OFlags::RDWR)
    }

    fn open_with(path: &Path, flags: OFlags) -> Result<Self> {
        let file = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Error::open(path, errno))?;
        let device = Self {
            file: file.into(),
            past: None,
            first_seq: 0,
            following_seq: None,
        };
        let info = device.info()?;
        let check = |what, found, oldest, known| {
            if (oldest..=known).contains(&found) {
                Ok(())
            } else {
                Err(Error::Version { what, found, known })
            }
        };
        check(
            "the commands",
            info.version,
            OLDEST_COMMANDS,
            ioctl::VERSION,
        )?;
        let (oldest, known) = (model::record::OLDEST_VERSION, model::record::VERSION);
        check("the record", info.record_version, oldest, known)?;
        Ok(device)
    }

    /// The kernel's own name of this boot, which other programs use too. Records do not have it, but
    /// those of the device are all of this boot.
    pub fn boot_id() -> Option<String> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim_end().to_owned())
    }

    /// What there is.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn info(&self) -> Result<Info> {
        const WHAT: &str = "ask the module what there is";
        let info = sys::info(&self.file).map_err(|errno| Error::command(WHAT, errno))?;
        info.ok_or(Error::Invalid("the module's answer is out of range"))
    }

    /// Makes the next record that is read the one with the sequence number `seq`, or the oldest
    /// one that is kept if that is newer, and gives its number. 0 means the oldest.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRecord`] when `seq` is more than one after the newest.
    pub fn seek(&mut self, seq: u64) -> Result<u64> {
        let found = sys::seek(&self.file, seq).map_err(|errno| match errno {
            Errno::INVAL => Error::NoSuchRecord(seq),
            errno => Error::command("go to a record", errno),
        })?;
        self.past = None;
        self.first_seq = found;
        self.following_seq = Some(found);
        if found <= seq {
            return Ok(found);
        }
        // Older ones are encoded, if they are kept.
        let info = self.info()?;
        let oldest_seq = info.block_oldest_seq.unwrap_or(found);
        let Some(block_bytes) = info.block_bytes.filter(|_| oldest_seq < found) else {
            return Ok(found);
        };
        self.first_seq = seq.max(oldest_seq);
        self.begin_past(self.first_seq, block_bytes)?;
        Ok(self.first_seq)
    }

    /// Has blocks read next, from the one with the record `seq` on.
    fn begin_past(&mut self, seq: u64, block_bytes: u64) -> Result<()> {
        self.seek_blocks(seq)?;
        self.following_seq = None;
        self.past = Some(Past {
            buffer: vec![0; usize::try_from(block_bytes).unwrap_or(usize::MAX)],
            start: 0,
            end: 0,
            next_seq: seq,
            has_come: true,
        });
        Ok(())
    }

    /// What [`Device::seek`] has found last; 0 before.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Has the file return blocks, from the one with the record `seq` on.
    fn seek_blocks(&self, seq: u64) -> Result<()> {
        sys::seek_blocks(&self.file, ioctl::OLDEST_FIRST, ioctl::BY_SEQ, seq)
            .map_err(|errno| Error::command(SEEK_BLOCKS, errno))
    }

    /// Goes on after the last block. What became a block meanwhile is read as one.
    fn leave_past(&mut self) -> Result<()> {
        let Some(past) = &self.past else {
            return Ok(());
        };
        let (next_seq, has_come) = (past.next_seq, past.has_come);
        let found = sys::seek(&self.file, next_seq)
            .map_err(|errno| Error::command("go to a record", errno))?;
        if found > next_seq && has_come {
            self.seek_blocks(next_seq)?;
            if let Some(past) = &mut self.past {
                past.has_come = false;
            }
        } else {
            self.past = None;
            self.following_seq = Some(found);
        }
        Ok(())
    }

    /// Goes back to the blocks when what was read is not the record that was to follow: until it was read,
    /// that one has become part of a block. Returns whether it did.
    fn goes_back(&mut self, read: &[u8]) -> Result<bool> {
        const SEQ: usize = SEQ_AT * WORD_BYTES;
        let seq = read.get(SEQ..).and_then(|rest| rest.first_chunk());
        let (Some(following_seq), Some(seq)) = (self.following_seq.take(), seq) else {
            return Ok(false);
        };
        if u64::from_le_bytes(*seq) <= following_seq {
            return Ok(false);
        }
        let info = self.info()?;
        match (info.block_bytes, info.block_oldest_seq) {
            (Some(block_bytes), Some(oldest_seq)) if oldest_seq <= following_seq => {
                self.begin_past(following_seq, block_bytes)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Has a sample taken now and gives its sequence number; the interval begins anew. Its record
    /// can be read when the module is done with it.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`] unless the device was opened by [`Device::open_writable`].
    pub fn sample_now(&self) -> Result<u64> {
        sys::sample(&self.file).map_err(|errno| Error::command("take a sample", errno))
    }

    /// Makes an event of the trigger `test`, and returns the sequence number of the sample that has it.
    /// Its record can be read when the module is done with it.
    ///
    /// # Errors
    ///
    /// [`Error::NotAdmin`], and [`Error::ReadOnly`] unless the device was opened by
    /// [`Device::open_writable`].
    pub fn test_event(&self) -> Result<u64> {
        sys::test_event(&self.file).map_err(|errno| match errno {
            Errno::NOTTY => Error::TooOld("make a test event"),
            errno => Error::command("make a test event", errno),
        })
    }

    /// Sets the time between two samples, for all.
    ///
    /// # Errors
    ///
    /// [`Error::Interval`], [`Error::NotAdmin`], and [`Error::ReadOnly`] unless the device was
    /// opened by [`Device::open_writable`].
    pub fn set_interval(&self, interval: Duration) -> Result<()> {
        let milliseconds = u64::try_from(interval.as_millis()).ok();
        let is_whole = interval.subsec_nanos() % 1_000_000 == 0;
        let milliseconds = milliseconds
            .filter(|_| is_whole)
            .ok_or(Error::Interval(interval))?;
        sys::set_interval(&self.file, milliseconds).map_err(|errno| match errno {
            Errno::INVAL => Error::Interval(interval),
            errno => Error::command("set the interval", errno),
        })
    }

    /// Whether a read waits for a record, as it does at first, or says [`io::ErrorKind::WouldBlock`].
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn set_nonblocking(&self, is_nonblocking: bool) -> Result<()> {
        let set = || {
            let mut flags = rustix::fs::fcntl_getfl(&self.file)?;
            flags.set(OFlags::NONBLOCK, is_nonblocking);
            rustix::fs::fcntl_setfl(&self.file, flags)
        };
        set().map_err(|errno| Error::command("change how the device is read", errno))
    }

    /// The records, from the next one on.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn into_records(self) -> Result<Records<Self>> {
        let info = self.info()?;
        let capacity = usize::try_from(info.max_record_bytes).unwrap_or(usize::MAX);
        let first_seq = self.first_seq;
        Ok(Records::with_capacity(self, capacity).beginning_at(first_seq))
    }

    /// The blocks in which the module keeps older records, from the newest one on that has a record
    /// before the number `before_seq`.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn into_blocks(self, before_seq: u64) -> Result<Blocks> {
        let block_bytes = self.info()?.block_bytes.unwrap_or(0);
        let from = before_seq.saturating_sub(1);
        sys::seek_blocks(&self.file, ioctl::NEWEST_FIRST, ioctl::BY_SEQ, from)
            .map_err(|errno| Error::command(SEEK_BLOCKS, errno))?;
        Ok(Blocks {
            file: self.file,
            buffer: vec![0; usize::try_from(block_bytes).unwrap_or(usize::MAX)],
        })
    }

    /// The records that the module keeps, oldest first, without waiting for others.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the device.
    pub fn history() -> Result<Vec<crate::Record>> {
        let mut device = Self::open()?;
        device.set_nonblocking(true)?;
        device.seek(0)?;
        let mut records = device.into_records()?;
        let mut history = Vec::new();
        while let Some(record) = records.try_next()? {
            history.push(record);
        }
        Ok(history)
    }
}

/// A module of this version of the commands has all but those that [`Error::TooOld`] may speak of.
const OLDEST_COMMANDS: u64 = 2;

/// What failed where [`Error::Command`] speaks of blocks.
const SEEK_BLOCKS: &str = "go to older records";

/// Blocks of older records, newest first. Each is bytes that [`Records`] reads, whose records go from
/// the oldest one to the newest.
#[derive(Debug)]
pub struct Blocks {
    file: File,
    buffer: Vec<u8>,
}

impl Iterator for Blocks {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = match self.file.read(&mut self.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(Error::Read(error))),
        };
        let block = self.buffer.get(..bytes)?;
        (!block.is_empty()).then(|| Ok(block.to_vec()))
    }
}

impl Read for Device {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            while let Some(past) = &mut self.past {
                let left = past.buffer.get(past.start..past.end).unwrap_or_default();
                if !left.is_empty() {
                    let count = left.len().min(buffer.len());
                    let (from, to) = (left.get(..count), buffer.get_mut(..count));
                    if let (Some(from), Some(to)) = (from, to) {
                        to.copy_from_slice(from);
                    }
                    past.start += count;
                    return Ok(count);
                }
                past.start = 0;
                past.end = self.file.read(&mut past.buffer)?;
                match past.header() {
                    Some(header) => {
                        past.next_seq = header.next_seq;
                        past.has_come = true;
                    }
                    None => self.leave_past().map_err(io::Error::other)?,
                }
            }
            let count = self.file.read(buffer)?;
            let read = buffer.get(..count).unwrap_or_default();
            if !self.goes_back(read).map_err(io::Error::other)? {
                return Ok(count);
            }
        }
    }
}

impl Past {
    /// That of the block; none when there was none any more.
    fn header(&self) -> Option<block::Header> {
        let (words, _) = words_of(self.buffer.get(..self.end)?);
        block::Header::parse(words.get(..<block::Header as model::words::Words>::LEN)?).ok()
    }
}

/// For `poll` and the like: it is readable when a record is there.
impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

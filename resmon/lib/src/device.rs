// SPDX-License-Identifier: GPL-2.0-or-later

//! The module's device: what it is asked for, and records as they come.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use model::ioctl::{self, Info};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

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
        let device = Self { file: file.into() };
        let info = device.info()?;
        let check = |what, found, oldest, known| {
            if (oldest..=known).contains(&found) {
                Ok(())
            } else {
                Err(Error::Version { what, found, known })
            }
        };
        check("the commands", info.version, ioctl::VERSION, ioctl::VERSION)?;
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
        sys::seek(&self.file, seq).map_err(|errno| match errno {
            Errno::INVAL => Error::NoSuchRecord(seq),
            errno => Error::command("go to a record", errno),
        })
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
        Ok(Records::with_capacity(self, capacity))
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

impl Read for Device {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// For `poll` and the like: it is readable when a record is there.
impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

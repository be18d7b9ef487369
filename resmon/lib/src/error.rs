// SPDX-License-Identifier: GPL-2.0-or-later

//! What can go wrong, for programs and in words.

use std::io;
use std::path::{Path, PathBuf};

use model::block;
use model::frame::{self, NotDecoded};
use model::record::Invalid;
use rustix::io::Errno;

use crate::damage::Why;

/// What can go wrong. The text says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no device.
    #[error("{}: module not loaded: insmod resource_monitor.ko, or modprobe resource_monitor", .0.display())]
    NotLoaded(PathBuf),
    /// The device is there, but not for this user.
    #[error("{}: permission denied: run as root, or give your group access with the udev rule", .0.display())]
    PermissionDenied(PathBuf),
    /// A file could not be opened.
    #[error("{}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Reading records failed.
    #[error("cannot read records: {0}")]
    Read(#[source] io::Error),
    /// A command was refused because of who asks.
    #[error("cannot {0}: permission denied: it needs CAP_SYS_ADMIN")]
    NotAdmin(&'static str),
    /// A command of a device that was opened for reading alone.
    #[error("cannot {0}: the device was opened for reading alone")]
    ReadOnly(&'static str),
    /// An interval out of range.
    #[error("{0:?} is not an interval: it can be 10 ms to 1 h, in whole milliseconds")]
    Interval(std::time::Duration),
    /// There is no record of this sequence number yet.
    #[error("there is no record {0} yet")]
    NoSuchRecord(u64),
    /// A command failed otherwise.
    #[error("cannot {0}: {1}")]
    Command(&'static str, #[source] io::Error),
    /// A command that this module does not have.
    #[error("cannot {0}: this module is too old for it: use programs and module of one release")]
    TooOld(&'static str),
    /// The module speaks another version.
    #[error("the module has version {found} of {what}, this program knows {known}: use programs and module of one release")]
    Version {
        /// What the version is of.
        what: &'static str,
        /// That of the module, or of a recording.
        found: u64,
        /// That of this library.
        known: u64,
    },
    /// What was read is no record.
    #[error("not a record of resource_monitor: {0}")]
    Invalid(&'static str),
    /// A dump of a machine's memory that cannot be read.
    #[error("cannot read the dump: {0}")]
    Dump(&'static str),
    /// A recording ends within a record.
    #[error("the recording ends within a record")]
    Truncated,
}

/// What this library gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn open(path: &Path, errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NXIO | Errno::NODEV => Self::NotLoaded(path.into()),
            Errno::ACCESS | Errno::PERM => Self::PermissionDenied(path.into()),
            errno => Self::Open {
                path: path.into(),
                source: errno.into(),
            },
        }
    }

    pub(crate) fn command(what: &'static str, errno: Errno) -> Self {
        match errno {
            Errno::PERM => Self::NotAdmin(what),
            Errno::BADF => Self::ReadOnly(what),
            errno => Self::Command(what, errno.into()),
        }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Version(found) => Self::Version {
                what: "the record",
                found,
                known: model::record::VERSION,
            },
            Invalid::TooShort => Self::Invalid("it is too short"),
            Invalid::Magic => Self::Invalid("it does not begin as one"),
            Invalid::ByteOrder => Self::Invalid("it is of a big-endian machine"),
            Invalid::Size(_) => Self::Invalid("its size is wrong"),
            Invalid::Section(_) => Self::Invalid("a section of it has a wrong size"),
        }
    }
}

impl From<Why> for Error {
    fn from(why: Why) -> Self {
        match why {
            Why::Record(invalid) => invalid.into(),
            Why::Frame(frame::Invalid::Checksum) | Why::Block(block::Invalid::Checksum) => {
                Self::Invalid("its checksum is wrong")
            }
            Why::Frame(frame::Invalid::Magic) | Why::Block(block::Invalid::Magic) => {
                Invalid::Magic.into()
            }
            Why::Block(block::Invalid::Version(found)) => Self::Version {
                what: "the block",
                found,
                known: block::VERSION,
            },
            Why::Frame(_) | Why::Block(_) => Self::Invalid("its size is wrong"),
            Why::NotDecoded(NotDecoded::OutOfOrder) => {
                Self::Invalid("the encoded record before it is missing")
            }
            Why::NotDecoded(_) => Self::Invalid("it is encoded in another way"),
        }
    }
}

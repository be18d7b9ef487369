// SPDX-License-Identifier: GPL-2.0-or-later

//! Blocks: a header, and the frames of a span of time. The first one is a key frame.

mod header;
// The module only writes them.
#[cfg(not(MODULE))]
mod parse;

pub use header::Invalid;
#[cfg(not(MODULE))]
pub use parse::{Block, Frames};

use super::crc32c;
use super::record::WORD_BYTES;
use super::words::{self, words, Words};

/// The first word of each block: `RSRCBLK` and a zero, in memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RSRCBLK\0");

/// Version of the block. New fields at the end of its header do not change it.
pub const VERSION: u64 = 1;

words! {
    /// What a block begins with: which records it has. They follow [`Self::header_bytes`] after its
    /// start, each as a frame.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Header: "resource_monitor_block" {
        /// [`MAGIC`].
        pub magic: u64,
        /// [`VERSION`].
        pub version: u64,
        /// Bytes of the whole block, this header included.
        pub size_bytes: u64,
        /// Bytes of this header.
        pub header_bytes: u64,
        /// The same for all loads of one boot, as in its records.
        pub boot_id: u64,
        /// Drawn at random when the module was loaded, as in its records.
        pub load_id: u64,
        /// Number of the block, which grows from one to the next: the first one is 0, unless there are blocks of
        /// earlier lives.
        pub number: u64,
        /// Sequence number of the first record.
        pub first_seq: u64,
        /// Sequence number after that of the last record.
        pub next_seq: u64,
        /// Number of records.
        pub records: u64,
        /// `CLOCK_BOOTTIME` when the first sample was taken, in nanoseconds.
        pub first_boot_ns: u64,
        /// `CLOCK_BOOTTIME` when the last sample was taken, in nanoseconds.
        pub last_boot_ns: u64,
        /// How many records right before the first one its reader did not get, since they were not
        /// kept long enough. Each reader has its own.
        pub lost_records: u64,
        /// CRC-32C of the words before this one.
        pub checksum: u64,
    }
}

/// The word of a block that has [`Header::checksum`].
const CHECKSUM_AT: usize = Header::LEN.saturating_sub(1);

impl Header {
    /// What its block begins with while it is open, when it is not known yet how many records there will be.
    pub fn opened(&self) -> Self {
        Self {
            boot_id: self.boot_id,
            load_id: self.load_id,
            number: self.number,
            first_seq: self.first_seq,
            first_boot_ns: self.first_boot_ns,
            ..Self::default()
        }
        .sealed(0)
    }

    /// This header of a block whose frames have `frame_words`, with what every header of this version
    /// has, and with its checksum. So it comes last.
    pub fn sealed(self, frame_words: usize) -> Self {
        let words = Self::LEN.saturating_add(frame_words);
        let mut header = Self {
            magic: MAGIC,
            version: VERSION,
            size_bytes: words.saturating_mul(WORD_BYTES) as u64,
            header_bytes: Self::LEN.saturating_mul(WORD_BYTES) as u64,
            checksum: 0,
            ..self
        };
        header.checksum = u64::from(crc32c::of_first(&header, CHECKSUM_AT));
        header
    }
}

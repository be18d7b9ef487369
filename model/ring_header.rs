// SPDX-License-Identifier: GPL-2.0-or-later

//! What stands before the ring of plain records in memory, so that the ring is found in a dump of a machine
//! that has crashed. Nobody reads it while the module runs.
//!
//! The header begins at a multiple of [`RING_AT_BYTES`] of physical memory, and the ring's words follow
//! that many bytes behind its start, without a gap. Records lie in them one after the other, each with its sum
//! ([`super::sum`]) behind it.

use super::crc32c;
use super::record::WORD_BYTES;
use super::words::{self, words, Words};

/// The first word: `RSRCRNG` and a zero, in memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RSRCRNG\0");

/// Version of the header. New fields at its end do not change it.
pub const VERSION: u64 = 2;

/// Bytes from the start of the header to the ring, whatever a page of the kernel is.
pub const RING_AT_BYTES: usize = 4096;

words! {
    /// What says where the records of the ring are.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Header: "resource_monitor_ring" {
        /// [`MAGIC`].
        pub magic: u64,
        /// [`VERSION`].
        pub version: u64,
        /// Bytes of this header.
        pub header_bytes: u64,
        /// Words of the ring.
        pub size_words: u64,
        /// The same for all loads of one boot, as in its records.
        pub boot_id: u64,
        /// Drawn at random when the module was loaded, as in its records.
        pub load_id: u64,
        /// 1 when each record is followed by its sum; 0 when the words there mean nothing.
        pub has_sums: u64,
        /// CRC-32C of the words before this one.
        pub checksum: u64,
        /// Position of the oldest record: the words before it since load. It is moved on before the record
        /// is overwritten. The word at a position is the one in the ring that is left over when the
        /// position is divided by [`Self::size_words`].
        pub oldest: u64,
        /// Position after the newest record.
        pub end: u64,
    }
}

/// The word that has [`Header::checksum`].
const CHECKSUM_AT: usize = 7;

/// The word that has [`Header::oldest`].
pub const OLDEST_AT: usize = 8;

/// The word that has [`Header::end`].
pub const END_AT: usize = 9;

impl Header {
    /// The header of a ring of so many words without records, with its checksum.
    pub fn of(size_words: usize, boot_id: u64, load_id: u64, has_sums: bool) -> Self {
        let mut header = Self {
            magic: MAGIC,
            version: VERSION,
            header_bytes: Self::LEN.saturating_mul(WORD_BYTES) as u64,
            size_words: size_words as u64,
            boot_id,
            load_id,
            has_sums: u64::from(has_sums),
            ..Self::default()
        };
        header.checksum = u64::from(crc32c::of_first(&header, CHECKSUM_AT));
        header
    }

    /// Reads the header that `words` begin with; none when they are none of this version, or a word
    /// before the checksum has changed.
    #[cfg(not(MODULE))]
    pub fn parse(words: &[u64]) -> Option<Self> {
        let header = Self::from_words(words)?;
        let before = words.iter().copied().take(CHECKSUM_AT);
        let is_sealed = header.checksum == u64::from(crc32c::update_words(0, before));
        let is_known = header.magic == MAGIC && header.version == VERSION;
        (is_known && is_sealed).then_some(header)
    }
}

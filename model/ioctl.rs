// SPDX-License-Identifier: GPL-2.0-or-later

//! What a program can ask of the device, besides reading records from it.

use super::words::{self, words, Words};

/// Version of these commands.
pub const VERSION: u64 = 1;

/// The command fills an [`Info`].
pub const INFO: u32 = command(READ, 0, Info::LEN);

/// The command makes the next read begin with the record of the sequence number in a 64-bit word,
/// or with the oldest one that is kept if that is newer. It puts the number of the record that
/// comes next into the word.
pub const SEEK: u32 = command(READ | WRITE, 1, 1);

/// The command takes a sample now, and puts its sequence number into a 64-bit word. Whoever asks for
/// more than the module can make records of gets some of them: a later one stands for those.
pub const SAMPLE: u32 = command(READ, 2, 1);

/// The command sets the interval to the milliseconds in a 64-bit word.
pub const SET_INTERVAL: u32 = command(WRITE, 3, 1);

/// The kernel writes the argument.
const READ: u32 = 2;

/// The kernel reads the argument.
const WRITE: u32 = 1;

/// As `_IOC()` of `include/uapi/asm-generic/ioctl.h` makes the number, with a type that no other
/// driver has.
const fn command(direction: u32, number: u32, words: usize) -> u32 {
    const TYPE: u32 = 0xbc;
    let bytes = (words as u32).saturating_mul(8);
    (direction << 30) | (bytes << 16) | (TYPE << 8) | number
}

words! {
    /// What there is.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Info: "resource_monitor_info" {
        /// [`VERSION`].
        pub version: u64,
        /// [`super::record::VERSION`].
        pub record_version: u64,
        /// Bytes of the largest record that there can be.
        pub max_record_bytes: u64,
        /// Bytes of memory for the records that are kept.
        pub history_bytes: u64,
        /// Most records that are kept. There are fewer when they have no room in that memory.
        pub history_records: u64,
        /// Sequence number of the oldest record that is kept; `next_seq` when there is none.
        pub oldest_seq: u64,
        /// Sequence number of the next record.
        pub next_seq: u64,
        /// The interval in force, in milliseconds.
        pub interval_ms: u64,
    }
}

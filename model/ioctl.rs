// SPDX-License-Identifier: GPL-2.0-or-later

//! What a program can ask of the device, besides reading records from it.

use super::words::{self, words, Words};

/// Version of these commands.
pub const VERSION: u64 = 2;

/// The command fills an [`Info`]. It has no fixed size: a program that knows fewer fields asks for these.
pub const INFO: u32 = command(READ, 0, Info::LEN);

/// How many words of an [`Info`] the command asks for; none when it is another command.
pub const fn info_words(command: u32) -> Option<usize> {
    let words = (command & SIZE) >> 19;
    if command & !SIZE != INFO & !SIZE
        || command & SIZE != words << 19
        || words < Info::MIN_LEN as u32
    {
        return None;
    }
    Some(words as usize)
}

/// The bits of a command that have the size of its argument.
const SIZE: u32 = 0x3fff << 16;

/// The command makes the next read begin with the record of the sequence number in a 64-bit word,
/// or with the oldest one that is kept if that is newer. It puts the number of the record that
/// comes next into the word.
pub const SEEK: u32 = command(READ | WRITE, 1, 1);

/// The command takes a sample now, and puts its sequence number into a 64-bit word. Whoever asks for
/// more than the module can make records of gets some of them: a later one stands for those.
pub const SAMPLE: u32 = command(READ, 2, 1);

/// The command sets the interval to the milliseconds in a 64-bit word.
pub const SET_INTERVAL: u32 = command(WRITE, 3, 1);

/// The command makes reads return the blocks with older records that [`SeekBlocks`] says, one per read,
/// and then nothing. [`SEEK`] makes them return records again.
pub const SEEK_BLOCKS: u32 = command(WRITE, 4, SeekBlocks::LEN);

/// The command makes an event of [`super::event::Trigger::Test`], takes a sample that has it, and puts the
/// sequence number of that into a 64-bit word.
pub const TEST_EVENT: u32 = command(READ, 5, 1);

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
        /// Bytes of memory for the records that are kept, older ones in blocks included.
        pub history_bytes: u64,
        /// How many records are kept now, those in blocks included.
        pub history_records: u64,
        /// Sequence number of the oldest record that [`SEEK`] can go to; `next_seq` when there is none.
        pub oldest_seq: u64,
        /// Sequence number of the next record.
        pub next_seq: u64,
        /// The interval in force, in milliseconds.
        pub interval_ms: u64,
        /// Most bytes of a block: what a read needs that is to return one.
        pub block_bytes: Option<u64>,
        /// Sequence number of the oldest record of all; `oldest_seq` when there is no block.
        pub block_oldest_seq: Option<u64>,
        /// `CLOCK_BOOTTIME` of that record, in nanoseconds; 0 when there is no record.
        pub oldest_boot_ns: Option<u64>,
        /// How many records the blocks have.
        pub block_records: Option<u64>,
        /// How many bytes these take.
        pub block_used_bytes: Option<u64>,
        /// Bytes of memory for blocks.
        pub block_memory_bytes: Option<u64>,
    }
}

words! {
    /// Which blocks are to be read.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SeekBlocks: "resource_monitor_seek_blocks" {
        /// [`OLDEST_FIRST`] or [`NEWEST_FIRST`].
        pub order: u64,
        /// [`BY_SEQ`] or [`BY_BOOT_NS`].
        pub by: u64,
        /// A sequence number, or nanoseconds of `CLOCK_BOOTTIME`. The first block is the oldest one
        /// that has a record of this or later or, with the newest first, the newest one that has a
        /// record of this or earlier.
        pub from: u64,
    }
}

/// From old to new.
pub const OLDEST_FIRST: u64 = 0;

/// From new to old. The records within a block are in their order.
pub const NEWEST_FIRST: u64 = 1;

/// By sequence numbers.
pub const BY_SEQ: u64 = 0;

/// By `CLOCK_BOOTTIME`.
pub const BY_BOOT_NS: u64 = 1;

// SPDX-License-Identifier: GPL-2.0-or-later

//! What a program can ask of the device, besides reading records from it.

use super::text::Text;
use super::words::{self, words, Words};

/// Version of these commands.
pub const VERSION: u64 = 3;

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

/// The command fills a [`Life`], of which the program has set the index.
pub const LIFE: u32 = command(READ | WRITE, 6, Life::LEN);

/// The command erases the records and the lives of other boots, from memory as well.
pub const FORGET: u32 = command(0, 7, 0);

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
        /// How many records of this life are kept now, those in blocks included.
        pub history_records: u64,
        /// Sequence number of the oldest record that [`SEEK`] can go to; `next_seq` when there is none.
        pub oldest_seq: u64,
        /// Sequence number of the next record.
        pub next_seq: u64,
        /// The interval in force, in milliseconds.
        pub interval_ms: u64,
        /// Most bytes of a block: what a read needs that is to return one.
        pub block_bytes: Option<u64>,
        /// Sequence number of the oldest record of this life; `oldest_seq` when it has no block.
        pub block_oldest_seq: Option<u64>,
        /// `CLOCK_BOOTTIME` of that record, in nanoseconds; 0 when there is no record.
        pub oldest_boot_ns: Option<u64>,
        /// How many records of this life the blocks have.
        pub block_records: Option<u64>,
        /// How many bytes these take.
        pub block_used_bytes: Option<u64>,
        /// Bytes of memory for blocks, whosever records these have.
        pub block_memory_bytes: Option<u64>,
        /// Bytes of reserved memory, which outlives a restart, that the history has; 0 when it lies in ordinary
        /// memory and ends with this life.
        pub reserved_bytes: Option<u64>,
        /// How many records of other boots are kept.
        pub earlier_records: Option<u64>,
    }
}

words! {
    /// Which blocks are to be read.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SeekBlocks: "resource_monitor_seek_blocks" {
        /// [`OLDEST_FIRST`] or [`NEWEST_FIRST`].
        pub order: u64,
        /// [`BY_SEQ`], [`BY_BOOT_NS`] or [`BY_NUMBER`].
        pub by: u64,
        /// A sequence number, nanoseconds of `CLOCK_BOOTTIME`, or the number of a block. The first block is
        /// the oldest one that has a record of this or later or, with the newest first, the newest one that
        /// has a record of this or earlier; by number that block itself, or the next one in the order.
        pub from: u64,
    }
}

/// From old to new.
pub const OLDEST_FIRST: u64 = 0;

/// From new to old. The records within a block are in their order.
pub const NEWEST_FIRST: u64 = 1;

/// By sequence numbers, the blocks of this life alone.
pub const BY_SEQ: u64 = 0;

/// By `CLOCK_BOOTTIME`, the blocks of this life alone.
pub const BY_BOOT_NS: u64 = 1;

/// By numbers of blocks, those of all lives.
pub const BY_NUMBER: u64 = 2;

/// Most bytes of a release of the kernel, of which 64 is one more.
pub const MAX_RELEASE: usize = 63;

words! {
    /// A life: from when the module was loaded to its end. One without a record that can be read is left out,
    /// except that which runs. It is the last one; [`LIFE`] is `ENOENT` for an index beyond it. When the last
    /// record of the oldest is overwritten, all others move up.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Life: "resource_monitor_life" {
        /// Which one, set by the program: 0 is the oldest.
        pub index: u64,
        /// The same for all lives of one boot, as in its records.
        pub boot_id: u64,
        /// Drawn at random when the module was loaded, as in its records.
        pub load_id: u64,
        /// The release of the kernel, as in uname(); empty when it is not known. It may have any bytes.
        pub kernel: Text<MAX_RELEASE>,
        /// `CLOCK_BOOTTIME` when the module was loaded, in nanoseconds. When nothing is known of the life but
        /// its records, that of the first one.
        pub begin_boot_ns: u64,
        /// By how many nanoseconds `CLOCK_REALTIME` was ahead of `CLOCK_BOOTTIME`, at the latest time at which
        /// this is known; 0 when it never was.
        pub wall_ahead_ns: u64,
        /// [`RUNS`], [`UNLOADED`], [`RESTART`], [`POWER_OFF`], [`PANIC`] or [`UNKNOWN`].
        pub ended: u64,
        /// `CLOCK_BOOTTIME` of the end, in nanoseconds; with [`UNKNOWN`] that of the last record, and 0 while
        /// it runs.
        pub end_boot_ns: u64,
        /// How many records of it can be read, as blocks or, of the one that runs, as they are.
        pub records: u64,
    }
}

/// The life has not ended.
pub const RUNS: u64 = 0;

/// The module was unloaded.
pub const UNLOADED: u64 = 1;

/// The machine was to restart, or another kernel to be started by kexec.
pub const RESTART: u64 = 2;

/// The machine was to power off or to halt.
pub const POWER_OFF: u64 = 3;

/// The kernel panicked, and told so.
pub const PANIC: u64 = 4;

/// Nothing was noted: a reset, a loss of power, a hang, or a panic for which a crash kernel was started.
pub const UNKNOWN: u64 = 5;

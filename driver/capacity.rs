// SPDX-License-Identifier: GPL-2.0

//! How much room the history needs for the records of this machine.

use super::{
    blocks,
    params,
    pending::Pending,
    ring_memory::HEAD_WORDS,
    source::Room, //
};
use crate::{
    model::{
        record::{
            section_words,
            WORD_BYTES, //
        },
        reserved::Layout,
        source::memory::Buffers,
        sum::SUM_WORDS, //
    },
    sys::{
        clock,
        identity, //
    }, //
};

/// Bytes of the records that are kept as they are: those of the last minutes, and of the last minute at
/// 500 ms.
const PLAIN_BYTES: usize = 1 << 20;

/// Least bytes of a block.
const BLOCK_BYTES: usize = 64 << 10;

/// Usual records, as they are, that a block has room for.
const BLOCK_RECORDS: usize = 4;

/// How much room there is for records.
pub(super) struct Capacity {
    /// Words of memory for those that are kept as they are, its header included: at least two of the largest.
    pub(super) ring_words: usize,
    /// The room for older ones.
    pub(super) blocks: blocks::Capacity,
    /// How many blocks there have to be: at least two of the largest records.
    pub(super) least_blocks: usize,
    /// Words of a usual record.
    usual_words: usize,
}

impl Capacity {
    /// The room for records in which the sources need `sources`.
    pub(super) fn of_machine(sources: Room) -> Self {
        let memory_and_cpus = Pending::record_words().saturating_add(section_words::<Buffers>(1));
        let max_record_words = memory_and_cpus.saturating_add(sources.max_words);
        let usual_words = memory_and_cpus.saturating_add(sources.usual_words);
        let block_words = usual_words
            .saturating_mul(BLOCK_RECORDS)
            .next_power_of_two()
            .max(BLOCK_BYTES / WORD_BYTES);
        // One is read while the next is written.
        let least_words = max_record_words.saturating_mul(2);
        let least_blocks = least_words.checked_div(block_words).unwrap_or(0).max(2);
        let history_words = params::history_bytes() / WORD_BYTES;
        let blocks = history_words.checked_div(block_words).unwrap_or(0);
        Self {
            // As large as a piece of memory is that has room for them.
            ring_words: least_words
                .saturating_add(SUM_WORDS.saturating_mul(2))
                .saturating_add(HEAD_WORDS)
                .next_power_of_two()
                .max(PLAIN_BYTES / WORD_BYTES),
            blocks: blocks::Capacity {
                blocks: blocks.max(least_blocks),
                block_words,
                max_record_words,
                tick_ns: clock::NSEC_PER_JIFFY,
                first_group: identity::random() as u32,
            },
            least_blocks,
            usual_words,
        }
    }

    /// The same in memory that is divided so.
    pub(super) fn divided(mut self, layout: &Layout) -> Self {
        self.ring_words = layout.ring_words;
        self.blocks.blocks = layout.blocks;
        self.blocks.block_words = layout.block_words;
        self
    }

    /// About how many records the blocks have room for.
    pub(super) fn about_records(&self) -> u64 {
        let words = self.blocks.blocks.saturating_mul(self.blocks.block_words);
        // Three quarters of a byte for each word of them; an idle machine has a third of that.
        let bytes = words.saturating_mul(WORD_BYTES);
        (bytes / (self.usual_words / 4 * 3).max(1)) as u64
    }
}

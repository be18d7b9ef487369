// SPDX-License-Identifier: GPL-2.0

//! How much room the history needs for the records of this machine.

use super::{
    blocks,
    history::Capacity,
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
        source::memory::Buffers, //
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
        let history_words = params::history_bytes() / WORD_BYTES;
        let blocks = history_words
            .max(least_words.max(block_words.saturating_mul(2)))
            .checked_div(block_words)
            .unwrap_or(0);
        let history_bytes = blocks
            .saturating_mul(block_words)
            .saturating_mul(WORD_BYTES);
        Self {
            // As large as a piece of memory is that has room for them.
            words: least_words
                .saturating_add(HEAD_WORDS)
                .next_power_of_two()
                .max(PLAIN_BYTES / WORD_BYTES),
            // Three quarters of a byte for each word of them; an idle machine has a third of that.
            about_records: (history_bytes / (usual_words / 4 * 3).max(1)) as u64,
            blocks: blocks::Capacity {
                blocks,
                block_words,
                max_record_words,
                tick_ns: clock::NSEC_PER_JIFFY,
                first_group: identity::random() as u32,
            },
        }
    }
}

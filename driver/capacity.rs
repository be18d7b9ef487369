// SPDX-License-Identifier: GPL-2.0

//! How much room the history needs for the records of this machine.

use super::{
    history::Capacity,
    params,
    pending::Pending,
    source::Room, //
};
use crate::model::{
    record::{
        section_words,
        WORD_BYTES, //
    },
    source::memory::Buffers, //
};

/// Most bytes of all records.
const MAX_BYTES: usize = 64 << 20;

impl Capacity {
    /// The room for records in which the sources need `sources`.
    pub(super) fn of_machine(sources: Room) -> Self {
        let memory_and_cpus = Pending::record_words().saturating_add(section_words::<Buffers>(1));
        let max_record_words = memory_and_cpus.saturating_add(sources.max_words);
        let usual_words = memory_and_cpus.saturating_add(sources.usual_words);
        let max_records = params::HISTORY.value();
        Self {
            words: (max_records as usize)
                .saturating_mul(usual_words)
                .min(MAX_BYTES / WORD_BYTES)
                // One is read while the next is written.
                .max(max_record_words.saturating_mul(2)),
            max_record_words,
            max_records: u64::from(max_records),
        }
    }
}

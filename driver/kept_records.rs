// SPDX-License-Identifier: GPL-2.0

//! The plain records, for one who may neither wait nor go on for ever, whatever is found.

use super::{
    cursor::Lapped,
    history::{
        after,
        History, //
    },
    pending::{
        BEFORE_CPUS,
        CPUS_SIZE_AT, //
    },
};
use crate::{
    model::{
        record::{
            Header,
            SEQ_AT,
            SIZE_AT,
            TAKEN_MONO_AT,
            WORD_BYTES, //
        },
        words::Words, //
    },
    sys::rwonce::RwOnce, //
};
use kernel::sync::atomic::ordering::Acquire;

/// A record that is kept.
#[derive(Clone, Copy)]
pub(super) struct KeptRecord {
    /// Position in the ring.
    at: u64,
    words: usize,
    pub(super) seq: u64,
    /// When its sample was taken, by `CLOCK_MONOTONIC`.
    pub(super) taken_mono_ns: u64,
    /// Whether it has more than CPU and memory: it was the newest when the reporter came to it.
    pub(super) has_sources: bool,
}

/// Goes from the oldest of them to the newest.
#[derive(Clone)]
pub(super) struct KeptRecords<'a> {
    history: &'a History,
    at: u64,
    end: u64,
}

impl History {
    /// The plain records that there are.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(super) fn kept_records(&self) -> KeptRecords<'_> {
        KeptRecords {
            history: self,
            at: self.oldest.load(Acquire),
            end: self.end.load(Acquire),
        }
    }

    /// Copies a record; one that was overwritten has no words.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(super) fn copy_of<'a>(&self, kept: &KeptRecord, to: &'a mut [u64]) -> &'a [u64] {
        let to = to.get_mut(..kept.words).unwrap_or_default();
        self.words().load(kept.at, to);
        match self.check(kept.at) {
            Ok(()) => to,
            Err(Lapped) => &[],
        }
    }
}

impl Iterator for KeptRecords<'_> {
    type Item = KeptRecord;

    /// The next one. There is an end, since each is longer than nothing, and the ring has one.
    fn next(&mut self) -> Option<KeptRecord> {
        let at = self.at;
        let word = |index| self.history.word(at, index).map_or(0, RwOnce::read);
        let words = (word(SIZE_AT) / WORD_BYTES as u64) as usize;
        let next = after(at, words);
        let is_one = (Header::LEN..=self.history.max_record_words).contains(&words);
        if !is_one || next > self.end {
            return None;
        }
        self.at = next;
        let cpus_words = (word(CPUS_SIZE_AT) / WORD_BYTES as u64) as usize;
        Some(KeptRecord {
            at,
            words,
            seq: word(SEQ_AT),
            taken_mono_ns: word(TAKEN_MONO_AT),
            has_sources: words > BEFORE_CPUS.saturating_add(cpus_words),
        })
    }
}

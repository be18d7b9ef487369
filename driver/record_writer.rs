// SPDX-License-Identifier: GPL-2.0

//! A record of the history that is being written.
//!
//! `tests/loom` runs this file outside the kernel, in every order that threads can take.

use super::{
    copy,
    history::History, //
};
use crate::{
    model::{
        record::{
            section_words,
            Content,
            SectionHeader,
            SIZE_AT,
            WORD_BYTES, //
        },
        sum::SUM_WORDS, //
    },
    sys::rwonce::RwOnce, //
};

/// A record that is being written.
pub(crate) struct RecordWriter<'a> {
    history: &'a History,
    seq: u64,
    /// Position of the record in the ring.
    start: u64,
    /// Position of what is written next.
    at: u64,
    /// What follows that before the end of the ring.
    rest: &'a [RwOnce<u64>],
}

impl<'a> RecordWriter<'a> {
    /// Begins the record `seq` at the position `start` with the words of a sample.
    pub(super) fn begin(history: &'a History, seq: u64, start: u64, sampled: &[u64]) -> Self {
        let at = start.saturating_add(sampled.len() as u64);
        history.make_room(at);
        history.words().store(start, sampled);
        Self {
            history,
            seq,
            start,
            at,
            rest: history.words().slice(at),
        }
    }

    /// Adds a section of entries that are not in one place.
    pub(crate) fn section_of<'e, C: Content + 'e>(
        &mut self,
        header: &SectionHeader,
        entries: impl Iterator<Item = &'e C>,
    ) {
        let words = (header.size_bytes / WORD_BYTES as u64) as usize;
        let end = self.at.saturating_add(words as u64);
        self.history.make_room(end);
        let ring = self.history.words();
        put_around(ring.words(self.at), header, entries);
        self.rest = ring.slice(end);
        self.at = end;
    }

    /// Adds a section.
    pub(crate) fn section<C: Content>(&mut self, header: &SectionHeader, entries: &[C]) {
        let words = section_words::<C>(entries.len());
        let end = self.at.saturating_add(words as u64);
        self.history.make_room(end);
        if let Some((section, rest)) = self.rest.split_at_checked(words) {
            let mut places = copy::put(section, header);
            for entry in entries {
                places = copy::put(places, entry);
            }
            self.rest = rest;
        } else {
            let ring = self.history.words();
            put_around(ring.words(self.at), header, entries.iter());
            self.rest = ring.slice(end);
        }
        self.at = end;
    }

    /// Lets readers see the record, and wakes those that wait. An event begins or ends in it if it
    /// `has_event`.
    pub(crate) fn publish(self, has_event: bool) {
        let words = self.at.saturating_sub(self.start);
        if let Some(word) = self
            .history
            .words()
            .word(self.start.saturating_add(SIZE_AT as u64))
        {
            word.write(words.saturating_mul(WORD_BYTES as u64));
        }
        let end = self.at.saturating_add(SUM_WORDS as u64);
        self.history.make_room(end);
        self.history.words().seal(self.start, words as usize);
        self.history.publish(self.seq, end, has_event);
    }
}

/// Puts the words of a section to `places`, which go around the end of the ring.
#[cold]
fn put_around<'a, 'e, C: Content + 'e>(
    mut places: impl Iterator<Item = &'a RwOnce<u64>>,
    header: &SectionHeader,
    entries: impl Iterator<Item = &'e C>,
) {
    copy::put_each(&mut places, header);
    for entry in entries {
        copy::put_each(&mut places, entry);
    }
}

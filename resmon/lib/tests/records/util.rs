// SPDX-License-Identifier: GPL-2.0-or-later

//! What the tests make records of.

use resmon::model::record::{Content, Header, SectionHeader, SIZE_AT, STALE};
use resmon::model::words::Words;
use resmon::Record;

/// Adds the words of a value.
fn put(value: &impl Words, words: &mut Vec<u64>) {
    value.put(&mut |word| words.push(word));
}

/// The word of a record that has the size of its header.
const HEADER_AT: usize = 3;

/// A record that grows.
pub struct Made(Vec<u64>);

impl Made {
    /// One of no sections; sizes and versions in `header` do not matter.
    pub fn of(header: Header) -> Self {
        let Header {
            magic,
            version,
            header_bytes,
            ..
        } = Header::of(0);
        let mut words = Vec::new();
        let header = Header {
            magic,
            version,
            header_bytes,
            ..header
        };
        put(&header, &mut words);
        Self(words)
    }

    /// The same, of a module that knew nothing of what was appended to the header later.
    pub fn of_older(header: Header) -> Self {
        let Self(mut words) = Self::of(header);
        words.truncate(Header::MIN_LEN);
        words[HEADER_AT] = 8 * Header::MIN_LEN as u64;
        Self(words)
    }

    /// Adds a section that was read at a time.
    pub fn with<C: Content>(self, mono_ns: u64, entries: &[C]) -> Self {
        self.with_short(C::LEN, mono_ns, entries)
    }

    /// The same, of a module that knew no more than `entry_words` of an entry.
    pub fn with_short<C: Content>(
        mut self,
        entry_words: usize,
        mono_ns: u64,
        entries: &[C],
    ) -> Self {
        let mut words = Vec::new();
        for entry in entries {
            let mut whole = Vec::new();
            put(entry, &mut whole);
            words.extend(whole.into_iter().take(entry_words));
        }
        let header = SectionHeader {
            size_bytes: 8 * (SectionHeader::LEN + words.len()) as u64,
            entry_bytes: 8 * entry_words as u64,
            first_mono_ns: mono_ns,
            last_mono_ns: mono_ns,
            ..SectionHeader::of::<C>(0)
        };
        put(&header, &mut self.0);
        self.0.extend(words);
        self
    }

    /// Adds a section that was not taken in time.
    pub fn with_stale<C: Content>(mut self) -> Self {
        let header = SectionHeader {
            state: STALE,
            ..SectionHeader::of::<C>(0)
        };
        put(&header, &mut self.0);
        self
    }

    pub fn record(mut self) -> Record {
        self.0[SIZE_AT] = 8 * self.0.len() as u64;
        let bytes: Vec<u8> = self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        Record::from_bytes(&bytes).unwrap()
    }
}

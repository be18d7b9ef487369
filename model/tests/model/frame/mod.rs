// SPDX-License-Identifier: GPL-2.0-or-later

//! Frames, encoded and decoded again.

mod damaged;
mod encoded;
mod machine;
mod order;

use machine::Machine;
pub use machine::TICK_NS;

use model::frame::{
    max_words, memory_words, Decoder, Encoder, Frame, NotDecoded, NotEncoded, Parts,
};
use model::record::{Header, SectionHeader, WORD_BYTES};
use model::words::Words;

/// The number of the first group: others follow the highest.
pub const FIRST_GROUP: u32 = u32::MAX;

/// The longest record of the tests.
const MAX_RECORD: usize = 2000;

/// An encoder with its memory.
pub struct Encoding {
    encoder: Encoder,
    memory: Vec<u64>,
}

impl Encoding {
    pub fn new(tick_ns: u64) -> Self {
        Self {
            encoder: Encoder::new(tick_ns, FIRST_GROUP),
            memory: vec![0; memory_words(MAX_RECORD)],
        }
    }

    pub fn start_group(&mut self) {
        self.encoder.start_group();
    }

    /// The frame of a record that has room in so many words.
    fn with_room(&mut self, record: &[u64], room: usize) -> Result<Vec<u64>, NotEncoded> {
        let mut words = vec![u64::MAX; room];
        let record = Parts::new(record, &[]);
        let size = self
            .encoder
            .encode(&mut self.memory, record, words.as_mut_slice())?;
        words.truncate(size);
        Ok(words)
    }

    /// The frame of a record.
    pub fn frame(&mut self, record: &[u64]) -> Vec<u64> {
        self.with_room(record, max_words(record.len()))
            .expect("expected the frame to have room")
    }
}

/// A decoder with its memory.
pub struct Decoding {
    decoder: Decoder,
    memory: Vec<u64>,
}

impl Decoding {
    pub fn new() -> Self {
        Self::of(MAX_RECORD)
    }

    /// One that decodes records of up to so many words.
    fn of(record_words: usize) -> Self {
        Self {
            decoder: Decoder::new(),
            memory: vec![0; memory_words(record_words)],
        }
    }

    pub fn record(&mut self, frame: &Frame<'_>) -> Result<&[u64], NotDecoded> {
        self.decoder.decode(&mut self.memory, frame)
    }
}

/// The frame that these words are.
fn parsed(words: &[u64]) -> Frame<'_> {
    let frame = Frame::parse(words).expect("expected a frame");
    assert_eq!(frame.words(), words, "all words of a frame");
    frame
}

/// A frame with this payload, and with the right checksum.
fn sealed(group: u32, index: u8, payload: &[u64]) -> Vec<u64> {
    let bytes = (2 + payload.len() as u64) * 8;
    let magic = u64::from(u32::from_le_bytes(*b"RMFR"));
    let head = magic | (bytes << 32) | (u64::from(index) << 56);
    let mut all = head.to_le_bytes().to_vec();
    all.extend(group.to_le_bytes());
    all.extend(payload.iter().flat_map(|word| word.to_le_bytes()));
    let second = (u64::from(crate::crc32c::by_bits(&all)) << 32) | u64::from(group);
    [&[head, second], payload].concat()
}

/// A record with a section of each kind and these words, one an entry.
fn record_of(sections: &[(u64, &[u64])]) -> Vec<u64> {
    let body: usize = sections
        .iter()
        .map(|(_, entries)| SectionHeader::LEN + entries.len())
        .sum();
    let mut words = Vec::new();
    Header::of(Header::LEN + body).put(&mut |word| words.push(word));
    for (kind, entries) in sections {
        SectionHeader {
            kind: *kind,
            size_bytes: ((SectionHeader::LEN + entries.len()) * WORD_BYTES) as u64,
            header_bytes: (SectionHeader::LEN * WORD_BYTES) as u64,
            entry_bytes: WORD_BYTES as u64,
            ..SectionHeader::default()
        }
        .put(&mut |word| words.push(word));
        words.extend(*entries);
    }
    words
}

/// Short records, one after the other, whose words grow.
pub fn short_records(count: usize) -> Vec<Vec<u64>> {
    let mut random = machine::Random::new(count as u64);
    let mut words = [1 << 40; 20];
    let records = (0..count).map(|_| {
        for (at, word) in words.iter_mut().enumerate() {
            *word += random.below(1 << (at * 2));
        }
        record_of(&[(1, &words[..12]), (2, &words[12..])])
    });
    records.collect()
}

/// The words that bytes are, with zeros after them.
fn padded(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.collect()
}

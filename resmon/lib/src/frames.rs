// SPDX-License-Identifier: GPL-2.0-or-later

//! Encoded records: made into plain ones, and made of them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use model::frame::{max_words, memory_words, Decoder, Encoder, Frame, NotDecoded, Parts};
use model::record::{Header, LOST_AT, WORD_BYTES};

use crate::damage::Why;
use crate::life::is_next;
use crate::records::MAX_RECORD_BYTES;
use crate::Record;

/// Decodes frames, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    decoder: Decoder,
    memory: Vec<u64>,
}

impl Frames {
    /// The record of the frame that `words` are. Right before it, `lost` records were lost.
    pub(crate) fn decode(&mut self, words: &[u64], lost: u64) -> Result<Record, Why> {
        let frame = Frame::parse(words)?;
        loop {
            let too_long = match self.decoder.decode(&mut self.memory, &frame) {
                Ok(record) => {
                    let mut record = record.to_vec();
                    if let Some(word) = record.get_mut(LOST_AT) {
                        *word = lost;
                    }
                    return Ok(Record::of_words(record)?);
                }
                Err(NotDecoded::TooLong(record_words)) => record_words,
                Err(why) => return Err(Why::NotDecoded(why)),
            };
            // What a frame claims is believed as far as its bytes can make up for that.
            let most = (words.len() as u64).saturating_mul(WORDS_OF_WORD);
            let record_words = usize::try_from(too_long)
                .ok()
                .filter(|_| too_long <= most && too_long <= MAX_RECORD_BYTES / WORD_BYTES as u64)
                .ok_or(Why::NotDecoded(NotDecoded::TooLong(too_long)))?;
            self.memory.resize(memory_words(record_words), 0);
        }
    }
}

/// Most words that a word of a frame stands for: two bytes stand for 256 rows of 8 words.
const WORDS_OF_WORD: u64 = 4 * 256 * 8;

/// Encodes records, one after the other, for a recording. They take about a tenth of what they take as
/// they are.
///
/// Those of a new one can be decoded without any that were encoded before.
#[derive(Debug)]
pub struct FrameWriter {
    encoder: Encoder,
    memory: Vec<u64>,
    frame: Vec<u64>,
    /// The record that was encoded last.
    before: Option<Header>,
}

impl Default for FrameWriter {
    fn default() -> Self {
        Self {
            // Most kernels of the machines that records come from count some times in ticks of 4 ms.
            // The group that it begins with is none that there is already.
            encoder: Encoder::new(4_000_000, RandomState::new().build_hasher().finish() as u32),
            memory: Vec::new(),
            frame: Vec::new(),
            before: None,
        }
    }
}

impl FrameWriter {
    /// The bytes of the record, encoded; a record of an older version as it is.
    pub fn encode(&mut self, record: &Record) -> Vec<u8> {
        let Some(words) = record.words_of_present_version() else {
            self.encoder.start_group();
            return record.to_bytes();
        };
        // What does not go on from one to the next may be read in another order, as of two loads of the
        // module, and then each row of records has to be decoded by itself.
        let header = record.header();
        let before = self.before.replace(header);
        if !before.is_some_and(|before| is_next(&before, &header)) {
            self.encoder.start_group();
        }
        let len = memory_words(words.len());
        if self.memory.len() < len {
            self.memory.resize(len, 0);
            self.encoder.start_group();
        }
        self.frame.resize(max_words(words.len()), 0);
        let frame = self.frame.as_mut_slice();
        let record_words = Parts::new(words, &[]);
        match self.encoder.encode(&mut self.memory, record_words, frame) {
            Ok(frame_words) => self
                .frame
                .iter()
                .take(frame_words)
                .flat_map(|word| word.to_le_bytes())
                .collect(),
            // No record is so long that its frame cannot say how long it is.
            Err(_) => record.to_bytes(),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! One record, which was looked at as a whole.

use model::record::{self, Header, Invalid, WORD_BYTES};

use crate::version_1::{self, Version1};
use crate::Result;

/// The raw counters of one sample: a whole record, which was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Those of a record of the present version.
    words: Vec<u64>,
    /// Those that it was read from, if they were of an older version.
    older: Option<Vec<u64>>,
}

impl Record {
    /// Reads exactly one record.
    ///
    /// A record of version 1 is read as one of the present version. Alone it has interrupts as
    /// its module counted them, in 32 bits; [`Records`](crate::Records) goes on with them from
    /// record to record.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) and [`Error::Version`](crate::Error::Version).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self::of(bytes, &mut Version1::default())?)
    }

    pub(crate) fn of(bytes: &[u8], older: &mut Version1) -> std::result::Result<Self, Invalid> {
        let (words, rest) = words_of(bytes);
        if !rest.is_empty() {
            return Err(Invalid::Size(bytes.len() as u64));
        }
        record::size_bytes(&words)?;
        let record = if words.get(version_1::VERSION_AT) == Some(&version_1::VERSION) {
            Self {
                words: older.upgrade(&words)?,
                older: Some(words),
            }
        } else {
            Self { words, older: None }
        };
        record::Record::new(&record.words)?;
        Ok(record)
    }

    /// The record of the present version that `words` are.
    pub(crate) fn of_words(words: Vec<u64>) -> std::result::Result<Self, Invalid> {
        if record::Record::new(&words)?.words().len() != words.len() {
            return Err(Invalid::Size((words.len() * WORD_BYTES) as u64));
        }
        Ok(Self { words, older: None })
    }

    /// The record as the module has given it, of whatever version that is.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.older.as_ref().unwrap_or(&self.words).iter();
        words.flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Its words; none for a record of an older version.
    pub(crate) fn words_of_present_version(&self) -> Option<&[u64]> {
        self.older.is_none().then_some(&self.words)
    }

    /// When and under which number it was taken.
    pub fn header(&self) -> Header {
        self.raw().map(|raw| raw.header()).unwrap_or_default()
    }

    /// A look at the counters; always there, since the record was looked at when it was made.
    pub fn raw(&self) -> Option<record::Record<'_>> {
        record::Record::new(&self.words).ok()
    }
}

/// The words of `bytes`, and the bytes that are left over.
pub(crate) fn words_of(bytes: &[u8]) -> (Vec<u64>, &[u8]) {
    let chunks = bytes.chunks_exact(WORD_BYTES);
    let rest = chunks.remainder();
    // With `map`, the length is known, so that room for all of them is made at once.
    let words = chunks.map(|chunk| chunk.try_into().map_or(0, u64::from_le_bytes));
    (words.collect(), rest)
}

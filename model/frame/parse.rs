// SPDX-License-Identifier: GPL-2.0-or-later

//! Frames out of words.

use super::super::record::WORD_BYTES;
use super::{checksum, GROUP_FRAMES, HEADER_WORDS, MAGIC};

/// Why some words are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// There are fewer words than a header has.
    TooShort,
    /// They do not begin with [`MAGIC`].
    Magic,
    /// It has these bytes by its header, which are not a whole frame or more than there are.
    Size(u64),
    /// It has this index, which is not below [`GROUP_FRAMES`].
    Index(u8),
    /// The checksum is another one.
    Checksum,
}

/// A whole frame, as its words.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    words: &'a [u64],
    payload: &'a [u64],
    group: u32,
    index: u8,
}

/// The size in words of the frame whose first word this is.
pub fn size_words(head: u64) -> Result<usize, Invalid> {
    if head as u32 != MAGIC {
        return Err(Invalid::Magic);
    }
    let bytes = (head >> 32) & 0xff_ffff;
    let words = bytes as usize / WORD_BYTES;
    if bytes as usize % WORD_BYTES != 0 || words < HEADER_WORDS {
        return Err(Invalid::Size(bytes));
    }
    Ok(words)
}

impl<'a> Frame<'a> {
    /// Takes the frame that `words` begin with, if it is whole. There may be more words after it.
    pub fn parse(words: &'a [u64]) -> Result<Self, Invalid> {
        let head = *words.first().ok_or(Invalid::TooShort)?;
        let size = size_words(head)?;
        let words = words
            .get(..size)
            .ok_or(Invalid::Size((head >> 32) & 0xff_ffff))?;
        let [_, second, payload @ ..] = words else {
            return Err(Invalid::TooShort);
        };
        let index = (head >> 56) as u8;
        if index >= GROUP_FRAMES {
            return Err(Invalid::Index(index));
        }
        let group = *second as u32;
        if (*second >> 32) as u32 != checksum(head, group, payload.iter().copied()) {
            return Err(Invalid::Checksum);
        }
        Ok(Self {
            words,
            payload,
            group,
            index,
        })
    }

    /// The words of the whole frame.
    pub fn words(&self) -> &'a [u64] {
        self.words
    }

    /// What it has behind its header.
    pub fn payload(&self) -> &'a [u64] {
        self.payload
    }

    /// The number of the group's key frame.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// Frames since the group's key frame.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whether it can be decoded without another one.
    pub fn is_key(&self) -> bool {
        self.index == 0
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Blocks out of words.

use super::super::crc32c;
use super::super::frame::{self, Frame};
use super::super::record::words_of;
use super::super::words::Words;
use super::{Header, CHECKSUM_AT, MAGIC, VERSION};

/// Why some words are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// There are fewer words than a header has.
    TooShort,
    /// They do not begin with [`MAGIC`].
    Magic,
    /// It is of this version, which is not [`VERSION`].
    Version(u64),
    /// The checksum of the header is another one.
    Checksum,
    /// It has this size in bytes by its header, which cannot be or is more than there is.
    Size(u64),
}

impl Header {
    /// Reads the header that `words` begin with, without the rest of the block.
    pub fn parse(words: &[u64]) -> Result<Self, Invalid> {
        let header = Self::from_words(words).ok_or(Invalid::TooShort)?;
        if header.magic != MAGIC {
            return Err(Invalid::Magic);
        }
        if header.version != VERSION {
            return Err(Invalid::Version(header.version));
        }
        let before = words.iter().copied().take(CHECKSUM_AT);
        if header.checksum != u64::from(crc32c::update_words(0, before)) {
            return Err(Invalid::Checksum);
        }
        if header.extent().is_none() {
            return Err(Invalid::Size(header.size_bytes));
        }
        Ok(header)
    }

    /// The same of a block in a dump of memory: it may have been closed just then. While its header is written word
    /// by word, the checksum is that of the open one until the last word.
    pub fn parse_in_dump(words: &[u64]) -> Result<Self, Invalid> {
        let parsed = Self::parse(words);
        let Some(header) = Self::from_words(words).filter(|_| parsed == Err(Invalid::Checksum))
        else {
            return parsed;
        };
        let open = Self {
            boot_id: header.boot_id,
            load_id: header.load_id,
            number: header.number,
            first_seq: header.first_seq,
            first_boot_ns: header.first_boot_ns,
            ..Self::default()
        }
        .sealed(0);
        if open.checksum == header.checksum {
            Ok(open)
        } else {
            parsed
        }
    }

    /// Words of the whole block and of this header, if they can be.
    fn extent(&self) -> Option<(usize, usize)> {
        let (size, head) = (words_of(self.size_bytes)?, words_of(self.header_bytes)?);
        (Self::MIN_LEN <= head && head <= size).then_some((size, head))
    }
}

/// A whole block, as its words.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    header: Header,
    words: &'a [u64],
    frames: &'a [u64],
}

impl<'a> Block<'a> {
    /// Takes the block that `words` begin with, if it is whole. There may be more words after it. Its
    /// frames are looked at one by one, by [`Self::frames`].
    pub fn parse(words: &'a [u64]) -> Result<Self, Invalid> {
        let header = Header::parse(words)?;
        let block = || {
            let (size, head) = header.extent()?;
            let words = words.get(..size)?;
            Some((words, words.get(head..)?))
        };
        let (words, frames) = block().ok_or(Invalid::Size(header.size_bytes))?;
        Ok(Self {
            header,
            words,
            frames,
        })
    }

    /// What it begins with.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The words of the whole block.
    pub fn words(&self) -> &'a [u64] {
        self.words
    }

    /// Its frames.
    pub fn frames(&self) -> Frames<'a> {
        Frames { rest: self.frames }
    }
}

/// The frames in some words.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u64],
}

impl<'a> Iterator for Frames<'a> {
    /// A frame, or why the words up to the next one, or to the end, are none.
    type Item = Result<Frame<'a>, frame::Invalid>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut first = None;
        loop {
            if self.rest.is_empty() {
                return first.map(Err);
            }
            match (Frame::parse(self.rest), first) {
                // It comes next.
                (Ok(_), Some(why)) => return Some(Err(why)),
                (Ok(frame), None) => {
                    let size = frame.words().len();
                    self.rest = self.rest.get(size..).unwrap_or_default();
                    return Some(Ok(frame));
                }
                (Err(why), _) => {
                    first = first.or(Some(why));
                    self.rest = self.rest.get(1..).unwrap_or_default();
                }
            }
        }
    }
}

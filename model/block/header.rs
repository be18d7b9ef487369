// SPDX-License-Identifier: GPL-2.0-or-later

//! Headers of blocks out of words.

use super::super::crc32c;
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
    #[cfg(not(MODULE))]
    pub fn parse_in_dump(words: &[u64]) -> Result<Self, Invalid> {
        let parsed = Self::parse(words);
        let Some(header) = Self::from_words(words).filter(|_| parsed == Err(Invalid::Checksum))
        else {
            return parsed;
        };
        let open = header.opened();
        if open.checksum == header.checksum {
            Ok(open)
        } else {
            parsed
        }
    }

    /// Words of the whole block and of this header, if they can be.
    pub(super) fn extent(&self) -> Option<(usize, usize)> {
        let (size, head) = (words_of(self.size_bytes)?, words_of(self.header_bytes)?);
        (Self::MIN_LEN <= head && head <= size).then_some((size, head))
    }
}

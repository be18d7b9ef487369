// SPDX-License-Identifier: GPL-2.0-or-later

//! Blocks: a header, and the frames of a span of time. The first one is a key frame.

use super::crc32c;
use super::frame::{self, Frame};
use super::record::{words_of, WORD_BYTES};
use super::words::{self, words, Words};

/// The first word of each block: `RSRCBLK` and a zero, in memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RSRCBLK\0");

/// Version of the block. New fields at the end of its header do not change it.
pub const VERSION: u64 = 1;

words! {
    /// What a block begins with: which records it has. They follow [`Self::header_bytes`] after its
    /// start, each as a frame.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Header: "resource_monitor_block" {
        /// [`MAGIC`].
        pub magic: u64,
        /// [`VERSION`].
        pub version: u64,
        /// Bytes of the whole block, this header included.
        pub size_bytes: u64,
        /// Bytes of this header.
        pub header_bytes: u64,
        /// The same for all loads of one boot, as in its records.
        pub boot_id: u64,
        /// Drawn at random when the module was loaded, as in its records.
        pub load_id: u64,
        /// Number of the block; the first one after loading is 0.
        pub number: u64,
        /// Sequence number of the first record.
        pub first_seq: u64,
        /// Sequence number after that of the last record.
        pub next_seq: u64,
        /// Number of records.
        pub records: u64,
        /// `CLOCK_BOOTTIME` when the first sample was taken, in nanoseconds.
        pub first_boot_ns: u64,
        /// `CLOCK_BOOTTIME` when the last sample was taken, in nanoseconds.
        pub last_boot_ns: u64,
        /// How many records right before the first one its reader did not get, since they were not
        /// kept long enough. Each reader has its own.
        pub lost_records: u64,
        /// CRC-32C of the words before this one.
        pub checksum: u64,
    }
}

/// The word of a block that has [`Header::checksum`].
const CHECKSUM_AT: usize = Header::LEN.saturating_sub(1);

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
    /// This header of a block whose frames have `frame_words`, with what every header of this version
    /// has, and with its checksum. So it comes last.
    pub fn sealed(self, frame_words: usize) -> Self {
        let words = Self::LEN.saturating_add(frame_words);
        let mut header = Self {
            magic: MAGIC,
            version: VERSION,
            size_bytes: words.saturating_mul(WORD_BYTES) as u64,
            header_bytes: Self::LEN.saturating_mul(WORD_BYTES) as u64,
            checksum: 0,
            ..self
        };
        let mut sealed = [0; Self::LEN];
        let mut places = sealed.iter_mut();
        header.put(&mut |word| {
            if let Some(place) = places.next() {
                *place = word;
            }
        });
        let crc = crc32c::update_words(0, sealed.into_iter().take(CHECKSUM_AT));
        header.checksum = u64::from(crc);
        header
    }

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

// SPDX-License-Identifier: GPL-2.0-or-later

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use model::record::{self, Header, Invalid, WORD_BYTES};

use crate::version_1::{self, Version1};
use crate::{Error, Result};

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
    /// its module counted them, in 32 bits; [`Records`] goes on with them from record to record.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::Version`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::of(bytes, &mut Version1::default())
    }

    fn of(bytes: &[u8], older: &mut Version1) -> Result<Self> {
        let (words, rest) = bytes.as_chunks_of_words();
        if !rest.is_empty() {
            return Err(Invalid::Size(bytes.len() as u64).into());
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

    /// The record as the module has given it, of whatever version that is.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.older.as_ref().unwrap_or(&self.words).iter();
        words.flat_map(|word| word.to_le_bytes()).collect()
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

trait Words {
    fn as_chunks_of_words(&self) -> (Vec<u64>, &[u8]);
}

impl Words for [u8] {
    fn as_chunks_of_words(&self) -> (Vec<u64>, &[u8]) {
        let chunks = self.chunks_exact(WORD_BYTES);
        let rest = chunks.remainder();
        let words = chunks
            .filter_map(|chunk| Some(u64::from_le_bytes(chunk.try_into().ok()?)))
            .collect();
        (words, rest)
    }
}

/// Records, one after the other, of a [`Device`](crate::Device) or of a recording.
///
/// ```
/// # fn main() -> resmon::Result<()> {
/// let recording: &[u8] = &[];
/// for record in resmon::Records::new(recording) {
///     println!("{}", record?.header().seq);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Records<R> {
    source: R,
    /// What was read and not handed out yet is from `start` to `end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Reads records of version 1.
    older: Version1,
    /// What came was no record, so that nobody knows where the next one begins.
    is_lost: bool,
}

/// What came of reading.
enum Filled {
    More,
    /// There will be more.
    NotYet,
    Ended,
}

impl Records<BufReader<File>> {
    /// Opens a recording.
    ///
    /// # Errors
    ///
    /// [`Error::Open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Open {
            path: path.into(),
            source,
        })?;
        Ok(Self::new(BufReader::new(file)))
    }
}

impl<R: Read> Records<R> {
    /// Reads records from `source`.
    pub fn new(source: R) -> Self {
        const USUAL_BYTES: usize = 1 << 16;
        Self::with_capacity(source, USUAL_BYTES)
    }

    /// Reads up to `capacity` bytes at a time. The device needs room for its largest record.
    pub(crate) fn with_capacity(source: R, capacity: usize) -> Self {
        Self {
            source,
            buffer: vec![0; capacity.max(Self::HEADER_BYTES)],
            start: 0,
            end: 0,
            older: Version1::default(),
            is_lost: false,
        }
    }

    /// The shortest header.
    const HEADER_BYTES: usize = <Header as model::words::Words>::MIN_LEN * WORD_BYTES;

    /// The next record; none at the end of a recording, or when a device that does not wait has
    /// none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], [`Error::Truncated`] and those of [`Record::from_bytes`]. After one that
    /// says that there is no record, nothing comes any more.
    pub fn try_next(&mut self) -> Result<Option<Record>> {
        if self.is_lost {
            return Ok(None);
        }
        let next = self.read_next();
        self.is_lost = next
            .as_ref()
            .is_err_and(|error| !matches!(error, Error::Read(_)));
        next
    }

    fn read_next(&mut self) -> Result<Option<Record>> {
        loop {
            let needed = match self.needed()? {
                Ok(size) => {
                    let bytes = self.buffer.get(self.start..self.start + size);
                    let record = Record::of(bytes.unwrap_or_default(), &mut self.older)?;
                    self.start += size;
                    return Ok(Some(record));
                }
                Err(needed) => needed,
            };
            match self.fill(needed)? {
                Filled::More => (),
                Filled::Ended if self.start != self.end => return Err(Error::Truncated),
                Filled::NotYet | Filled::Ended => return Ok(None),
            }
        }
    }

    /// The size of the next record if all of it is there, or else how many bytes have to be.
    fn needed(&self) -> Result<std::result::Result<usize, usize>> {
        /// No record of any machine is larger.
        const MAX_BYTES: u64 = 1 << 28;
        let there = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some(header) = there.get(..Self::HEADER_BYTES) else {
            return Ok(Err(Self::HEADER_BYTES));
        };
        let (words, _) = header.as_chunks_of_words();
        let size = record::size_bytes(&words)?;
        if size > MAX_BYTES {
            return Err(Invalid::Size(size).into());
        }
        let size = usize::try_from(size).map_err(|_| Invalid::Size(size))?;
        Ok(if there.len() >= size {
            Ok(size)
        } else {
            Err(size)
        })
    }

    /// Reads more.
    fn fill(&mut self, needed: usize) -> Result<Filled> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < needed {
            // A size is believed as far as bytes follow: garbage shall not take much memory.
            let size = needed.min(self.buffer.len().saturating_mul(2));
            self.buffer.resize(size, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.source.read(room) {
                Ok(0) => return Ok(Filled::Ended),
                Ok(read) => {
                    self.end += read;
                    return Ok(Filled::More);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Filled::NotYet),
                Err(error) => return Err(Error::Read(error)),
            }
        }
    }

    /// The same records, of `source` in another type, as to read from one of several.
    pub fn map_source<S: Read>(self, map: impl FnOnce(R) -> S) -> Records<S> {
        Records {
            source: map(self.source),
            buffer: self.buffer,
            start: self.start,
            end: self.end,
            older: self.older,
            is_lost: self.is_lost,
        }
    }

    /// Where the records come from.
    pub fn get_ref(&self) -> &R {
        &self.source
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

impl<R: AsFd> AsFd for Records<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

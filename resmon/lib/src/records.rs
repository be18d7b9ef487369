// SPDX-License-Identifier: GPL-2.0-or-later

//! Records out of a stream of bytes, plain ones and encoded ones in any order, and what becomes of bytes
//! that are none.

mod buffer;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Read};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use model::record::{self, Header, Invalid, WORD_BYTES};
use model::{block, frame};

use crate::begin::Begin;
use crate::damage::{Damage, Why};
use crate::frames::Frames;
use crate::record::words_of;
use crate::version_1::Version1;
use crate::{Error, Record, Result};
use buffer::{Buffer, Filled};

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
    /// What was read and not handed out yet.
    buffer: Buffer,
    /// Where in the source it begins.
    offset: u64,
    /// Bytes of the last record.
    last_bytes: u64,
    /// Reads records of version 1.
    older: Version1,
    /// Reads encoded records.
    frames: Frames,
    /// How many records right before the next one were lost by what its block says.
    lost: u64,
    /// Records before this number are not wanted, of a device, whose blocks begin before them.
    first_seq: u64,
    /// What was no record.
    damage: Vec<Damage>,
    /// Bytes whose checksum was worked out and was another one.
    checked_in_vain: u64,
    /// Beyond this, what a frame would be is passed over.
    max_checked_in_vain: u64,
    /// As many bytes from the start are passed over when it is no record.
    to_pass_over: usize,
    /// Whether to go on after damage.
    is_recording: bool,
    /// There is no more to read.
    has_ended: bool,
}

/// What there is at the start.
enum Look {
    /// A record of so many bytes.
    Record(Record, usize),
    /// So many bytes that say something of what follows.
    Header(usize),
    /// What may be one, once so many bytes are there.
    Needs(usize),
}

/// No record of any machine is larger.
pub(crate) const MAX_RECORD_BYTES: u64 = 1 << 26;

/// The header of a block of a later version is no longer.
const MAX_BLOCK_HEADER_BYTES: usize = 1 << 16;

/// What looks like a frame and is none may have whole ones in it, which are looked for. Bytes that begin
/// like one everywhere would be looked at for ever, so beyond this what a frame would be is passed over.
const MAX_CHECKED_IN_VAIN: u64 = 1 << 30;

impl Records<BufReader<File>> {
    /// Opens a recording.
    ///
    /// # Errors
    ///
    /// [`Error::Open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::new(BufReader::new(open(path.as_ref())?)))
    }
}

/// Opens a recording.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|source| Error::Open {
        path: path.into(),
        source,
    })
}

impl<R: Read> Records<R> {
    /// Reads records from `source`, which is a recording: what is damaged is left out.
    pub fn new(source: R) -> Self {
        const USUAL_BYTES: usize = 1 << 16;
        Self {
            is_recording: true,
            ..Self::with_capacity(source, USUAL_BYTES)
        }
    }

    /// Reads up to `capacity` bytes at a time. The device needs room for its largest record.
    pub(crate) fn with_capacity(source: R, capacity: usize) -> Self {
        Self {
            source,
            buffer: Buffer::with_capacity(capacity.max(Self::HEADER_BYTES)),
            offset: 0,
            last_bytes: 0,
            older: Version1::default(),
            frames: Frames::default(),
            lost: 0,
            first_seq: 0,
            damage: Vec::new(),
            checked_in_vain: 0,
            max_checked_in_vain: MAX_CHECKED_IN_VAIN,
            to_pass_over: 0,
            is_recording: false,
            has_ended: false,
        }
    }

    /// The same records without those before the number `seq`.
    pub(crate) fn beginning_at(self, seq: u64) -> Self {
        Self {
            first_seq: seq,
            ..self
        }
    }

    /// The shortest header.
    const HEADER_BYTES: usize = <Header as model::words::Words>::MIN_LEN * WORD_BYTES;

    /// A recording is not searched further for its first record, nor is a record larger.
    const MAX_BYTES: u64 = MAX_RECORD_BYTES;

    /// The next record; none at the end of a recording, or when a device that does not wait has
    /// none yet.
    ///
    /// Of a recording, what is damaged is left out: see [`Records::damage`]. What has no record at
    /// all is no recording.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], [`Error::Truncated`] and those of [`Record::from_bytes`]. After one that
    /// says that there is no record, nothing comes any more.
    pub fn try_next(&mut self) -> Result<Option<Record>> {
        if self.has_ended {
            return Ok(None);
        }
        let next = self.read_next();
        self.has_ended = next
            .as_ref()
            .is_err_and(|error| !matches!(error, Error::Read(_)));
        next
    }

    fn read_next(&mut self) -> Result<Option<Record>> {
        // Whether all that the source has is there.
        let mut is_whole = false;
        loop {
            let why = match self.look(is_whole) {
                Ok(Look::Record(record, bytes)) => {
                    self.last_bytes = bytes as u64;
                    self.pass(bytes);
                    let seq = record.header().seq;
                    if seq < self.first_seq {
                        continue;
                    }
                    if !self.is_recording {
                        // Of a block that is read again, what is new.
                        self.first_seq = seq.saturating_add(1);
                    }
                    return Ok(Some(record));
                }
                Ok(Look::Header(bytes)) => {
                    self.pass(bytes);
                    continue;
                }
                Ok(Look::Needs(_)) if is_whole && self.buffer.bytes().is_empty() => {
                    return self.ended()
                }
                Ok(Look::Needs(_)) if is_whole => None,
                Ok(Look::Needs(bytes)) => {
                    match self.buffer.fill(&mut self.source, bytes)? {
                        Filled::More => (),
                        Filled::NotYet => return Ok(None),
                        Filled::Ended => is_whole = true,
                    }
                    continue;
                }
                Err(invalid) => Some(invalid),
            };
            if !self.is_recording {
                return Err(why.map_or(Error::Truncated, Error::from));
            }
            self.skip(why)?;
        }
    }

    /// Looks for a record at the start. Nothing follows what is there if it `is_whole`.
    fn look(&mut self, is_whole: bool) -> std::result::Result<Look, Why> {
        let there = self.buffer.bytes();
        // What does not begin as one of them need not be waited for.
        let begin = Begin::of(there).ok_or(Why::Record(Invalid::Magic))?;
        if there.len() < begin.magic().len() {
            return Ok(Look::Needs(Self::HEADER_BYTES));
        }
        match begin {
            Begin::Record => self.look_at_record(is_whole),
            Begin::Block => self.look_at_block(),
            Begin::Frame => self.look_at_frame(),
        }
    }

    fn look_at_record(&mut self, is_whole: bool) -> std::result::Result<Look, Why> {
        let there = self.buffer.bytes();
        let Some(header) = there.get(..Self::HEADER_BYTES) else {
            return Ok(Look::Needs(Self::HEADER_BYTES));
        };
        let (words, _) = words_of(header);
        let size = record::size_bytes(&words)?;
        let bytes = usize::try_from(size)
            .ok()
            .filter(|_| size <= Self::MAX_BYTES)
            .ok_or(Invalid::Size(size))?;
        let Some(whole) = there.get(..bytes) else {
            return Ok(Look::Needs(bytes));
        };
        if self.is_recording && Begin::Record.next_in(whole).is_some() {
            // Either a name in it looks like the begin of a record, or it was cut off where another
            // one begins now. Then what follows does not begin where this one would end.
            let after = there.get(bytes..).unwrap_or_default();
            if Begin::of(after).is_none() {
                return Err(Invalid::Size(size).into());
            }
            if after.len() < WORD_BYTES && !is_whole {
                return Ok(Look::Needs(bytes.saturating_add(WORD_BYTES)));
            }
        }
        Ok(Look::Record(Record::of(whole, &mut self.older)?, bytes))
    }

    fn look_at_block(&mut self) -> std::result::Result<Look, Why> {
        const BYTES: usize = <block::Header as model::words::Words>::LEN * WORD_BYTES;
        let there = self.buffer.bytes();
        let Some(header) = there.get(..BYTES) else {
            return Ok(Look::Needs(BYTES));
        };
        let header = block::Header::parse(&words_of(header).0)?;
        self.lost = header.lost_records;
        let bytes = usize::try_from(header.header_bytes)
            .ok()
            .filter(|bytes| *bytes <= MAX_BLOCK_HEADER_BYTES)
            .ok_or(block::Invalid::Size(header.header_bytes))?;
        // What is behind the fields that are known has to be there.
        if there.len() < bytes {
            return Ok(Look::Needs(bytes));
        }
        Ok(Look::Header(bytes))
    }

    fn look_at_frame(&mut self) -> std::result::Result<Look, Why> {
        let there = self.buffer.bytes();
        let Some(head) = there.get(..WORD_BYTES) else {
            return Ok(Look::Needs(WORD_BYTES));
        };
        let head = words_of(head).0.first().copied().unwrap_or_default();
        let bytes = frame::size_words(head)?.saturating_mul(WORD_BYTES);
        let Some(whole) = there.get(..bytes) else {
            return Ok(Look::Needs(bytes));
        };
        let lost = mem::take(&mut self.lost);
        let decoded = self.frames.decode(&words_of(whole).0, lost);
        if matches!(decoded, Err(Why::Frame(frame::Invalid::Checksum))) {
            self.checked_in_vain = self.checked_in_vain.saturating_add(bytes as u64);
            if self.checked_in_vain > self.max_checked_in_vain {
                self.to_pass_over = bytes;
            }
        }
        Ok(Look::Record(decoded?, bytes))
    }

    /// Passes over the bytes from the start to where a record may begin.
    fn skip(&mut self, why: Option<Why>) -> Result<()> {
        let there = self.buffer.bytes();
        let next = Begin::ALL.map(|begin| begin.next_in(there));
        // The last few bytes may be the begin of one.
        let begun = Begin::ALL.map(|begin| begin.begun_in(there));
        let begun = begun.into_iter().max().unwrap_or(0);
        let next = next.into_iter().flatten().min();
        let bytes = next.unwrap_or(there.len() - begun);
        let bytes = bytes.max(mem::take(&mut self.to_pass_over));
        match self.damage.last_mut() {
            Some(last) if last.offset + last.bytes == self.offset => last.bytes += bytes as u64,
            _ => self.damage.push(Damage {
                offset: self.offset,
                bytes: bytes as u64,
                why,
            }),
        }
        self.pass(bytes);
        match self.damage.as_slice() {
            [first] if self.last_bytes == 0 && first.bytes > Self::MAX_BYTES => Err(first.error()),
            _ => Ok(()),
        }
    }

    /// What comes of the end of a source.
    fn ended(&self) -> Result<Option<Record>> {
        match self.damage.first() {
            Some(first) if self.last_bytes == 0 => Err(first.error()),
            _ => Ok(None),
        }
    }

    fn pass(&mut self, bytes: usize) {
        self.buffer.pass(bytes);
        self.offset += bytes as u64;
    }

    /// Where the last record begins in the source, and how many bytes it has.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.offset - self.last_bytes, self.last_bytes)
    }

    /// What of the recording was damaged so far, in order.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    pub(crate) fn into_damage(self) -> Vec<Damage> {
        self.damage
    }

    /// The same records, of `source` in another type, as to read from one of several.
    pub fn map_source<S: Read>(self, map: impl FnOnce(R) -> S) -> Records<S> {
        Records {
            source: map(self.source),
            buffer: self.buffer,
            offset: self.offset,
            last_bytes: self.last_bytes,
            older: self.older,
            frames: self.frames,
            lost: self.lost,
            first_seq: self.first_seq,
            damage: self.damage,
            checked_in_vain: self.checked_in_vain,
            max_checked_in_vain: self.max_checked_in_vain,
            to_pass_over: self.to_pass_over,
            is_recording: self.is_recording,
            has_ended: self.has_ended,
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

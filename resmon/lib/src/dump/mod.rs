// SPDX-License-Identifier: GPL-2.0-or-later

//! What a dump of a machine's memory has of the module's history. It is found without symbols: blocks and
//! the ring of plain records begin at a page, with a header that says what they are.
//!
//! What was found is read as a recording: its encoded records and then the plain ones, one after the other,
//! out of wherever they lie in the file. [`Recording`](crate::Recording) puts them in order, as it does those
//! of any recording, and nothing of the dump is copied.

mod block;
mod memory;
mod ring;
mod scan;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use crate::damage::{Damage, Why};
use crate::{Error, Result};

use memory::Memory;

/// A page: what is looked for begins at a multiple of this many bytes, whatever a page of the kernel is.
const PAGE_BYTES: u64 = 4096;

/// A stretch of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    /// Where it lies in the file; none when it is not in there, as it is all zeros.
    offset: Option<u64>,
    bytes: u64,
}

/// What was found, as the bytes of a recording.
#[derive(Debug)]
pub(crate) struct Dump {
    file: File,
    extents: Vec<Extent>,
    /// Where each of them begins in the recording.
    starts: Vec<u64>,
    bytes: u64,
    /// Where it is read next.
    at: u64,
}

/// What looking through a dump has found.
#[derive(Debug, Default)]
struct Found {
    /// Those of encoded records.
    encoded: Vec<Extent>,
    /// Those of plain ones.
    plain: Vec<Extent>,
    damage: Vec<Damage>,
    /// Bytes that were worked through in vain, or may be again. Beyond a limit, nothing is looked for any more,
    /// as what looks like a piece may be there on purpose.
    spent: u64,
}

/// As many bytes as a machine works through in seconds.
const MAX_SPENT: u64 = 1 << 30;

/// What a file is, by the bytes that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Elf,
    Compressed,
    Flattened,
}

impl Format {
    /// None when it is no dump.
    fn of(begin: &[u8]) -> Option<Self> {
        let known = [
            (&b"\x7fELF"[..], Self::Elf),
            (b"KDUMP   ", Self::Compressed),
            (b"DISKDUMP", Self::Compressed),
            (b"makedumpfile\0", Self::Flattened),
        ];
        let format = known.iter().find(|(magic, _)| begin.starts_with(magic));
        format.map(|(_, format)| *format)
    }
}

/// Whether a file that begins with `bytes` is a dump, or would be one of a kind that is not read.
pub(crate) fn is_dump(begin: &[u8]) -> bool {
    Format::of(begin).is_some()
}

impl Dump {
    /// Looks through the dump that `file` is, and returns what of it is damaged as well; none when it is no
    /// dump. `progress` is called with the bytes that were looked through, and how many there are.
    pub(crate) fn of(
        file: &File,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Option<(Self, Vec<Damage>)>> {
        let mut begin = [0; 16];
        let bytes = read_at_most(file, &mut begin, 0).map_err(Error::Read)?;
        match Format::of(begin.get(..bytes).unwrap_or_default()) {
            None => return Ok(None),
            Some(Format::Elf) => (),
            Some(Format::Compressed) => {
                return Err(Error::Dump(
                    "it is compressed, which cannot be read: /var/lib/resmon has the records where \
                     resmon-save-vmcore.service saved them in the capture kernel; else have makedumpfile write \
                     an ELF file (makedumpfile -E -d 31 /proc/vmcore FILE)",
                ))
            }
            Some(Format::Flattened) => {
                return Err(Error::Dump(
                    "it is flattened, which cannot be read: /var/lib/resmon has the records where \
                     resmon-save-vmcore.service saved them in the capture kernel; makedumpfile -R FILE <THIS \
                     rearranges what was written with -E",
                ))
            }
        }
        let memory = Memory::of(file)?;
        let found = scan::found(&memory, progress)?;
        if found.encoded.is_empty() && found.plain.is_empty() {
            return Err(Error::Dump(
                "there is no record of resource_monitor in it: was the module loaded?",
            ));
        }
        let file = file.try_clone().map_err(Error::Read)?;
        let Found {
            mut encoded,
            plain,
            mut damage,
            ..
        } = found;
        encoded.extend(plain);
        damage.sort_by_key(|damage| damage.offset);
        Ok(Some((Self::new(file, encoded), damage)))
    }

    fn new(file: File, extents: Vec<Extent>) -> Self {
        let mut bytes = 0_u64;
        let starts = extents.iter().map(|extent| {
            let start = bytes;
            bytes = bytes.saturating_add(extent.bytes);
            start
        });
        Self {
            file,
            starts: starts.collect(),
            extents,
            bytes,
            at: 0,
        }
    }

    /// The extent that has the byte `at` of the recording, from there on.
    fn extent(&self, at: u64) -> Option<Extent> {
        let next = self.starts.partition_point(|start| *start <= at);
        let number = next.checked_sub(1)?;
        let (start, extent) = (self.starts.get(number)?, self.extents.get(number)?);
        let begun = at - start;
        Some(Extent {
            offset: extent.offset.map(|offset| offset.saturating_add(begun)),
            bytes: extent.bytes.checked_sub(begun).filter(|left| *left > 0)?,
        })
    }

    /// Where in the file the byte `at` of the recording is, or the one before it that is there.
    pub(crate) fn place(&self, at: u64) -> u64 {
        self.extent(at)
            .and_then(|extent| extent.offset)
            .unwrap_or(0)
    }
}

impl Read for Dump {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(extent) = self.extent(self.at) else {
            return Ok(0);
        };
        let room = usize::try_from(extent.bytes).unwrap_or(usize::MAX);
        let room = room.min(buffer.len());
        let part = buffer.get_mut(..room).unwrap_or_default();
        let bytes = match extent.offset {
            Some(offset) => self.file.read_at(part, offset)?,
            None => {
                part.fill(0);
                room
            }
        };
        self.at += bytes as u64;
        Ok(bytes)
    }
}

impl Seek for Dump {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Found {
    /// Notes that bytes in the file are left out.
    fn leave_out(&mut self, offset: u64, bytes: u64, why: impl Into<Why>) {
        self.damage.push(Damage {
            offset,
            bytes,
            why: Some(why.into()),
        });
    }

    /// Notes bytes that were worked through in vain. False when there were too many.
    fn spend(&mut self, bytes: u64) -> bool {
        self.spent = self.spent.saturating_add(bytes);
        self.spent <= MAX_SPENT
    }
}

/// Adds an extent to others. What goes on where the last one ends is one with it.
fn push(extents: &mut Vec<Extent>, new: Extent) {
    if let Some(last) = extents.last_mut() {
        let goes_on = match (last.offset, new.offset) {
            (Some(offset), Some(next)) => offset.checked_add(last.bytes) == Some(next),
            (None, None) => true,
            _ => false,
        };
        if goes_on {
            last.bytes = last.bytes.saturating_add(new.bytes);
            return;
        }
    }
    extents.push(new);
}

/// Reads as much from `offset` on as there is room for, or up to the end of the file.
fn read_at_most(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(room) = buffer.get_mut(done..).filter(|room| !room.is_empty()) {
        match file.read_at(room, offset.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(bytes) => done += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Physical memory, as the program headers of an ELF core say where it lies in the file.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use model::record::WORD_BYTES;
use object::elf::{FileHeader64, ET_CORE, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, ReadCache};

use crate::{Error, Result};

use super::{push, read_at_most, Extent};

/// No machine has more stretches of memory.
const MAX_SEGMENTS: u32 = 1 << 20;

/// The memory that a dump has.
#[derive(Debug)]
pub(super) struct Memory<'f> {
    pub(super) file: &'f File,
    /// In the order of their addresses. None overlaps another one.
    pub(super) segments: Vec<Segment>,
}

/// A stretch of physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) address: u64,
    pub(super) offset: u64,
    /// Bytes that are in the file. What is beyond them in memory is zeros.
    pub(super) file_bytes: u64,
    memory_bytes: u64,
}

impl<'f> Memory<'f> {
    /// The memory of the ELF core that `file` is.
    pub(super) fn of(file: &'f File) -> Result<Self> {
        let mut reader = file;
        let file_bytes = reader.seek(SeekFrom::End(0)).map_err(Error::Read)?;
        let cache = ReadCache::new(file);
        let invalid = |_| Error::Dump("it is no ELF core of a 64-bit machine");
        let header = FileHeader64::<LittleEndian>::parse(&cache).map_err(invalid)?;
        let endian = header
            .endian()
            .map_err(|_| Error::Dump("it is of a big-endian machine"))?;
        if header.e_type(endian) != ET_CORE {
            return Err(Error::Dump("it is an ELF file, but no core"));
        }
        let damaged = |_| Error::Dump("its program headers are damaged");
        if header.phnum(endian, &cache).map_err(damaged)? > MAX_SEGMENTS {
            return Err(Error::Dump("it has more program headers than any machine"));
        }
        let headers = header.program_headers(endian, &cache).map_err(damaged)?;
        let loads = headers
            .iter()
            .filter(|header| header.p_type(endian) == PT_LOAD);
        let segments = loads.filter_map(|header| {
            let segment = Segment {
                address: header.p_paddr(endian),
                offset: header.p_offset(endian),
                file_bytes: header.p_filesz(endian),
                memory_bytes: header.p_memsz(endian),
            };
            segment.within(file_bytes)
        });
        let segments = without_overlaps(segments.collect());
        let all = segments.iter().map(|segment| segment.file_bytes);
        if all.fold(0, u64::saturating_add) > file_bytes {
            return Err(Error::Dump("parts of it lie on each other"));
        }
        Ok(Self { file, segments })
    }

    /// The segment that has an address.
    fn at(&self, address: u64) -> Option<&Segment> {
        let next = self
            .segments
            .partition_point(|segment| segment.address <= address);
        let segment = self.segments.get(next.checked_sub(1)?)?;
        (address - segment.address < segment.memory_bytes).then_some(segment)
    }

    /// Where so many bytes from an address on lie; none when not all of them are known.
    pub(super) fn extents(&self, address: u64, bytes: u64) -> Option<Vec<Extent>> {
        let mut extents = Vec::new();
        let mut done = 0;
        while done < bytes {
            let extent = self.extent(address.checked_add(done)?, bytes - done)?;
            done += extent.bytes;
            push(&mut extents, extent);
        }
        Some(extents)
    }

    /// Where the byte at an address lies, and at most so many after it.
    fn extent(&self, address: u64, most: u64) -> Option<Extent> {
        let segment = self.at(address)?;
        let begun = address - segment.address;
        Some(match segment.file_bytes.checked_sub(begun) {
            Some(left) if left > 0 => Extent {
                offset: Some(segment.offset.saturating_add(begun)),
                bytes: left.min(most),
            },
            _ => Extent {
                offset: None,
                bytes: (segment.memory_bytes - begun).min(most),
            },
        })
    }

    /// Where in the file the byte at an address lies, or would if it were there.
    pub(super) fn place(&self, address: u64) -> u64 {
        let extent = self.extent(address, 1);
        extent.and_then(|extent| extent.offset).unwrap_or(0)
    }

    /// Reads whole words from an address on, at most so many, and as far as they are known.
    pub(super) fn words(&self, address: u64, most: usize) -> Vec<u64> {
        const PART: u64 = 1 << 20;
        let most = (most as u64).saturating_mul(WORD_BYTES as u64);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < most {
            let done = bytes.len();
            let Some(next) = address.checked_add(done as u64) else {
                break;
            };
            // Room is made for what is there, and not for what somebody claims.
            let Some(extent) = self.extent(next, PART.min(most - done as u64)) else {
                break;
            };
            bytes.resize(done + extent.bytes as usize, 0);
            let Some(offset) = extent.offset else {
                continue;
            };
            let room = bytes.get_mut(done..).unwrap_or_default();
            let read = read_at_most(self.file, room, offset).unwrap_or(0);
            if (read as u64) < extent.bytes {
                bytes.truncate(done + read);
                break;
            }
        }
        crate::record::words_of(&bytes).0
    }
}

impl Segment {
    fn within(self, file_bytes: u64) -> Option<Self> {
        let there = file_bytes.saturating_sub(self.offset);
        // Of a file that was cut off, what is missing is no zeros.
        let memory_bytes = match self.file_bytes > there {
            true => there,
            false => self.memory_bytes.max(self.file_bytes),
        };
        let memory_bytes = memory_bytes.min(u64::MAX - self.address);
        let segment = Self {
            file_bytes: self.file_bytes.min(there).min(memory_bytes),
            memory_bytes,
            ..self
        };
        (segment.memory_bytes > 0).then_some(segment)
    }

    /// What is left of it from an address on.
    fn from(self, address: u64) -> Option<Self> {
        let gone = address.saturating_sub(self.address);
        let segment = Self {
            address: self.address.max(address),
            offset: self.offset.saturating_add(gone),
            file_bytes: self.file_bytes.saturating_sub(gone),
            memory_bytes: self.memory_bytes.saturating_sub(gone),
        };
        (segment.memory_bytes > 0).then_some(segment)
    }
}

/// The segments in order, without what others have already.
fn without_overlaps(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by_key(|segment| (segment.address, u64::MAX - segment.file_bytes));
    let mut end = 0;
    let parts = segments.into_iter().filter_map(|segment| {
        let part = segment.from(end)?;
        end = part.address + part.memory_bytes;
        Some(part)
    });
    parts.collect()
}

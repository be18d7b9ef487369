// SPDX-License-Identifier: GPL-2.0-or-later

//! Looks at the start of each page.

use model::words::Words;
use model::{block, frame, ring_header};

use crate::{Error, Result};

use super::memory::{Memory, Segment};
use super::{block as blocks, read_at_most, ring, Found, PAGE_BYTES};

/// What is read at a time.
const CHUNK_BYTES: u64 = 4 << 20;

/// Looks through all memory.
pub(super) fn found(memory: &Memory<'_>, progress: &mut dyn FnMut(u64, u64)) -> Result<Found> {
    let mut found = Found::default();
    let all = memory.segments.iter().map(|segment| segment.file_bytes);
    let all = all.fold(0, u64::saturating_add);
    let mut done = 0;
    // What is before this address was taken.
    let mut taken = 0;
    let mut chunk = vec![0; CHUNK_BYTES as usize];
    for segment in &memory.segments {
        let mut at = segment.address.wrapping_neg() % PAGE_BYTES;
        while at < segment.file_bytes {
            progress(done + at, all);
            let bytes = CHUNK_BYTES.min(segment.file_bytes - at);
            let room = chunk.get_mut(..bytes as usize).unwrap_or_default();
            let read = read_pages(memory, segment, at, room)?;
            for (page, start) in (0..).zip(room.get(..read).unwrap_or_default().chunks(4096)) {
                let address = segment.address + at + page * PAGE_BYTES;
                let Some(magic) = start.first_chunk().copied().map(u64::from_le_bytes) else {
                    continue;
                };
                if address < taken || !is_start(magic) {
                    continue;
                }
                if !found.spend(0) {
                    let left = all - done - at - page * PAGE_BYTES;
                    found.leave_out(memory.place(address), left, frame::Invalid::Checksum);
                    return Ok(found);
                }
                taken = look(memory, address, magic, &mut found).unwrap_or(taken);
            }
            at += bytes;
        }
        done += segment.file_bytes;
    }
    progress(all, all);
    Ok(found)
}

/// Reads pages of a segment. One that cannot be read is zeros.
fn read_pages(memory: &Memory<'_>, segment: &Segment, at: u64, room: &mut [u8]) -> Result<usize> {
    let offset = segment.offset.saturating_add(at);
    let whole = read_at_most(memory.file, room, offset);
    if let Ok(bytes) = whole {
        return Ok(bytes);
    }
    let mut is_any = false;
    for (page, place) in (0..).zip(room.chunks_mut(PAGE_BYTES as usize)) {
        let read = read_at_most(memory.file, place, offset.saturating_add(page * PAGE_BYTES));
        match read {
            Ok(_) => is_any = true,
            Err(_) => place.fill(0),
        }
    }
    match is_any {
        true => Ok(room.len()),
        false => whole.map_err(Error::Read),
    }
}

/// Whether a page that begins with this word may be the start of something.
pub(super) fn is_start(magic: u64) -> bool {
    magic == block::MAGIC || magic == ring_header::MAGIC
}

/// Takes what begins at an address. Returns the address behind it, as far as nothing else can begin before.
fn look(memory: &Memory<'_>, address: u64, magic: u64, found: &mut Found) -> Option<u64> {
    match magic {
        block::MAGIC => {
            let words = memory.words(address, block::Header::LEN);
            let header = block::Header::parse_in_dump(&words).ok()?;
            Some(blocks::take(memory, address, &header, found))
        }
        ring_header::MAGIC => {
            let words = memory.words(address, ring_header::Header::LEN);
            let header = ring_header::Header::parse(&words)?;
            ring::take(memory, address, &header, found);
            None
        }
        _ => None,
    }
}

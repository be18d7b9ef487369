// SPDX-License-Identifier: GPL-2.0-or-later

//! A block: its frames are walked, since the header of one that was open does not say how many there are.

use model::block::Header;
use model::frame::{self, Frame};
use model::record::WORD_BYTES;

use super::memory::Memory;
use super::scan::is_start;
use super::{push, Found, PAGE_BYTES};

/// No module has room for more.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the words of memory a good many at a time.
struct Window<'m> {
    memory: &'m Memory<'m>,
    address: u64,
    words: Vec<u64>,
}

impl Window<'_> {
    /// The words from an address on: at least so many, or all that follow.
    fn from(&mut self, address: u64, words: usize) -> &[u64] {
        const USUAL_WORDS: usize = 1 << 15;
        let begun = address.checked_sub(self.address);
        let begun = begun.and_then(|bytes| usize::try_from(bytes / WORD_BYTES as u64).ok());
        let there = begun.filter(|begun| {
            self.words
                .len()
                .checked_sub(*begun)
                .is_some_and(|left| left >= words)
        });
        let begun = there.unwrap_or_else(|| {
            self.address = address;
            self.words = self.memory.words(address, words.max(USUAL_WORDS));
            0
        });
        self.words.get(begun..).unwrap_or_default()
    }

    /// The place in its block and the words of the frame at an address, which has at most so many bytes.
    fn frame(&mut self, address: u64, most: u64, found: &mut Found) -> Option<(Place, usize)> {
        let head = *self.from(address, 1).first()?;
        let size = frame::size_words(head).ok()?;
        let bytes = bytes_of(size);
        if bytes > most {
            return None;
        }
        match Frame::parse(self.from(address, size)) {
            Ok(frame) => Some((
                Place {
                    group: frame.group(),
                    index: frame.index(),
                },
                size,
            )),
            Err(_) => {
                found.spend(bytes);
                None
            }
        }
    }
}

/// Which frame of a block it is.
#[derive(Clone, Copy)]
struct Place {
    group: u32,
    index: u8,
}

impl Place {
    /// Whether this is the frame after `before`, or the first one.
    fn goes_on(self, before: Option<Self>) -> bool {
        let Some(before) = before else {
            return self.index == 0;
        };
        let is_next = self.group == before.group && Some(self.index) == before.index.checked_add(1);
        is_next || (self.group == before.group.wrapping_add(1) && self.index == 0)
    }
}

/// Takes the block that begins at an address. Returns the address behind its last frame.
pub(super) fn take(memory: &Memory<'_>, address: u64, header: &Header, found: &mut Found) -> u64 {
    let is_closed = header.records != 0;
    let end = match is_closed {
        true => header.size_bytes.min(MAX_BYTES),
        false => MAX_BYTES,
    };
    let mut window = Window {
        memory,
        address,
        words: Vec::new(),
    };
    let mut at = header.header_bytes;
    let mut behind = 0;
    let mut before = None;
    while at < end {
        let frame = address
            .checked_add(at)
            .and_then(|place| window.frame(place, end - at, found));
        if let Some((place, words)) = frame.filter(|(place, _)| place.goes_on(before)) {
            let bytes = bytes_of(words);
            let extents = memory.extents(address + at, bytes);
            for extent in extents.unwrap_or_default() {
                push(&mut found.encoded, extent);
            }
            at += bytes;
            behind = at;
            before = Some(place);
            continue;
        }
        // Behind the last frame of an open block is what is left of an older one.
        if !is_closed {
            break;
        }
        let next = next_key(&mut window, address, at, end, found);
        let left_out = next.unwrap_or(end) - at;
        found.leave_out(
            memory.place(address.saturating_add(at)),
            left_out,
            frame::Invalid::Checksum,
        );
        let Some(next) = next else {
            break;
        };
        at = next;
        before = None;
    }
    address.saturating_add(behind)
}

/// Where the next frame is that can be decoded without another one; none when nothing more of this block
/// follows.
fn next_key(
    window: &mut Window<'_>,
    address: u64,
    from: u64,
    end: u64,
    found: &mut Found,
) -> Option<u64> {
    let mut at = from;
    loop {
        at += WORD_BYTES as u64;
        if at >= end {
            return None;
        }
        let place = address.checked_add(at)?;
        let word = *window.from(place, 1).first()?;
        // Where something else begins, this block was overwritten.
        if place % PAGE_BYTES == 0 && is_start(word) {
            return None;
        }
        if word as u32 != frame::MAGIC {
            continue;
        }
        // Enough was looked at in vain.
        if !found.spend(0) {
            return None;
        }
        let frame = window.frame(place, end - at, found);
        if frame.is_some_and(|(place, _)| place.index == 0) {
            return Some(at);
        }
    }
}

fn bytes_of(words: usize) -> u64 {
    words.saturating_mul(WORD_BYTES) as u64
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The ring of plain records. In memory that outlives the machine each has a sum, elsewhere not, so each is looked
//! at in more than one way.

use model::record::{self, Invalid, Record, WORD_BYTES};
use model::ring_header::{Header, RING_AT_BYTES};
use model::sum::{Sum, SUM_WORDS};

use super::memory::Memory;
use super::{push, Found};

/// No machine has a larger ring: it has room for two records.
const MAX_WORDS: u64 = 2 * crate::records::MAX_RECORD_BYTES / WORD_BYTES as u64;

/// Takes the ring whose header is at an address.
pub(super) fn take(
    memory: &Memory<'_>,
    address: u64,
    header: &Header,
    found: &mut Found,
) -> Option<()> {
    let size = Some(header.size_words).filter(|size| (1..=MAX_WORDS).contains(size))?;
    let ring = Ring {
        memory,
        address: address.checked_add(RING_AT_BYTES as u64)?,
        size,
        oldest: header.oldest,
    };
    ring.address.checked_add(bytes_of(size))?;
    let used = header.end.checked_sub(header.oldest);
    let Some(used) = used.filter(|used| *used <= size) else {
        // Which of its records are whole is not known then.
        found.leave_out(
            memory.place(address),
            bytes_of(size),
            Invalid::Size(bytes_of(size)),
        );
        return None;
    };
    // Other pieces may lie where an old one was, so its pages are looked at as well, and there may be any
    // number of headers for the same words.
    found.spend(bytes_of(used));
    let words = ring.words(used);
    let mut at = 0;
    let mut before = None;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        match look(rest, header, before) {
            Ok((seq, len)) => {
                ring.take(at as u64, len as u64, found);
                before = Some(seq);
                at += len + SUM_WORDS;
            }
            Err(why) => {
                let claimed = record::size_bytes(rest).unwrap_or(0);
                let goes_on = found.spend(claimed.min(bytes_of(rest.len() as u64)));
                let next = rest.iter().skip(1).position(|word| *word == record::MAGIC);
                let next = next.filter(|_| goes_on).map(|next| next + 1);
                let len = next.unwrap_or(rest.len());
                found.leave_out(ring.place(at as u64), bytes_of(len as u64), why);
                at += len;
            }
        }
    }
    let missing = used - words.len() as u64;
    if missing > 0 {
        let place = ring.place(words.len() as u64);
        found.leave_out(place, bytes_of(missing), Invalid::TooShort);
    }
    Some(())
}

/// The number and the words of the record that `words` begin with, which follows the one with the number
/// `before`.
fn look(words: &[u64], ring: &Header, before: Option<u64>) -> Result<(u64, usize), Invalid> {
    let bytes = record::size_bytes(words)?;
    let len = usize::try_from(bytes / WORD_BYTES as u64).unwrap_or(usize::MAX);
    let (words, sum) = words
        .split_at_checked(len)
        .and_then(|(words, rest)| Some((words, rest.get(..SUM_WORDS)?)))
        .ok_or(Invalid::Size(bytes))?;
    let header = Record::new(words)?.header();
    let has_sum = ring.has_sums == 0 || Sum::of(words.iter().copied()).words() == sum;
    let is_of_ring = header.boot_id == Some(ring.boot_id) && header.load_id == Some(ring.load_id);
    let is_next = before.is_none_or(|before| header.seq > before);
    match is_of_ring && is_next && has_sum {
        true => Ok((header.seq, len)),
        false => Err(Invalid::Magic),
    }
}

/// Where a ring is. Places in it count words from the oldest record on.
struct Ring<'m> {
    memory: &'m Memory<'m>,
    address: u64,
    size: u64,
    oldest: u64,
}

impl Ring<'_> {
    /// The parts of so many words from a place on: up to the end of the ring, and from its start on.
    fn parts(&self, at: u64, len: u64) -> [(u64, u64); 2] {
        let first = (self.oldest % self.size + at) % self.size;
        let before_end = len.min(self.size - first);
        let address = self.address + bytes_of(first);
        [(address, before_end), (self.address, len - before_end)]
    }

    /// The words from the oldest record on, as far as they are known.
    fn words(&self, used: u64) -> Vec<u64> {
        let mut words = Vec::new();
        for (address, len) in self.parts(0, used) {
            let part = self.memory.words(address, len as usize);
            let is_whole = part.len() as u64 == len;
            words.extend(part);
            if !is_whole {
                break;
            }
        }
        words
    }

    fn take(&self, at: u64, len: u64, found: &mut Found) {
        for (address, len) in self.parts(at, len) {
            let extents = self.memory.extents(address, bytes_of(len));
            for extent in extents.unwrap_or_default() {
                push(&mut found.plain, extent);
            }
        }
    }

    /// Where a place lies in the file.
    fn place(&self, at: u64) -> u64 {
        let [(address, _), _] = self.parts(at, 0);
        self.memory.place(address)
    }
}

fn bytes_of(words: u64) -> u64 {
    words.saturating_mul(WORD_BYTES as u64)
}

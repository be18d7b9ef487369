// SPDX-License-Identifier: GPL-2.0-or-later

//! Records of version 1, made into those of the present version.
//!
//! All that is known of version 1 is in here. What it did not have is missing, as in a record of a
//! module that is older than a field. What was elsewhere:
//!
//! - The header of a section had six words, and no size of its own.
//! - Swap counts were among the memory counters, and are of the activity now. Without activity they
//!   are lost.
//! - Interrupts were counted in 32 bits. [`Version1`] goes on with them from one record to the next.

use model::record::{Content, Header, Invalid, SectionHeader, SIZE_AT, WORD_BYTES};
use model::source::activity::{unwrapped, Activity};
use model::source::memory::Memory;
use model::words::Words;

/// The version that is read here.
pub const VERSION: u64 = 1;

/// Where fields of the record's header are, in both versions.
pub const VERSION_AT: usize = 1;
const HEADER_AT: usize = 3;
const SEQ_AT: usize = 4;
const MONO_AT: usize = 6;

/// Words of the headers.
const HEADER_WORDS: usize = Header::MIN_LEN;
const SECTION_WORDS: usize = 6;

/// Words of the memory counters, of which these were moved.
const MEMORY_WORDS: usize = 17;
const SWAPPED_IN_AT: usize = 14;
const SWAPPED_OUT_AT: usize = 15;

/// Words of the activity, and where the counts of 32 bits are.
const ACTIVITY_WORDS: usize = 8;
const CPU_INTERRUPTS_AT: usize = 6;
const SOFT_INTERRUPTS_AT: usize = 7;

/// Makes records of the present version, one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Version1 {
    /// The record before.
    before: Before,
}

#[derive(Clone, Copy, Debug, Default)]
struct Before {
    seq: u64,
    taken_mono_ns: u64,
    cpu_interrupts: u64,
    soft_interrupts: u64,
}

/// A section of version 1.
struct Section<'a> {
    kind: u64,
    state: u64,
    taken_mono_ns: u64,
    left_out: u64,
    entries: std::slice::ChunksExact<'a, u64>,
}

impl Version1 {
    /// Makes a record of the words of one of version 1.
    ///
    /// # Errors
    ///
    /// Those of [`model::record::Record::new`].
    pub fn upgrade(&mut self, words: &[u64]) -> Result<Vec<u64>, Invalid> {
        let at = |at: usize| words.get(at).copied().unwrap_or_default();
        let wrong_size = Invalid::Size(at(SIZE_AT));
        let header_words = words_of(at(HEADER_AT)).filter(|count| *count >= HEADER_WORDS);
        let sections = header_words.and_then(|count| words.get(count..));
        let (Some(sections), true) = (sections, words_of(at(SIZE_AT)) == Some(words.len())) else {
            return Err(wrong_size);
        };
        let sections = sections_of(sections)
            .map_err(|left| Invalid::Section(words.len().saturating_sub(left)))?;

        // What counts since load began anew with a new load.
        let (seq, taken_mono_ns) = (at(SEQ_AT), at(MONO_AT));
        if seq <= self.before.seq || taken_mono_ns <= self.before.taken_mono_ns {
            self.before = Before::default();
        }
        self.before.seq = seq;
        self.before.taken_mono_ns = taken_mono_ns;

        let memory = sections.iter().find(|section| section.kind == Memory::KIND);
        let memory = memory.and_then(|section| section.entries.clone().next());
        let mut upgraded: Vec<u64> = words.iter().take(HEADER_WORDS).copied().collect();
        for section in sections {
            match section.kind {
                Memory::KIND => push(&section, Memory::LEN, memory_of, &mut upgraded),
                Activity::KIND => push(
                    &section,
                    Activity::LEN,
                    |entry| self.activity_of(entry, memory?),
                    &mut upgraded,
                ),
                // The same as now, but for fields that were appended.
                _ => {
                    let len = section.entries.clone().next().map_or(0, <[u64]>::len);
                    push(&section, len, |entry| Some(entry.to_vec()), &mut upgraded);
                }
            }
        }
        let size_bytes = bytes_of(upgraded.len());
        for (at, word) in [
            (VERSION_AT, model::record::VERSION),
            (SIZE_AT, size_bytes),
            (HEADER_AT, bytes_of(HEADER_WORDS)),
        ] {
            if let Some(place) = upgraded.get_mut(at) {
                *place = word;
            }
        }
        Ok(upgraded)
    }

    fn activity_of(&mut self, entry: &[u64], memory: &[u64]) -> Option<Vec<u64>> {
        let entry = entry.get(..ACTIVITY_WORDS)?;
        let count = |at: usize| u32::try_from(*entry.get(at)?).ok();
        let (cpu, soft) = (count(CPU_INTERRUPTS_AT)?, count(SOFT_INTERRUPTS_AT)?);
        let before = &mut self.before;
        before.cpu_interrupts = unwrapped(before.cpu_interrupts, cpu);
        before.soft_interrupts = unwrapped(before.soft_interrupts, soft);
        let [faults, major_faults, paged_in_sectors, paged_out_sectors, oom_kills, device_interrupts, ..] =
            *entry
        else {
            return None;
        };
        let activity = Activity {
            faults,
            major_faults,
            paged_in_sectors,
            paged_out_sectors,
            swapped_in_pages: *memory.get(SWAPPED_IN_AT)?,
            swapped_out_pages: *memory.get(SWAPPED_OUT_AT)?,
            oom_kills,
            device_interrupts,
            cpu_interrupts: before.cpu_interrupts,
            soft_interrupts: before.soft_interrupts,
        };
        let mut words = Vec::with_capacity(Activity::LEN);
        activity.put(&mut |word| words.push(word));
        Some(words)
    }
}

/// The memory counters of the present version, which has no swap counts among them.
fn memory_of(entry: &[u64]) -> Option<Vec<u64>> {
    let entry = entry.get(..MEMORY_WORDS)?;
    let is_swapped = |at: usize| at == SWAPPED_IN_AT || at == SWAPPED_OUT_AT;
    let kept = entry.iter().enumerate().filter(|(at, _)| !is_swapped(*at));
    Some(kept.map(|(_, word)| *word).collect())
}

/// Adds a section of the present version, with what `entry_of` makes of the entries: each has
/// `entry_words`.
fn push(
    section: &Section<'_>,
    entry_words: usize,
    entry_of: impl FnMut(&[u64]) -> Option<Vec<u64>>,
    words: &mut Vec<u64>,
) {
    let entries: Vec<u64> = section
        .entries
        .clone()
        .filter_map(entry_of)
        .flatten()
        .collect();
    let header = SectionHeader {
        kind: section.kind,
        size_bytes: bytes_of(SectionHeader::LEN + entries.len()),
        header_bytes: bytes_of(SectionHeader::LEN),
        // One word for a section that has no entries and does not say how long they are.
        entry_bytes: bytes_of(entry_words.max(1)),
        state: section.state,
        left_out: section.left_out,
        first_mono_ns: section.taken_mono_ns,
        last_mono_ns: section.taken_mono_ns,
    };
    header.put(&mut |word| words.push(word));
    words.extend(entries);
}

/// The sections in these words, or how many words are left where there is none.
fn sections_of(mut words: &[u64]) -> Result<Vec<Section<'_>>, usize> {
    let mut sections = Vec::new();
    while !words.is_empty() {
        let Some((section, rest)) = first_section(words) else {
            return Err(words.len());
        };
        sections.push(section);
        words = rest;
    }
    Ok(sections)
}

fn first_section(words: &[u64]) -> Option<(Section<'_>, &[u64])> {
    let (header, _) = words.split_at_checked(SECTION_WORDS)?;
    let [kind, size_bytes, entry_bytes, state, taken_mono_ns, left_out] = *header else {
        return None;
    };
    let (section, rest) = words.split_at_checked(words_of(size_bytes)?)?;
    let entries = section.get(SECTION_WORDS..)?;
    let entry_words = words_of(entry_bytes).filter(|count| *count != 0)?;
    let entries = entries.chunks_exact(entry_words);
    let section = Section {
        kind,
        state,
        taken_mono_ns,
        left_out,
        entries,
    };
    section
        .entries
        .remainder()
        .is_empty()
        .then_some((section, rest))
}

fn bytes_of(words: usize) -> u64 {
    (words * WORD_BYTES) as u64
}

/// Words of so many bytes, if they are whole words.
fn words_of(bytes: u64) -> Option<usize> {
    let bytes = usize::try_from(bytes).ok()?;
    (bytes % WORD_BYTES == 0).then_some(bytes / WORD_BYTES)
}

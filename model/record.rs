// SPDX-License-Identifier: GPL-2.0-or-later

//! The record of one sample: raw counters and times, as a row of 64-bit words in little-endian
//! order.
//!
//! ```text
//! | Header | SectionHeader, entries … | SectionHeader, entries … | …
//! ```
//!
//! The timer callback writes the header, the memory counters and the CPUs, and computes nothing.
//! The other sources follow, a section each. A reader goes by the sizes that a record gives: it
//! skips sections of a kind that it does not know and fields beyond those that it knows, and takes
//! fields that a shorter header or entry does not have for missing. Two records make rates (see
//! [`super::rates`]).
//!
//! `resource_monitor.h` is the same for programs in C.

use super::words::{self, words, Words};

pub use super::words::{Content, Kind};

/// The first word of each record: `RSRCMON` and a zero, in memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"RSRCMON\0");

/// Version of the record. New kinds of sections, and new fields at the end of a header or of an
/// entry, do not change it.
pub const VERSION: u64 = 2;

/// The oldest version whose record gives its size as this one does: see [`size_bytes`].
pub const OLDEST_VERSION: u64 = 1;

/// Bytes of a word.
pub const WORD_BYTES: usize = 8;

const fn bytes_of(words: usize) -> u64 {
    words.saturating_mul(WORD_BYTES) as u64
}

/// Words of `bytes`, if they are whole words.
pub(super) fn words_of(bytes: u64) -> Option<usize> {
    const BYTES: u64 = bytes_of(1);
    let words = usize::try_from(bytes / BYTES).ok()?;
    (bytes % BYTES == 0).then_some(words)
}

words! {
    /// What a record begins with: when and under which number the sample was taken.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Header: "resource_monitor_record" {
        /// [`MAGIC`].
        pub magic: u64,
        /// [`VERSION`].
        pub version: u64,
        /// Bytes of the whole record.
        pub size_bytes: u64,
        /// Bytes of this header.
        pub header_bytes: u64,
        /// Sequence number; the first sample after loading is 0.
        pub seq: u64,
        /// How many records right before this one its reader did not get, since they were not kept
        /// long enough. Each reader has its own.
        pub lost_records: u64,
        /// `CLOCK_MONOTONIC` when the sample was taken, in nanoseconds.
        pub taken_mono_ns: u64,
        /// `CLOCK_REALTIME` when the sample was taken, in nanoseconds since 1970.
        pub taken_wall_ns: u64,
        /// `CLOCK_MONOTONIC` when the sample was due, in nanoseconds.
        pub due_mono_ns: u64,
        /// The interval in force, in nanoseconds.
        pub interval_ns: u64,
        /// Ticks since load that were due but never ran, because the one before was so late.
        pub missed_ticks: u64,
        /// Samples since load, before this one, that were taken more than a tenth of the interval
        /// after they were due.
        pub late_samples: u64,
        /// Nanoseconds the timer callback needed for the sample before this one.
        pub previous_cost_ns: u64,
        /// `CLOCK_BOOTTIME` when the sample was taken, in nanoseconds.
        pub taken_boot_ns: Option<u64>,
        /// Drawn at random when the module was loaded. Records of two loads are not comparable, since
        /// sequence numbers and what counts since load begin again.
        pub load_id: Option<u64>,
        /// The same for all loads of one boot, and another for each boot. Records of two boots are not
        /// comparable.
        pub boot_id: Option<u64>,
    }
}

words! {
    /// The words that the headers of all versions begin with.
    struct Start: "resource_monitor_record" {
        magic: u64,
        version: u64,
        size_bytes: u64,
        header_bytes: u64,
    }
}

impl Start {
    /// Reads the start of a record of a version from `oldest` on.
    fn of(words: &[u64], oldest: u64) -> Result<Self, Invalid> {
        let start = Self::from_words(words).ok_or(Invalid::TooShort)?;
        if start.magic == MAGIC.swap_bytes() {
            return Err(Invalid::ByteOrder);
        }
        if start.magic != MAGIC {
            return Err(Invalid::Magic);
        }
        if start.version < oldest || start.version > VERSION {
            return Err(Invalid::Version(start.version));
        }
        let header_words = words_of(start.header_bytes);
        let has_room = start.size_bytes >= start.header_bytes
            && header_words.is_some_and(|words| words >= Header::MIN_LEN)
            && words_of(start.size_bytes).is_some();
        if !has_room {
            return Err(Invalid::Size(start.size_bytes));
        }
        Ok(start)
    }
}

impl Header {
    /// The header of a record of `words` words, with everything else at zero.
    pub fn of(words: usize) -> Self {
        Self {
            magic: MAGIC,
            version: VERSION,
            size_bytes: bytes_of(words),
            header_bytes: bytes_of(Self::LEN),
            ..Self::default()
        }
    }
}

/// The word of a record that has [`Header::version`].
pub const VERSION_AT: usize = 1;

/// The word of a record that has [`Header::size_bytes`].
pub const SIZE_AT: usize = 2;

/// The word of a record that has [`Header::seq`].
pub const SEQ_AT: usize = 4;

/// The word of a record that has [`Header::lost_records`].
pub const LOST_AT: usize = 5;

/// The word of a record that has [`Header::taken_mono_ns`].
pub const TAKEN_MONO_AT: usize = 6;

/// The word of a record that has [`Header::taken_wall_ns`].
pub const TAKEN_WALL_AT: usize = 7;

/// The word of a record that has [`Header::taken_boot_ns`].
pub const TAKEN_BOOT_AT: usize = 13;

/// The word of a record that has [`Header::load_id`].
pub const LOAD_ID_AT: usize = 14;

/// The word of a record that has [`Header::boot_id`].
pub const BOOT_ID_AT: usize = 15;

words! {
    /// What a section begins with. Its entries follow [`Self::header_bytes`] after its start, each of
    /// [`Self::entry_bytes`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SectionHeader: "resource_monitor_section" {
        /// What the entries are: the number of their kind.
        pub kind: u64,
        /// Bytes of the whole section, this header included.
        pub size_bytes: u64,
        /// Bytes of this header.
        pub header_bytes: u64,
        /// Bytes of an entry.
        pub entry_bytes: u64,
        /// [`TAKEN`] or [`STALE`].
        pub state: u64,
        /// Number of entries that are missing, since the module has no room for more.
        pub left_out: u64,
        /// `CLOCK_MONOTONIC` right before the first entry was read, in nanoseconds.
        pub first_mono_ns: u64,
        /// `CLOCK_MONOTONIC` right after the last entry was read, in nanoseconds. Sections that are
        /// read in no time worth a look at the clock follow one another: they have the time before
        /// the first of them, and here the same.
        pub last_mono_ns: u64,
    }
}

/// The word of a section that has [`SectionHeader::size_bytes`].
pub const SECTION_SIZE_AT: usize = 1;

/// The word of a section that has [`SectionHeader::header_bytes`].
const SECTION_HEADER_AT: usize = 2;

/// State of a section that has what there was.
pub const TAKEN: u64 = 0;

/// State of a section that could not be taken in time. It has no entries, or one that says what
/// is late.
pub const STALE: u64 = 1;

impl SectionHeader {
    /// The header of a section of `count` entries.
    pub fn of<C: Content>(count: usize) -> Self {
        Self {
            kind: C::KIND,
            size_bytes: bytes_of(section_words::<C>(count)),
            header_bytes: bytes_of(Self::LEN),
            entry_bytes: bytes_of(C::LEN),
            state: TAKEN,
            ..Self::default()
        }
    }
}

/// Words of a section of `count` entries.
pub const fn section_words<C: Content>(count: usize) -> usize {
    SectionHeader::LEN.saturating_add(count.saturating_mul(C::LEN))
}

/// Why some words are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// There are fewer words than a header has.
    TooShort,
    /// They do not begin with [`MAGIC`].
    Magic,
    /// The magic number is there, in big-endian order.
    ByteOrder,
    /// It is of this version, which is another one.
    Version(u64),
    /// The size that it gives is not this one, in bytes.
    Size(u64),
    /// The section at this word does not fit in.
    Section(usize),
}

/// A record, as its words.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    header: Header,
    words: &'a [u64],
}

/// The size in bytes of the record that these words begin, as far as a header can tell. They may
/// be of any version from [`OLDEST_VERSION`] on, and [`Header::MIN_LEN`] of them are enough.
pub fn size_bytes(head: &[u64]) -> Result<u64, Invalid> {
    Ok(Start::of(head, OLDEST_VERSION)?.size_bytes)
}

impl<'a> Record<'a> {
    /// Looks at `words` as one whole record.
    pub fn new(words: &'a [u64]) -> Result<Self, Invalid> {
        let start = Start::of(words, VERSION)?;
        if words_of(start.size_bytes) != Some(words.len()) {
            return Err(Invalid::Size(start.size_bytes));
        }
        let header = words_of(start.header_bytes)
            .and_then(|len| words.get(..len))
            .and_then(Header::from_words)
            .ok_or(Invalid::Size(start.size_bytes))?;
        let record = Self { header, words };
        let mut sections = record.sections();
        while sections.next().is_some() {}
        if sections.rest.is_empty() {
            Ok(record)
        } else {
            Err(Invalid::Section(
                words.len().saturating_sub(sections.rest.len()),
            ))
        }
    }

    /// When and under which number the sample was taken.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The words of the whole record.
    pub fn words(&self) -> &'a [u64] {
        self.words
    }

    /// The sections, known ones and others.
    pub fn sections(&self) -> Sections<'a> {
        let at = words_of(self.header.header_bytes).unwrap_or(usize::MAX);
        Sections {
            rest: self.words.get(at..).unwrap_or_default(),
        }
    }

    /// The entries of all sections of one kind.
    pub fn entries<C: Content>(&self) -> impl Iterator<Item = C> + 'a {
        self.sections().flat_map(|section| section.entries())
    }

    /// Nanoseconds of `CLOCK_MONOTONIC` since the sample `before` was taken; 0 when they are out of
    /// order.
    pub fn elapsed_ns_since(&self, before: &Record<'_>) -> u64 {
        let then = before.header.taken_mono_ns;
        self.header.taken_mono_ns.saturating_sub(then)
    }
}

/// The sections of a record.
#[derive(Clone, Debug)]
pub struct Sections<'a> {
    rest: &'a [u64],
}

impl<'a> Iterator for Sections<'a> {
    type Item = Section<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let header_words = words_of(*self.rest.get(SECTION_HEADER_AT)?)?;
        let header = SectionHeader::from_words(self.rest.get(..header_words)?)?;
        let (section, rest) = self.rest.split_at_checked(words_of(header.size_bytes)?)?;
        let entries = section.get(header_words..)?;
        let entry_words = words_of(header.entry_bytes)?;
        if entries.len().checked_rem(entry_words) != Some(0) {
            return None;
        }
        self.rest = rest;
        Some(Section {
            header,
            entry_words,
            entries,
        })
    }
}

/// A section of a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Section<'a> {
    header: SectionHeader,
    entry_words: usize,
    entries: &'a [u64],
}

impl<'a> Section<'a> {
    /// What it begins with.
    pub fn header(&self) -> SectionHeader {
        self.header
    }

    /// How many entries of the kind `C` it has: none when it is of another kind, or when an entry
    /// lacks what every entry of that kind has.
    pub fn count<C: Content>(&self) -> usize {
        let is_one = self.header.kind == C::KIND && self.entry_words >= C::MIN_LEN;
        let count = self.entries.len().checked_div(self.entry_words);
        count.filter(|_| is_one).unwrap_or(0)
    }

    /// The word at the place `at` of each entry, if they are of the kind `C`.
    pub fn column<C: Content>(&self, at: usize) -> impl Iterator<Item = u64> + 'a {
        let count = self.count::<C>();
        let words = self.entries.get(at..).unwrap_or_default();
        words
            .iter()
            .step_by(self.entry_words.max(1))
            .take(count)
            .copied()
    }

    /// Its entries, if they are of the kind `C`.
    pub fn entries<C: Content>(&self) -> impl Iterator<Item = C> + Clone + 'a {
        let step = self.entry_words;
        let mut rest = self.entries;
        if self.count::<C>() == 0 {
            rest = &[];
        }
        core::iter::from_fn(move || loop {
            let (entry, more) = rest.split_at_checked(step).filter(|_| step != 0)?;
            rest = more;
            // What this cannot read is left out.
            let entry = C::from_words(entry);
            if entry.is_some() {
                return entry;
            }
        })
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The lives: what is known of each beside its records.
//!
//! What does not change of one is written when the module is loaded, and what does is there twice: of the two
//! copies one is whole whenever the machine stops.

use super::super::crc32c;
use super::super::ioctl::{MAX_RELEASE, PANIC, RUNS};
use super::super::sum::{Sum, SUM_WORDS};
use super::super::text::Text;
use super::super::words::{self, words, Words};
use super::MAX_NUMBER;

/// How many lives there is room for. A newer one takes the place of the oldest.
pub const LIVES: usize = 64;

/// Words of the place for one.
pub const LIFE_WORDS: usize = 32;

/// Where in its place the two copies of its state are, each in a cache line of its own.
pub const STATE_AT: [usize; 2] = [16, 24];

/// Words of a copy: the state, and its sum.
pub const STATE_WORDS: usize = State::LEN + SUM_WORDS;

const _: () = {
    let [first, second] = STATE_AT;
    assert!(Life::LEN <= first && first + STATE_WORDS <= second);
    assert!(second + STATE_WORDS <= LIFE_WORDS);
};

words! {
    /// What does not change of a life.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Life: "resource_monitor_reserved_life" {
        /// Each has a higher one than all before.
        pub number: u64,
        /// As in its records.
        pub boot_id: u64,
        /// As in its records.
        pub load_id: u64,
        /// The release of the kernel.
        pub kernel: Text<MAX_RELEASE>,
        /// `CLOCK_BOOTTIME` when the module was loaded, in nanoseconds.
        pub begin_boot_ns: u64,
        /// CRC-32C of the words before this one.
        pub checksum: u64,
    }
}

/// The word that has [`Life::checksum`].
const CHECKSUM_AT: usize = Life::LEN.saturating_sub(1);

words! {
    /// What changes of a life.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct State: "resource_monitor_reserved_state" {
        /// How often it has changed.
        pub version: u64,
        /// As [`ioctl::Life::wall_ahead_ns`](super::super::ioctl::Life::wall_ahead_ns).
        pub wall_ahead_ns: u64,
        /// How it has ended, as far as somebody noted that.
        pub ended: u64,
        /// When that was noted, by `CLOCK_BOOTTIME` in nanoseconds.
        pub end_boot_ns: u64,
    }
}

impl Life {
    /// This life with its checksum.
    pub fn sealed(self) -> Self {
        Self {
            checksum: u64::from(crc32c::of_first(&self, CHECKSUM_AT)),
            ..self
        }
    }

    /// Reads the life in a place; none when it is damaged.
    pub fn read(place: &[u64]) -> Option<Self> {
        let life = Self::from_words(place)?;
        let before = place.iter().copied().take(CHECKSUM_AT);
        let is_whole = life.checksum == u64::from(crc32c::update_words(0, before));
        (is_whole && (1..MAX_NUMBER).contains(&life.number)).then_some(life)
    }
}

impl State {
    /// The words of a copy of it.
    pub fn copy(&self) -> [u64; STATE_WORDS] {
        let Self {
            version,
            wall_ahead_ns,
            ended,
            end_boot_ns,
        } = *self;
        let [words, sums] = Sum::of([version, wall_ahead_ns, ended, end_boot_ns]).words();
        [version, wall_ahead_ns, ended, end_boot_ns, words, sums]
    }

    /// Reads the state in the place of a life, of the copies that are whole the one that was written last.
    pub fn read(place: &[u64]) -> Option<Self> {
        let copies = STATE_AT.map(|at| Self::read_copy(place.get(at..)?));
        copies
            .into_iter()
            .flatten()
            .max_by_key(|state| state.version)
    }

    fn read_copy(words: &[u64]) -> Option<Self> {
        let state = Self::from_words(words)?;
        let is_whole = words.get(..STATE_WORDS) == Some(&state.copy());
        let is_known = (RUNS..=PANIC).contains(&state.ended);
        (is_whole && is_known).then_some(state)
    }
}

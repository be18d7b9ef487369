// SPDX-License-Identifier: GPL-2.0

//! The lives in memory that outlives the machine: `model/reserved/life.rs` says how they lie there.

use super::{
    copy,
    life::Life,
    piece::Piece, //
};
use crate::{
    model::{
        ioctl::{
            MAX_RELEASE,
            RUNS, //
        },
        reserved::life::{
            self,
            State,
            LIFE_WORDS,
            LIVES,
            STATE_AT,
            STATE_WORDS, //
        },
        text::Text, //
    },
    sys::{
        clock,
        rwonce::RwOnce, //
    }, //
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::SpinLock,
    time::NSEC_PER_MSEC, //
};

/// By how much the wall clock has to go on otherwise before that is noted.
const CLOCK_NS: u64 = 100 * NSEC_PER_MSEC as u64;

/// The words of a place.
type Place = [u64; LIFE_WORDS];

/// The table of lives, of which this one is the newest.
pub(super) struct LifeTable {
    memory: Piece,
    /// Number of this life; its place follows from it.
    number: u64,
    state: LifeState,
    /// `state` changes under it, except at a panic. It is held for a few instructions.
    writer: Pin<KBox<SpinLock<()>>>,
}

/// The state of this life, as it is in the table.
struct LifeState {
    version: RwOnce<u64>,
    wall_ahead_ns: RwOnce<u64>,
    ended: RwOnce<u64>,
    end_boot_ns: RwOnce<u64>,
}

impl LifeTable {
    /// The table in `memory`.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn new(memory: Piece) -> Result<Self> {
        let mut table = Self {
            memory,
            number: 0,
            state: LifeState {
                version: RwOnce::new(0),
                wall_ahead_ns: RwOnce::new(0),
                ended: RwOnce::new(RUNS),
                end_boot_ns: RwOnce::new(0),
            },
            writer: KBox::pin_init(new_spinlock!((), "LifeTable::writer"), GFP_KERNEL)?,
        };
        let newest = table.lives().map(|(life, _)| life.number).max();
        table.number = newest.unwrap_or(0).saturating_add(1);
        Ok(table)
    }

    /// Notes the life that begins, in the place of the oldest.
    pub(super) fn begin(
        &self,
        life: Life,
        kernel: Text<MAX_RELEASE>,
        begin_boot_ns: u64,
        wall_ahead_ns: u64,
    ) {
        let place = self.place(self.number);
        self.memory.erase(place);
        self.state.wall_ahead_ns.write(wall_ahead_ns);
        self.write_state();
        let noted = life::Life {
            number: self.number,
            boot_id: life.boot_id,
            load_id: life.load_id,
            kernel,
            begin_boot_ns,
            checksum: 0,
        };
        copy::put(place, &noted.sealed());
        self.memory.write_back(place);
    }

    /// Notes by how much the wall clock is ahead of `CLOCK_BOOTTIME`, if that has changed.
    ///
    /// # Context
    ///
    /// Process context.
    pub(super) fn note_clock(&self, wall_ahead_ns: u64) {
        if wall_ahead_ns.abs_diff(self.state.wall_ahead_ns.read()) >= CLOCK_NS {
            let _writer = self.writer.lock();
            self.state.wall_ahead_ns.write(wall_ahead_ns);
            self.write_state();
        }
    }

    /// Notes that this life ends now.
    ///
    /// # Context
    ///
    /// Process context.
    pub(super) fn note_end(&self, ended: u64) {
        let _writer = self.writer.lock();
        self.note_last_end(ended);
    }

    /// The same when nobody else does anything any more, maybe stopped in the middle of it.
    ///
    /// # Context
    ///
    /// Any context, NMI included; takes no locks.
    pub(super) fn note_last_end(&self, ended: u64) {
        let (wall_ns, boot_ns) = clock::wall_and_boot_fast_ns();
        let state = &self.state;
        state.wall_ahead_ns.write(wall_ns.saturating_sub(boot_ns));
        state.end_boot_ns.write(boot_ns);
        state.ended.write(ended);
        self.write_state();
    }

    /// Writes the state to the copy that is not the newest. One caller at a time; one that was stopped in it for
    /// good does not count.
    fn write_state(&self) {
        let state = &self.state;
        let version = state.version.read().wrapping_add(1);
        let copy = State {
            version,
            wall_ahead_ns: state.wall_ahead_ns.read(),
            ended: state.ended.read(),
            end_boot_ns: state.end_boot_ns.read(),
        }
        .copy();
        let [even, odd] = STATE_AT;
        let at = if version % 2 == 0 { even } else { odd };
        let place = self.place(self.number).get(at..).unwrap_or_default();
        copy::store(&copy, place);
        self.memory
            .write_back(place.get(..STATE_WORDS).unwrap_or_default());
        state.version.write(version);
    }

    /// What is known of another life; none when it is not in the table, or damaged there.
    pub(super) fn find(&self, life: Life) -> Option<(life::Life, State)> {
        let is_it =
            |known: &life::Life| known.boot_id == life.boot_id && known.load_id == life.load_id;
        self.lives().find(|(known, _)| is_it(known))
    }

    /// Erases the lives of other boots than this one.
    pub(super) fn forget(&self, boot_id: u64) {
        for place in self.places() {
            let life = life::Life::read(&read(place));
            if life.is_none_or(|life| life.boot_id != boot_id) {
                self.memory.erase(place);
            }
        }
    }

    /// The lives in the table, each with its state, as far as that is known.
    fn lives(&self) -> impl Iterator<Item = (life::Life, State)> + '_ {
        self.places().filter_map(|place| {
            let words = read(place);
            let life = life::Life::read(&words)?;
            Some((life, State::read(&words).unwrap_or_default()))
        })
    }

    fn places(&self) -> impl Iterator<Item = &[RwOnce<u64>]> {
        self.memory.words().chunks_exact(LIFE_WORDS)
    }

    /// The place of the life of a number.
    fn place(&self, number: u64) -> &[RwOnce<u64>] {
        let at = (number % LIVES as u64) as usize;
        self.places().nth(at).unwrap_or_default()
    }
}

fn read(place: &[RwOnce<u64>]) -> Place {
    let mut words = [0; LIFE_WORDS];
    copy::load(place, &mut words);
    words
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Records of a machine that is made up: its words grow as those of a loaded one do.

use crate::util::push_section;
use model::record::{Content, Header};
use model::source::activity::Activity;
use model::source::cpu::Cpu;
use model::source::disk::Disk;
use model::source::fs::Fs;
use model::source::load::Load;
use model::source::memory::{Buffers, Memory};
use model::source::net::Net;
use model::words::Words;

/// A tick of 250 Hz.
pub const TICK_NS: u64 = 4_000_000;

/// How long the machine has been up before its first record.
const UP_S: u64 = 600;

/// Numbers by chance, the same ones in each run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What a word does from one record to the next.
#[derive(Clone, Copy)]
enum Grows {
    /// It stays.
    Not,
    /// By the interval, and its jitter.
    Time,
    /// By one.
    One,
    /// By up to so many ticks a second.
    Ticks(u64),
    /// By about this a second, and up to a fifth more.
    Rate(u64),
    /// It is somewhere below this, and another thing each time.
    Any(u64),
}
use Grows::{Any, Not, One, Rate, Ticks, Time};

/// Kinds of words, in a row of so many.
type Row = &'static [(usize, Grows)];

const HEADER: Row = &[
    (4, Not),
    (1, One),
    (1, Not),
    (3, Time),
    (3, Not),
    (1, Any(15_000)),
    (1, Time),
    (2, Not),
];
const SECTION: Row = &[(6, Not), (2, Time)];
const MEMORY: Row = &[
    (1, Not),
    (3, Rate(300)),
    (1, Not),
    (1, Rate(2)),
    (2, Rate(20)),
    (2, Any(2_000)),
    (1, Rate(100)),
    (2, Rate(3)),
    (2, Not),
];
const CPU: Row = &[
    (2, Not),
    (1, Ticks(40)),
    (1, Not),
    (2, Ticks(25)),
    (1, Not),
    (1, Ticks(30)),
    (1, Ticks(2)),
    (3, Not),
];
const LOAD: Row = &[(3, Any(60))];
const ACTIVITY: Row = &[
    (1, Rate(90_000)),
    (1, Not),
    (2, Rate(20_000)),
    (3, Not),
    (1, Rate(3_000)),
    (1, Rate(40_000)),
    (1, Rate(15_000)),
];
const DISK: Row = &[
    (1, Time),
    (6, Not),
    (1, Rate(400)),
    (1, Rate(9_000)),
    (1, Rate(700_000_000)),
    (1, Rate(300)),
    (1, Rate(12_000)),
    (1, Rate(900_000_000)),
    (3, Not),
    (1, Rate(4)),
    (1, Not),
    (1, Rate(20_000_000)),
    (1, Ticks(150)),
    (1, Any(4)),
    (3, Not),
];
const NET: Row = &[
    (1, Time),
    (3, Not),
    (2, Rate(50_000)),
    (2, Not),
    (2, Rate(50_000)),
    (3, Not),
];
const FS: Row = &[(33, Not), (2, Any(4_000)), (2, Not)];

/// A machine.
pub struct Machine {
    words: Vec<u64>,
    grow: Vec<Grows>,
    random: Random,
    interval_ns: u64,
}

impl Machine {
    /// One with so many CPUs, two disks, two interfaces and four paths, sampled once in an interval.
    pub fn new(cpus: usize, interval_ns: u64) -> Self {
        let mut machine = Self {
            words: Vec::new(),
            grow: Vec::new(),
            random: Random::new(cpus as u64 ^ interval_ns),
            interval_ns,
        };
        Header::of(0).put(&mut |word| machine.words.push(word));
        machine.add(HEADER);
        machine.section::<Memory>(MEMORY, 1);
        machine.section::<Cpu>(CPU, cpus);
        machine.section::<Load>(LOAD, 1);
        machine.section::<Activity>(ACTIVITY, 1);
        machine.section::<Disk>(DISK, 2);
        machine.section::<Net>(NET, 2);
        machine.section::<Buffers>(&[(1, Any(100))], 1);
        machine.section::<Fs>(FS, 4);
        machine.words[2] = 8 * machine.words.len() as u64;
        for (word, grows) in machine.words.iter_mut().zip(&machine.grow) {
            *word += match grows {
                Not => 0,
                Time => UP_S * 1_000_000_000 + machine.random.below(1 << 16),
                Rate(rate) => UP_S * (rate + machine.random.below(*rate)),
                Ticks(most) => UP_S * TICK_NS * machine.random.below(*most),
                One => UP_S,
                Any(end) => machine.random.below(*end),
            };
        }
        machine
    }

    fn add(&mut self, row: Row) {
        for (count, grows) in row {
            self.grow.extend(vec![*grows; *count]);
        }
    }

    fn section<C: Content + Clone>(&mut self, row: Row, count: usize) {
        // Constant words are small, as flags are, or those of a name.
        let entry: Vec<u64> = (0..C::LEN as u64).map(|word| word % 3).collect();
        let entry = C::from_words(&entry).expect("an entry");
        push_section(&mut self.words, &vec![entry; count]);
        self.add(SECTION);
        for _ in 0..count {
            self.add(row);
        }
        assert_eq!(self.words.len(), self.grow.len(), "words of each kind");
    }

    /// The next record.
    pub fn record(&mut self) -> Vec<u64> {
        let (random, interval_ns) = (&mut self.random, self.interval_ns);
        let second = 1_000_000_000;
        let scaled = |rate: u64| rate * (interval_ns / 1_000_000) / (second / 1_000_000);
        let late = random.below(60_000);
        for (word, grows) in self.words.iter_mut().zip(&self.grow) {
            let by = match *grows {
                Not => 0,
                Time => interval_ns + late + random.below(3_000),
                One => 1,
                Ticks(max) => TICK_NS * random.below(scaled(max) + 1),
                Rate(rate) => scaled(rate) + random.below(rate / 5 + 1),
                Any(end) => random.below(end).wrapping_sub(*word),
            };
            *word = word.wrapping_add(by);
        }
        self.words.clone()
    }

    /// The next `count` records.
    pub fn records(&mut self, count: usize) -> Vec<Vec<u64>> {
        (0..count).map(|_| self.record()).collect()
    }
}

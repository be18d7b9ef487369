// SPDX-License-Identifier: GPL-2.0

//! What was damaged in reserved memory, at random or by others.

use std::collections::BTreeSet;

use anyhow::{ensure, Result};
use resmon::model::block;
use resmon::model::record::WORD_BYTES;
use resmon::model::reserved::{Head, HEAD_AT, LIVES_AT, RING_AT};
use resmon::model::words::Words;

use super::image::{Image, Region};
use super::{check, check_damaged, image, load_with, Loaded};
use crate::cases::lifecycle::Random;
use crate::cases::Guest;
use crate::lines::Line;

const FLIPS: usize = 1000;

/// So many bits are changed at a time.
const AT_A_TIME: usize = 25;

/// The memory of a case, and what it is to be.
struct Test<'a> {
    guest: &'a Guest,
    region: Region,
    image: &'static Image,
    random: Random,
}

impl<'a> Test<'a> {
    fn new(guest: &'a Guest, seed: u64) -> Result<Self> {
        let region = Region::open()?;
        Ok(Self {
            image: image(guest, &region)?,
            guest,
            region,
            random: Random(seed),
        })
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random.below(limit as u64) as usize
    }

    /// Changes bits of some words at random, some at a time, so many in all.
    fn flip(&mut self, places: &[usize], count: usize) -> Result<()> {
        let (mut loads, mut more) = (0, 0);
        for _ in 0..count.div_ceil(AT_A_TIME) {
            let mut words = self.image.words.clone();
            for _ in 0..AT_A_TIME {
                let at = self.below(places.len());
                words[places[at]] ^= 1 << self.below(64);
            }
            more += check_damaged(self.guest, &self.region, self.image, &words)?;
            loads += 1;
        }
        crate::report(&format!(
            "# {loads} loads; {more} records were shown besides those that had to be"
        ));
        Ok(())
    }

    /// Changes a byte.
    fn change(&mut self, words: &mut [u64], at: usize, byte: usize) {
        let other = 1 + self.random.below(255);
        words[at + byte / WORD_BYTES] ^= other << (byte % WORD_BYTES * 8);
    }
}

/// In the debug kernel all takes long.
fn flips(guest: &Guest) -> usize {
    if guest.is_debug() {
        FLIPS / 10
    } else {
        FLIPS
    }
}

/// Each byte of the header of a block, in some blocks at a time.
pub fn headers(guest: &Guest) -> Result<()> {
    const BLOCKS: usize = 3;
    let mut test = Test::new(guest, 0xb10c)?;
    let closed: Vec<usize> = test
        .image
        .blocks
        .iter()
        .filter(|block| !block.is_open)
        .map(|block| block.at)
        .collect();
    let bytes: Vec<usize> = (0..block::Header::LEN * WORD_BYTES).collect();
    for (round, some) in bytes.chunks(BLOCKS).enumerate() {
        if guest.is_debug() && round % 8 != 0 {
            continue;
        }
        let mut words = test.image.words.clone();
        for (number, byte) in some.iter().enumerate() {
            let at = closed[(round + number) % closed.len()];
            test.change(&mut words, at, *byte);
        }
        check_damaged(guest, &test.region, test.image, &words)?;
    }
    Ok(())
}

pub fn frames(guest: &Guest) -> Result<()> {
    let mut test = Test::new(guest, 0xf4a3e5)?;
    let places = test.image.frame_words();
    test.flip(&places, flips(guest))
}

pub fn plain(guest: &Guest) -> Result<()> {
    let mut test = Test::new(guest, 0x91a17)?;
    let places = test.image.plain_words();
    test.flip(&places, flips(guest))
}

/// Each byte of what the memory begins with, which is there twice. Without either nothing is to be found there, which is
/// said.
pub fn head(guest: &Guest) -> Result<()> {
    let mut test = Test::new(guest, 0x8ead)?;
    for byte in 0..Head::LEN * WORD_BYTES {
        if guest.is_debug() && byte % 8 != 3 {
            continue;
        }
        let mut words = test.image.words.clone();
        test.change(&mut words, HEAD_AT[byte % 2], byte);
        check_damaged(guest, &test.region, test.image, &words)?;
        test.change(&mut words, HEAD_AT[1 - byte % 2], byte);
        let Loaded { shown, said, .. } = load_with(guest, &test.region, &words)?;
        ensure!(
            shown.is_empty(),
            "{} records are shown below other heads",
            shown.len()
        );
        // What begins otherwise is nothing of ours.
        let is_ours = byte >= WORD_BYTES;
        let is_said = said.contains(&Line::HistoryStartsOver);
        ensure!(
            is_said == is_ours,
            "with byte {byte} changed the module says {said:?}"
        );
    }
    Ok(())
}

/// What is known of lives, the headers of the open block, and where the ring begins and ends: no record hangs on
/// any of it but those of the open block.
pub fn lives(guest: &Guest) -> Result<()> {
    let mut test = Test::new(guest, 0x11fe5)?;
    let positions = RING_AT..RING_AT + 16;
    let places: Vec<usize> = (Head::LEN..LIVES_AT)
        .chain(test.image.lives())
        .chain(positions)
        .collect();
    test.flip(&places, flips(guest))?;
    // Nothing at all is known but the records.
    let mut words = test.image.words.clone();
    words[Head::LEN..RING_AT].fill(0);
    check_damaged(guest, &test.region, test.image, &words).map(drop)
}

/// Memory of which a part is not as it was, or that is another's.
pub fn foreign(guest: &Guest) -> Result<()> {
    let mut test = Test::new(guest, 0xf0e1)?;
    let image = &test.image.words;
    let len = image.len();
    // The rest is zeros, or what was there before is noise.
    for _ in 0..if guest.is_debug() { 2 } else { 10 } {
        let at = Head::LEN + test.below(len - Head::LEN);
        let mut words = image.clone();
        words[at..].fill(0);
        check_damaged(guest, &test.region, test.image, &words)?;
        let mut words = image.clone();
        words[at..].fill_with(|| test.random.below(u64::MAX));
        check_damaged(guest, &test.region, test.image, &words)?;
    }
    // As a firmware leaves it that works in memory while it boots.
    let mut words = image.clone();
    for _ in 0..200 {
        let page = test.below(len / 512 - 1) + 1;
        words[page * 512..][..512].fill(0xafaf_afaf_afaf_afaf);
    }
    check_damaged(guest, &test.region, test.image, &words)?;

    let noise: Vec<u64> = image.iter().map(|_| test.random.below(u64::MAX)).collect();
    for (what, words) in [
        ("zeros", vec![0; len]),
        ("ones", vec![u64::MAX; len]),
        ("noise", noise),
    ] {
        let Loaded { shown, said, .. } = load_with(guest, &test.region, &words)?;
        ensure!(
            shown.is_empty() && !said.contains(&Line::HistoryStartsOver),
            "of {what} {} records are shown, and the module says {said:?}",
            shown.len()
        );
    }
    // Another version, and memory of another size, have a head that is as it was meant.
    let layout = test.image.layout;
    let mut version = layout.head();
    version.version += 1;
    let mut smaller = layout;
    smaller.words -= 4096;
    smaller.blocks -= 1;
    for (what, head) in [("version", seal(version)), ("size", smaller.head())] {
        let mut words = image.clone();
        HEAD_AT.map(|at| put(&mut words, at, &head));
        let Loaded { shown, said, .. } = load_with(guest, &test.region, &words)?;
        ensure!(
            shown.is_empty() && said.contains(&Line::HistoryStartsOver),
            "of another {what} {} records are shown, and the module says {said:?}",
            shown.len()
        );
    }
    // It is found again as it is.
    let all: BTreeSet<_> = test.image.records.keys().copied().collect();
    check(guest, &test.region, test.image, image, &all).map(drop)
}

/// Writes a value's words from `at` on.
pub fn put(words: &mut [u64], at: usize, value: &impl Words) {
    let mut places = words[at..].iter_mut();
    value.put(&mut |word| {
        if let Some(place) = places.next() {
            *place = word;
        }
    });
}

/// The head with its checksum, whatever it says.
pub fn seal(mut head: Head) -> Head {
    head.checksum = u64::from(resmon::model::crc32c::of_first(&head, Head::LEN - 1));
    head
}

// SPDX-License-Identifier: GPL-2.0

//! The history in reserved memory, of which the module may find anything when it is loaded. While it is not, a module
//! that is for tests alone (`tests/poke`) shows the memory to these, and has them change it.

mod damage;
mod hostile;
mod image;
mod lives;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use anyhow::{ensure, Context, Result};
use resmon::{Device, Ended};

use super::blocks::take_blocks;
use super::device::{load_idle, take};
use super::{Case, Clock, Guest, Needs};
use crate::lines::Line;
use crate::module::Module;
use image::{key, shown, Image, Key, Region, Shown};

pub const CASES: &[Case] = &[
    case("reserved memory over lives in one boot", lives::in_one_boot),
    case(
        "reserved memory with damaged headers of blocks",
        damage::headers,
    ),
    case(
        "reserved memory with changed bits of frames",
        damage::frames,
    ),
    case(
        "reserved memory with changed bits of plain records",
        damage::plain,
    ),
    case("reserved memory with a damaged head", damage::head),
    case(
        "reserved memory with damaged lives and positions",
        damage::lives,
    ),
    case(
        "reserved memory that is cut, empty or foreign",
        damage::foreign,
    ),
    case("reserved memory with hostile numbers", hostile::numbers),
    case("reserved memory with hostile lives", hostile::lives),
    Case {
        needs: Needs::TooLittleReservedMemory,
        ..case("too little memory is reserved", lives::too_little)
    },
    Case {
        name: "history in ordinary memory",
        needs: Needs::Nothing,
        clock: Clock::Any,
        run: lives::without,
    },
];

const fn case(name: &'static str, run: fn(&Guest) -> Result<()>) -> Case {
    Case {
        name,
        needs: Needs::ReservedMemory,
        clock: Clock::Instructions,
        run,
    }
}

/// No processes, so that a record is small.
const PARAMETERS: &str = "tasks=off";

/// Takes samples in a life until `is_enough`, and gives their records.
fn live(guest: &Guest, mut is_enough: impl FnMut(&Device) -> Result<bool>) -> Result<Shown> {
    let module = load_idle(guest, PARAMETERS)?;
    let device = Device::open_writable()?;
    loop {
        take(&device)?;
        if is_enough(&device)? {
            break;
        }
    }
    let mut records = Shown::new();
    for record in Device::history()? {
        records.insert(key(&record)?, record.to_bytes());
    }
    drop(device);
    module.unload()?;
    Ok(records)
}

/// Memory in which some lives have left records, made once.
fn image(guest: &Guest, region: &Region) -> Result<&'static Image> {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    if IMAGE.get().is_none() {
        // Cases run one after the other.
        let _ = IMAGE.set(make(guest, region)?);
    }
    IMAGE.get().context("no image")
}

/// Erases the memory, and has some lives leave records there: short ones, and one with several blocks.
fn make(guest: &Guest, region: &Region) -> Result<Image> {
    const SHORT_LIVES: u64 = 4;
    const BLOCKS: u64 = 3;
    region.write(&vec![0; region.read()?.len()])?;
    let mut records = Shown::new();
    for life in 0..SHORT_LIVES {
        let mut left = 4 + 3 * life;
        let of_life = live(guest, |_| {
            left -= 1;
            Ok(left == 0)
        })?;
        records.extend(of_life);
    }
    records.extend(live(guest, |device| {
        take_blocks(device, SHORT_LIVES + BLOCKS)?;
        Ok(true)
    })?);
    let image = Image::of(region.read()?, records)?;
    crate::report(&format!(
        "# {} records, in {} blocks and {} words of plain ones",
        image.records.len(),
        image.blocks.len(),
        image.plain_words().len()
    ));
    ensure!(
        image.blocks.len() as u64 > SHORT_LIVES + BLOCKS - 1 && !image.plain_words().is_empty(),
        "there is too little in memory for a test"
    );
    Ok(image)
}

/// What the module makes of memory.
struct Loaded {
    /// What is shown of lives that have ended.
    shown: Shown,
    /// How many records these are said to have.
    listed: u64,
    /// What the module says of the memory in the log.
    said: Vec<Line>,
}

/// Loads the module when the memory is so.
fn load_with(guest: &Guest, region: &Region, words: &[u64]) -> Result<Loaded> {
    region.write(words)?;
    let parameters = format!("interval_ms=3600000 log_every=0 {PARAMETERS}");
    let module = Module::load(&guest.log, &parameters)?;
    let shown = shown()?;
    let boots = Device::boots()?;
    let lives = boots.iter().flat_map(|boot| &boot.lives);
    let ended = lives.filter(|life| life.ended != Some(Ended::Running));
    let listed = ended.map(|life| life.records).sum();
    guest.log.mark("shown")?;
    let lines = module
        .lines(module.start)?
        .into_iter()
        .map(|(_, line)| line);
    let said = lines.filter(|line| {
        matches!(
            line,
            Line::HistoryReserved(..) | Line::HistoryEnds(_) | Line::HistoryStartsOver
        )
    });
    let said = said.collect();
    module.unload()?;
    Ok(Loaded {
        shown,
        listed,
        said,
    })
}

/// Fails unless the module takes the memory with these words other than they were, shows what is whole, and nothing
/// that was not recorded. Returns how many records more are shown.
fn check_damaged(guest: &Guest, region: &Region, image: &Image, words: &[u64]) -> Result<usize> {
    let differs = |at: &usize| words[*at] != image.words[*at];
    let damaged: Vec<usize> = (0..words.len()).filter(differs).collect();
    check(guest, region, image, words, &image.expected(&damaged))
}

/// The same of these records, whatever was changed.
fn check(
    guest: &Guest,
    region: &Region,
    image: &Image,
    words: &[u64],
    expected: &BTreeSet<Key>,
) -> Result<usize> {
    let loaded = load_with(guest, region, words)?;
    image.check(&loaded.shown, expected)?;
    let (shown, listed) = (loaded.shown.len(), loaded.listed);
    ensure!(
        listed == shown as u64,
        "ended lives are said to have {listed} records, and {shown} are shown"
    );
    ensure!(
        matches!(loaded.said.first(), Some(Line::HistoryReserved(..))),
        "the module says {:?} of the memory",
        loaded.said
    );
    Ok(shown - expected.len())
}

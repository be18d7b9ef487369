// SPDX-License-Identifier: GPL-2.0

//! What somebody has put into reserved memory on purpose, with checksums that are right. There the module may show
//! what was put there, but nothing may come of it for the kernel or a terminal.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use resmon::model::block;
use resmon::model::crc32c;
use resmon::model::record::{BOOT_ID_AT, SEQ_AT, SIZE_AT, TAKEN_BOOT_AT, WORD_BYTES};
use resmon::model::reserved::life::{Life, State, LIFE_WORDS, STATE_AT, STATE_WORDS};
use resmon::model::reserved::open::COPY_WORDS;
use resmon::model::reserved::{Head, HEAD_AT, OPEN_AT};
use resmon::model::sum::Sum;
use resmon::model::text::Text;
use resmon::model::words::Words;
use resmon::Device;

use super::damage::{put, seal};
use super::image::{Image, Region};
use super::{check, image, load_with, PARAMETERS};
use crate::cases::device::load_idle;
use crate::cases::Guest;
use crate::tools;

const MAX: u64 = u64::MAX;

/// Sizes and counts that cannot be, or not here.
pub fn numbers(guest: &Guest) -> Result<()> {
    let region = Region::open()?;
    let image = image(guest, &region)?;
    let mut tried = 0;
    // What is shown is still what was recorded.
    let mut check_shown = |words: &[u64]| -> Result<()> {
        tried += 1;
        check(guest, &region, image, words, &BTreeSet::new()).map(drop)
    };
    for head in heads(image) {
        let mut words = image.words.clone();
        HEAD_AT.map(|at| put(&mut words, at, &seal(head)));
        check_shown(&words)?;
    }
    for (at, header) in headers(image) {
        let mut words = image.words.clone();
        put(&mut words, at, &header);
        check_shown(&words)?;
    }
    for header in open_headers(image) {
        let mut words = image.words.clone();
        for at in [OPEN_AT, OPEN_AT + COPY_WORDS] {
            put(&mut words, at, &header);
            let sum = Sum::of(words[at..at + block::Header::LEN].iter().copied());
            words[at + block::Header::LEN..][..2].copy_from_slice(&sum.words());
        }
        check_shown(&words)?;
    }
    for words in plain_records(image) {
        tried += 1;
        load_with(guest, &region, &words)?;
    }
    crate::report(&format!("# {tried} images"));
    Ok(())
}

fn heads(image: &Image) -> Vec<Head> {
    let head = image.layout.head();
    let mut heads = Vec::new();
    for number in [0, 1, 511, 1 << 32, 1 << 61, MAX] {
        heads.extend([
            Head {
                words: number,
                ..head
            },
            Head {
                ring_words: number,
                ..head
            },
            Head {
                block_words: number,
                ..head
            },
            Head {
                blocks: number,
                ..head
            },
        ]);
    }
    // Blocks of a page, as many as there would be then, and two that take all.
    let left = head.words - head.ring_words;
    heads.push(Head {
        block_words: 512,
        blocks: left / 512 - 5,
        ..head
    });
    heads.push(Head {
        block_words: left / 1024 * 512 - 2560,
        blocks: 2,
        ..head
    });
    heads
}

/// Headers of blocks, and where they are put.
fn headers(image: &Image) -> Vec<(usize, block::Header)> {
    let blocks = image.layout.blocks as u64;
    let size = (image.layout.block_words * WORD_BYTES) as u64;
    let mut headers = Vec::new();
    for block in image.blocks.iter().filter(|block| !block.is_open).take(2) {
        let header = block.header;
        let place = header.number % blocks;
        let last = MAX / blocks * blocks;
        let limit = (1 << 62) / blocks * blocks;
        let numbers = [
            last + place,
            last - blocks + place,
            limit - blocks + place,
            limit + place,
            header.number + blocks,
        ];
        headers.extend(numbers.map(|number| (block.at, block::Header { number, ..header })));
        for number in [0, 1, 1 << 32, MAX - 1, MAX] {
            headers.extend(
                [
                    block::Header {
                        first_seq: number,
                        ..header
                    },
                    block::Header {
                        next_seq: number,
                        ..header
                    },
                    block::Header {
                        records: number,
                        ..header
                    },
                    block::Header {
                        first_boot_ns: number,
                        last_boot_ns: MAX - number,
                        ..header
                    },
                    block::Header {
                        lost_records: number,
                        ..header
                    },
                    block::Header {
                        size_bytes: number,
                        ..header
                    },
                    block::Header {
                        size_bytes: number & !7,
                        ..header
                    },
                    block::Header {
                        header_bytes: number & !7,
                        ..header
                    },
                ]
                .map(|header| (block.at, header)),
            );
        }
        headers.push((
            block.at,
            block::Header {
                size_bytes: size,
                ..header
            },
        ));
        headers.push((
            block.at,
            block::Header {
                size_bytes: size + 8,
                ..header
            },
        ));
    }
    // The same block twice, of which one is in another's place.
    if let [first, second, ..] = image.blocks.as_slice() {
        headers.push((second.at, first.header));
    }
    let sealed = headers.into_iter().map(|(at, mut header)| {
        header.checksum = u64::from(crc32c::of_first(&header, block::Header::LEN - 1));
        (at, header)
    });
    sealed.collect()
}

/// Headers of the block that is said to be open.
fn open_headers(image: &Image) -> Vec<block::Header> {
    let Some(open) = image.blocks.iter().find(|block| block.is_open) else {
        return Vec::new();
    };
    let header = open.header;
    let blocks = image.layout.blocks as u64;
    let mut headers = Vec::new();
    for number in [0, 1, 7, 1 << 32, MAX / blocks * blocks, MAX - 7, MAX] {
        headers.extend([
            block::Header { number, ..header },
            block::Header {
                size_bytes: number,
                ..header
            },
            block::Header {
                records: number,
                ..header
            },
            block::Header {
                next_seq: number,
                ..header
            },
            block::Header {
                first_seq: number,
                ..header
            },
        ]);
    }
    headers
}

/// Memory in which a plain record was changed, with its sum.
fn plain_records(image: &Image) -> Vec<Vec<u64>> {
    let Some(&at) = image.plain_words().first() else {
        return Vec::new();
    };
    let size = image.words[at + SIZE_AT] as usize / WORD_BYTES;
    let sections = BOOT_ID_AT + 1;
    let mut images = Vec::new();
    for (place, number) in [
        (SEQ_AT, MAX),
        (SEQ_AT, MAX - 1),
        (TAKEN_BOOT_AT, MAX),
        (BOOT_ID_AT, 0),
        // The header's own size, and the first section's.
        (3, 8),
        (3, MAX),
        (sections + 1, MAX),
        (sections + 1, 1),
        (sections + 3, 0),
        (sections + 5, MAX),
    ] {
        let mut words = image.words.clone();
        words[at + place] = number;
        let sum = Sum::of(words[at..at + size].iter().copied());
        words[at + size..][..2].copy_from_slice(&sum.words());
        images.push(words);
    }
    for number in [
        0,
        8,
        7,
        (image.ring().len() * WORD_BYTES) as u64,
        MAX,
        MAX & !7,
    ] {
        let mut words = image.words.clone();
        words[at + SIZE_AT] = number;
        images.push(words);
    }
    // What looks like the start of a record, over and over.
    let mut words = image.words.clone();
    let start: Vec<u64> = words[at..at + 3].to_vec();
    let ring = image.ring();
    for words in words[ring].chunks_exact_mut(3) {
        words.copy_from_slice(&start);
    }
    images.push(words);
    images
}

/// A kernel's name with what would do something to a terminal, times that cannot be, and all lives in one.
pub fn lives(guest: &Guest) -> Result<()> {
    const NAMES: [&[u8]; 4] = [
        b"\x1b[2J\x1b]0;x\x07\n7.3",
        b"\xff\xfe\0x",
        b"a\tb\rc\x9b31m",
        b"",
    ];
    let region = Region::open()?;
    let image = image(guest, &region)?;
    let mut words = image.words.clone();
    let mut found = 0;
    for at in image.lives().step_by(LIFE_WORDS) {
        let place = &words[at..at + LIFE_WORDS];
        let Some(life) = Life::read(place) else {
            continue;
        };
        let mut kernel = Text::empty();
        NAMES[found % NAMES.len()]
            .iter()
            .for_each(|byte| kernel.push(*byte));
        let life = Life {
            kernel,
            begin_boot_ns: MAX,
            ..life
        };
        put(&mut words, at, &life.sealed());
        let state = State {
            version: MAX - found as u64,
            wall_ahead_ns: if found % 2 == 0 { MAX >> 1 } else { 1 << 63 },
            ended: 1 + found as u64 % 4,
            end_boot_ns: if found % 2 == 0 { 0 } else { MAX },
        };
        for copy in STATE_AT {
            words[at + copy..][..STATE_WORDS].copy_from_slice(&state.copy());
        }
        found += 1;
    }
    ensure!(found >= NAMES.len(), "there are {found} lives in memory");
    region.write(&words)?;
    let module = load_idle(guest, PARAMETERS)?;
    let listed = Device::boots()?.first().context("no boot")?.lives.len();
    ensure!(
        listed > found,
        "{listed} lives are listed, expected {found} and this one"
    );
    for arguments in [
        &["boots"][..],
        &["boots", "--json"],
        &["log", "--since", "all"],
        &[
            "record",
            "-b",
            "0",
            "--history",
            "-n",
            "20",
            "/tmp/hostile.rec",
        ],
    ] {
        let output = Command::new("/resmon")
            .args(arguments)
            .output()
            .context("/resmon")?;
        let said = tools::said(&output);
        ensure!(
            output.status.success() && said.chars().all(|c| c == '\n' || !c.is_control()),
            "resmon {}: {}, {said:?}",
            arguments.join(" "),
            output.status
        );
    }
    std::fs::remove_file("/tmp/hostile.rec")?;
    module.unload().map(drop)
}

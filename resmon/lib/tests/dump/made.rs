// SPDX-License-Identifier: GPL-2.0-or-later

//! Dumps, made word by word of what the module would have had in memory of the recording.

use std::ops::Range;

use resmon::{Record, Records};

pub const PAGE: usize = 4096;

/// The records of the recording.
pub fn records() -> Vec<Record> {
    let bytes: &[u8] = include_bytes!("../../../testdata/layers.rec");
    Records::new(bytes).map(|record| record.unwrap()).collect()
}

/// Where in a record the number, and the identities of load and boot are, in words.
pub const SEQ_AT: usize = 4;
pub const LOAD_ID_AT: usize = 14;
pub const BOOT_ID_AT: usize = 15;
/// And where the time since boot and the wall clock are.
pub const BOOT_NS_AT: usize = 13;
pub const WALL_NS_AT: usize = 7;

pub const LOAD_ID: u64 = 0x1234_5678;
pub const BOOT_ID: u64 = 0x9abc_def0;

pub fn words_of(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks_exact(8);
    words
        .map(|word| u64::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

pub fn bytes_of(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The words of some records of a load of the module, numbered from 100 on.
pub fn kept(load_id: u64, which: Range<usize>) -> Vec<Vec<u64>> {
    let all = records();
    let each = which.map(|at| {
        let mut words = words_of(&all[at % all.len()].to_bytes());
        words[SEQ_AT] = 100 + at as u64;
        words[5] = 0;
        words[LOAD_ID_AT] = load_id;
        words[BOOT_ID_AT] = BOOT_ID;
        let ns = (load_id + at as u64) * 1_000_000_000;
        words[6] = ns;
        words[BOOT_NS_AT] = ns;
        words[WALL_NS_AT] = 1_790_000_000_000_000_000 + ns;
        words
    });
    each.collect()
}

/// CRC-32C, bit by bit.
pub fn crc32c(words: &[u64]) -> u64 {
    let mut crc = !0_u32;
    for byte in bytes_of(words) {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    u64::from(!crc)
}

/// Makes frames as the module does: one encoder for all blocks.
pub struct Encoder(pub resmon::model::frame::Encoder, Vec<u64>);

impl Encoder {
    pub fn new(first_group: u32) -> Self {
        Self(
            resmon::model::frame::Encoder::new(4_000_000, first_group),
            vec![0; 1 << 16],
        )
    }

    pub fn frame(&mut self, record: &[u64]) -> Vec<u64> {
        let mut frame = vec![0; 1 << 16];
        let parts = resmon::model::frame::Parts::new(record, &[]);
        let len = self.0.encode(&mut self.1, parts, &mut frame[..]).unwrap();
        frame.truncate(len);
        frame
    }

    /// A block of records. That of one that is open says nothing of them.
    pub fn block(&mut self, number: u64, records: &[Vec<u64>], is_open: bool) -> Vec<u8> {
        self.0.start_group();
        let frames: Vec<u64> = records
            .iter()
            .flat_map(|record| self.frame(record))
            .collect();
        let (first, last) = (&records[0], &records[records.len() - 1]);
        let count = if is_open { 0 } else { records.len() as u64 };
        let size = 14 + if is_open { 0 } else { frames.len() as u64 };
        let mut words = vec![
            u64::from_le_bytes(*b"RSRCBLK\0"),
            1,
            8 * size,
            8 * 14,
            first[BOOT_ID_AT],
            first[LOAD_ID_AT],
            number,
            first[SEQ_AT],
            if is_open { 0 } else { last[SEQ_AT] + 1 },
            count,
            first[BOOT_NS_AT],
            if is_open { 0 } else { last[BOOT_NS_AT] },
            0,
        ];
        words.push(crc32c(&words));
        words.extend(frames);
        bytes_of(&words)
    }
}

/// Records as they lie in the ring, each with its sum behind it.
pub fn in_ring(records: &[Vec<u64>]) -> Vec<u64> {
    let mut all = Vec::new();
    for record in records {
        let start = u64::from_le_bytes(*b"RSRCSUM\0");
        let (mut words, mut sums) = (start, start);
        for word in record {
            words = words.wrapping_add(*word);
            sums = sums.wrapping_add(words);
        }
        all.extend(record);
        all.extend([words, sums]);
    }
    all
}

/// The ring of plain records, of which the oldest is at `oldest`. Its header says whether there are sums.
pub fn ring(
    load_id: u64,
    records: &[Vec<u64>],
    size: usize,
    oldest: u64,
    has_sums: bool,
) -> Vec<u8> {
    let mut header = vec![
        u64::from_le_bytes(*b"RSRCRNG\0"),
        2,
        10 * 8,
        size as u64,
        BOOT_ID,
        load_id,
        u64::from(has_sums),
    ];
    header.push(crc32c(&header));
    let mut all = in_ring(records);
    if !has_sums {
        // Nobody writes them.
        let mut at = 0;
        for record in records {
            at += record.len();
            all[at..at + 2].fill(u64::from_le_bytes(*b"RSRCMON\0"));
            at += 2;
        }
    }
    assert!(all.len() <= size);
    header.extend([oldest, oldest + all.len() as u64]);
    header.resize(PAGE / 8, 0);
    // What was there before is overwritten but for the rest.
    let mut words = vec![u64::from_le_bytes(*b"RSRCMON\0"); size];
    for (at, word) in (oldest as usize..).zip(all) {
        words[at % size] = word;
    }
    header.extend(words);
    bytes_of(&header)
}

/// A stretch of memory: its physical address, its bytes, and how many zeros follow that are not in the file.
pub struct Load {
    pub address: usize,
    pub bytes: Vec<u8>,
    pub zeros: usize,
}

/// An ELF core that has this memory.
pub fn elf(loads: &[Load]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(b"\x7fELF\x02\x01\x01");
    header.resize(16, 0);
    header.extend(4_u16.to_le_bytes());
    header.extend(62_u16.to_le_bytes());
    header.extend(1_u32.to_le_bytes());
    for word in [0_u64, 64, 0] {
        header.extend(word.to_le_bytes());
    }
    header.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, loads.len() as u16 + 1, 0, 0, 0] {
        header.extend(half.to_le_bytes());
    }
    // A note of no bytes is first, as in each core.
    let mut programs = Vec::new();
    let mut program = |kind: u32, words: [u64; 6]| {
        programs.extend(kind.to_le_bytes());
        programs.extend(0_u32.to_le_bytes());
        for word in words {
            programs.extend(word.to_le_bytes());
        }
    };
    program(4, [64, 0, 0, 0, 0, 0]);
    let mut offset = 64 + 56 * (loads.len() + 1);
    for load in loads {
        let (bytes, address) = (load.bytes.len() as u64, load.address as u64);
        let memory = bytes + load.zeros as u64;
        program(
            1,
            [
                offset as u64,
                (!0 << 40) | address,
                address,
                bytes,
                memory,
                0,
            ],
        );
        offset += load.bytes.len();
    }
    let memory = loads.iter().flat_map(|load| load.bytes.iter().copied());
    header.into_iter().chain(programs).chain(memory).collect()
}

/// Memory in which pieces lie at these pages, with something else around them.
pub fn memory(pages: usize, pieces: &[(usize, &[u8])]) -> Vec<u8> {
    let noise = (0..pages * PAGE).map(|at| (at / 7 * 31) as u8);
    let mut memory: Vec<u8> = noise.collect();
    for (page, piece) in pieces {
        let start = page * PAGE;
        memory[start..start + piece.len()].copy_from_slice(piece);
    }
    memory
}

pub fn one(memory: Vec<u8>) -> Vec<u8> {
    elf(&[Load {
        address: 0x10_0000,
        bytes: memory,
        zeros: 0,
    }])
}

/// All that the tests look for: two closed blocks, an open one with the rest of an older one behind it, and
/// the ring, which goes around its end.
pub struct Pieces {
    pub blocks: [Vec<u8>; 3],
    pub ring: Vec<u8>,
    pub records: Vec<Vec<u64>>,
}

pub fn pieces() -> Pieces {
    let records = kept(LOAD_ID, 0..20);
    // The number of the group begins again within.
    let mut encoder = Encoder::new(u32::MAX);
    let older = encoder.block(0, &kept(LOAD_ID, 900..909), false);
    let mut blocks = [
        encoder.block(3, &records[..5], false),
        encoder.block(4, &records[5..10], false),
        encoder.block(5, &records[10..14], true),
    ];
    let open = blocks[2].len();
    assert!(open < older.len());
    blocks[2].extend(&older[open..]);
    let size = in_ring(&records[14..]).len() + 100;
    let ring = ring(
        LOAD_ID,
        &records[14..],
        size,
        7 * size as u64 + size as u64 - 50,
        true,
    );
    Pieces {
        blocks,
        ring,
        records,
    }
}

impl Pieces {
    /// Memory that has them in this order, each at a page of its own.
    pub fn memory(&self, order: [usize; 4]) -> Vec<u8> {
        let all = [
            &self.blocks[0],
            &self.blocks[1],
            &self.blocks[2],
            &self.ring,
        ];
        let mut at = 1;
        let places = order.map(|which| {
            let place = (at, all[which].as_slice());
            at += all[which].len().div_ceil(PAGE) + 2;
            place
        });
        memory(at, &places)
    }
}

pub const IN_ORDER: [usize; 4] = [0, 1, 2, 3];

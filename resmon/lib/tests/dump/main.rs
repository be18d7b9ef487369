// SPDX-License-Identifier: GPL-2.0-or-later

//! The module's history in dumps of memory.
#![allow(clippy::unwrap_used, clippy::panic)]

mod made;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;

use proptest::prelude::*;
use resmon::{Error, Recording, Records, Samples};
use tempfile::NamedTempFile;

use made::*;

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// The load, the number and all words of each record, in order and each once, and bytes that are left out.
struct Found {
    records: Vec<Vec<u64>>,
    damaged: u64,
}

fn read(dump: &[u8]) -> resmon::Result<Found> {
    let file = file(dump);
    let recording = Recording::open(file.path())?;
    let damaged = recording.damage().iter().map(|damage| damage.bytes).sum();
    let records = Records::new(recording).map(|record| words_of(&record.unwrap().to_bytes()));
    let mut records: Vec<_> = records.collect();
    records.dedup_by_key(|words| (words[LOAD_ID_AT], words[SEQ_AT]));
    Ok(Found { records, damaged })
}

#[test]
fn pieces_in_any_order() {
    let pieces = pieces();
    for order in [IN_ORDER, [3, 2, 1, 0], [2, 0, 3, 1]] {
        let found = read(&one(pieces.memory(order))).unwrap();
        assert!(found.records == pieces.records, "{order:?}");
        assert_eq!(found.damaged, 0);
    }
    // It makes samples, as any recording.
    let file = file(&one(pieces.memory(IN_ORDER)));
    let samples = Samples::new(Records::new(Recording::open(file.path()).unwrap()));
    assert_eq!(samples.count(), pieces.records.len() - 1);
    // The same twice, as where a program has copied it.
    let twice = [pieces.memory(IN_ORDER), pieces.memory([3, 1, 2, 0])].concat();
    let file = self::file(&one(twice));
    let records = || Records::new(Recording::open(file.path()).unwrap());
    assert_eq!(records().count(), pieces.records.len());
    assert_eq!(Samples::new(records()).count(), pieces.records.len() - 1);
}

#[test]
fn memory_in_any_parts() {
    let pieces = pieces();
    let memory = pieces.memory(IN_ORDER);
    for step in [PAGE, 3 * PAGE, PAGE + 100, 1 << 16] {
        let chunks = memory.chunks(step).enumerate();
        let mut loads: Vec<_> = chunks
            .map(|(at, bytes)| Load {
                address: 0x10_0000 + at * step,
                bytes: bytes.to_vec(),
                zeros: 0,
            })
            .collect();
        let found = read(&elf(&loads)).unwrap();
        assert!(found.records == pieces.records, "in order, {step}");
        loads.reverse();
        let found = read(&elf(&loads)).unwrap();
        assert!(found.records == pieces.records, "backwards, {step}");
    }
    // A part that is there twice, as the kernel's text is.
    let load = |range: Range<usize>| Load {
        address: 0x10_0000 + range.start,
        bytes: memory[range].to_vec(),
        zeros: 0,
    };
    let loads = [load(0..memory.len()), load(PAGE..3 * PAGE)];
    assert!(read(&elf(&loads)).unwrap().records == pieces.records);
}

#[test]
fn pages_of_zeros_need_not_be_in_the_file() {
    // A record with some pages of zeros, in the ring.
    let mut records = kept(LOAD_ID, 0..3);
    let zeros = 3 * PAGE / 8;
    let words = &mut records[1];
    // A section of a kind that nobody knows.
    words.extend([77, 8 * (8 + zeros as u64), 64, 8, 0, 0, 0, 0]);
    words.extend(vec![0; zeros]);
    words[2] = 8 * words.len() as u64;
    let size = in_ring(&records).len();
    let memory = memory(40, &[(1, &ring(LOAD_ID, &records, size, 0, true))]);
    let is_zero = |page: &[u8]| page.iter().all(|byte| *byte == 0);
    let pages: Vec<_> = memory.chunks(PAGE).collect();
    let from = pages.iter().position(|page| is_zero(page)).unwrap();
    let count = pages[from..]
        .iter()
        .take_while(|page| is_zero(page))
        .count();
    assert!(count >= 2);
    let (begin, rest) = (&memory[..from * PAGE], &memory[(from + count) * PAGE..]);
    let loads = |zeros: usize| {
        elf(&[
            Load {
                address: 0x10_0000,
                bytes: begin.to_vec(),
                zeros,
            },
            Load {
                address: 0x10_0000 + (from + count) * PAGE,
                bytes: rest.to_vec(),
                zeros: 0,
            },
        ])
    };
    let found = read(&loads(count * PAGE)).unwrap();
    assert!(found.records == records);
    assert_eq!(found.damaged, 0);
    // Pages that are not said to be there are no zeros.
    let found = read(&loads(PAGE)).unwrap();
    assert!(found.records == records[..1]);
    assert!(found.damaged > 0);
}

#[test]
fn lives_are_told_apart() {
    let pieces = pieces();
    // What an older load of the module has left: its second half was overwritten.
    let stale = kept(7, 0..8);
    let mut block = Encoder::new(50).block(1, &stale, false);
    let cut = block.len() / 2;
    for (at, byte) in block[cut..].iter_mut().enumerate() {
        *byte = at as u8;
    }
    let mut all = pieces.memory(IN_ORDER);
    all.extend(memory(20, &[(2, &block)]));
    let found = read(&one(all)).unwrap();
    let ids: Vec<_> = found
        .records
        .iter()
        .map(|words| words[LOAD_ID_AT])
        .collect();
    let old = ids.iter().filter(|id| **id == 7).count();
    assert!((1..8).contains(&old), "{old}");
    assert!(found.records[..old] == stale[..old]);
    assert!(found.records[old..] == pieces.records);
    assert!(found.damaged > 0);
    // A piece that begins within it is found as well.
    let stale = Encoder::new(50).block(1, &kept(7, 0..200), false);
    let [block, ..] = &pieces.blocks;
    let inner = stale.len() / PAGE / 2;
    assert!(inner > 1 && stale.len() / PAGE > inner + block.len().div_ceil(PAGE));
    let found = read(&one(memory(
        stale.len() / PAGE + 9,
        &[(1, &stale), (1 + inner, block)],
    )))
    .unwrap();
    // There the other one ends.
    let old = found.records.iter().filter(|words| words[LOAD_ID_AT] == 7);
    assert!((1..120).contains(&old.count()));
    assert!(found.records.ends_with(&pieces.records[..5]));
}

#[test]
fn an_open_block_ends_where_it_does_not_go_on() {
    let mut encoder = Encoder::new(10);
    let records = kept(LOAD_ID, 0..12);
    let mut open = encoder.block(0, &records[..6], true);
    // What is behind it is whole, and of the same module, but of other groups.
    let rest = Encoder::new(77).block(9, &kept(LOAD_ID, 500..504), false);
    open.extend(&rest[8 * 14..]);
    let found = read(&one(memory(20, &[(3, &open)]))).unwrap();
    assert!(found.records == records[..6]);
    // More than one group, of which the numbers begin again.
    let many = kept(LOAD_ID, 0..130);
    let open = Encoder::new(u32::MAX).block(0, &many, true);
    let found = read(&one(memory(open.len() / PAGE + 5, &[(3, &open)]))).unwrap();
    assert!(found.records == many);
    // One that begins with another frame than a key frame is none.
    let head = 8 * 14;
    let first = 8 * ((words_of(&open)[14] >> 35) & 0x1f_ffff) as usize;
    let cut = [&open[..head], &open[head + first..]].concat();
    let error = read(&one(memory(open.len() / PAGE + 5, &[(3, &cut)]))).err();
    assert!(matches!(error, Some(Error::Dump(_))), "{error:?}");
    // A closed one goes on behind what is damaged, at the next key frame.
    let mut encoder = Encoder::new(10);
    let first = encoder.block(0, &records[..6], false);
    encoder.0.start_group();
    let more: Vec<u64> = records[6..]
        .iter()
        .flat_map(|record| encoder.frame(record))
        .collect();
    let mut words = words_of(&first);
    words.extend(&more);
    words[2] = 8 * words.len() as u64;
    words[9] = 12;
    words[13] = crc32c(&words[..13]);
    let whole = read(&one(memory(20, &[(3, &bytes_of(&words))]))).unwrap();
    assert!(whole.records == records);
    // The second frame, as the first one says how long it is.
    let second = 14 + ((words[14] >> 35) & 0x1f_ffff) as usize;
    words[second + 2] ^= 1;
    let found = read(&one(memory(20, &[(3, &bytes_of(&words))]))).unwrap();
    let expected = [&records[..1], &records[6..]].concat();
    assert!(found.records == expected, "{}", found.records.len());
    assert!(found.damaged > 0);
}

#[test]
fn a_ring_with_damage() {
    a_ring_of(true);
    a_ring_of(false);
}

fn a_ring_of(has_sums: bool) {
    let records = kept(LOAD_ID, 0..6);
    let size = in_ring(&records).len() + 10;
    let good = ring(LOAD_ID, &records, size, 0, has_sums);
    let start = PAGE + 8 * in_ring(&records[..2]).len();
    let changed = |at: usize, word: u64| {
        let mut ring = good.clone();
        ring[at..at + 8].copy_from_slice(&word.to_le_bytes());
        read(&one(memory(ring.len() / PAGE + 9, &[(2, &ring)])))
    };
    let without_third = [&records[..2], &records[3..]].concat();
    for (word, value) in [
        (0, 5),
        (1, 99),
        (2, 80),
        (2, 1 << 40),
        (4, 3),
        (14, 5),
        (15, 5),
    ] {
        let found = changed(start + 8 * word, value).unwrap();
        assert!(found.records == without_third, "word {word}");
        assert_eq!(
            found.damaged,
            8 * in_ring(&records[2..3]).len() as u64,
            "word {word}"
        );
    }
    // What nobody would notice by the record, and the sum itself.
    for word in [
        7,
        records[2].len() - 1,
        records[2].len(),
        records[2].len() + 1,
    ] {
        let found = changed(start + 8 * word, 5).unwrap();
        match has_sums {
            true => assert!(found.records == without_third, "word {word}"),
            false => assert_eq!(found.records.len(), records.len(), "word {word}"),
        }
    }
    // Positions that cannot be, and a header that is none.
    for (word, value) in [
        (8, u64::MAX),
        (9, u64::MAX),
        (9, 1 << 30),
        (3, 1 << 60),
        (6, 7),
        (7, 0),
    ] {
        let error = changed(8 * word, value).err();
        assert!(
            matches!(error, Some(Error::Dump(text)) if text.contains("no record")),
            "word {word}: {error:?}"
        );
    }
}

#[test]
fn other_files_say_what_to_do() {
    let say = |bytes: &[u8]| read(bytes).err().unwrap().to_string();
    let mut compressed = b"KDUMP   ".to_vec();
    compressed.resize(1 << 17, 0xff);
    assert!(say(&compressed).contains("makedumpfile -E"));
    assert!(say(b"makedumpfile\0\0\0\0\x01").contains("makedumpfile -R"));
    assert!(say(&one(memory(3, &[]))).contains("was the module loaded?"));
    let good = one(pieces().memory(IN_ORDER));
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        say(&bytes)
    };
    assert!(changed(4, 1).contains("64-bit"));
    assert!(changed(5, 2).contains("big-endian"));
    assert!(changed(16, 2).contains("no core"));
    assert!(changed(39, 0xff).contains("program headers"));
    assert!(say(b"\x7fELF").contains("no ELF core"));
    for compressed in [&compressed[..], &good] {
        assert!(!resmon::KernelLog::is_text(compressed));
    }
}

#[test]
fn addresses_end() {
    // A block that claims to be larger than what is left of all addresses.
    let pieces = pieces();
    let mut words = words_of(&pieces.blocks[0]);
    words[2] = 1 << 29;
    words[13] = crc32c(&words[..13]);
    let bytes = memory(16, &[(1, &bytes_of(&words))]);
    let load = Load {
        address: !0 << 16,
        bytes,
        zeros: 1 << 20,
    };
    let found = read(&elf(&[load])).unwrap();
    assert!(found.records == pieces.records[..5]);
    assert!(found.damaged > 0);
}

#[test]
fn progress_is_told() {
    let file = file(&one(pieces().memory(IN_ORDER)));
    let mut told = Vec::new();
    Recording::open_with(file.path(), &mut |done, all| told.push((done, all))).unwrap();
    let (done, all) = told.last().unwrap();
    assert!(done == all && *all > 0);
    assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0));
}

#[test]
fn a_dump_that_is_mostly_holes() {
    // 64 GiB, of which the file system has a few pages.
    let pieces = pieces();
    let memory = pieces.memory(IN_ORDER);
    let head = elf(&[Load {
        address: 0x10_0000,
        bytes: Vec::new(),
        zeros: 0,
    }]);
    let (bytes, tail) = (1_u64 << 30, memory.len() as u64);
    let mut head = head;
    let size_at = 64 + 56 + 32;
    head[size_at..size_at + 8].copy_from_slice(&bytes.to_le_bytes());
    head[size_at + 8..size_at + 16].copy_from_slice(&bytes.to_le_bytes());
    let offset = head.len() as u64;
    let mut file = file(&head);
    let place = (bytes - tail) / PAGE as u64 * PAGE as u64;
    file.as_file_mut()
        .seek(SeekFrom::Start(offset + place))
        .unwrap();
    file.write_all(&memory).unwrap();
    let end = File::options().write(true).open(file.path()).unwrap();
    end.set_len(offset + bytes).unwrap();
    let recording = Recording::open(file.path()).unwrap();
    assert_eq!(Records::new(recording).count(), pieces.records.len());
}

#[test]
fn nobody_is_kept_busy() {
    // On each page a block begins whose first frame has 16 MB, and a wrong checksum.
    let pages = 6000;
    let pieces = pieces();
    let mut block = words_of(&pieces.blocks[2])[..14].to_vec();
    block.extend([
        u64::from(u32::from_le_bytes(*b"RMFR")) | (0xff_fff8 << 32),
        0,
    ]);
    let block = bytes_of(&block);
    let mut all: Vec<_> = (1..pages - 20)
        .map(|page| (page, block.as_slice()))
        .collect();
    all[0] = (1, &pieces.ring);
    all.drain(1..pieces.ring.len() / PAGE + 1);
    let dump = one(memory(pages, &all));
    let found = read(&dump).unwrap();
    assert!(found.records == pieces.records[14..]);
    // The rest is left out, and that is said.
    assert!((pages / 2 * PAGE..pages * PAGE).contains(&(found.damaged as usize)));
}

/// What is found is what was there, whatever else is damaged.
fn assert_right(found: resmon::Result<Found>, pieces: &Pieces) {
    let Ok(found) = found else {
        return;
    };
    for words in found.records {
        let is_there = pieces.records.contains(&words);
        assert!(is_there, "a record {} that was not there", words[SEQ_AT]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // The ring has no checksums, so blocks alone.
    #[test]
    fn bits_are_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..40)) {
        let pieces = pieces();
        let blocks = &pieces.blocks;
        let memory = memory(90, &[(1, &blocks[0]), (30, &blocks[1]), (60, &blocks[2])]);
        let mut dump = one(memory);
        for (at, by) in changes {
            let at = at.index(dump.len());
            dump[at] ^= by;
        }
        assert_right(read(&dump), &pieces);
    }

    #[test]
    fn headers_are_changed(
        changes in prop::collection::vec((0..176_usize, any::<u8>()), 1..9),
        end in any::<prop::sample::Index>(),
    ) {
        let mut dump = one(pieces().memory(IN_ORDER));
        for (at, byte) in changes {
            dump[at] = byte;
        }
        dump.truncate(end.index(dump.len()));
        let _ = read(&dump);
    }

    #[test]
    fn a_dump_that_was_cut_off(end in any::<prop::sample::Index>()) {
        let pieces = pieces();
        let dump = one(pieces.memory([3, 0, 1, 2]));
        let end = end.index(dump.len());
        assert_right(read(&dump[..end]), &pieces);
    }

    #[test]
    fn a_ring_of_any_words(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..20),
    ) {
        let pieces = pieces();
        let mut ring = words_of(&pieces.ring);
        for (at, word) in changes {
            let at = at.index(ring.len());
            ring[at] = word;
        }
        let ring = bytes_of(&ring);
        let _ = read(&one(memory(ring.len() / PAGE + 5, &[(2, &ring)])));
    }
}

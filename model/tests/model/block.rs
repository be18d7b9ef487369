// SPDX-License-Identifier: GPL-2.0-or-later

use crate::crc32c::by_bits;
use crate::frame::{short_records, Decoding, Encoding, TICK_NS};
use crate::util::{value_of, words_of};
use model::block::{Block, Header, Invalid, MAGIC, VERSION};
use model::frame;
use model::words::Words;
use proptest::prelude::*;

/// Groups of a block of the tests, and frames of a group.
const GROUPS: usize = 3;
const FRAMES: usize = 4;

/// A block, where each of its frames starts, and the records.
struct Made {
    words: Vec<u64>,
    starts: Vec<usize>,
    records: Vec<Vec<u64>>,
}

fn made() -> Made {
    let records = short_records(GROUPS * FRAMES);
    let mut encoding = Encoding::new(TICK_NS);
    let mut frames = Vec::new();
    let mut starts = Vec::new();
    for (at, record) in records.iter().enumerate() {
        if at % FRAMES == 0 {
            encoding.start_group();
        }
        starts.push(Header::LEN + frames.len());
        frames.extend(encoding.frame(record));
    }
    let header = Header {
        records: records.len() as u64,
        ..Header::default()
    };
    let mut words = words_of(&header.sealed(frames.len()));
    words.extend(frames);
    Made {
        words,
        starts,
        records,
    }
}

/// The records of a block that can be decoded, and how often something was no frame.
fn decoded(words: &[u64]) -> (Vec<Vec<u64>>, usize) {
    let block = Block::parse(words).expect("expected a block");
    let mut decoding = Decoding::new();
    let (mut records, mut gaps) = (Vec::new(), 0);
    for frame in block.frames() {
        match frame {
            Ok(frame) => records.extend(decoding.record(&frame).map(<[u64]>::to_vec)),
            Err(_) => gaps += 1,
        }
    }
    (records, gaps)
}

/// How many of its frames can be decoded, as the module counts them.
fn counted(words: &[u64]) -> u64 {
    let frames = &words[Header::LEN..];
    frame::count(frames.len(), |at| frames[at])
}

#[test]
fn a_header_is_sealed() {
    let header = Header {
        boot_id: 5,
        load_id: 6,
        number: 7,
        first_seq: 8,
        next_seq: 9,
        records: 10,
        first_boot_ns: 11,
        last_boot_ns: 12,
        lost_records: 13,
        ..Header::default()
    };
    let words = words_of(&header.sealed(100));
    let bytes: Vec<u8> = words[..13]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let size = (14 + 100) * 8;
    let expected = [
        MAGIC,
        VERSION,
        size,
        14 * 8,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        u64::from(by_bits(&bytes)),
    ];
    assert_eq!(words, expected);
    assert_eq!(words[0].to_le_bytes(), *b"RSRCBLK\0");
    assert_eq!(Header::parse(&words), Ok(header.sealed(100)));
    // Sealed again, as when a reader has lost records, it is as if it never was.
    assert_eq!(header.sealed(3).sealed(100), header.sealed(100));
}

#[test]
fn a_block_has_its_frames() {
    let made = made();
    assert_eq!(decoded(&made.words), (made.records, 0));
    // Another one may follow.
    let two = [made.words.as_slice(), &made.words].concat();
    let block = Block::parse(&two).expect("expected a block");
    assert_eq!(block.words(), made.words);
    assert_eq!(block.header().records, (GROUPS * FRAMES) as u64);
}

/// A header with these changes, and with the right checksum.
fn changed(words: &[u64], changes: &[(usize, u64)]) -> Vec<u64> {
    let mut words = words.to_vec();
    for (at, word) in changes {
        words[*at] = *word;
    }
    let bytes: Vec<u8> = words[..13]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    words[13] = u64::from(by_bits(&bytes));
    words
}

#[test]
fn what_is_no_block_is_refused() {
    let good = made().words;
    let size = 8 * good.len() as u64;
    let parse = |words: &[u64]| Block::parse(words).map(|block| block.words().len());
    assert_eq!(parse(&good), Ok(good.len()));
    assert_eq!(parse(&[]), Err(Invalid::TooShort));
    assert_eq!(parse(&good[..13]), Err(Invalid::TooShort));
    assert_eq!(parse(&good[..good.len() - 1]), Err(Invalid::Size(size)));
    let table = [
        (0, 1, Invalid::Magic),
        (1, 2, Invalid::Version(2)),
        (2, 0, Invalid::Size(0)),
        (2, 13 * 8, Invalid::Size(13 * 8)),
        (2, size + 8, Invalid::Size(size + 8)),
        (2, size - 1, Invalid::Size(size - 1)),
        (2, u64::MAX - 7, Invalid::Size(u64::MAX - 7)),
        (3, 0, Invalid::Size(size)),
        (3, 13 * 8, Invalid::Size(size)),
        (3, 14 * 8 + 4, Invalid::Size(size)),
        (3, size + 8, Invalid::Size(size)),
    ];
    for (at, word, expected) in table {
        let words = changed(&good, &[(at, word)]);
        assert_eq!(parse(&words), Err(expected), "word {at} is {word}");
    }
    for bit in 0..64 * Header::LEN {
        let mut words = good.clone();
        words[bit / 64] ^= 1 << (bit % 64);
        assert!(parse(&words).is_err(), "bit {bit}");
    }
}

#[test]
fn the_header_of_a_newer_module_may_be_longer() {
    let made = made();
    let mut words = made.words;
    words.splice(14..14, [1, 2, 3]);
    let size = 8 * words.len() as u64;
    let words = changed(&words, &[(2, size), (3, 17 * 8)]);
    assert_eq!(decoded(&words), (made.records, 0));
}

#[test]
fn a_damaged_byte_costs_the_rest_of_its_group_at_most() {
    let made = made();
    for at in 8 * Header::LEN..8 * made.words.len() {
        for change in [0x01, 0x80, 0xff, 0x5a] {
            let mut words = made.words.clone();
            words[at / 8] ^= change << (at % 8 * 8);
            let frame = made.starts.iter().filter(|start| **start <= at / 8).count() - 1;
            let next_group = (frame / FRAMES + 1) * FRAMES;
            let expected = [&made.records[..frame], &made.records[next_group..]].concat();
            let found = decoded(&words);
            assert_eq!(counted(&words), expected.len() as u64, "byte {at}");
            assert_eq!(found, (expected, 1), "byte {at} changed by {change:#x}");
        }
    }
}

#[test]
fn what_is_between_frames_is_left_out_once() {
    let made = made();
    let Made {
        mut words,
        starts,
        records,
    } = made;
    let start = starts[FRAMES];
    words.splice(start..start, [1, u64::from(frame::MAGIC), u64::MAX, 2]);
    words.extend([0, 0]);
    let size = 8 * words.len() as u64;
    let words = changed(&words, &[(2, size)]);
    assert_eq!(counted(&words), records.len() as u64);
    assert_eq!(decoded(&words), (records, 2));
}

proptest! {
    #[test]
    fn any_words_can_be_looked_at(
        words in prop::collection::vec(crate::any::counter(), 0..60),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..6),
    ) {
        prop_assert!(Block::parse(&words).is_err());
        let made = made();
        let mut words = made.words.clone();
        for (at, word) in changes {
            let at = Header::LEN + at.index(words.len() - Header::LEN);
            words[at] = word;
        }
        let (records, _) = decoded(&words);
        prop_assert_eq!(counted(&words), records.len() as u64);
        for record in records {
            prop_assert!(made.records.contains(&record), "expected a record that was there");
        }
    }

    #[test]
    fn any_header_reads_as_it_was_written(words: [u64; 14], frame_words in 0usize..1 << 20) {
        let header: Header = value_of(words);
        let header = header.sealed(frame_words);
        prop_assert_eq!(Header::parse(&words_of(&header)), Ok(header));
    }
}

#[test]
fn frames_that_are_missing_at_the_end_are_not_counted() {
    let made = made();
    for len in Header::LEN..made.words.len() {
        let whole = made.starts.iter().skip(1).filter(|start| **start <= len);
        assert_eq!(
            counted(&made.words[..len]),
            whole.count() as u64,
            "{len} words"
        );
    }
}

#[test]
fn counting_ends_soon_whatever_is_there() {
    // The start of a frame in each word, as long as can be.
    let len = 1 << 14;
    let looks = std::cell::Cell::new(0_usize);
    let words = |at: usize| {
        looks.set(looks.get() + 1);
        u64::from(frame::MAGIC) | ((8 * (len - at) as u64) << 32)
    };
    assert_eq!(frame::count(len, words), 0);
    assert!(looks.get() < 8 * len, "{}", looks.get());
}

/// A machine may die while the header of the newest block is written, which is then still open.
#[test]
fn a_header_that_was_being_closed_is_that_of_an_open_block() {
    let begun = Header {
        boot_id: 1,
        load_id: 2,
        number: 3,
        first_seq: 40,
        first_boot_ns: 50,
        ..Header::default()
    };
    let closed = Header {
        next_seq: 60,
        records: 20,
        last_boot_ns: 70,
        ..begun
    };
    let (open, closed) = (begun.sealed(0), closed.sealed(100));
    let (old, new) = (words_of(&open), words_of(&closed));
    for written in 0..Header::LEN {
        let words = [&new[..written], &old[written..]].concat();
        assert_eq!(Header::parse_in_dump(&words), Ok(open), "{written} words");
        // Whatever else is wrong is not taken for that.
        for at in [4, 5, 6, 7, 10, 13] {
            let mut wrong = words.clone();
            wrong[at] ^= 1 << 20;
            assert!(
                Header::parse_in_dump(&wrong).is_err(),
                "{written} words, {at}"
            );
        }
    }
    assert_eq!(Header::parse_in_dump(&new), Ok(closed));
}

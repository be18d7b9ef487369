// SPDX-License-Identifier: GPL-2.0-or-later

use super::machine::Random;
use super::{
    padded, parsed, record_of, sealed, Decoding, Encoding, Machine, FIRST_GROUP, MAX_RECORD,
    TICK_NS,
};
use crate::any;
use model::frame::{
    max_words, memory_words, Encoder, NotEncoded, Parts, GROUP_FRAMES, HEADER_WORDS,
};
use model::record::SIZE_AT;
use proptest::prelude::*;

/// Encodes records and expects them to come out again. Returns the index of each frame, and the
/// bytes of all.
fn round_trip(tick_ns: u64, records: &[Vec<u64>]) -> (Vec<u8>, usize) {
    let (mut encoding, mut decoding) = (Encoding::new(tick_ns), Decoding::new());
    let mut bytes = 0;
    let indexes = records.iter().map(|record| {
        let words = encoding.frame(record);
        bytes += 8 * words.len();
        let frame = parsed(&words);
        assert_eq!(decoding.record(&frame), Ok(record.as_slice()));
        frame.index()
    });
    (indexes.collect(), bytes)
}

#[test]
fn frames_byte_by_byte() {
    let mut encoding = Encoding::new(TICK_NS);
    let mut frame = |record: [u64; 4]| encoding.frame(&record);
    let record = [5, 0, TICK_NS, u64::MAX];
    // Two numbers, the bits of words 0, 2 and 3, and 5, one tick and -1.
    let payload = [0x09, 0x08, 0x90, 0xd0, 0x03, 0b1101, 0x29, 0x0b, 0x05];
    assert_eq!(frame(record), sealed(FIRST_GROUP, 0, &padded(&payload)));
    // 8 words of nothing new: a byte of 0, and no more.
    assert_eq!(frame(record), sealed(FIRST_GROUP, 1, &padded(&[0, 0])));
    // With another first word it has another layout.
    let record = [1 << 53, 0, 0, 1 << 54];
    let payload = [
        0x09, 0x08, 0x90, 0xd0, 0x03, 0b1001, 0x80, 0, 0, 0, 0, 0, 0, 0x80, // 2^55 in 8 bytes
        0, 0, 0, 0, 0, 0, 0, 0x80, 0, // 2^55 as it is, in 9 bytes
    ];
    assert_eq!(frame(record), sealed(0, 0, &padded(&payload)));
}

#[test]
fn residuals_that_are_the_same_take_a_byte() {
    let mut encoding = Encoding::new(TICK_NS);
    let mut decoding = Decoding::new();
    // A counter, and three times, in a header of 8 words.
    let record = |at: u64, late: u64| {
        let time = at * 5_000_000_000 + late;
        [at, 0, 0, 64, time, time + 1000, time + late, time + 7]
    };
    let mut payload = |at, late| {
        let record = record(at, late);
        let words = encoding.frame(&record);
        let frame = parsed(&words);
        assert_eq!(decoding.record(&frame), Ok(record.as_slice()));
        frame.payload().to_vec()
    };
    payload(0, 0);
    payload(1, 0);
    // 50, the same, 100, and 50 again.
    let expected = [0b1111_0000, 0x22, 0x03, 0x01, 0x42, 0x06, 0x22, 0x03];
    assert_eq!(payload(2, 50), padded(&expected));
}

#[test]
fn a_loaded_machine_takes_300_bytes() {
    for interval_ms in [1_000, 5_000] {
        let records = Machine::new(4, interval_ms * 1_000_000).records(600);
        let (_, bytes) = round_trip(TICK_NS, &records);
        let average = bytes / records.len();
        assert!(average < 300, "{average} bytes, expected less than 300");
    }
}

#[test]
fn what_the_module_has_recorded_comes_out_again() {
    for bytes in [
        include_bytes!("../../../../resmon/testdata/minute.rec").as_slice(),
        include_bytes!("../../../../resmon/testdata/layers.rec"),
    ] {
        let mut rest = padded(bytes);
        let mut records = Vec::new();
        while !rest.is_empty() {
            let after = rest.split_off(rest[SIZE_AT] as usize / 8);
            records.push(std::mem::replace(&mut rest, after));
        }
        let raw = bytes.len();
        let (_, bytes) = round_trip(TICK_NS, &records);
        assert!(bytes < raw / 10, "{bytes} bytes of {raw}");
    }
}

#[test]
fn a_group_has_60_frames() {
    let records = Machine::new(2, 1_000_000_000).records(130);
    let (indexes, _) = round_trip(TICK_NS, &records);
    let expected: Vec<u8> = (0..GROUP_FRAMES).cycle().take(130).collect();
    assert_eq!(indexes, expected);
}

#[test]
fn groups_are_counted_from_the_first_one() {
    let records = Machine::new(1, 1_000_000_000).records(5);
    let mut encoding = Encoding::new(TICK_NS);
    let mut found = Vec::new();
    for (at, record) in records.iter().enumerate() {
        if at == 2 || at == 3 {
            encoding.start_group();
        }
        let words = encoding.frame(record);
        found.push((parsed(&words).group(), parsed(&words).index()));
    }
    let [first, second, third] = [
        FIRST_GROUP,
        FIRST_GROUP.wrapping_add(1),
        FIRST_GROUP.wrapping_add(2),
    ];
    assert_eq!(
        found,
        [(first, 0), (first, 1), (second, 0), (third, 0), (third, 1)]
    );
}

#[test]
fn another_layout_starts_a_group() {
    let words = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    let base = record_of(&[(1, &words[..4]), (2, &words[4..])]);
    let changed = |at: usize, word: u64| {
        let mut record = base.clone();
        record[at] = word;
        record
    };
    let second = 16 + 8 + 4;
    let others = [
        (
            "one more word",
            record_of(&[(1, &words[..4]), (2, &words[3..])]),
        ),
        (
            "another kind",
            record_of(&[(1, &words[..4]), (3, &words[4..])]),
        ),
        (
            "both sizes",
            record_of(&[(1, &words[..5]), (2, &words[5..])]),
        ),
        (
            "another order",
            record_of(&[(2, &words[..6]), (1, &words[6..])]),
        ),
        (
            "one section",
            record_of(&[(1, &[[0; 8].as_slice(), &words].concat())]),
        ),
        ("version", changed(1, 3)),
        ("size of the header", changed(3, 136)),
        ("no size", changed(17, 0)),
    ];
    for (what, other) in others {
        let records = [
            base.clone(),
            base.clone(),
            other.clone(),
            other,
            base.clone(),
        ];
        let (indexes, _) = round_trip(TICK_NS, &records);
        assert_eq!(indexes, [0, 1, 0, 1, 0], "{what}");
    }
    // The rest of a section's header, and the entries, are no layout.
    for at in [4, 15, second + 2, second + 4, second + 7, second + 8] {
        let (indexes, _) = round_trip(TICK_NS, &[base.clone(), changed(at, 99)]);
        assert_eq!(indexes, [0, 1], "word {at}");
    }
}

#[test]
fn a_record_may_wrap_anywhere() {
    let mut machine = Machine::new(1, 1_000_000_000);
    let words = machine.record().len();
    let mut encoder = Encoder::new(TICK_NS, FIRST_GROUP);
    let mut wrapped = Encoding::new(TICK_NS);
    let mut memory = vec![0; memory_words(words)];
    for at in 0..=words {
        let record = machine.record();
        let (first, rest) = record.split_at(at);
        let mut found = vec![0; max_words(words)];
        let size = encoder.encode(&mut memory, Parts::new(first, rest), found.as_mut_slice());
        found.truncate(size.expect("expected the frame to have room"));
        assert_eq!(found, wrapped.frame(&record), "{at} words before the end");
    }
}

#[test]
fn a_frame_without_room_does_no_harm() {
    let mut machine = Machine::new(1, 1_000_000_000);
    for frames_before in [0, 1, 5] {
        let records = machine.records(frames_before);
        let record = machine.record();
        let size_of = |is_key: bool| {
            let mut encoding = Encoding::new(TICK_NS);
            records
                .iter()
                .for_each(|before| drop(encoding.frame(before)));
            if is_key {
                encoding.start_group();
            }
            encoding.frame(&record).len()
        };
        let size = size_of(false);
        for room in 0..size {
            let (mut encoding, mut decoding) = (Encoding::new(TICK_NS), Decoding::new());
            for before in &records {
                let words = encoding.frame(before);
                assert_eq!(decoding.record(&parsed(&words)), Ok(before.as_slice()));
            }
            assert_eq!(
                encoding.with_room(&record, room),
                Err(NotEncoded::NoRoom),
                "{room} words of {size}"
            );
            // It is the next group, as if nothing had been tried.
            let words = encoding
                .with_room(&record, size_of(true))
                .expect("expected the frame to have room");
            let frame = parsed(&words);
            assert!(frame.is_key(), "expected a key frame");
            let groups_before = u32::from(frames_before > 0);
            assert_eq!(frame.group(), FIRST_GROUP.wrapping_add(groups_before));
            assert_eq!(decoding.record(&frame), Ok(record.as_slice()));
        }
    }
}

#[test]
fn a_record_that_is_too_long_is_refused() {
    let record = Machine::new(1, 1_000_000_000).record();
    let longer = vec![7; memory_words(MAX_RECORD) / 2 + 1];
    let mut encoding = Encoding::new(TICK_NS);
    let mut indexes = Vec::new();
    for _ in 0..2 {
        indexes.push(parsed(&encoding.frame(&record)).index());
        let refused = encoding.with_room(&longer, max_words(longer.len()));
        assert_eq!(refused, Err(NotEncoded::TooLong));
    }
    assert_eq!(indexes, [0, 1], "the group goes on");
}

#[test]
fn the_longest_frame_has_the_room_that_is_said() {
    let mut random = Random::new(5);
    for len in [0, 1, 7, 8, 9, 64, 371] {
        // Words and ticks that take 9 bytes each.
        let mut record = || -> Vec<u64> { (0..len).map(|_| random.next() | (1 << 62)).collect() };
        let (first, second) = (record(), record());
        let mut encoding = Encoding::new(u64::MAX);
        let words = encoding.frame(&first);
        assert_eq!(parsed(&words).words().len(), words.len());
        assert!(
            (max_words(len) - 2..=max_words(len)).contains(&words.len()),
            "{} words of {len}, expected {} or up to 2 less",
            words.len(),
            max_words(len)
        );
        encoding.frame(&second);
    }
    assert_eq!(max_words(0), HEADER_WORDS + 3);
}

#[test]
fn nothing_new_takes_two_bytes_for_2048_words() {
    let record = record_of(&[(1, &[7; 1900])]);
    let (mut encoding, mut decoding) = (Encoding::new(0), Decoding::new());
    for index in 0..3 {
        let words = encoding.frame(&record);
        let frame = parsed(&words);
        assert_eq!(decoding.record(&frame), Ok(record.as_slice()));
        assert!(index == 0 || words.len() == HEADER_WORDS + 1, "{words:x?}");
    }
}

/// What becomes of a word.
#[derive(Clone, Debug)]
enum Change {
    None,
    Add(u64),
    Ticks(u64),
    Set(u64),
    Flip(u32),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::None),
        2 => (0u64..2000).prop_map(Change::Add),
        1 => any::counter().prop_map(Change::Add),
        2 => (0u64..200).prop_map(Change::Ticks),
        1 => any::<u64>().prop_map(Change::Ticks),
        1 => any::counter().prop_map(Change::Set),
        1 => (0u32..64).prop_map(Change::Flip),
    ]
}

/// A tick: none, one of a kernel, or any.
fn tick_ns() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(10_000_000),
        Just(TICK_NS),
        any::counter()
    ]
}

proptest! {
    #[test]
    fn any_words_come_out_again(
        tick_ns in tick_ns(),
        words in prop::collection::vec(any::counter(), 1..24),
        steps in prop::collection::vec(prop::collection::vec(change(), 24), 1..12),
        other_kind_at in 0usize..12,
    ) {
        let mut words = words;
        let mut records = Vec::new();
        for (at, changes) in steps.iter().enumerate() {
            for (word, change) in words.iter_mut().zip(changes) {
                *word = match change {
                    Change::None => *word,
                    Change::Add(by) => word.wrapping_add(*by),
                    Change::Ticks(ticks) => word.wrapping_add(ticks.wrapping_mul(tick_ns)),
                    Change::Set(to) => *to,
                    Change::Flip(bit) => *word ^ (1 << bit),
                };
            }
            let kind = if at == other_kind_at { 2 } else { 1 };
            records.push(record_of(&[(kind, &words)]));
        }
        round_trip(tick_ns, &records);
    }

    #[test]
    fn what_is_no_record_comes_out_again(
        tick_ns in tick_ns(),
        records in prop::collection::vec(prop::collection::vec(any::counter(), 0..30), 1..10),
    ) {
        round_trip(tick_ns, &records);
    }
}

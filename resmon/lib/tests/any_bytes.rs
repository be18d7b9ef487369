// SPDX-License-Identifier: GPL-2.0-or-later

//! Whatever a file holds, reading it as a recording gives samples or errors, and never panics.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Read;

use proptest::prelude::*;
use resmon::model::record::{Header, SectionHeader, MAGIC, OLDEST_VERSION, SIZE_AT, VERSION};
use resmon::model::source::oom_kill::OomKill;
use resmon::model::source::tasks::{Task, Tasks};
use resmon::model::words::Words;
use resmon::{Damage, Error, Record, Records, Sample, Samples};

const RECORDING: &[u8] = include_bytes!("../../testdata/minute.rec");

/// One of each version, and how many records it has.
const RECORDINGS: [(&[u8], usize); 2] = [
    (RECORDING, 62),
    (include_bytes!("../../testdata/layers.rec"), 26),
];

/// What a recording holds.
struct Found {
    records: Vec<Vec<u8>>,
    damage: Vec<Damage>,
    error: Option<Error>,
}

/// Reads all there is. Who goes on after an error shall not go on for ever.
fn read(source: impl Read) -> Found {
    let mut records = Records::new(source);
    let (mut all, mut before) = (Vec::new(), None::<Record>);
    let error = loop {
        match records.try_next() {
            Ok(Some(record)) => {
                let _ = record.header();
                let bytes = record.to_bytes();
                assert_eq!(Record::from_bytes(&bytes).unwrap().to_bytes(), bytes);
                if let Some(before) = &before {
                    let _ = Sample::between(before, &record);
                    let _ = Sample::between(&record, before);
                }
                before = Some(record);
                all.push(bytes);
            }
            Ok(None) => break None,
            Err(error) => {
                assert_eq!(records.try_next().unwrap(), None);
                break Some(error);
            }
        }
    };
    Found {
        records: all,
        damage: records.damage().to_vec(),
        error,
    }
}

/// The same, without a look at what the records hold.
fn records(bytes: &[u8]) -> Found {
    let mut records = Records::new(bytes);
    let read: Result<Vec<_>, _> = records.by_ref().collect();
    let (read, error) = match read {
        Ok(read) => (read, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    Found {
        records: read.iter().map(Record::to_bytes).collect(),
        damage: records.damage().to_vec(),
        error,
    }
}

/// Where the records in a recording end.
fn ends(recording: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut end = 0;
    while let Some(size) = recording
        .get(end + SIZE_AT * 8..)
        .and_then(|rest| rest.get(..8))
    {
        end += u64::from_le_bytes(size.try_into().unwrap()) as usize;
        ends.push(end);
    }
    ends
}

/// Gives a few bytes at a time, as a pipe may do.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = buffer.len().min(self.1);
        self.0.read(&mut buffer[..room])
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let found = read(&*bytes);
        prop_assert_eq!(found.records.len(), 0);
        prop_assert_eq!(found.error.is_none(), bytes.is_empty());
        let _ = Record::from_bytes(&bytes);
    }

    /// A record of a version that is known, in which all else is wrong.
    #[test]
    fn any_words(version in OLDEST_VERSION..=VERSION, words in proptest::collection::vec(
        prop_oneof![any::<u64>(), 0..400_u64, Just(u64::MAX), Just(u64::MAX / 8 * 8)], 11..200,
    )) {
        let head = [MAGIC, version];
        let words: Vec<_> = head.into_iter().chain(words).collect();
        let bytes: Vec<_> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let _ = read(&*bytes);
    }

    /// Tasks and OOM kills of any words, in two records of one life.
    #[test]
    fn any_tasks(words in proptest::collection::vec(
        prop_oneof![any::<u64>(), 0..4_u64, Just(u64::MAX), Just(u64::MAX >> 32)], 4 * 16,
    ), times in proptest::collection::vec(prop_oneof![any::<u64>(), 0..4_u64], 4)) {
        let record = |seq: u64, census: u64, words: &[u64]| {
            let header = Header {
                seq,
                taken_mono_ns: seq,
                taken_wall_ns: times[0],
                taken_boot_ns: Some(times[1]),
                boot_id: Some(1),
                load_id: Some(1),
                ..Header::of(0)
            };
            let mut all = Vec::new();
            header.put(&mut |word| all.push(word));
            let mut add = |section: SectionHeader, words: &[u64]| {
                let section = SectionHeader { first_mono_ns: census, ..section };
                section.put(&mut |word| all.push(word));
                all.extend(words);
            };
            add(SectionHeader::of::<Tasks>(1), &words[..Tasks::LEN]);
            add(SectionHeader::of::<Task>(2), &words[..2 * Task::LEN]);
            add(SectionHeader::of::<OomKill>(2), &words[..2 * OomKill::LEN]);
            all[SIZE_AT] = 8 * all.len() as u64;
            let bytes: Vec<_> = all.iter().flat_map(|word| word.to_le_bytes()).collect();
            Record::from_bytes(&bytes).unwrap()
        };
        let (one, other) = words.split_at(words.len() / 2);
        let before = record(1, times[2], one);
        for after in [record(2, times[3], other), record(2, times[3], one)] {
            let sample = Sample::between(&before, &after).unwrap();
            let tasks = sample.top_tasks.iter();
            let numbers = tasks.flat_map(|task| [
                task.cpu_percent,
                task.started_s,
                task.major_faults_per_second,
                task.read_bytes_per_second,
                task.written_bytes_per_second,
            ]);
            let ended = sample.tasks.unwrap().ended_percent;
            for number in numbers.chain([ended]).flatten() {
                prop_assert!(number.is_finite() && number >= 0.0, "{:?}", sample);
            }
            for kill in &sample.oom_kills {
                prop_assert!(kill.time_s.is_finite() && Some(kill.rss_bytes) >= kill.anon_bytes);
            }
        }
    }

    /// A recording in which some words are others.
    #[test]
    fn changed_words((recording, _) in prop::sample::select(&RECORDINGS[..]), changes in proptest::collection::vec(
        (0..1500_usize, prop_oneof![any::<u64>(), 0..400_u64, Just(u64::MAX)]), 1..20,
    )) {
        let mut bytes = recording[..12_000].to_vec();
        for (at, word) in changes {
            bytes[at * 8..][..8].copy_from_slice(&word.to_le_bytes());
        }
        let _ = read(&*bytes);
    }

    /// However few bytes come at a time, they are the same records and the same damage.
    #[test]
    fn some_bytes_at_a_time((recording, _) in prop::sample::select(&RECORDINGS[..]),
               end: prop::sample::Index, hole: prop::sample::Index, step in 1..5000_usize) {
        let mut bytes = recording[..end.index(recording.len())].to_vec();
        let hole = hole.index(bytes.len() + 1);
        let hole_end = bytes.len().min(hole + 3000);
        bytes[hole..hole_end].fill(0);
        let (all, slow) = (read(&*bytes), read(Slow(&bytes, step)));
        prop_assert_eq!(all.records, slow.records);
        prop_assert_eq!(all.damage, slow.damage);
    }
}

/// The start and the end of each record.
fn places(recording: &[u8]) -> Vec<std::ops::Range<usize>> {
    let ends = ends(recording);
    let starts = [0].into_iter().chain(ends.iter().copied());
    starts
        .zip(ends.iter().copied())
        .map(|(start, end)| start..end)
        .collect()
}

/// Looks whether all records are found that do not have one of the bytes at `touched`, and whether
/// what is left out is told.
fn check_damage(recording: &[u8], damaged: &[u8], touched: std::ops::Range<usize>, what: &str) {
    let found = records(damaged);
    let whole: Vec<_> = places(recording)
        .into_iter()
        .filter(|place| place.end <= damaged.len().min(touched.start) || place.start >= touched.end)
        .filter_map(|place| damaged.get(place))
        .collect();
    if whole.is_empty() {
        return;
    }
    let is_found = |record: &&&[u8]| found.records.iter().any(|found| *found == **record);
    let missing = whole.iter().filter(|record| !is_found(record)).count();
    assert!(
        missing == 0 && found.error.is_none(),
        "{what}: {missing} of {} whole records are missing, expected none; the error is {:?}",
        whole.len(),
        found.error
    );
    let read: usize = found.records.iter().map(Vec::len).sum();
    let left_out: u64 = found.damage.iter().map(|damage| damage.bytes).sum();
    assert_eq!(
        read + left_out as usize,
        damaged.len(),
        "{what}: expected each byte to be in a record or left out, found {:?}",
        found.damage
    );
    for pair in found.damage.windows(2) {
        assert!(
            pair[0].offset + pair[0].bytes < pair[1].offset,
            "{what}: expected places one after the other, found {pair:?}"
        );
    }
}

/// The first records of each recording. All of them would take minutes, and hold nothing else.
fn beginnings() -> [&'static [u8]; 2] {
    RECORDINGS.map(|(recording, _)| &recording[..ends(recording)[2]])
}

#[test]
fn a_cut_at_any_byte_loses_what_it_cuts() {
    for recording in beginnings() {
        for end in 0..=recording.len() {
            check_damage(
                recording,
                &recording[..end],
                end..end,
                &format!("cut at {end}"),
            );
            // The begin is missing.
            let found = records(&recording[end..]);
            let whole = places(recording)
                .iter()
                .filter(|place| place.start >= end)
                .count();
            assert_eq!(found.records.len(), whole, "records after a begin at {end}");
        }
    }
}

#[test]
fn a_cut_that_was_added_to_loses_what_it_cuts() {
    for recording in beginnings() {
        let places = places(recording);
        for end in 0..=recording.len() {
            let joined = [&recording[..end], recording].concat();
            let found = records(&joined);
            let before = places.iter().filter(|place| place.end <= end).count();
            assert_eq!(
                found.records.len(),
                before + places.len(),
                "records after a cut at {end}: {:?}",
                found.damage
            );
        }
    }
}

/// A name may have the letters that records begin with.
#[test]
fn a_name_like_a_record_is_no_record() {
    let layers = RECORDINGS[1].0;
    let first = &layers[..ends(layers)[0]];
    // Some word that is neither a size nor a count is the last one, of a name or a counter.
    let mut named = first.to_vec();
    let at = named.len() - 8;
    named[at..].copy_from_slice(&MAGIC.to_le_bytes());
    let named = Record::from_bytes(&named).unwrap().to_bytes();
    for (bytes, count) in [
        (named.clone(), 1),
        ([&named[..], &named, layers].concat(), 2 + RECORDINGS[1].1),
    ] {
        let found = records(&bytes);
        assert_eq!((found.records.len(), &found.damage[..]), (count, &[][..]));
    }
}

#[test]
fn a_flipped_bit_loses_its_record() {
    for recording in beginnings() {
        let mut damaged = recording.to_vec();
        for at in 0..recording.len() {
            for bit in 0..8 {
                damaged[at] ^= 1 << bit;
                check_damage(
                    recording,
                    &damaged,
                    at..at + 1,
                    &format!("bit {bit} of byte {at}"),
                );
                damaged[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn a_run_of_zeros_loses_what_it_covers() {
    for recording in beginnings() {
        for len in [1, 7, 8, 100, 512, 4096] {
            for at in 0..recording.len() {
                let end = recording.len().min(at + len);
                let mut damaged = recording.to_vec();
                damaged[at..end].fill(0);
                check_damage(
                    recording,
                    &damaged,
                    at..end,
                    &format!("{len} zeros at {at}"),
                );
            }
        }
    }
}

/// As after a panic, when the file system has the size of what was never written.
#[test]
fn zeros_at_the_end() {
    for (recording, count) in RECORDINGS {
        let mut bytes = recording.to_vec();
        bytes.resize(bytes.len() + 100_000, 0);
        let found = read(&*bytes);
        assert_eq!(found.records.len(), count);
        let [damage] = found.damage[..] else {
            panic!("expected one damaged place, found {:?}", found.damage);
        };
        assert_eq!(
            (damage.offset, damage.bytes),
            (recording.len() as u64, 100_000)
        );
    }
}

#[test]
fn a_reader_that_was_loaded_anew_goes_on() {
    let records: Vec<_> = Records::new(RECORDING)
        .map(|record| record.unwrap())
        .collect();
    // The numbers begin anew in the middle.
    let bytes: Vec<_> = records[40..]
        .iter()
        .chain(&records[..10])
        .flat_map(Record::to_bytes)
        .collect();
    let samples: Vec<_> = Samples::new(Records::new(&*bytes))
        .map(|sample| sample.unwrap())
        .collect();
    assert_eq!(samples.len(), 21 + 9);
}

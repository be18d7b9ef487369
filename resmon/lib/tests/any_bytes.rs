// SPDX-License-Identifier: GPL-2.0-or-later

//! Whatever a file holds, reading it as a recording gives samples or errors, and never panics.
#![allow(clippy::unwrap_used)]

use std::io::Read;

use proptest::prelude::*;
use resmon::model::record::{MAGIC, OLDEST_VERSION, SIZE_AT, VERSION};
use resmon::{Error, Record, Records, Sample, Samples};

const RECORDING: &[u8] = include_bytes!("../../testdata/minute.rec");

/// One of each version, and how many records it has.
const RECORDINGS: [(&[u8], usize); 2] = [
    (RECORDING, 62),
    (include_bytes!("../../testdata/layers.rec"), 26),
];

/// Reads all there is. Who goes on after an error shall not go on for ever.
fn read(source: impl Read) -> (usize, Option<Error>) {
    let mut records = Records::new(source);
    let (mut count, mut before) = (0, None::<Record>);
    loop {
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
                count += 1;
            }
            Ok(None) => return (count, None),
            Err(error) => {
                assert_eq!(records.try_next().unwrap(), None);
                return (count, Some(error));
            }
        }
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
        let (count, error) = read(&*bytes);
        prop_assert_eq!(count, 0);
        prop_assert_eq!(error.is_none(), bytes.is_empty());
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

    /// A recording that ends anywhere has all the whole records before.
    #[test]
    fn cut_off((recording, records) in prop::sample::select(&RECORDINGS[..]), end: prop::sample::Index,
               step in 1..5000_usize) {
        let end = end.index(recording.len());
        let (whole, error) = read(recording);
        prop_assert!(whole == records && error.is_none(),
            "expected {} records and no error, found {} and {:?}", records, whole, error);
        let (count, error) = read(Slow(&recording[..end], step));
        let ends = ends(recording);
        prop_assert_eq!(count, ends.iter().filter(|at| **at <= end).count());
        let is_between = end == 0 || ends.contains(&end);
        let is_fine = match &error {
            None => is_between,
            Some(error) => !is_between && matches!(error, Error::Truncated),
        };
        prop_assert!(is_fine,
            "the end at {} is between two records: {}, expected Truncated unless it is, found {:?}",
            end, is_between, error);
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

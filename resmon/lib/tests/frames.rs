// SPDX-License-Identifier: GPL-2.0-or-later

//! Encoded records in recordings, among plain ones, and when they are damaged.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use resmon::{FrameWriter, Record, Recording, Records};

/// Of version 2, as only those are encoded.
const PLAIN: &[u8] = include_bytes!("../../testdata/layers.rec");

fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
    let mut records = Records::new(bytes);
    let all = records
        .by_ref()
        .map(|record| record.unwrap().to_bytes())
        .collect();
    let damaged = records.damage().iter().map(|damage| damage.bytes).sum();
    (all, damaged)
}

fn plain() -> Vec<Record> {
    Records::new(PLAIN).map(|record| record.unwrap()).collect()
}

/// The records, each as a frame.
fn frames(records: &[Record]) -> Vec<Vec<u8>> {
    let mut writer = FrameWriter::default();
    records.iter().map(|record| writer.encode(record)).collect()
}

fn bytes(records: &[Record]) -> Vec<Vec<u8>> {
    records.iter().map(Record::to_bytes).collect()
}

#[test]
fn frames_are_the_records_that_they_were_made_of() {
    let records = plain();
    let encoded = frames(&records).concat();
    assert_eq!(read(&encoded), (bytes(&records), 0));
    assert!(encoded.len() * 4 < PLAIN.len(), "{} bytes", encoded.len());
}

#[test]
fn a_group_goes_on_behind_plain_records() {
    let records = plain();
    let mixed: Vec<u8> = frames(&records)
        .into_iter()
        .zip(bytes(&records))
        .flat_map(|(frame, plain)| [frame, plain])
        .flatten()
        .collect();
    let twice: Vec<_> = bytes(&records)
        .into_iter()
        .flat_map(|one| [one.clone(), one])
        .collect();
    assert_eq!(read(&mixed), (twice, 0));
}

/// A recording gives them in order, and so reads the second row before the first one.
#[test]
fn rows_can_be_read_in_any_order() {
    let records = plain();
    let half = records.len() / 2;
    let turned = [&records[half..], &records[..half]].concat();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), frames(&turned).concat()).unwrap();
    let recording = Recording::open(file.path()).unwrap();
    let numbers = |records: &[Record]| -> Vec<u64> {
        records.iter().map(|record| record.header().seq).collect()
    };
    let found: Vec<_> = Records::new(recording)
        .map(|record| record.unwrap())
        .collect();
    assert_eq!(numbers(&found), numbers(&records));
    assert!(found == records);
}

/// A frame without the one before it is left out, and so are those that follow, until a key frame.
#[test]
fn a_missing_frame_costs_the_rest_of_its_group() {
    let records = plain();
    let encoded = frames(&records);
    for missing in 0..encoded.len() {
        let mut rest = encoded.clone();
        rest.remove(missing);
        rest.extend(frames(&records[..2]));
        let mut expected = bytes(&records[..missing]);
        expected.extend(bytes(&records[..2]));
        let left_out: usize = encoded.iter().skip(missing + 1).map(Vec::len).sum();
        assert_eq!(read(&rest.concat()), (expected, left_out as u64));
    }
}

#[test]
fn a_damaged_byte_makes_no_other_record() {
    let records = plain();
    let encoded = frames(&records);
    let all = bytes(&records);
    let mut start = 0;
    for (number, frame) in encoded.iter().enumerate() {
        for at in (0..frame.len()).step_by(7) {
            let mut damaged = encoded.concat();
            damaged[start + at] ^= 0x10;
            let after = frames(&records[..1]).concat();
            damaged.extend(&after);
            let (found, bytes) = read(&damaged);
            let mut expected = all[..number].to_vec();
            expected.push(all[0].clone());
            assert_eq!(found, expected, "byte {at} of frame {number}");
            assert_eq!(bytes as usize, damaged.len() - start - after.len());
        }
        start += frame.len();
    }
}

/// A frame may claim as many words as it likes; what follows is still read.
#[test]
fn a_record_of_a_claimed_size_takes_no_memory() {
    use resmon::model::frame::{max_words, memory_words, Encoder, Parts};
    let words = vec![0_u64; 1 << 20];
    let mut memory = vec![0; memory_words(words.len())];
    let mut frame = vec![0_u64; max_words(words.len())];
    let record = Parts::new(&words, &[]);
    let len = Encoder::new(0, 0)
        .encode(&mut memory, record, frame.as_mut_slice())
        .unwrap();
    let mut bytes: Vec<u8> = frame[..len]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    bytes.extend(PLAIN);
    // All zeros are no record, but that is seen only when it is decoded.
    assert_eq!(read(&bytes), (self::bytes(&plain()), len as u64 * 8));
}

proptest! {
    #[test]
    fn a_cut_loses_what_it_cuts(cut in 0..PLAIN.len() / 5, count in 1..20_usize) {
        let records = plain();
        let encoded = frames(&records);
        let whole = encoded.concat();
        let cut = cut.min(whole.len());
        let mut bytes = whole[..cut].to_vec();
        bytes.extend(frames(&records[..count]).concat());
        let mut end = 0;
        let kept = encoded.iter().take_while(|frame| { end += frame.len(); end <= cut }).count();
        let mut expected: Vec<_> = self::bytes(&records[..kept]);
        expected.extend(self::bytes(&records[..count]));
        prop_assert_eq!(read(&bytes).0, expected);
    }
}

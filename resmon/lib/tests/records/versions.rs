// SPDX-License-Identifier: GPL-2.0-or-later

//! Records of older modules, and of other boots and loads.

use crate::util::Made;
use resmon::model::record::{Header, MAGIC, VERSION};
use resmon::model::source::activity::Activity;
use resmon::model::source::memory::Memory;
use resmon::{Error, Record, Records, Sample, Samples};

const RECORDING: &[u8] = include_bytes!("../../../testdata/minute.rec");

/// The words of a record of version 1, with memory and activity.
fn version_1(seq: u64, swapped: [u64; 2], interrupts: [u64; 2]) -> Vec<u64> {
    let mut words = vec![MAGIC, 1, 0, 13 * 8, seq, 0, seq * 1_000_000_000];
    words.extend(1..=6);
    words.extend([1, (6 + 17) * 8, 17 * 8, 0, 77, 0]);
    words.extend(101..=114);
    words.extend(swapped);
    words.push(4096);
    words.extend([4, (6 + 8) * 8, 8 * 8, 0, seq * 1_000_000_000 + 5, 3]);
    words.extend(201..=206);
    words.extend(interrupts);
    words.extend([77, (6 + 2) * 8, 8, 1, 9, 0, 301, 302]);
    words[2] = 8 * words.len() as u64;
    words
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn activity(record: &Record) -> Activity {
    record.raw().unwrap().entries().next().unwrap()
}

#[test]
fn a_record_of_version_1_is_read() {
    let record = Record::from_bytes(&bytes(&version_1(3, [11, 12], [21, 22]))).unwrap();
    let header = record.header();
    assert_eq!((header.version, header.seq), (VERSION, 3));
    assert_eq!(
        (header.taken_wall_ns, header.previous_cost_ns),
        (1, 6),
        "the fields that it has are where they were"
    );
    let identity = (header.taken_boot_ns, header.load_id, header.boot_id);
    assert_eq!(identity, (None, None, None));

    let raw = record.raw().unwrap();
    let memory: Memory = raw.entries::<Memory>().next().unwrap();
    assert_eq!(
        (memory.total, memory.swap_free, memory.page_bytes),
        (101, 114, 4096)
    );
    let expected = Activity {
        faults: 201,
        major_faults: 202,
        paged_in_sectors: 203,
        paged_out_sectors: 204,
        swapped_in_pages: 11,
        swapped_out_pages: 12,
        oom_kills: 205,
        device_interrupts: 206,
        cpu_interrupts: 21,
        soft_interrupts: 22,
    };
    assert_eq!(activity(&record), expected);
    let headers: Vec<_> = raw.sections().map(|section| section.header()).collect();
    let times: Vec<_> = headers.iter().map(|header| header.first_mono_ns).collect();
    assert_eq!(times, [77, 3_000_000_005, 9]);
    assert_eq!((headers[1].left_out, headers[2].state), (3, 1));
    // What is not known is copied as it is.
    assert_eq!(headers[2].size_bytes - headers[2].header_bytes, 16);
    let end = raw.words().last_chunk();
    assert_eq!(end, Some(&[301, 302]));
    // What is recorded of it stays what it is.
    assert_eq!(record.to_bytes(), bytes(&version_1(3, [11, 12], [21, 22])));
}

#[test]
fn interrupts_of_version_1_go_on_when_they_wrap() {
    const MAX: u64 = u32::MAX as u64;
    let counts = [[MAX, 5], [4, 9], [2, 9], [MAX, MAX], [0, 0]];
    let recording: Vec<u8> = (1..)
        .zip(counts)
        .flat_map(|(seq, count)| bytes(&version_1(seq, [0, 0], count)))
        // The module was loaded again, and began anew.
        .chain(bytes(&version_1(0, [0, 0], [7, 8])))
        .collect();
    let records: Vec<_> = Records::new(&*recording).map(Result::unwrap).collect();
    let totals: Vec<_> = records
        .iter()
        .map(|record| {
            let activity = activity(record);
            (activity.cpu_interrupts, activity.soft_interrupts)
        })
        .collect();
    const WRAP: u64 = 1 << 32;
    assert_eq!(
        totals,
        [
            (MAX, 5),
            (WRAP + 4, 9),
            (2 * WRAP + 2, 9),
            (2 * WRAP + MAX, MAX),
            (3 * WRAP, WRAP),
            (7, 8)
        ]
    );
    let sample = Sample::between(&records[0], &records[1]).unwrap();
    assert_eq!(sample.activity.unwrap().interrupts_per_second, 5.0);
    // 4 pages of 4 KiB were read.
    let before = Record::from_bytes(&bytes(&version_1(1, [3, 0], [0, 0]))).unwrap();
    let after = Record::from_bytes(&bytes(&version_1(2, [7, 0], [0, 0]))).unwrap();
    let swap = Sample::between(&before, &after).unwrap().swap.unwrap();
    assert_eq!(swap.in_bytes_per_second, Some(16_384.0));
    assert_eq!(swap.out_bytes_per_second, Some(0.0));
}

#[test]
fn a_damaged_record_of_version_1_is_refused() {
    let good = version_1(3, [11, 12], [21, 22]);
    let with = |at: usize, word: u64| {
        let mut words = good.clone();
        words[at] = word;
        Record::from_bytes(&bytes(&words))
    };
    let found = with(4, 9);
    assert!(
        found.is_ok(),
        "expected another number to be read, found {found:?}"
    );
    let size = good[2];
    for (at, word) in [
        (2, size - 8),
        (2, size + 8),
        (2, 8),
        (3, 12 * 8),
        (3, 13 * 8 + 1),
        (3, u64::MAX),
        (14, 5 * 8),
        (14, u64::MAX),
        (15, 0),
        (15, 16 * 8 + 1),
        (15, 16 * 8),
    ] {
        let found = with(at, word);
        assert!(
            matches!(found, Err(Error::Invalid(_))),
            "expected the word {word} at {at} to be refused, found {found:?}"
        );
    }
    for version in [0, VERSION + 1] {
        let found = with(1, version);
        assert!(
            matches!(found, Err(Error::Version { found, .. }) if found == version),
            "expected the version {version} to be refused, found {found:?}"
        );
    }
    // Entries that lack what version 1 had are none.
    let mut words = good;
    words[13] = 77;
    let record = Record::from_bytes(&bytes(&words)).unwrap();
    assert_eq!(record.raw().unwrap().entries::<Memory>().next(), None);
    assert_eq!(record.raw().unwrap().entries::<Activity>().count(), 0);
}

#[test]
fn a_recording_of_version_1_is_read() {
    let samples: Vec<_> = Samples::new(Records::new(RECORDING))
        .map(Result::unwrap)
        .collect();
    assert_eq!(samples.len(), 61);
    for sample in samples {
        let interrupts = sample.activity.unwrap().interrupts_per_second;
        assert!(
            interrupts > 0.0,
            "{interrupts} interrupts per second, expected more than 0"
        );
        assert_eq!(sample.swap.unwrap().in_bytes_per_second, Some(0.0));
        assert_eq!((sample.module_boot_id, sample.since_boot_s), (None, None));
    }
}

#[test]
fn records_of_two_lives_are_not_compared() {
    let of = |seq, boot_id, load_id| {
        let header = Header {
            seq,
            taken_mono_ns: seq,
            boot_id,
            load_id,
            ..Header::default()
        };
        Made::of(header).record()
    };
    let lives = [
        (None, None),
        (Some(1), Some(1)),
        (Some(1), Some(2)),
        (Some(2), Some(1)),
    ];
    for (boot, load) in lives {
        for (later_boot, later_load) in lives {
            let sample = Sample::between(&of(3, boot, load), &of(4, later_boot, later_load));
            let is_one_life = (boot, load) == (later_boot, later_load);
            assert_eq!(sample.is_some(), is_one_life);
        }
        // Not in this order.
        assert_eq!(
            Sample::between(&of(4, boot, load), &of(3, boot, load)),
            None
        );
    }
    // As two recordings in one file.
    let records = [
        of(95, Some(1), Some(1)),
        of(96, Some(1), Some(1)),
        of(3_595, Some(2), Some(2)),
        of(3_596, Some(2), Some(2)),
    ];
    let recording: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
    let samples: Vec<_> = Samples::new(Records::new(&*recording))
        .map(|sample| sample.unwrap().seq.unwrap())
        .collect();
    assert_eq!(samples, [96, 3_596]);
}

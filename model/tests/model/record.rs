// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::util::{cpu, push_section, record_at, value_of, words, words_for, words_of};
use model::record::{
    self, section_words, Content, Header, Invalid, Record, SectionHeader, LOST_AT, SEQ_AT, SIZE_AT,
    WORD_BYTES,
};
use model::source::activity::Activity;
use model::source::cpu::{count, online, Cpu};
use model::source::disk::Disk;
use model::source::fs::{Fs, Path, State, Usage, MAX_PATH, READ_ONLY};
use model::source::load::Load;
use model::source::memory::{Buffers, Memory};
use model::source::net::Net;
use model::source::pressure::Pressure;
use model::source::ALL;
use model::words::Words;
use proptest::prelude::*;

/// A value of which each word is another, from `first` on, so that no two fields can be swapped
/// unnoticed.
fn counted<T: Words>(first: u64) -> T {
    value_of(first..)
}

/// A record of two CPUs.
fn of_two_cpus() -> Vec<u64> {
    words(
        Header::default(),
        Memory::default(),
        &[cpu(0, 0, 1, 2), cpu(1, 0, 3, 4)],
    )
}

/// Puts the size right of a record that was changed.
fn resized(mut words: Vec<u64>) -> Vec<u64> {
    words[SIZE_AT] = (words.len() * WORD_BYTES) as u64;
    words
}

#[test]
fn a_record_reads_as_it_was_written() {
    let header = Header {
        seq: 7,
        taken_mono_ns: 8,
        previous_cost_ns: 9,
        ..Header::default()
    };
    let memory: Memory = counted(101);
    let first: Cpu = counted(201);
    assert_eq!((memory.total, memory.page_bytes), (101, 115));
    assert_eq!((first.id, first.epoch, first.times.user), (201, 202, 203));
    assert_eq!(first.times.guest_nice, 212);

    let second = cpu(300, 0, 5, 6);
    let mut words = words(header, memory, &[first, second]);
    assert_eq!(words.len(), words_for(2));
    let record = Record::new(&words).expect("expected a whole record");
    let read = record.header();
    assert_eq!(
        (read.seq, read.taken_mono_ns, read.previous_cost_ns),
        (7, 8, 9)
    );
    assert_eq!((read.magic, read.version), (record::MAGIC, record::VERSION));
    assert_eq!(record.entries::<Memory>().next(), Some(memory));
    assert_eq!(count(record), 2);
    assert_eq!(online(record).collect::<Vec<_>>(), [first, second]);
    assert_eq!(record.entries::<Load>().count(), 0);

    let (load, pressure, activity): (Load, Pressure, Activity) =
        (counted(301), counted(401), counted(501));
    let nets: [Net; 2] = [counted(601), counted(701)];
    push_section(&mut words, &[load]);
    push_section(&mut words, &[activity]);
    push_section(&mut words, &[pressure]);
    push_section(&mut words, &nets);
    push_section(&mut words, &[counted::<Disk>(801)]);
    push_section(&mut words, &[Buffers { buffers: 5 }]);
    let words = resized(words);
    let record = Record::new(&words).expect("expected a whole record");
    assert_eq!(record.sections().count(), 8);
    assert_eq!(count(record), 2);
    assert_eq!(record.entries().collect::<Vec<Load>>(), [load]);
    assert_eq!(record.entries().collect::<Vec<Activity>>(), [activity]);
    assert_eq!(record.entries().collect::<Vec<Pressure>>(), [pressure]);
    assert_eq!(record.entries().collect::<Vec<Net>>(), nets);
    assert_eq!(record.entries().collect::<Vec<Disk>>(), [counted(801)]);
    assert_eq!(
        record.entries().collect::<Vec<Buffers>>(),
        [Buffers { buffers: 5 }]
    );
}

#[test]
fn the_words_that_the_history_knows_are_where_they_are_said_to_be() {
    let header: Header = counted(0);
    assert_eq!(header.size_bytes, SIZE_AT as u64);
    assert_eq!(header.seq, SEQ_AT as u64);
    assert_eq!(header.lost_records, LOST_AT as u64);
}

#[test]
fn kinds_are_different() {
    // They are part of the format.
    let kinds = ALL.iter().map(|kind| (kind.number, kind.name));
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_unstable();
    let expected = [
        (1, "memory"),
        (2, "cpu"),
        (3, "load"),
        (4, "activity"),
        (5, "pressure"),
        (6, "disk"),
        (7, "net"),
        (8, "fs"),
        (9, "buffers"),
        (10, "tcp"),
        (11, "running"),
        (12, "event"),
        (13, "tasks"),
        (14, "task"),
        (15, "oom_kill"),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn a_file_system_reads_as_it_was_written() {
    let longest = vec![b'/'; MAX_PATH];
    let usage: Usage = Usage {
        blocks: 3,
        inodes: 4,
        flags: Some(READ_ONLY),
        ..Usage::default()
    };
    for state in [
        State::Mounted(usage),
        State::Absent,
        State::Failed(107),
        State::Stale,
    ] {
        for path in [b"/".as_slice(), b"/mnt/\xff,", &longest] {
            let fs = Fs {
                path: Path::new(path),
                state,
            };
            let words = words_of(&fs);
            assert_eq!(words.len(), Fs::LEN);
            assert_eq!(value_of::<Fs>(words), fs);
        }
    }
}

/// Adds a section whose header goes on with `more`, and whose entries are these words.
fn push_words(words: &mut Vec<u64>, kind: u64, more: &[u64], entries: &[&[u64]]) {
    let header_words = SectionHeader::LEN + more.len();
    let entry_words: usize = entries.iter().map(|entry| entry.len()).sum();
    let entry_bytes = entries.first().map_or(0, |entry| entry.len() * WORD_BYTES);
    SectionHeader {
        kind,
        size_bytes: ((header_words + entry_words) * WORD_BYTES) as u64,
        header_bytes: (header_words * WORD_BYTES) as u64,
        entry_bytes: entry_bytes as u64,
        ..SectionHeader::default()
    }
    .put(&mut |word| words.push(word));
    words.extend(more);
    words.extend(entries.concat());
}

#[test]
fn what_a_reader_does_not_know_is_skipped() {
    // A header and an entry that have got new fields, and a section of a new kind.
    let mut header = words_of(&Header::of(0));
    header.extend([1, 2]);
    header[3] = (header.len() * WORD_BYTES) as u64;
    let mut words = header;
    push_words(&mut words, 77, &[], &[&[1, 2]]);
    // The header of this section has a new field, too.
    let entries: [&[u64]; 2] = [&[1, 2, 3, u64::MAX], &[4, 5, 6, u64::MAX]];
    push_words(&mut words, Load::KIND, &[u64::MAX], &entries);
    let words = resized(words);
    let record = Record::new(&words).expect("expected a record of a newer module to be read");
    assert_eq!(record.sections().count(), 2);
    assert_eq!(
        record.entries().collect::<Vec<Load>>(),
        [counted(1), counted(4)]
    );
}

#[test]
fn what_an_older_module_does_not_know_is_missing_alone() {
    // A header and entries without the fields that were appended: one, two, all.
    for missing in 1..=3 {
        let mut words = words_of(&counted::<Header>(1));
        words[..4].copy_from_slice(&words_of(&Header::of(0))[..4]);
        words.truncate(Header::LEN - missing);
        words[3] = (words.len() * WORD_BYTES) as u64;
        let disk = words_of(&counted::<Disk>(101));
        push_words(
            &mut words,
            Disk::KIND,
            &[],
            &[&disk[..disk.len() - missing]],
        );
        let net = words_of(&counted::<Net>(201));
        push_words(&mut words, Net::KIND, &[], &[&net[..net.len() - 1]]);
        let words = resized(words);
        let record = Record::new(&words).expect("expected a record of an older module to be read");

        let header = record.header();
        assert_eq!((header.seq, header.previous_cost_ns), (5, 13));
        let known = |field: usize, word| (field > missing).then_some(word);
        assert_eq!(header.taken_boot_ns, known(3, 14));
        assert_eq!(header.load_id, known(2, 15));
        assert_eq!(header.boot_id, known(1, 16));
        let whole: Disk = counted(101);
        assert_eq!(
            record.entries().collect::<Vec<Disk>>(),
            [Disk {
                flags: known(3, 122),
                major: known(2, 123).map(|word| word as u32),
                minor: known(1, 124).map(|word| word as u32),
                ..whole
            }]
        );
        assert_eq!(whole.in_flight, 121);
        assert_eq!(
            record.entries().collect::<Vec<Net>>(),
            [Net {
                flags: None,
                ..counted(201)
            }]
        );
    }

    // One that lacks what each has is none.
    let mut words = words_of(&Header::of(0));
    push_words(&mut words, Load::KIND, &[], &[&[1, 2]]);
    let words = resized(words);
    let record = Record::new(&words).expect("expected a record to be read");
    assert_eq!(record.entries::<Load>().count(), 0);
}

#[test]
fn what_is_no_record_is_refused() {
    let good = of_two_cpus();
    let with = |at: usize, word: u64| {
        let mut words = good.clone();
        words[at] = word;
        Record::new(&words).map(|record| record.words().len())
    };
    let size = (good.len() * WORD_BYTES) as u64;
    let section = Header::LEN;
    assert_eq!(with(SIZE_AT, size), Ok(good.len()));
    assert_eq!(with(0, 1), Err(Invalid::Magic));
    assert_eq!(with(0, record::MAGIC.swap_bytes()), Err(Invalid::ByteOrder));
    assert_eq!(with(1, 1), Err(Invalid::Version(1)));
    assert_eq!(with(1, 3), Err(Invalid::Version(3)));
    for wrong in [0, 1, size - 8, size + 1, size + 8, u64::MAX] {
        assert_eq!(with(SIZE_AT, wrong), Err(Invalid::Size(wrong)));
    }
    for wrong in [
        0,
        8,
        (Header::MIN_LEN * 8) as u64 - 8,
        (Header::LEN * 8) as u64 + 4,
        size + 8,
        u64::MAX,
    ] {
        assert_eq!(with(3, wrong), Err(Invalid::Size(size)), "{wrong}");
    }
    // The sizes of a section, of its header and of its entries.
    for wrong in [0, 8, 63, 72, u64::MAX] {
        assert_eq!(
            with(section + 1, wrong),
            Err(Invalid::Section(section)),
            "{wrong}"
        );
    }
    for wrong in [0, 8, 48, 56, 63, 8 * 1000, u64::MAX] {
        assert_eq!(
            with(section + 2, wrong),
            Err(Invalid::Section(section)),
            "{wrong}"
        );
    }
    for wrong in [0, 1, 16, u64::MAX] {
        assert_eq!(
            with(section + 3, wrong),
            Err(Invalid::Section(section)),
            "{wrong}"
        );
    }
    assert_eq!(Record::new(&[]).err(), Some(Invalid::TooShort));
    assert_eq!(Record::new(&good[..3]).err(), Some(Invalid::TooShort));
    assert_eq!(
        Record::new(&good[..good.len() - 1]).err(),
        Some(Invalid::Size(size))
    );
    assert_eq!(record::size_bytes(&good[..Header::MIN_LEN]), Ok(size));
    // That of an older version has its size in the same place.
    let mut older = good.clone();
    older[1] = record::OLDEST_VERSION;
    assert_eq!(record::size_bytes(&older), Ok(size));
    older[1] = record::OLDEST_VERSION - 1;
    assert_eq!(record::size_bytes(&older), Err(Invalid::Version(0)));
}

/// A record with some words changed: most of it still makes sense.
fn damaged() -> impl Strategy<Value = Vec<u64>> {
    let word = prop_oneof![any::counter(), (0u64..40).prop_map(|words| words * 8)];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), word), 0..4);
    let cut = any::<prop::sample::Index>();
    (changes, cut, any::<bool>()).prop_map(|(changes, cut, is_cut)| {
        let mut words = of_two_cpus();
        push_section(&mut words, &[counted::<Disk>(3)]);
        let mut words = resized(words);
        for (at, word) in changes {
            let at = at.index(words.len());
            words[at] = word;
        }
        if is_cut {
            words.truncate(cut.index(words.len()));
        }
        words
    })
}

#[test]
fn elapsed_is_never_negative() {
    let (early, late) = (record_at(5, &[]), record_at(12, &[]));
    let early = Record::new(&early).expect("expected a whole record");
    let late = Record::new(&late).expect("expected a whole record");
    assert_eq!(late.elapsed_ns_since(&early), 7);
    assert_eq!(early.elapsed_ns_since(&late), 0);
}

proptest! {
    #[test]
    fn any_words_can_be_looked_at(words in prop_oneof![
        damaged(),
        prop::collection::vec(any::counter(), 0..200),
    ]) {
        if let Ok(record) = Record::new(&words) {
            let _ = (record.header(), record.entries::<Memory>().next());
            let cpus = online(record).count();
            prop_assert!(cpus <= count(record),
                "{} CPUs, expected at most {}", cpus, count(record));
            let _ = record.entries::<Disk>().count() + record.entries::<Fs>().count();
            let whole: usize = record
                .sections()
                .map(|section| section.header().size_bytes as usize)
                .sum();
            prop_assert_eq!(whole + record.header().header_bytes as usize, 8 * words.len());
        }
    }

    #[test]
    fn any_cpu_reads_as_it_was_written(id: u32, epoch: u32, times: [u64; 10]) {
        let cpu = Cpu { id, epoch, times: value_of(times) };
        prop_assert_eq!(value_of::<Cpu>(words_of(&cpu)), cpu);
    }

    #[test]
    fn any_file_system_can_be_looked_at(words in prop::collection::vec(any::counter(), Fs::LEN)) {
        if let Some(fs) = Fs::from_words(&words) {
            prop_assert_eq!(value_of::<Fs>(words_of(&fs)), fs);
        }
    }

    #[test]
    fn sizes_do_not_overflow(count: usize) {
        let (words, least) = (section_words::<Cpu>(count), count.min(usize::MAX / 2));
        prop_assert!(words >= least, "{} words, expected {} or more", words, least);
        let (some, none) = (section_words::<Cpu>(count), section_words::<Cpu>(0));
        prop_assert!(some > none || count == 0,
            "{} words for {} CPUs, expected more than {}", some, count, none);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Which of many disks and interfaces have a line, and in which order.

use super::timed::lines;
use crate::logged::{self, SECOND};
use model::busiest::MAX_LINES;
use model::source::disk::{Completed, Disk};
use model::source::net::{Carried, Net};
use model::text::Text;
use proptest::prelude::*;

/// A disk that was busy for so many tenths of a percent of a second and read so many sectors.
fn disk(seq: u64, busy: u64, sectors: u64) -> Disk {
    Disk {
        taken_mono_ns: 0,
        seq,
        name: Text::new(seq.to_string().as_bytes()),
        reads: Completed {
            sectors,
            ..Completed::default()
        },
        writes: Completed::default(),
        discards: Completed::default(),
        flushes: Completed::default(),
        busy_ns: busy * 1_000_000,
        in_flight: 0,
        flags: None,
        major: None,
        minor: None,
    }
}

/// An interface that received so many bytes.
fn net(index: u32, bytes: u64) -> Net {
    Net {
        taken_mono_ns: 0,
        index,
        address: 0x1000,
        name: Text::new(index.to_string().as_bytes()),
        rx: Carried {
            bytes,
            ..Carried::default()
        },
        tx: Carried::default(),
        flags: None,
    }
}

/// The names of those that have a line, in order, and the line that may follow.
fn shown(lines: Vec<String>, source: &str) -> (Vec<usize>, Option<String>) {
    let mut lines = lines.into_iter().peekable();
    let mut names = Vec::new();
    let head = format!("{source}=");
    while let Some(line) = lines.next_if(|line| line.starts_with(&head)) {
        let name = line[head.len()..].split_once(' ');
        let number = name.and_then(|(name, _)| name.parse().ok());
        names.push(number.unwrap_or_else(|| panic!("expected a number as a name in {line:?}")));
    }
    let more = lines.next();
    assert_eq!(lines.next(), None);
    (names, more)
}

/// What is shown of disks that were busy and read so much.
fn disks(work: &[(u64, u64)]) -> (Vec<usize>, Option<String>) {
    let numbered = || (0u64..).zip(work);
    let before: Vec<_> = numbered().map(|(seq, _)| disk(seq, 0, 0)).collect();
    let after: Vec<_> = numbered()
        .map(|(seq, (busy, sectors))| disk(seq, *busy, *sectors))
        .collect();
    let lines = lines(Some((0, &before[..])), (SECOND, &after[..]));
    shown(lines, "disk")
}

/// What is shown of interfaces that carried so much.
fn nets(bytes: &[u64]) -> (Vec<usize>, Option<String>) {
    let numbered = || (0u32..).zip(bytes);
    let before: Vec<_> = numbered().map(|(index, _)| net(index, 0)).collect();
    let after: Vec<_> = numbered()
        .map(|(index, bytes)| net(index, *bytes))
        .collect();
    let lines = lines(Some((0, &before[..])), (SECOND, &after[..]));
    shown(lines, "net")
}

/// The places of the busiest in `keys`; of those that are as busy, the earlier ones come first.
fn busiest<K: Ord>(keys: &[K]) -> Vec<usize> {
    let mut places: Vec<_> = (0..keys.len()).collect();
    places.sort_by(|a, b| keys[*b].cmp(&keys[*a]));
    places.truncate(16);
    places
}

fn more(source: &str, count: usize) -> Option<String> {
    (count > 16).then(|| format!("{source} ... and {} more", count - 16))
}

#[test]
fn a_source_has_at_most_16_lines_and_one_that_says_how_many_more_there_are() {
    assert_eq!(MAX_LINES, 16);
    for (count, expected) in [
        (0, None),
        (1, None),
        (15, None),
        (16, None),
        (17, Some("... and 1 more")),
        (64, Some("... and 48 more")),
        (1000, Some("... and 984 more")),
    ] {
        let first: Vec<_> = (0..count.min(16)).collect();
        let more = |source| expected.map(|more| format!("{source} {more}"));
        assert_eq!(disks(&vec![(0, 0); count]), (first.clone(), more("disk")));
        assert_eq!(nets(&vec![0; count]), (first, more("net")));
    }
}

#[test]
fn the_busiest_come_first() {
    // From the least busy to the busiest, and the other way.
    let rising: Vec<_> = (0..20).collect();
    let falling: Vec<_> = (0..20).rev().collect();
    let last_first: Vec<_> = (4..20).rev().collect();
    let in_order: Vec<_> = (0..16).collect();
    assert_eq!(nets(&rising), (last_first.clone(), more("net", 20)));
    assert_eq!(nets(&falling), (in_order.clone(), more("net", 20)));

    let busy = |keys: &[u64]| keys.iter().map(|key| (*key, 0)).collect::<Vec<_>>();
    let amount = |keys: &[u64]| keys.iter().map(|key| (500, *key)).collect::<Vec<_>>();
    for work in [busy, amount] {
        assert_eq!(
            disks(&work(&rising)),
            (last_first.clone(), more("disk", 20))
        );
        assert_eq!(disks(&work(&falling)), (in_order.clone(), more("disk", 20)));
    }
}

#[test]
fn disks_are_compared_by_time_and_then_by_amount() {
    let work = [(10, 0), (0, 99_999), (1000, 1), (10, 7), (1000, 2), (0, 0)];
    assert_eq!(disks(&work), (vec![4, 2, 3, 0, 1, 5], None));
}

#[test]
fn reads_writes_and_discards_count_alike() {
    let mut before = [disk(0, 0, 0), disk(1, 0, 0), disk(2, 0, 0), disk(3, 0, 0)];
    let mut after = before;
    after[0].reads.sectors = 100;
    after[1].writes.sectors = 101;
    after[2].discards.sectors = 102;
    after[3].reads.sectors = 34;
    after[3].writes.sectors = 34;
    after[3].discards.sectors = 35;
    // What was before counts as nothing.
    before[0].reads.sectors = 1;
    before[0].writes.sectors = 1_000_000;
    after[0].writes.sectors = 1_000_000;
    let lines = lines(Some((0, &before[..])), (SECOND, &after[..]));
    assert_eq!(shown(lines, "disk"), (vec![3, 2, 1, 0], None));
}

#[test]
fn received_and_transmitted_bytes_count_alike() {
    let before = [net(0, 1_000_000), net(1, 0), net(2, 0), net(3, 0)];
    let mut after = before;
    after[0].rx.bytes += 100;
    after[1].tx.bytes = 101;
    after[2].rx.bytes = 51;
    after[2].tx.bytes = 51;
    after[3].rx.packets = 1_000_000;
    let lines = lines(Some((0, &before[..])), (SECOND, &after[..]));
    assert_eq!(shown(lines, "net"), (vec![2, 1, 0, 3], None));
}

#[test]
fn interfaces_are_compared_by_what_they_carry_in_a_second() {
    let read_at = |seconds: u64, index, bytes| Net {
        taken_mono_ns: seconds * SECOND,
        ..net(index, bytes)
    };
    let before = [
        read_at(10, 0, 0),
        read_at(10, 1, 0),
        read_at(12, 2, 5_000_000),
        read_at(9, 3, 0),
    ];
    let after = [
        read_at(13, 0, 3_000),
        read_at(12, 1, 2_500),
        read_at(13, 2, 5_002_000),
        // There is no rate without time.
        read_at(9, 3, 1_000_000),
    ];
    let lines = logged::lines(Some((0, &before[..])), (SECOND, &after[..]));
    assert_eq!(shown(lines, "net"), (vec![2, 1, 0, 3], None));
}

#[test]
fn of_those_that_are_as_busy_the_earlier_ones_come_first() {
    // A busier one among idle ones does not change the order of these.
    assert_eq!(nets(&[5, 5, 7]), (vec![2, 0, 1], None));
    assert_eq!(
        nets(&[5, 5, 5, 3, 3, 7, 5]),
        (vec![5, 0, 1, 2, 6, 3, 4], None)
    );
    assert_eq!(disks(&[(0, 0), (0, 0), (0, 1)]), (vec![2, 0, 1], None));
}

#[test]
fn of_those_that_are_as_busy_the_last_ones_are_left_out() {
    let mut bytes = vec![0; 20];
    bytes[19] = 1;
    let expected = [19].into_iter().chain(0..15).collect::<Vec<_>>();
    assert_eq!(nets(&bytes), (expected, more("net", 20)));
    bytes[17] = 2;
    let expected = [17, 19].into_iter().chain(0..14).collect::<Vec<_>>();
    assert_eq!(nets(&bytes), (expected, more("net", 20)));
}

proptest! {
    #[test]
    fn interfaces_are_ranked_as_a_stable_sort_does(bytes in prop::collection::vec(0u64..6, 0..50)) {
        prop_assert_eq!(nets(&bytes), (busiest(&bytes), more("net", bytes.len())));
    }

    #[test]
    fn disks_are_ranked_as_a_stable_sort_does(
        work in prop::collection::vec((0u64..3, 0u64..3), 0..50),
    ) {
        prop_assert_eq!(disks(&work), (busiest(&work), more("disk", work.len())));
    }

    #[test]
    fn interfaces_that_differ_are_ranked(bytes in Just((0..40).collect::<Vec<u64>>()).prop_shuffle(),
                                         count in 0usize..=40) {
        let bytes = &bytes[..count];
        prop_assert_eq!(nets(bytes), (busiest(bytes), more("net", count)));
    }
}

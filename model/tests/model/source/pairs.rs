// SPDX-License-Identifier: GPL-2.0-or-later

//! Which entries of two snapshots are one thing, seen through the lines of disks and interfaces.

use super::timed::lines;
use crate::logged::SECOND;
use model::source::disk::{Completed, Disk};
use model::source::net::{Carried, Net};
use model::source::Snapshot;
use model::text::Text;
use proptest::prelude::*;

/// A disk of this number that has read so much.
fn disk(seq: u64, name: &str, ios: u64) -> Disk {
    Disk {
        taken_mono_ns: 0,
        seq,
        name: Text::new(name.as_bytes()),
        reads: Completed {
            ios,
            ..Completed::default()
        },
        writes: Completed::default(),
        discards: Completed::default(),
        flushes: Completed::default(),
        busy_ns: 0,
        in_flight: 0,
        flags: None,
        major: None,
        minor: None,
    }
}

fn net(index: u32, name: &str, packets: u64) -> Net {
    Net {
        taken_mono_ns: 0,
        index,
        address: 0x1000 * index as usize,
        name: Text::new(name.as_bytes()),
        rx: Carried {
            packets,
            ..Carried::default()
        },
        tx: Carried::default(),
        flags: None,
    }
}

/// The names that have a line, with how much they have read in the second between, in order.
fn paired(before: &[Disk], after: &[Disk]) -> Vec<String> {
    lines(Some((0, before)), (SECOND, after))
        .iter()
        .map(|line| {
            let rest = line.strip_prefix("disk=");
            let shown = rest.and_then(|rest| rest.split_once(".00/s "));
            let (shown, _) =
                shown.unwrap_or_else(|| panic!("expected a disk and whole requests in {line:?}"));
            shown.replace(" r=", "+")
        })
        .collect()
}

#[test]
fn entries_are_paired_by_what_they_are() {
    type Case<'a> = (&'a str, &'a [Disk], &'a [Disk], &'a [&'a str]);
    let [a, b, c] = [disk(1, "a", 10), disk(2, "b", 20), disk(3, "c", 30)];
    let (a_later, b_later, c_later) = (disk(1, "a", 11), disk(2, "b", 22), disk(3, "c", 33));
    let table: &[Case<'_>] = &[
        (
            "all stay",
            &[a, b, c],
            &[a_later, b_later, c_later],
            &["a+1", "b+2", "c+3"],
        ),
        (
            "reordered",
            &[a, b, c],
            &[c_later, a_later, b_later],
            &["c+3", "a+1", "b+2"],
        ),
        (
            "reversed",
            &[a, b, c],
            &[c_later, b_later, a_later],
            &["c+3", "b+2", "a+1"],
        ),
        (
            "the first goes",
            &[a, b, c],
            &[b_later, c_later],
            &["b+2", "c+3"],
        ),
        ("one goes", &[a, b, c], &[a_later, c_later], &["a+1", "c+3"]),
        (
            "the last goes",
            &[a, b, c],
            &[a_later, b_later],
            &["a+1", "b+2"],
        ),
        (
            "the first comes",
            &[b, c],
            &[a_later, b_later, c_later],
            &["b+2", "c+3"],
        ),
        (
            "one comes",
            &[a, c],
            &[a_later, b_later, c_later],
            &["a+1", "c+3"],
        ),
        (
            "the last comes",
            &[a, b],
            &[a_later, b_later, c_later],
            &["a+1", "b+2"],
        ),
        (
            "one goes, one comes",
            &[a, b],
            &[b_later, c_later],
            &["b+2"],
        ),
        ("none stays", &[a], &[b_later], &[]),
        ("none before", &[], &[a_later], &[]),
        ("none after", &[a], &[], &[]),
        ("none", &[], &[], &[]),
        ("one name, another disk", &[a], &[disk(4, "a", 99)], &[]),
        (
            "one disk, another name",
            &[a],
            &[disk(1, "z", 12)],
            &["z+2"],
        ),
        (
            "one name, two disks, and another later",
            &[a, disk(4, "a", 100)],
            &[disk(4, "a", 104), disk(5, "a", 7), a_later],
            &["a+4", "a+1"],
        ),
        (
            "names swapped",
            &[a, b],
            &[disk(2, "a", 25), disk(1, "b", 16)],
            &["a+5", "b+6"],
        ),
        (
            "gone, moved to the front, moved to the end and new at once",
            &[a, b, c, disk(4, "d", 0), disk(5, "e", 0)],
            &[
                disk(9, "new", 9),
                c_later,
                disk(5, "e", 5),
                disk(8, "new", 9),
                a_later,
            ],
            &["c+3", "e+5", "a+1"],
        ),
    ];
    for (what, before, after, expected) in table {
        assert_eq!(paired(before, after), *expected, "{what}");
    }
}

#[test]
fn interfaces_are_paired_by_index_and_address() {
    let before = [
        net(1, "lo", 5),
        net(2, "eth0", 10),
        net(3, "eth1", 20),
        net(5, "veth0", 1),
    ];
    // eth1 has been renamed and listed first, eth0 is another by now, and so is veth0, though it
    // has the index of the one before.
    let after = [
        net(3, "wan", 23),
        net(1, "lo", 6),
        net(4, "eth0", 50),
        Net {
            address: 0x6000,
            ..net(5, "veth0", 70)
        },
    ];
    let got = lines(Some((0, &before[..])), (SECOND, &after[..]));
    assert_eq!(
        got,
        [
            "net=wan rx=0.00kB/s tx=0.00kB/s rxp=3.00/s txp=0.00/s err=0.00/s drop=0.00/s",
            "net=lo rx=0.00kB/s tx=0.00kB/s rxp=1.00/s txp=0.00/s err=0.00/s drop=0.00/s",
        ]
    );
}

#[test]
fn time_between_snapshots_is_never_negative() {
    let at = |taken_mono_ns| Snapshot::<'_, Disk> {
        taken_mono_ns,
        entries: &[],
    };
    let table = [
        (0, 0, 0),
        (5, 12, 7),
        (12, 5, 0),
        (0, u64::MAX, u64::MAX),
        (u64::MAX, 0, 0),
    ];
    for (then, now, expected) in table {
        assert_eq!(at(now).elapsed_ns(&at(then)), expected);
    }
}

proptest! {
    #[test]
    fn every_disk_that_stays_is_paired_with_itself(
        before in prop::sample::subsequence((0u64..24).collect::<Vec<_>>(), 0..=24).prop_shuffle(),
        after in prop::sample::subsequence((0u64..24).collect::<Vec<_>>(), 0..=16).prop_shuffle(),
    ) {
        // The names tell nothing, since there are three only.
        let name = |seq: u64| ["sda", "sdb", "sdc"][seq as usize % 3];
        let then: Vec<_> = before.iter().map(|seq| disk(*seq, name(*seq), 1000 * seq)).collect();
        let now: Vec<_> = after.iter().map(|seq| disk(*seq, name(*seq), 1001 * seq)).collect();
        let expected: Vec<_> = after
            .iter()
            .filter(|seq| before.contains(seq))
            .map(|seq| format!("{}+{seq}", name(*seq)))
            .collect();
        prop_assert_eq!(paired(&then, &now), expected);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

use super::timed::{lines, one_line};
use crate::any;
use crate::logged::{
    self, assert_contains, assert_ends_with, assert_starts_with, unescaped, values, AMOUNT,
    MILLISECONDS, PERCENT, RATE, SECOND,
};
use model::source::disk::{Completed, Disk, MAX_NAME};
use model::text::Text;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

fn completed(ios: u64, sectors: u64, time_ns: u64) -> Completed {
    Completed {
        ios,
        sectors,
        time_ns,
    }
}

/// A disk that has done nothing yet.
fn idle(name: &str) -> Disk {
    Disk {
        taken_mono_ns: 0,
        seq: 7,
        name: Text::new(name.as_bytes()),
        reads: Completed::default(),
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

/// The line of one disk, without its name.
fn line(before: Disk, after: Disk, elapsed_ns: u64) -> String {
    let start = 12_345_678_901;
    let line = one_line(Some((start, &[before])), (start + elapsed_ns, &[after]));
    let rest = line.strip_prefix("disk=vda ");
    rest.unwrap_or_else(|| panic!("expected a line of vda, found {line:?}"))
        .to_owned()
}

#[test]
fn what_iostat_would_say() {
    let vda = idle("vda");
    let worked = Disk {
        reads: completed(50, 800, 100 * MS),
        writes: completed(30, 90, 50 * MS),
        discards: completed(5, 8192, 10 * MS),
        busy_ns: 500 * MS,
        in_flight: 3,
        ..vda
    };
    let table: &[(&str, Disk, u64, &str)] = &[
        (
            // 400 kB read, 45 kB written and 4096 kB discarded in 2 s; 160 ms for 85 requests.
            "everything at once",
            worked,
            2 * SECOND,
            "r=25.00/s w=15.00/s rkB=200.00/s wkB=22.50/s inflight=3 busy=25.0% await=1.88ms \
             d=2.50/s dkB=2048.00/s",
        ),
        (
            "the same in ten seconds",
            worked,
            10 * SECOND,
            "r=5.00/s w=3.00/s rkB=40.00/s wkB=4.50/s inflight=3 busy=5.0% await=1.88ms \
             d=0.50/s dkB=409.60/s",
        ),
        (
            "nothing",
            vda,
            SECOND,
            "r=0.00/s w=0.00/s rkB=0.00/s wkB=0.00/s inflight=0 busy=0.0% await=0.00ms \
             d=0.00/s dkB=0.00/s",
        ),
        (
            // 19.2 kB are 38.4 sectors, so over five seconds they are 192.
            "a few writes",
            Disk {
                writes: completed(6, 192, 3_100_000),
                busy_ns: 4 * MS,
                ..vda
            },
            5 * SECOND,
            "r=0.00/s w=1.20/s rkB=0.00/s wkB=19.20/s inflight=0 busy=0.1% await=0.52ms \
             d=0.00/s dkB=0.00/s",
        ),
        (
            "one sector of each",
            Disk {
                reads: completed(1, 1, 0),
                writes: completed(1, 1, 0),
                discards: completed(1, 1, 0),
                ..vda
            },
            SECOND,
            "r=1.00/s w=1.00/s rkB=0.50/s wkB=0.50/s inflight=0 busy=0.0% await=0.00ms \
             d=1.00/s dkB=0.50/s",
        ),
        (
            "a request that hangs",
            Disk {
                busy_ns: 2 * SECOND,
                in_flight: 1,
                ..vda
            },
            2 * SECOND,
            "r=0.00/s w=0.00/s rkB=0.00/s wkB=0.00/s inflight=1 busy=100.0% await=0.00ms \
             d=0.00/s dkB=0.00/s",
        ),
        (
            // Jiffies are coarse, and a request lasts longer than the time in between.
            "busier than there was time",
            Disk {
                reads: completed(1, 8, 30 * SECOND),
                busy_ns: 1004 * MS,
                ..vda
            },
            SECOND,
            "r=1.00/s w=0.00/s rkB=4.00/s wkB=0.00/s inflight=0 busy=100.0% await=30000.00ms \
             d=0.00/s dkB=0.00/s",
        ),
        (
            "flushes are in no key",
            Disk {
                flushes: completed(100, 0, 5 * SECOND),
                reads: completed(2, 16, 5 * MS),
                ..vda
            },
            SECOND,
            "r=2.00/s w=0.00/s rkB=8.00/s wkB=0.00/s inflight=0 busy=0.0% await=2.50ms \
             d=0.00/s dkB=0.00/s",
        ),
        (
            "no time in between",
            worked,
            0,
            "r=0.00/s w=0.00/s rkB=0.00/s wkB=0.00/s inflight=3 busy=0.0% await=1.88ms \
             d=0.00/s dkB=0.00/s",
        ),
    ];
    for (what, after, elapsed_ns, expected) in table {
        assert_eq!(line(vda, *after, *elapsed_ns), *expected, "{what}");
        // What was before makes no difference.
        let later = |by: Completed| Completed {
            ios: by.ios + 1_000,
            sectors: by.sectors + 3_000,
            time_ns: by.time_ns + 4_000,
        };
        let shifted = |disk: Disk| Disk {
            reads: later(disk.reads),
            writes: later(disk.writes),
            discards: later(disk.discards),
            flushes: later(disk.flushes),
            busy_ns: disk.busy_ns + 5_000,
            ..disk
        };
        let got = line(shifted(vda), shifted(*after), *elapsed_ns);
        assert_eq!(got, *expected, "{what}, later");
    }
}

#[test]
fn requests_under_way_are_those_of_now() {
    let before = Disk {
        in_flight: 9,
        ..idle("vda")
    };
    let got = line(before, idle("vda"), SECOND);
    assert_contains(&got, " inflight=0 busy=0.0% ");
}

#[test]
fn the_average_wait_is_rounded_to_hundredths_of_a_millisecond() {
    let table: &[(u64, u64, &str)] = &[
        // Requests, nanoseconds that they took together, and the average.
        (0, 5 * MS, "0.00"),
        (1, 4_999, "0.00"),
        (1, 5_000, "0.01"),
        (1, 14_999, "0.01"),
        (1, 15_000, "0.02"),
        (3, 10 * MS, "3.33"),
        (3, 20 * MS, "6.67"),
        (1000, 999_999, "0.00"),
        (u64::MAX, u64::MAX, "0.00"),
        (1, u64::MAX, "18446744073709.55"),
    ];
    for (ios, time_ns, expected) in table {
        let mut after = idle("vda");
        // It does not matter which kind they were.
        for kind in 0..3 {
            let did = completed(*ios, 0, *time_ns);
            let none = Completed::default();
            after.reads = if kind == 0 { did } else { none };
            after.writes = if kind == 1 { did } else { none };
            after.discards = if kind == 2 { did } else { none };
            let got = line(idle("vda"), after, SECOND);
            assert_contains(&got, &format!(" await={expected}ms "));
        }
    }
}

#[test]
fn counters_that_go_backwards_count_as_nothing() {
    let before = Disk {
        reads: completed(100, 100, 100 * MS),
        writes: completed(100, 100, 100 * MS),
        discards: completed(100, 100, 100 * MS),
        busy_ns: SECOND,
        ..idle("vda")
    };
    let nothing = "r=0.00/s w=0.00/s rkB=0.00/s wkB=0.00/s inflight=0 busy=0.0% await=0.00ms \
                   d=0.00/s dkB=0.00/s";
    assert_eq!(line(before, idle("vda"), SECOND), nothing);
    // Each on its own: those that went on still count.
    let after = Disk {
        reads: completed(99, 102, 104 * MS),
        writes: completed(102, 99, 106 * MS),
        discards: completed(104, 104, 99 * MS),
        busy_ns: SECOND - 1,
        ..before
    };
    assert_eq!(
        line(before, after, SECOND),
        "r=0.00/s w=2.00/s rkB=1.00/s wkB=0.00/s inflight=0 busy=0.0% await=1.67ms \
         d=4.00/s dkB=2.00/s"
    );
}

#[test]
fn a_new_disk_has_no_line_yet() {
    let vda = idle("vda");
    let reads = completed(10, 80, MS);
    let another = Disk {
        seq: 8,
        reads,
        ..vda
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(lines(Some((0, &[vda])), (SECOND, &[another])), none);
    assert_eq!(lines(Some((0, &[])), (SECOND, &[another])), none);
    assert_eq!(lines(Some((0, &[vda])), (SECOND, &[])), none);
    assert_eq!(lines(None, (SECOND, &[vda, another])), none);
    // By the next time it has one, of the time since.
    let later = Disk {
        reads: completed(11, 88, 2 * MS),
        ..another
    };
    let got = one_line(Some((SECOND, &[another])), (2 * SECOND, &[later]));
    assert_starts_with(&got, "disk=vda r=1.00/s w=0.00/s rkB=4.00/s ");
}

#[test]
fn each_disk_has_a_time_of_its_own() {
    let reads = completed(6, 0, 0);
    let read_at = |taken_mono_ns, seq, reads, busy_ns| Disk {
        taken_mono_ns,
        seq,
        reads,
        busy_ns,
        ..idle("vda")
    };
    let none = Completed::default();
    let before = [
        read_at(5 * SECOND, 1, none, 0),
        read_at(6 * SECOND, 2, none, 0),
        read_at(7 * SECOND, 3, none, 0),
    ];
    let after = [
        read_at(8 * SECOND, 1, reads, 600 * MS),
        read_at(7 * SECOND, 2, reads, 500 * MS),
        // The clock does not go back, but if it did there would be no rate.
        read_at(6 * SECOND, 3, reads, 900 * MS),
    ];
    let got = logged::lines(Some((0, &before[..])), (SECOND, &after[..]));
    let expected = [("6.00", "50.0"), ("2.00", "20.0"), ("0.00", "0.0")];
    assert_eq!(got.len(), expected.len());
    for (line, (reads, busy)) in got.iter().zip(expected) {
        assert_contains(line, &format!(" r={reads}/s w="));
        assert_contains(line, &format!(" busy={busy}% "));
    }
}

#[test]
fn names_of_disks() {
    let table = [
        ("cciss!c0d0", "cciss!c0d0"),
        ("a b\\c\n", r"a\040b\134c\012"),
        // The longest ones.
        (
            "0123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcdef",
        ),
        ("", ""),
    ];
    for (name, expected) in table {
        let got = one_line(Some((0, &[idle(name)])), (SECOND, &[idle(name)]));
        assert_starts_with(&got, &format!("disk={expected} r=0.00/s "));
    }
}

#[test]
fn the_longest_line_is_whole() {
    let most = completed(u64::MAX, u64::MAX, u64::MAX);
    let name = Text::new(&[b' '; MAX_NAME]);
    let before = Disk { name, ..idle("") };
    let after = Disk {
        reads: Completed { ios: 1, ..most },
        writes: Completed { ios: 0, ..most },
        discards: Completed { ios: 0, ..most },
        busy_ns: u64::MAX,
        in_flight: u64::MAX,
        ..before
    };
    let got = one_line(Some((0, &[before])), (1_000, &[after]));
    let most = "184467440737095516.15";
    assert_eq!(
        got,
        format!(
            "disk={} r=1000000.00/s w=0.00/s rkB={most}/s wkB={most}/s \
             inflight=18446744073709551615 busy=100.0% await=18446744073709.55ms d=0.00/s \
             dkB={most}/s",
            r"\040".repeat(32)
        )
    );
    let after = Disk {
        reads: Completed {
            ios: u64::MAX,
            ..after.reads
        },
        writes: Completed {
            ios: u64::MAX,
            ..after.writes
        },
        discards: Completed {
            ios: u64::MAX,
            ..after.discards
        },
        ..after
    };
    let got = one_line(Some((0, &[before])), (1_000, &[after]));
    assert_ends_with(&got, &format!(" d={most}/s dkB={most}/s"));
    assert_contains(&got, &format!(" r={most}/s w={most}/s rkB={most}/s "));
}

fn any_completed() -> impl Strategy<Value = Completed> {
    prop::array::uniform3(any::counter()).prop_map(|[ios, sectors, time_ns]| Completed {
        ios,
        sectors,
        time_ns,
    })
}

fn any_disk() -> impl Strategy<Value = Disk> {
    let work = (any_completed(), any_completed(), any_completed());
    (
        any::bytes(0..=40),
        work,
        any_completed(),
        any::counter(),
        any::counter(),
    )
        .prop_map(
            |(name, (reads, writes, discards), flushes, busy_ns, in_flight)| Disk {
                taken_mono_ns: 0,
                seq: 7,
                name: Text::new(&name),
                reads,
                writes,
                discards,
                flushes,
                busy_ns,
                in_flight,
                flags: None,
                major: None,
                minor: None,
            },
        )
}

proptest! {
    #[test]
    fn any_line_is_whole(before in any_disk(), after in any_disk(), start in any::counter(),
                         elapsed_ns in any::elapsed_ns()) {
        let got = one_line(
            Some((start, &[before])),
            (start.saturating_add(elapsed_ns), &[after]),
        );
        let head = got.split(' ').next().unwrap_or("");
        let name = head.strip_prefix("disk=")
            .unwrap_or_else(|| panic!("expected a disk's line, found {:?}", got));
        prop_assert_eq!(unescaped(name), after.name.as_bytes());
        let keys = [
            ("r", RATE), ("w", RATE), ("rkB", RATE), ("wkB", RATE), ("inflight", AMOUNT),
            ("busy", PERCENT), ("await", MILLISECONDS), ("d", RATE), ("dkB", RATE),
        ];
        let got = values(&got, head, &keys);
        prop_assert_eq!(got[4], u128::from(after.in_flight));
        prop_assert!(got[5] <= 1000, "busy is {}, expected at most 1000", got[5]);
    }

    #[test]
    fn lines_agree_with_exact_arithmetic(
        before in prop::array::uniform10(0u64..1 << 40),
        grown in prop::array::uniform10(0u64..1 << 40),
        elapsed_us in 1u64..1 << 36,
    ) {
        let disk = |n: [u64; 10]| Disk {
            reads: completed(n[0], n[1], n[2]),
            writes: completed(n[3], n[4], n[5]),
            discards: completed(n[6], n[7], n[8]),
            busy_ns: n[9],
            ..idle("vda")
        };
        let after: Vec<u64> = before.iter().zip(grown).map(|(a, b)| a + b).collect();
        let after: [u64; 10] = after.try_into().expect("10 counters");
        let got = one_line(
            Some((5, &[disk(before)])),
            (5 + elapsed_us * 1_000, &[disk(after)]),
        );
        let keys = [
            ("r", RATE), ("w", RATE), ("rkB", RATE), ("wkB", RATE), ("inflight", AMOUNT),
            ("busy", PERCENT), ("await", MILLISECONDS), ("d", RATE), ("dkB", RATE),
        ];
        let got = values(&got, "disk=vda", &keys);
        let [r, rs, rt, w, ws, wt, d, ds, dt, busy] = grown.map(u128::from);
        let elapsed_us = u128::from(elapsed_us);
        let rounded = |part: u128, whole: u128| (part + whole / 2) / whole;
        let hundredths = |count: u128| rounded(count * 100_000_000, elapsed_us);
        let kib_hundredths = |sectors: u128| rounded(sectors * 50_000_000, elapsed_us);
        // 10,000 ns are a hundredth of a millisecond.
        let waits = (rt + wt + dt).checked_div(r + w + d).map_or(0, |ns| rounded(ns, 10_000));
        prop_assert_eq!(
            got,
            [
                hundredths(r), hundredths(w), kib_hundredths(rs), kib_hundredths(ws), 0,
                rounded(busy * 1000, elapsed_us * 1000).min(1000), waits,
                hundredths(d), kib_hundredths(ds),
            ]
        );
    }
}

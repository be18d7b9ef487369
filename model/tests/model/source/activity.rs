// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{
    assert_contains, assert_ends_with, lines, one_line, values, AMOUNT, KIB_RATE, RATE, SECOND,
};
use crate::util::value_of;
use model::source::activity::{swapped, unwrapped, Activity};
use model::source::memory::Swapped;
use model::source::Snapshot;
use model::words::Words;
use proptest::prelude::*;

const NOTHING: Activity = Activity {
    faults: 0,
    major_faults: 0,
    paged_in_sectors: 0,
    paged_out_sectors: 0,
    swapped_in_pages: 0,
    swapped_out_pages: 0,
    oom_kills: 0,
    device_interrupts: 0,
    cpu_interrupts: 0,
    soft_interrupts: 0,
};

#[test]
fn what_came_to_the_counters() {
    let before = Activity {
        faults: 1_000,
        major_faults: 2_000,
        paged_in_sectors: 3_000,
        paged_out_sectors: 4_000,
        swapped_in_pages: 500,
        swapped_out_pages: 600,
        oom_kills: 5,
        device_interrupts: 6_000,
        cpu_interrupts: 7_000,
        soft_interrupts: 8_000,
    };
    let table: &[(&str, Activity, u64, &str)] = &[
        (
            // 10 sectors read are 5 kB, 32 written are 16 kB.
            "each key has its own counter",
            Activity {
                faults: 1_061,
                major_faults: 2_002,
                paged_in_sectors: 3_010,
                paged_out_sectors: 4_032,
                swapped_in_pages: 9_000,
                swapped_out_pages: 9_900,
                oom_kills: 7,
                device_interrupts: 7_000,
                cpu_interrupts: 7_255,
                soft_interrupts: 8_487,
            },
            5 * SECOND,
            "faults=12.20/s majfaults=0.40/s pgin=1.00kB/s pgout=3.20kB/s irqs=251.00/s \
             softirqs=97.40/s oom_kills=7",
        ),
        (
            "nothing",
            before,
            SECOND,
            "faults=0.00/s majfaults=0.00/s pgin=0.00kB/s pgout=0.00kB/s irqs=0.00/s \
             softirqs=0.00/s oom_kills=5",
        ),
        (
            "a sector is half a kB",
            Activity {
                paged_in_sectors: 3_001,
                paged_out_sectors: 4_003,
                ..before
            },
            SECOND,
            "faults=0.00/s majfaults=0.00/s pgin=0.50kB/s pgout=1.50kB/s irqs=0.00/s \
             softirqs=0.00/s oom_kills=5",
        ),
        (
            "counters that go backwards count as nothing",
            Activity {
                oom_kills: 3,
                cpu_interrupts: 7_001,
                soft_interrupts: 8_002,
                ..NOTHING
            },
            SECOND,
            "faults=0.00/s majfaults=0.00/s pgin=0.00kB/s pgout=0.00kB/s irqs=1.00/s \
             softirqs=2.00/s oom_kills=3",
        ),
        (
            "no time in between",
            Activity {
                faults: 9_000,
                soft_interrupts: 9_000,
                ..before
            },
            0,
            "faults=0.00/s majfaults=0.00/s pgin=0.00kB/s pgout=0.00kB/s irqs=0.00/s \
             softirqs=0.00/s oom_kills=5",
        ),
    ];
    for (what, after, elapsed_ns, expected) in table {
        let got = one_line(Some((3, &[before])), (3 + elapsed_ns, &[*after]));
        assert_eq!(got, format!("vm {expected}"), "{what}");
    }
}

#[test]
fn pages_that_were_swapped() {
    let at = |taken_mono_ns, entries| Snapshot {
        taken_mono_ns,
        entries,
    };
    let before = [Activity {
        swapped_in_pages: 7,
        swapped_out_pages: 100,
        ..NOTHING
    }];
    let after = [Activity {
        swapped_in_pages: 9,
        swapped_out_pages: 400,
        ..NOTHING
    }];
    let expected = Swapped {
        in_pages: 2,
        out_pages: 300,
        elapsed_ns: 5,
    };
    assert_eq!(swapped(at(3, &before), at(8, &after)), Some(expected));
    assert_eq!(swapped(at(3, &[]), at(8, &after)), None);
    assert_eq!(swapped(at(3, &before), at(8, &[])), None);
    let backwards = Swapped {
        in_pages: 0,
        out_pages: 0,
        elapsed_ns: 0,
    };
    assert_eq!(swapped(at(8, &after), at(3, &before)), Some(backwards));
}

#[test]
fn counts_of_32_bits_go_on_when_they_wrap() {
    let table: &[(u64, u32, u64)] = &[
        (0, 0, 0),
        (7, 7, 7),
        (7, 9, 9),
        (0xffff_ffff, 0xffff_ffff, 0xffff_ffff),
        (0xffff_ffff, 0, 0x1_0000_0000),
        (0xffff_fffb, 5, 0x1_0000_0005),
        (0x3_ffff_fffb, 5, 0x4_0000_0005),
        (0x3_0000_0005, 4, 0x4_0000_0004),
        (u64::MAX, 0, 0),
    ];
    for (total, now, expected) in table {
        let found = unwrapped(*total, *now);
        assert_eq!(
            found, *expected,
            "expected {total:#x} to go on to {expected:#x} at {now:#x}, found {found:#x}"
        );
    }
}

/// Finding of a review: a busy machine with 64 CPUs and one line an hour.
#[test]
fn a_wrap_between_two_lines_is_counted() {
    const PER_SECOND: u64 = 64 * 20_000;
    const HOUR: u64 = 3_600;
    let mut total = 4_000_000_000;
    let mut kernel = 4_000_000_000_u32;
    let before = Activity {
        soft_interrupts: total,
        cpu_interrupts: total,
        ..NOTHING
    };
    // The module takes a sample every 5 s, whatever is logged.
    for _ in 0..HOUR / 5 {
        kernel = kernel.wrapping_add((5 * PER_SECOND) as u32);
        total = unwrapped(total, kernel);
    }
    let after = Activity {
        soft_interrupts: total,
        cpu_interrupts: total,
        ..NOTHING
    };
    let got = one_line(Some((0, &[before])), (HOUR * SECOND, &[after]));
    assert_ends_with(&got, " irqs=1280000.00/s softirqs=1280000.00/s oom_kills=0");
}

#[test]
fn interrupts_are_those_of_devices_and_of_cpus() {
    let before = Activity {
        device_interrupts: 10_000_000_000,
        cpu_interrupts: u32::MAX.into(),
        ..NOTHING
    };
    let after = Activity {
        device_interrupts: 10_000_000_007,
        cpu_interrupts: u64::from(u32::MAX) + 3,
        ..NOTHING
    };
    let got = one_line(Some((0, &[before])), (SECOND, &[after]));
    assert_contains(&got, " irqs=10.00/s ");
    // One that goes backwards counts as nothing.
    let backwards = Activity {
        device_interrupts: 5,
        ..after
    };
    let got = one_line(Some((0, &[before])), (SECOND, &[backwards]));
    assert_contains(&got, " irqs=3.00/s ");
}

#[test]
fn without_a_snapshot_before_there_is_no_line() {
    let none: [&str; 0] = [];
    assert_eq!(lines(None, (SECOND, &[NOTHING])), none);
    assert_eq!(lines(Some((0, &[])), (SECOND, &[NOTHING])), none);
    assert_eq!(lines(Some((0, &[NOTHING])), (SECOND, &[])), none);
}

#[test]
fn the_longest_line_is_whole() {
    let most = Activity {
        faults: u64::MAX,
        major_faults: u64::MAX,
        paged_in_sectors: u64::MAX,
        paged_out_sectors: u64::MAX,
        swapped_in_pages: u64::MAX,
        swapped_out_pages: u64::MAX,
        oom_kills: u64::MAX,
        device_interrupts: u64::MAX,
        cpu_interrupts: u64::MAX,
        soft_interrupts: u64::MAX,
    };
    let got = one_line(Some((0, &[NOTHING])), (1_000, &[most]));
    let rate = "184467440737095516.15/s";
    let kib_rate = "184467440737095516.15kB/s";
    assert_eq!(
        got,
        format!(
            "vm faults={rate} majfaults={rate} pgin={kib_rate} pgout={kib_rate} irqs={rate} \
             softirqs={rate} oom_kills=18446744073709551615"
        )
    );
}

fn any_activity() -> impl Strategy<Value = Activity> {
    prop::collection::vec(any::counter(), Activity::LEN).prop_map(value_of)
}

fn vm_values(line: &str) -> Vec<u128> {
    let keys = [
        ("faults", RATE),
        ("majfaults", RATE),
        ("pgin", KIB_RATE),
        ("pgout", KIB_RATE),
        ("irqs", RATE),
        ("softirqs", RATE),
        ("oom_kills", AMOUNT),
    ];
    values(line, "vm", &keys)
}

proptest! {
    #[test]
    fn any_line_is_whole(before in any_activity(), after in any_activity(), start in any::counter(),
                         elapsed_ns in any::elapsed_ns()) {
        let taken = start.saturating_add(elapsed_ns);
        let got = one_line(Some((start, &[before])), (taken, &[after]));
        prop_assert_eq!(vm_values(&got)[6], u128::from(after.oom_kills));
    }

    #[test]
    fn lines_agree_with_exact_arithmetic(
        before in prop::array::uniform5(0u64..1 << 40),
        grown in prop::array::uniform5(0u64..1 << 40),
        cpu in 0u64..1 << 40,
        soft in 0u64..1 << 40,
        cpu_grown in 0u64..1 << 40,
        soft_grown in 0u64..1 << 40,
        elapsed_us in 1u64..1 << 36,
    ) {
        let activity = |n: [u64; 5], cpu_interrupts, soft_interrupts| Activity {
            faults: n[0],
            major_faults: n[1],
            paged_in_sectors: n[2],
            paged_out_sectors: n[3],
            device_interrupts: n[4],
            cpu_interrupts,
            soft_interrupts,
            ..NOTHING
        };
        let after: Vec<u64> = before.iter().zip(grown).map(|(a, b)| a + b).collect();
        let after: [u64; 5] = after.try_into().expect("5 counters");
        let got = one_line(
            Some((5, &[activity(before, cpu, soft)])),
            (5 + elapsed_us * 1_000, &[activity(
                after,
                cpu + cpu_grown,
                soft + soft_grown,
            )]),
        );
        let got = vm_values(&got);
        let elapsed_us = u128::from(elapsed_us);
        let hundredths = |count: u128| (count * 100_000_000 + elapsed_us / 2) / elapsed_us;
        let [faults, major, paged_in, paged_out, interrupts] = grown.map(u128::from);
        prop_assert_eq!((got[0], got[1]), (hundredths(faults), hundredths(major)));
        prop_assert_eq!(got[4], hundredths(interrupts + u128::from(cpu_grown)));
        prop_assert_eq!(got[5], hundredths(soft_grown.into()));
        for (got, sectors) in [(got[2], paged_in), (got[3], paged_out)] {
            let unit = 2 * elapsed_us;
            prop_assert!((got * unit).abs_diff(sectors * 100_000_000) < unit,
                "{} hundredths, expected {}, give or take one", got, sectors * 100_000_000 / unit);
        }
    }
}

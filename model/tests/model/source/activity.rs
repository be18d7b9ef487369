// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::{
    assert_contains, assert_ends_with, lines, one_line, values, AMOUNT, KIB_RATE, RATE, SECOND,
};
use model::source::activity::Activity;
use proptest::prelude::*;

const NOTHING: Activity = Activity {
    faults: 0,
    major_faults: 0,
    paged_in_sectors: 0,
    paged_out_sectors: 0,
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
            "counters of 64 bits that go backwards count as nothing",
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
fn counters_of_32_bits_wrap() {
    let table: &[(u32, u32, &str)] = &[
        (0, 0, "0.00"),
        (u32::MAX, u32::MAX, "0.00"),
        (u32::MAX, 0, "1.00"),
        (u32::MAX - 4, 5, "10.00"),
        (0, u32::MAX, "4294967295.00"),
        (0x8000_0000, 0x7fff_ffff, "4294967295.00"),
        (1 << 31, (1 << 31) + 3, "3.00"),
    ];
    for (then, now, expected) in table {
        let at = |counter| Activity {
            cpu_interrupts: counter,
            soft_interrupts: counter,
            ..NOTHING
        };
        let got = one_line(Some((0, &[at(*then)])), (SECOND, &[at(*now)]));
        let expected = format!(" irqs={expected}/s softirqs={expected}/s oom_kills=0");
        assert_ends_with(&got, &expected);
        // Each on its own.
        let irqs = Activity {
            cpu_interrupts: *now,
            ..at(*then)
        };
        let got = one_line(Some((0, &[at(*then)])), (SECOND, &[irqs]));
        assert_ends_with(&got, " softirqs=0.00/s oom_kills=0");
    }
}

#[test]
fn interrupts_are_those_of_devices_and_of_cpus() {
    let before = Activity {
        device_interrupts: 10_000_000_000,
        cpu_interrupts: u32::MAX,
        ..NOTHING
    };
    let after = Activity {
        device_interrupts: 10_000_000_007,
        cpu_interrupts: 2,
        ..NOTHING
    };
    let got = one_line(Some((0, &[before])), (SECOND, &[after]));
    assert_contains(&got, " irqs=10.00/s ");
    // Those of devices do not wrap.
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
        oom_kills: u64::MAX,
        device_interrupts: u64::MAX,
        cpu_interrupts: u32::MAX,
        soft_interrupts: u32::MAX,
    };
    let got = one_line(Some((0, &[NOTHING])), (1_000, &[most]));
    let rate = "184467440737095516.15/s";
    let kib_rate = "184467440737095516.15kB/s";
    assert_eq!(
        got,
        format!(
            "vm faults={rate} majfaults={rate} pgin={kib_rate} pgout={kib_rate} irqs={rate} \
             softirqs=4294967295000000.00/s oom_kills=18446744073709551615"
        )
    );
}

fn any_activity() -> impl Strategy<Value = Activity> {
    let counts_32 = (any::<u32>(), any::<u32>());
    (prop::array::uniform6(any::counter()), counts_32).prop_map(
        |([faults, major_faults, paged_in, paged_out, oom_kills, interrupts], (cpu, soft))| {
            Activity {
                faults,
                major_faults,
                paged_in_sectors: paged_in,
                paged_out_sectors: paged_out,
                oom_kills,
                device_interrupts: interrupts,
                cpu_interrupts: cpu,
                soft_interrupts: soft,
            }
        },
    )
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
        cpu: u32,
        soft: u32,
        cpu_grown: u32,
        soft_grown: u32,
        elapsed_us in 1u64..1 << 36,
    ) {
        let activity = |n: [u64; 5], cpu_interrupts, soft_interrupts| Activity {
            faults: n[0],
            major_faults: n[1],
            paged_in_sectors: n[2],
            paged_out_sectors: n[3],
            oom_kills: 0,
            device_interrupts: n[4],
            cpu_interrupts,
            soft_interrupts,
        };
        let after: Vec<u64> = before.iter().zip(grown).map(|(a, b)| a + b).collect();
        let after: [u64; 5] = after.try_into().expect("5 counters");
        let got = one_line(
            Some((5, &[activity(before, cpu, soft)])),
            (5 + elapsed_us * 1_000, &[activity(
                after,
                cpu.wrapping_add(cpu_grown),
                soft.wrapping_add(soft_grown),
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

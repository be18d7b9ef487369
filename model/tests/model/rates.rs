// SPDX-License-Identifier: GPL-2.0-or-later

use crate::any;
use crate::logged::SECOND;
use crate::util::{cpu, record_at};
use model::rates::{
    elapsed_ns, rate, share, share_of_time, spent_per_cpu, spent_together, Shares, Spent,
};
use model::record::{Cpu, Record, Times};
use proptest::prelude::*;

fn shares_sum(shares: &Shares) -> u32 {
    let s = shares;
    s.user + s.nice + s.system + s.idle + s.iowait + s.irq + s.softirq + s.steal + s.guest
}

#[test]
fn a_part_is_at_most_the_whole() {
    assert_eq!(share(2, 1), 1000);
    assert_eq!(share(u64::MAX, 1), 1000);
    assert_eq!(share(u64::MAX, u64::MAX - 1), 1000);
    assert_eq!(share(1, 0), 0);
}

#[test]
fn each_mode_has_its_own_share() {
    let after = Times {
        user: 300,
        nice: 150,
        system: 100,
        softirq: 50,
        irq: 60,
        idle: 200,
        iowait: 110,
        steal: 30,
        guest: 100,
        guest_nice: 50,
    };
    let spent = Spent::between(&Times::default(), &after);
    assert_eq!(spent.total(), 1000);
    let expected = Shares {
        user: 200,
        nice: 100,
        system: 100,
        softirq: 50,
        irq: 60,
        idle: 200,
        iowait: 110,
        steal: 30,
        guest: 150,
    };
    assert_eq!(spent.shares(), Some(expected));
}

#[test]
fn no_time_has_no_shares() {
    let times = Times {
        user: 7,
        idle: 9,
        ..Times::default()
    };
    assert_eq!(Spent::between(&times, &times).shares(), None);
}

#[test]
fn a_counter_that_goes_backwards_counts_as_nothing() {
    let before = Times {
        idle: 1_000,
        iowait: 500,
        user: u64::MAX,
        ..Times::default()
    };
    let after = Times {
        idle: 900,
        iowait: 600,
        user: 3,
        ..Times::default()
    };
    let spent = Spent::between(&before, &after);
    assert_eq!((spent.idle, spent.iowait, spent.user), (0, 100, 0));
    assert_eq!(spent.shares().map(|shares| shares.iowait), Some(1000));
}

#[test]
fn guest_time_is_counted_once() {
    // The kernel adds guest time to user and to guest.
    let after = Times {
        user: 80,
        guest: 60,
        idle: 20,
        ..Times::default()
    };
    let shares = Spent::between(&Times::default(), &after).shares();
    let shares = shares.expect("expected shares of a time that has passed");
    assert_eq!((shares.user, shares.guest, shares.idle), (200, 600, 200));
}

#[test]
fn shares_are_rounded_to_the_nearest() {
    let third = Times {
        user: 1,
        idle: 2,
        ..Times::default()
    };
    let shares = Spent::between(&Times::default(), &third).shares();
    let shares = shares.expect("expected shares of a time that has passed");
    assert_eq!((shares.user, shares.idle), (333, 667));
}

#[test]
fn long_times_on_many_cpus_keep_their_shares() {
    // A week on 8192 CPUs, half of it idle.
    let half = 7 * 86_400 * 1_000_000_000 / 2;
    let one = Spent {
        user: half,
        idle: half,
        ..Spent::default()
    };
    let mut all = Spent::default();
    for _ in 0..8192 {
        all.add(&one);
    }
    let shares = all
        .shares()
        .expect("expected shares of a time that has passed");
    assert_eq!((shares.user, shares.idle), (500, 500));
}

#[test]
fn cpus_are_paired_by_number_and_epoch() {
    type Case<'a> = (&'a str, &'a [Cpu], &'a [Cpu], &'a [(u32, u64)]);
    let table: &[Case<'_>] = &[
        (
            "all stay",
            &[cpu(0, 0, 10, 0), cpu(1, 0, 20, 0)],
            &[cpu(0, 0, 15, 0), cpu(1, 0, 21, 0)],
            &[(0, 5), (1, 1)],
        ),
        (
            "one went offline",
            &[cpu(0, 0, 10, 0), cpu(1, 0, 20, 0), cpu(2, 0, 30, 0)],
            &[cpu(0, 0, 15, 0), cpu(2, 0, 37, 0)],
            &[(0, 5), (2, 7)],
        ),
        (
            "one came online",
            &[cpu(0, 0, 10, 0), cpu(2, 0, 30, 0)],
            &[cpu(0, 0, 15, 0), cpu(1, 1, 999, 0), cpu(2, 0, 37, 0)],
            &[(0, 5), (2, 7)],
        ),
        (
            "one was offline in between",
            &[cpu(0, 0, 10, 0), cpu(1, 3, 20, 0)],
            &[cpu(0, 0, 15, 0), cpu(1, 4, 999, 0)],
            &[(0, 5)],
        ),
        ("none before", &[], &[cpu(0, 0, 15, 0)], &[]),
        ("none after", &[cpu(0, 0, 15, 0)], &[], &[]),
    ];
    for (what, before, after, expected) in table {
        let (before, after) = (record_at(0, before), record_at(1, after));
        let before = Record::new(&before).expect("expected a whole record");
        let after = Record::new(&after).expect("expected a whole record");
        let got: Vec<_> = spent_per_cpu(before, after)
            .map(|(id, spent)| (id, spent.user))
            .collect();
        assert_eq!(&got, expected, "{what}");
    }
}

#[test]
fn together_is_the_sum_and_knows_of_cpus_without_time() {
    let before = record_at(0, &[cpu(0, 0, 10, 100), cpu(1, 0, 20, 200)]);
    let before = Record::new(&before).expect("expected a whole record");
    type Case<'a> = (&'a str, &'a [Cpu], (u64, u64), bool);
    let table: &[Case<'_>] = &[
        (
            "both",
            &[cpu(0, 0, 11, 102), cpu(1, 0, 23, 204)],
            (4, 6),
            true,
        ),
        (
            "one",
            &[cpu(0, 0, 11, 102), cpu(1, 0, 20, 200)],
            (1, 2),
            false,
        ),
        (
            "backwards",
            &[cpu(0, 0, 11, 102), cpu(1, 0, 20, 199)],
            (1, 2),
            false,
        ),
        (
            "none",
            &[cpu(0, 0, 10, 100), cpu(1, 0, 20, 200)],
            (0, 0),
            false,
        ),
        (
            "new epoch",
            &[cpu(0, 0, 11, 102), cpu(1, 1, 20, 200)],
            (1, 2),
            true,
        ),
        ("gone", &[cpu(1, 0, 23, 204)], (3, 4), true),
    ];
    for (what, after, (user, idle), every) in table {
        let after = record_at(1, after);
        let together = spent_together(
            before,
            Record::new(&after).expect("expected a whole record"),
        );
        let spent = Spent {
            user: *user,
            idle: *idle,
            ..Spent::default()
        };
        assert_eq!(
            (together.spent, together.every_cpu_counted),
            (spent, *every),
            "{what}"
        );
    }
}

#[test]
fn rates_per_second() {
    let second = 1_000_000_000;
    let table = [
        ("one second", 250, second, 250),
        ("five seconds", 1000, 5 * second, 200),
        ("ten milliseconds", 3, second / 100, 300),
        ("rounds down", 1, 3 * second, 0),
        ("rounds up", 2, 3 * second, 1),
        ("no growth", 0, second, 0),
        ("no time", 7, 0, 0),
        (
            "an hour of 1 TiB/s in KiB",
            3600 << 30,
            3600 * second,
            1 << 30,
        ),
    ];
    for (what, grown, elapsed, expected) in table {
        assert_eq!(rate(grown, 1, elapsed), expected, "{what}");
    }
}

#[test]
fn rates_have_a_scale() {
    // Below this time, about 19.5 hours, the time counts in microseconds, from it on in milliseconds.
    let long = 1 << 46;
    let table = [
        ("no growth", 0, 100, SECOND, 0),
        ("hundredths", 1, 100, SECOND, 100),
        ("rounds down", 1, 100, 3 * SECOND, 33),
        ("rounds up", 2, 100, 3 * SECOND, 67),
        ("a half rounds up", 1, 1, 2 * SECOND, 1),
        ("sectors to hundredths of KiB", 3, 50, SECOND, 150),
        ("no scale", 3, 0, SECOND, 0),
        ("no time", 3, 100, 0, 0),
        ("less than a microsecond", 3, 100, 999, 0),
        ("a microsecond", 3, 100, 1_000, 300_000_000),
        (
            "what is below a microsecond is dropped",
            3,
            100,
            1_999,
            300_000_000,
        ),
        ("a day", 86_400, 100, 86_400 * SECOND, 100),
        (
            "just below long",
            70_368_744_177_663,
            100,
            long - 1,
            100_000_000_001,
        ),
        ("just long", 70_368_744_177_664, 100, long, 100_000_000_252),
        (
            "a year of 100 GB/s",
            31_536_000 * 100_000_000_000,
            1,
            31_536_000 * SECOND,
            100_000_000_000,
        ),
        ("all there is in no time", u64::MAX, 100, 1_000, u64::MAX),
        (
            "all there is in all time",
            u64::MAX,
            1,
            u64::MAX,
            1_000_000_000,
        ),
    ];
    for (what, grown, scale, elapsed, expected) in table {
        assert_eq!(rate(grown, scale, elapsed), expected, "{what}");
    }
}

#[test]
fn shares_of_a_whole() {
    let table = [
        ("nothing of nothing", 0, 0, 0),
        ("something of nothing", 5, 0, 0),
        ("nothing", 0, 7, 0),
        ("everything", 7, 7, 1000),
        ("half", 1, 2, 500),
        ("a third", 1, 3, 333),
        ("two thirds", 2, 3, 667),
        (
            "just less than a half of a tenth of a percent",
            499,
            1_000_000,
            0,
        ),
        ("half of a tenth of a percent", 500, 1_000_000, 1),
        ("nearly everything", 999_499, 1_000_000, 999),
        ("as good as everything", 999_500, 1_000_000, 1000),
        ("the largest", u64::MAX, u64::MAX, 1000),
        ("half of the largest", u64::MAX / 2, u64::MAX, 500),
        (
            "a quarter of what needs all the bits",
            1 << 61,
            1 << 63,
            250,
        ),
    ];
    for (what, part, whole, expected) in table {
        assert_eq!(share(part, whole), expected, "{what}");
    }
}

#[test]
fn shares_of_a_time() {
    let table = [
        ("no time", 0, 0, 0),
        ("something in no time", 5, 0, 0),
        ("nothing", 0, 5, 0),
        ("a part", 250, 1000, 250),
        ("all", 1000, 1000, 1000),
        ("more than there was", 1001, 1000, 1000),
        ("far more than there was", u64::MAX, 1000, 1000),
        ("most", u64::MAX, u64::MAX, 1000),
    ];
    for (what, spent, elapsed, expected) in table {
        assert_eq!(share_of_time(spent, elapsed), expected, "{what}");
    }
}

#[test]
fn elapsed_is_never_negative() {
    let (early, late) = (record_at(5, &[]), record_at(12, &[]));
    let early = Record::new(&early).expect("expected a whole record");
    let late = Record::new(&late).expect("expected a whole record");
    assert_eq!(elapsed_ns(early, late), 7);
    assert_eq!(elapsed_ns(late, early), 0);
}

fn any_times() -> impl Strategy<Value = Times> {
    // Small numbers, those a real machine shows, and the ends of the range.
    let counter = prop_oneof![0u64..1000, any::<u64>(), Just(0), Just(u64::MAX)];
    prop::array::uniform10(counter).prop_map(|times| {
        let [user, nice, system, softirq, irq, idle, iowait, steal, guest, guest_nice] = times;
        Times {
            user,
            nice,
            system,
            softirq,
            irq,
            idle,
            iowait,
            steal,
            guest,
            guest_nice,
        }
    })
}

proptest! {
    #[test]
    fn a_share_is_within_0_and_100_percent(before in any_times(), after in any_times()) {
        let spent = Spent::between(&before, &after);
        match spent.shares() {
            None => prop_assert_eq!(spent.total(), 0),
            Some(s) => for share in [
                s.user, s.nice, s.system, s.idle, s.iowait, s.irq, s.softirq, s.steal, s.guest,
            ] {
                prop_assert!(share <= 1000, "a share of {}, expected at most 1000: {:?}", share, s);
            },
        }
    }

    #[test]
    fn shares_add_up(times in prop::array::uniform9(0u64..1 << 60)) {
        let [user, nice, system, idle, iowait, irq, softirq, steal, guest] = times;
        let spent = Spent { user, nice, system, idle, iowait, irq, softirq, steal, guest };
        if let Some(shares) = spent.shares() {
            let sum = shares_sum(&shares);
            prop_assert!((995..=1005).contains(&sum),
                "a sum of {}, expected 995 to 1005: {:?}", sum, shares);
        }
    }

    #[test]
    fn shares_agree_with_exact_arithmetic(part: u64, rest in 0..u64::MAX / 2) {
        let part = part / 2;
        let spent = Spent { user: part, idle: rest, ..Spent::default() };
        if let Some(shares) = spent.shares() {
            let exact = (u128::from(part) * 1000) as f64 / (u128::from(part) + u128::from(rest)) as f64;
            prop_assert!((f64::from(shares.user) - exact).abs() <= 0.51,
                "user is {}, expected {:.2}, give or take 0.51", shares.user, exact);
        }
    }

    #[test]
    fn spending_only_forward_is_exact(start in prop::array::uniform8(0u64..1 << 40),
                                      more in prop::array::uniform8(0u64..1 << 40)) {
        let times = |n: [u64; 8]| Times {
            user: n[0], nice: n[1], system: n[2], softirq: n[3], irq: n[4], idle: n[5],
            iowait: n[6], steal: n[7], guest: 0, guest_nice: 0,
        };
        let end: Vec<u64> = start.iter().zip(more).map(|(a, b)| a + b).collect();
        let end: [u64; 8] = end.try_into().expect("8 counters");
        let spent = Spent::between(&times(start), &times(end));
        prop_assert_eq!(spent.total(), more.iter().sum::<u64>());
        prop_assert_eq!((spent.user, spent.steal), (more[0], more[7]));
    }

    #[test]
    fn a_rate_agrees_with_exact_arithmetic(grown in 0u64..1 << 43,
                                           elapsed_us in 1u64..1 << 42) {
        // What is below a millisecond does not count in a long time.
        let long = elapsed_us * 1000 >= 1 << 46;
        let elapsed_us = if long { elapsed_us / 1000 * 1000 } else { elapsed_us };
        let exact = (u128::from(grown) * 1_000_000 + u128::from(elapsed_us / 2)) / u128::from(elapsed_us);
        let got = rate(grown, 1, elapsed_us * 1000);
        prop_assert_eq!(u128::from(got), exact);
    }

    #[test]
    fn a_scaled_rate_agrees_with_exact_arithmetic(grown in any::counter(), scale in 0u64..=200,
                                                  elapsed_ns in any::elapsed_ns()) {
        // Whole microseconds, of long times whole milliseconds.
        let unit = if elapsed_ns < 1 << 46 { 1_000 } else { 1_000_000 };
        let elapsed = u128::from(elapsed_ns / unit);
        let got = u128::from(rate(grown, scale, elapsed_ns));
        let exact = |elapsed: u128| {
            let product = u128::from(grown) * u128::from(scale) * u128::from(1_000_000_000 / unit);
            ((product + elapsed / 2) / elapsed).min(u128::from(u64::MAX))
        };
        if elapsed == 0 {
            prop_assert_eq!(got, 0);
        } else {
            prop_assert_eq!(got, exact(elapsed));
            // So it is never off by more than such a unit of time makes.
            let least = exact(elapsed + 1);
            prop_assert!(got >= least, "a rate of {}, expected {} or more", got, least);
        }
    }

    #[test]
    fn a_rate_is_within_a_millionth_of_the_truth(grown in 0u64..1 << 60, scale in 1u64..=100,
                                                 elapsed_ns in SECOND..86_400 * 365 * SECOND) {
        let got = u128::from(rate(grown, scale, elapsed_ns));
        let product = u128::from(grown) * u128::from(scale) * u128::from(SECOND);
        let truth = product / u128::from(elapsed_ns);
        if truth < u128::from(u64::MAX) {
            prop_assert!(got.abs_diff(truth) <= truth / 1_000_000 + 1,
                "a rate of {}, expected {}, give or take a millionth", got, truth);
        }
    }

    #[test]
    fn any_scaled_rate_is_defined(grown in any::counter(), scale in any::counter(), elapsed in any::elapsed_ns()) {
        let rate = rate(grown, scale, elapsed);
        prop_assert!(rate == 0 || (grown > 0 && scale > 0 && elapsed >= 1_000),
            "a rate of {}, expected 0 with {} grown, a scale of {} and {} ns",
            rate, grown, scale, elapsed);
    }

    #[test]
    fn a_share_is_exact(a in any::counter(), b in any::counter()) {
        let (part, whole) = (a.min(b), a.max(b));
        let got = u128::from(share(part, whole));
        let (part, whole) = (u128::from(part), u128::from(whole));
        prop_assert!(got <= 1000, "a share of {}, expected at most 1000", got);
        if whole < 1 << 52 {
            let exact = (part * 1000 + whole / 2).checked_div(whole);
            prop_assert_eq!(got, exact.unwrap_or(0));
        } else {
            // A billionth of the whole may be missing.
            let off = (got * whole).abs_diff(part * 1000);
            prop_assert!(off <= whole / 2 + whole / 1_000_000,
                "a share of {}, expected that of {} of {}", got, part, whole);
        }
    }

    #[test]
    fn a_share_of_time_is_never_above_the_whole(spent in any::counter(), elapsed in any::counter()) {
        let got = share_of_time(spent, elapsed);
        prop_assert_eq!(got, share(spent.min(elapsed), elapsed));
        prop_assert!(got <= 1000, "a share of {}, expected at most 1000", got);
        if spent >= elapsed && elapsed > 0 {
            prop_assert_eq!(got, 1000);
        }
    }

    #[test]
    fn any_rate_is_defined(grown: u64, scale: u64, elapsed: u64) {
        let _ = rate(grown, scale, elapsed);
    }

    #[test]
    fn pairing_takes_every_common_cpu(before in prop::collection::btree_map(0u32..64, 0u32..2, 0..32),
                                      after in prop::collection::btree_map(0u32..64, 0u32..2, 0..32)) {
        let words = |cpus: &std::collections::BTreeMap<u32, u32>| {
            let cpus: Vec<_> = cpus.iter().map(|(id, epoch)| cpu(*id, *epoch, 0, 0)).collect();
            record_at(0, &cpus)
        };
        let (then, now) = (words(&before), words(&after));
        let then = Record::new(&then).expect("expected a whole record");
        let now = Record::new(&now).expect("expected a whole record");
        let got: Vec<u32> = spent_per_cpu(then, now).map(|(id, _)| id).collect();
        let expected: Vec<u32> = after
            .iter()
            .filter(|(id, epoch)| before.get(id) == Some(epoch))
            .map(|(id, _)| *id)
            .collect();
        prop_assert_eq!(got, expected);
    }
}

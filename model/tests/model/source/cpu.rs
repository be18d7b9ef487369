// SPDX-License-Identifier: GPL-2.0-or-later

use crate::logged::{self, assert_ends_with, assert_starts_with, printed, values};
use crate::util::{cpu, record_at};
use model::record::Record;
use model::source::cpu::{
    log, spent_per_cpu, spent_together, Cpu, Mode, Shares, Spent, Times, Whose,
};
use proptest::prelude::*;

/// The times of some modes; in others nothing was spent.
fn spent(times: &[(Mode, u64)]) -> Spent {
    let of = |mode| times.iter().find(|(of, _)| *of == mode);
    Mode::ALL
        .map(|mode| of(mode).map_or(0, |(_, time)| *time))
        .into()
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
    let expected = Shares::from([200, 100, 100, 200, 110, 60, 50, 30, 150]);
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
    assert_eq!(
        (
            spent.of(Mode::Idle),
            spent.of(Mode::Iowait),
            spent.of(Mode::User)
        ),
        (0, 100, 0)
    );
    assert_eq!(
        spent.shares().map(|shares| shares.of(Mode::Iowait)),
        Some(1000)
    );
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
    assert_eq!(
        (
            shares.of(Mode::User),
            shares.of(Mode::Guest),
            shares.of(Mode::Idle)
        ),
        (200, 600, 200)
    );
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
    assert_eq!((shares.of(Mode::User), shares.of(Mode::Idle)), (333, 667));
}

#[test]
fn long_times_on_many_cpus_keep_their_shares() {
    // A week on 8192 CPUs, half of it idle.
    let half = 7 * 86_400 * 1_000_000_000 / 2;
    let one = spent(&[(Mode::User, half), (Mode::Idle, half)]);
    let mut all = Spent::default();
    for _ in 0..8192 {
        all.add(&one);
    }
    let shares = all
        .shares()
        .expect("expected shares of a time that has passed");
    assert_eq!((shares.of(Mode::User), shares.of(Mode::Idle)), (500, 500));
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
            .map(|(id, spent)| (id, spent.of(Mode::User)))
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
        let spent = spent(&[(Mode::User, *user), (Mode::Idle, *idle)]);
        assert_eq!(
            (together.spent, together.every_cpu_counted),
            (spent, *every),
            "{what}"
        );
    }
}

#[test]
fn cpu_lines() {
    let shares = Shares::from([123, 0, 45, 832, 1, 2, 3, 4, 1000]);
    assert_eq!(
        printed(|lines| log(Whose::All, &shares, lines)),
        "cpu=all user=12.3% nice=0.0% system=4.5% idle=83.2% iowait=0.1% irq=0.2% \
         softirq=0.3% steal=0.4% guest=100.0%"
    );
    let with_number = printed(|lines| log(Whose::Cpu(17), &shares, lines));
    assert_starts_with(&with_number, "cpu=17 user=12.3% ");
    let longest = printed(|lines| log(Whose::Cpu(u32::MAX), &shares, lines));
    assert_starts_with(&longest, "cpu=4294967295 user=");
    assert_ends_with(&longest, " guest=100.0%");
}

#[test]
fn the_longest_line_is_whole() {
    let shares = Shares::from([
        u32::MAX,
        u32::MAX,
        u32::MAX,
        u32::MAX,
        u32::MAX,
        u32::MAX,
        u32::MAX,
        u32::MAX,
        u32::MAX,
    ]);
    let line = printed(|lines| log(Whose::Cpu(u32::MAX), &shares, lines));
    let keys = "user nice system idle iowait irq softirq steal guest".split(' ');
    let keys: Vec<_> = keys.map(|key| (key, logged::PERCENT)).collect();
    let got = values(&line, "cpu=4294967295", &keys);
    assert_eq!(got, [u128::from(u32::MAX); 9]);
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
            Some(s) => for share in Mode::ALL.map(|mode| s.of(mode)) {
                prop_assert!(share <= 1000, "a share of {}, expected at most 1000: {:?}", share, s);
            },
        }
    }

    #[test]
    fn shares_add_up(times in prop::array::uniform9(0u64..1 << 60)) {
        let spent = Spent::from(times);
        if let Some(shares) = spent.shares() {
            let sum = Mode::ALL.map(|mode| shares.of(mode)).iter().sum::<u32>();
            prop_assert!((995..=1005).contains(&sum),
                "a sum of {}, expected 995 to 1005: {:?}", sum, shares);
        }
    }

    #[test]
    fn shares_agree_with_exact_arithmetic(part: u64, rest in 0..u64::MAX / 2) {
        let part = part / 2;
        let spent = spent(&[(Mode::User, part), (Mode::Idle, rest)]);
        if let Some(shares) = spent.shares() {
            let exact = (u128::from(part) * 1000) as f64 / (u128::from(part) + u128::from(rest)) as f64;
            prop_assert!((f64::from(shares.of(Mode::User)) - exact).abs() <= 0.51,
                "user is {}, expected {:.2}, give or take 0.51", shares.of(Mode::User), exact);
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
        prop_assert_eq!((spent.of(Mode::User), spent.of(Mode::Steal)), (more[0], more[7]));
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

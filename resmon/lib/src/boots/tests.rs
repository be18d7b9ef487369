// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const S: u64 = 1_000_000_000;

/// When the clocks are right.
const WALL_S: i128 = 1_795_600_000;

/// A life from one time since boot to another, of a machine that was started so long after [`WALL_S`].
fn life(boot: u64, load: u64, started_s: i128, from_s: u64, to_s: u64, ended: Ended) -> Life {
    Life {
        boot_id: Some(Id(boot)),
        load_id: Some(Id(load)),
        kernel: Some(format!("7.3.{boot}")),
        first_boot_ns: from_s * S,
        last_boot_ns: to_s * S,
        wall_ahead_ns: (WALL_S + started_s) * i128::from(S),
        ended: Some(ended),
        records: to_s - from_s,
    }
}

/// Seconds after [`WALL_S`].
fn after(time_s: f64) -> i64 {
    time_s as i64 - WALL_S as i64
}

#[test]
fn lives_of_one_boot_are_one() {
    let lives = vec![
        life(1, 1, 0, 10, 50, Ended::Unloaded),
        life(1, 2, 0, 60, 90, Ended::Panic),
        life(2, 3, 200, 5, 25, Ended::Unloaded),
        life(2, 4, 203, 30, 40, Ended::Running),
    ];
    let boots = boots(lives.clone());
    let [first, second] = boots.as_slice() else {
        panic!("expected two boots, found {boots:?}")
    };
    assert_eq!(first.id, Some(Id(1)));
    assert_eq!(first.kernel.as_deref(), Some("7.3.1"));
    assert_eq!((after(first.from_s), after(first.to_s)), (10, 90));
    assert_eq!(
        (first.ended, first.records, first.is_running()),
        (Some(Ended::Panic), 70, false)
    );
    assert_eq!(first.lives, lives[..2]);
    // The clock was set by 3 s between the two.
    assert_eq!((after(second.from_s), after(second.to_s)), (205, 243));
    assert_eq!(after(second.booted_s), 203);
    assert!(second.is_running());
}

#[test]
fn boots_are_in_the_order_of_their_last_lives() {
    let lives = vec![
        life(1, 1, 0, 0, 1, Ended::Unloaded),
        life(2, 2, 0, 0, 1, Ended::Restart),
        life(1, 3, 0, 2, 3, Ended::PowerOff),
        life(3, 4, 0, 0, 1, Ended::Running),
    ];
    let ids: Vec<_> = boots(lives).iter().map(|boot| boot.id.unwrap().0).collect();
    assert_eq!(ids, [2, 1, 3]);
    assert_eq!(boots(Vec::new()), []);
}

#[test]
fn what_has_no_identity_is_a_boot_of_its_own() {
    let without = |load| Life {
        boot_id: None,
        ..life(0, load, 0, 0, 1, Ended::Unknown)
    };
    assert_eq!(boots(vec![without(1), without(1), without(2)]).len(), 3);
}

#[test]
fn ends_have_names() {
    let names = [
        (ioctl::RUNS, "running"),
        (ioctl::UNLOADED, "unloaded"),
        (ioctl::RESTART, "restart"),
        (ioctl::POWER_OFF, "power-off"),
        (ioctl::PANIC, "panic"),
        (ioctl::UNKNOWN, "unknown"),
        // Of a module that knows more.
        (6, "unknown"),
        (u64::MAX, "unknown"),
    ];
    for (number, name) in names {
        assert_eq!(Ended::of(number).to_string(), name);
    }
}

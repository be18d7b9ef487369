// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use resmon::{Ended, Id};

use super::*;

/// A boot from one time to another.
pub fn boot(id: u64, booted_s: f64, to_s: f64, ended: Ended) -> Boot {
    Boot {
        id: Some(Id(id)),
        kernel: Some("7.3.4+deb13-amd64".into()),
        booted_s,
        from_s: booted_s + 12.0,
        to_s,
        ended: Some(ended),
        records: 100 + id,
        lives: Vec::new(),
    }
}

fn boots() -> Vec<Boot> {
    let ids = [
        0x89b5_e8a3_a3c4_c5f4,
        0x89b5_e8a3_0000_0000,
        0x1234_0000_0000_0000,
    ];
    ids.map(|id| boot(id, 0.0, 0.0, Ended::Unknown)).into()
}

fn found(text: &str, from: &[PathBuf]) -> std::result::Result<usize, String> {
    let boots = boots();
    let boot = find(&text.parse().unwrap(), &boots, from);
    let place = |boot: &Boot| boots.iter().position(|other| other == boot).unwrap();
    boot.map(place).map_err(|error| error.to_string())
}

#[test]
fn boots_are_found() {
    for (text, place) in [
        ("0", 2),
        ("-1", 1),
        ("-2", 0),
        ("1", 0),
        ("+3", 2),
        ("89b5e8a3a3c4c5f4", 0),
        ("89b5e8a30", 1),
        ("1234", 2),
    ] {
        assert_eq!(found(text, &[]), Ok(place), "{text}");
    }
}

#[test]
fn boots_that_are_not_there_are_not_guessed() {
    for (text, said) in [
        ("-3", "-3"),
        ("4", "+4"),
        ("cafe", "cafe"),
        ("5678", "5678"),
    ] {
        let expected = format!("there are no records of boot {said}; resmon boots lists 3");
        assert_eq!(found(text, &[]), Err(expected));
    }
    let expected = "there are no records of boot -3; resmon boots --from a.rec, b lists 3";
    assert_eq!(
        found("-3", &["a.rec".into(), "b".into()]),
        Err(expected.into())
    );
    let ambiguous = found("89B5e8", &[]).unwrap_err();
    assert!(ambiguous.contains("more than one"), "{ambiguous}");
    let none = find(&BootId::Back(0), &[], &[]).unwrap_err().to_string();
    assert_eq!(none, "there are no records of boot 0; resmon boots lists 0");
}

#[test]
fn an_earlier_boot_is_not_taken_for_the_last_one() {
    const BEGIN_S: f64 = 1_795_600_000.0;
    let doubt_of = |end_s: f64, ended| {
        let boots = [
            boot(1, 0.0, 5.0, Ended::Restart),
            boot(2, BEGIN_S - 9_000.0, end_s, ended),
            boot(3, BEGIN_S, BEGIN_S + 50.0, Ended::Running),
        ];
        doubt(&boots)
    };
    for end_s in [BEGIN_S - 600.0, BEGIN_S - 1.0, BEGIN_S, BEGIN_S + 60.0] {
        for ended in [Ended::Panic, Ended::Unknown] {
            assert_eq!(doubt_of(end_s, ended), None, "{end_s}");
        }
    }
    let long = doubt_of(BEGIN_S - 601.0, Ended::PowerOff).unwrap();
    assert!(long.contains("10 min 1 s before this one began"), "{long}");
    let ahead = doubt_of(BEGIN_S + 61.0, Ended::Panic).unwrap();
    assert!(ahead.contains("the clock was wrong"), "{ahead}");
    // A machine without a clock of its own is in 1970 until it asks somebody.
    assert!(doubt_of(9_000.0, Ended::Panic).is_some());
    assert_eq!(doubt(&[boot(3, 0.0, 1.0, Ended::Running)]), None);
    assert_eq!(doubt(&[]), None);
}

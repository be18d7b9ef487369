// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use super::*;
use crate::json;

const WALL_S: f64 = 1_795_600_000.0;

fn boot(id: u64, kernel: &str, ended: Ended) -> Boot {
    let from_s = WALL_S + id as f64 * 1000.0;
    Boot {
        id: Some(Id(id << 32)),
        kernel: Some(kernel.into()),
        booted_s: from_s - 10.0,
        from_s,
        to_s: from_s + 900.0,
        ended: Some(ended),
        records: 10_u64.pow(id as u32 % 8),
        lives: Vec::new(),
    }
}

#[test]
fn each_end_has_a_line() {
    let ends = [
        Ended::Unloaded,
        Ended::Restart,
        Ended::PowerOff,
        Ended::Panic,
        Ended::Unknown,
        Ended::Running,
    ];
    let boots: Vec<_> = (1..)
        .zip(ends)
        .map(|(id, ended)| boot(id, "7.3.4+deb13-amd64", ended))
        .collect();
    let text = table(&boots);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>().join(" "),
        "IDX BOOT ID KERNEL FROM TO ENDED SAMPLES"
    );
    let expected = [
        ("unloaded", -5),
        ("restart", -4),
        ("power-off", -3),
        ("panic", -2),
        ("unknown (reset, power loss or hang)", -1),
        ("running", 0),
    ];
    for ((line, (ended, index)), id) in lines[1..].iter().zip(expected).zip(1..) {
        let begin = format!("{index:>3} {id:08x} 7.3.4+deb13-amd64 20");
        assert!(line.starts_with(&begin), "{line:?} after {begin:?}");
        let end = format!(" {ended:35} {:>7}", 10_u64.pow(id));
        assert!(line.ends_with(&end), "{line:?} before {end:?}");
    }
    // All columns are as wide as what is in them.
    let ends: Vec<_> = lines.iter().map(|line| line.chars().count()).collect();
    assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
}

/// What a kernel calls itself lay in memory that anybody may have written to.
const HOSTILE: &str = "7.3\u{1b}]0;owned\u{7}\n\u{202e}\u{9b}31m\"\\x";

#[test]
fn kernels_do_not_control_a_terminal() {
    let boots = [boot(1, HOSTILE, Ended::Panic), boot(2, "", Ended::Running)];
    let text = table(&boots);
    assert_eq!(text.lines().count(), 3);
    let is_plain = |letter: char| letter == '\n' || !crate::events::is_hidden(letter);
    assert!(text.chars().all(is_plain), "{text:?}");
    assert!(text.contains("7.3\u{fffd}]0;owned"), "{text:?}");
}

#[test]
fn json_has_all_of_it_and_no_control() {
    let hostile = boot(1, HOSTILE, Ended::Unknown);
    let line = json::line(&Line::of(-1, &hostile)).unwrap();
    let text = String::from_utf8(line).unwrap();
    let is_plain = |letter: char| !crate::events::is_hidden(letter);
    assert!(text.trim_end().chars().all(is_plain), "{text:?}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "index": -1,
        "module_boot_id": "0000000100000000",
        "kernel": HOSTILE,
        "from_time_s": WALL_S + 1000.0,
        "to_time_s": WALL_S + 1900.0,
        "ended": "unknown",
        "samples": 10,
    });
    assert_eq!(value, expected);
}

#[test]
fn why_there_is_no_earlier_boot_is_said() {
    let of = |reserved_bytes| {
        none_before(&Info {
            reserved_bytes,
            ..Info::default()
        })
    };
    for bytes in [None, Some(0)] {
        assert!(of(bytes).contains("reserve_mem=8M:256M:resmon"));
    }
    assert!(of(Some(8 << 20)).contains("firmware"));
}

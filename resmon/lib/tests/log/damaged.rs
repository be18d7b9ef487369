// SPDX-License-Identifier: GPL-2.0-or-later

//! Whatever a text has, reading it gives samples, and no number that is not in it.

use proptest::prelude::*;
use resmon::Sample;

use crate::any::record;
use crate::written::{lines, stamped};
use crate::{log_of, recordings, samples};

/// All lines of some samples, and the one line of each.
fn whole() -> String {
    let [minute, layers] = recordings();
    // Numbers of many digits, which could be cut off.
    let any: Vec<u64> = (1..=16_u64)
        .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .collect();
    let large = [record(1, &any), record(2, &any)];
    let pairs = minute
        .windows(2)
        .skip(30)
        .take(2)
        .chain(layers.windows(2).take(1));
    let pairs = pairs.chain(large.windows(2));
    let each = (5_000_000..).step_by(1_000_000).zip(pairs);
    let texts = each.map(|(at, pair)| {
        let (mut all, brief) = lines(&pair[0], &pair[1]);
        all.push(brief);
        all.insert(
            0,
            "alert=mem_full begin value=41.0% limit=10.0% for=2.0s".into(),
        );
        stamped(&all, at)
    });
    texts.collect()
}

/// No number is one that cannot be.
fn assert_sane(sample: &Sample) {
    for column in Sample::columns() {
        let value = column.value(sample).map_or(0.0, |value| value.as_f64());
        assert!(
            value.is_finite() && value >= 0.0,
            "{} is {value}",
            column.name
        );
        if column.unit == resmon::columns::Unit::Percent {
            assert!(value <= 100.0, "{} is {value}", column.name);
        }
    }
}

/// Each number of a sample is that of the whole sample, or is missing.
fn assert_part_of(part: &Sample, whole: &[Sample]) {
    let since_boot_s = part.since_boot_s.unwrap();
    let begins = |sample: &&Sample| (sample.since_boot_s.unwrap() - since_boot_s).abs() < 0.5;
    let whole = whole.iter().find(begins).unwrap();
    // Totals are sums of what is there; what a column has of the full lines goes before the one line.
    let kinds = |sample: &Sample| {
        (
            sample.cpu,
            sample.memory,
            sample.swap,
            sample.load,
            sample.pressure,
        )
    };
    let (found, expected) = (kinds(part), kinds(whole));
    let near =
        |found: f64, expected: f64| assert!((found - expected).abs() < 0.11, "{found} {expected}");
    if let Some((found, expected)) = found.0.zip(expected.0) {
        near(found.programs_percent(), expected.programs_percent());
        near(found.idle_percent, expected.idle_percent);
    }
    if let Some((found, expected)) = found.1.zip(expected.1) {
        assert_eq!(found.available_bytes, expected.available_bytes);
        assert!(found.free_bytes.is_none() || found.free_bytes == expected.free_bytes);
    }
    if let Some((found, expected)) = found.2.zip(expected.2) {
        assert_eq!(found.free_bytes, expected.free_bytes);
    }
    if let Some((found, expected)) = found.3.zip(expected.3) {
        near(found.one_minute, expected.one_minute);
    }
    if let Some((found, expected)) = found.4.zip(expected.4) {
        near(found.cpu_some_percent, expected.cpu_some_percent);
    }
    if let Some((found, expected)) = part.running.zip(whole.running) {
        assert_eq!(found.tasks, expected.tasks);
        assert!(found.blocked.is_none() || found.blocked == expected.blocked);
        assert!(found.memory_stalled.is_none() || found.memory_stalled == expected.memory_stalled);
    }
    if let Some((found, expected)) = part.tasks.zip(whole.tasks) {
        assert_eq!(found.threads, expected.threads);
    }
    for task in &part.top_tasks {
        assert!(whole.top_tasks.contains(task), "{task:?}");
    }
    assert!(part.activity.is_none() || part.activity == whole.activity);
    assert!(part.tcp.is_none() || part.tcp == whole.tcp);
    for disk in &part.disks {
        assert!(whole.disks.contains(disk), "{disk:?}");
    }
    for net in &part.nets {
        assert!(whole.nets.contains(net), "{net:?}");
    }
    for cpu in &part.cpus {
        let known = whole.cpus.iter().find(|known| known.id == cpu.id).unwrap();
        assert_eq!(known.times.idle_percent, cpu.times.idle_percent);
    }
    for fs in &part.file_systems {
        assert!(whole.file_systems.contains(fs), "{fs:?}");
    }
}

#[test]
fn a_text_that_ends_anywhere_has_no_other_numbers() {
    let text = whole();
    let all = samples(&[&text]);
    assert_eq!(all.len(), 4);
    let begin = text.len() / 2;
    for end in begin..text.len() {
        for sample in samples(&[&text[..end]]) {
            assert_part_of(&sample, &all);
        }
    }
    for start in 0..begin {
        for sample in samples(&[&text[start..]]) {
            assert_part_of(&sample, &all);
        }
    }
}

#[test]
fn a_line_may_be_of_any_length() {
    let line = whole();
    let long = "x".repeat(3 << 20);
    let text = format!("{long}{line}{long}\n{line}{long}");
    let found = samples(&[&text]);
    assert_eq!(found.len(), 4);
    found.iter().for_each(assert_sane);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn pieces_are_missing(cuts in proptest::collection::vec((0usize..1 << 20, 0usize..200), 1..12)) {
        let text = whole();
        let all = samples(&[&text]);
        let mut bytes = text.into_bytes();
        for (at, length) in cuts {
            let at = at % bytes.len();
            let end = (at + length).min(bytes.len());
            // What is lost may have been a part of a number, so that a mark stands where it was.
            bytes.splice(at..end, *b"\x00");
        }
        for sample in log_of(&[&bytes]).into_samples() {
            assert_sane(&sample);
            if let Some(since_boot_s) = sample.since_boot_s {
                if (4.5..8.5).contains(&since_boot_s) {
                    assert_part_of(&sample, &all);
                }
            }
        }
    }

    #[test]
    fn bytes_are_changed(changes in proptest::collection::vec((0usize..1 << 20, any::<u8>()), 0..40)) {
        let mut bytes = whole().into_bytes();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        log_of(&[&bytes]).into_samples().for_each(|sample| assert_sane(&sample));
        let half = bytes.len() / 2;
        let log = log_of(&[&bytes[half..], &bytes[..half], &bytes]);
        log.into_samples().for_each(|sample| assert_sane(&sample));
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(log_of(&[&bytes]).into_samples().count(), 0);
    }

    #[test]
    fn words_in_any_order(words in proptest::collection::vec(0usize..30, 0..60)) {
        const WORDS: [&str; 30] = [
            "\n", "\n", "[    5.000000] ", "[    4.000000] ", "[ 9000.000000] ", "resource_monitor: ", "resource_monitor: ",
            "sum ", "user=1.0% ", "idle=99.0%", "cpu=all ", "cpu=3 ", "mem ", "used=1kB ", "alert=x ", "begin ",
            "value=1 ", "limit=2 ", "for=0.0s ", "Panic#1 Part2", "kernel: ", "Nov 26 20:33:47 h ", "loaded ",
            "unloaded ", "disk=a ", "disk stale", "net ... and 4 more", "fs=/ ", "absent", "\r",
        ];
        let text: String = words.into_iter().map(|at| WORDS[at]).collect();
        samples(&[&text]).iter().for_each(assert_sane);
    }
}

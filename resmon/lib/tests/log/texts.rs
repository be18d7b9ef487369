// SPDX-License-Identifier: GPL-2.0-or-later

//! Texts of all kinds, in any order.

use resmon::{EventState, FileSystemState, KernelLog, Sample};

use crate::written::{lines, stamped};
use crate::{log_of, recordings, samples, time_s};

/// The one line of some samples of the recording, one each second, from a time on.
pub fn brief(count: usize) -> Vec<String> {
    let [minute, _] = recordings();
    let pairs = minute.windows(2).skip(4).take(count);
    pairs.map(|pair| lines(&pair[0], &pair[1]).1).collect()
}

pub fn text(count: usize, from_us: u64) -> Vec<String> {
    let stamps = (from_us..).step_by(1_000_000);
    let lines = brief(count).into_iter().zip(stamps);
    lines.map(|(line, at)| stamped(&[line], at)).collect()
}

pub fn since_boot(samples: &[Sample]) -> Vec<f64> {
    samples
        .iter()
        .map(|sample| sample.since_boot_s.unwrap())
        .collect()
}

/// The numbers alone, whatever the times are.
pub fn numbers(samples: &[Sample]) -> Vec<Sample> {
    let mut samples = samples.to_vec();
    for sample in &mut samples {
        sample.since_boot_s = None;
        sample.set_time(0.0);
        sample.elapsed_s = None;
        sample.interval_s = None;
        sample.from_log = None;
    }
    samples
}

#[test]
fn all_kinds_have_the_same_numbers() {
    let plain = text(5, 100_250_000);
    let expected = samples(&[&plain.concat()]);
    assert_eq!(
        since_boot(&expected),
        [100.25, 101.25, 102.25, 103.25, 104.25]
    );
    assert!(expected.iter().all(|sample| sample.cpu.is_some()
        && sample
            .net_total(|net| net.received.bytes_per_second)
            .is_some()));
    // What stands before the module's name instead of the time stamp, for the second that it is of.
    let heads: [(&str, bool); 9] = [
        ("<6>[  10S.250000] ", true),
        ("[  10S.250000][    T1] ", true),
        ("[  10S.250000] [ C0] ", true),
        ("kern  :info  : [  10S.250000] ", true),
        ("[  10S.250000] myhost kernel: ", true),
        (
            "2026-11-26T20:33:4S.250000+00:00 myhost kernel: [  10S.250000] ",
            true,
        ),
        ("Nov 26 20:33:4S myhost kernel: ", false),
        ("[Thu Nov 26 20:33:4S 2026] ", false),
        ("2026-11-26T20:33:4S,250000+01:00 ", false),
    ];
    for (head, has_stamp) in heads {
        let line = |(second, line): (usize, &String)| {
            let (_, line) = line.split_once("] ").unwrap();
            format!("{}{line}", head.replace('S', &second.to_string()))
        };
        let text: String = plain.iter().enumerate().map(line).collect();
        let found = samples(&[&text]);
        assert_eq!(numbers(&found), numbers(&expected), "{text}");
        assert_eq!(found[0].since_boot_s.is_some(), has_stamp, "{head}");
        let log = found[0].from_log.unwrap();
        let has_wall_clock = head.contains("20:33");
        assert_eq!(log.has_wall_clock, has_wall_clock, "{head}");
        if has_wall_clock {
            let step = found[1].time_s - found[0].time_s;
            assert!((step - 1.0).abs() < 1e-3, "{head}: {step}");
            let offset_s = if head.contains("+01:00") { 3600.0 } else { 0.0 };
            let expected_s = 1_795_725_220.0
                + f64::from(u8::from(
                    head.contains(['.', ',']) && !head.starts_with('['),
                )) * 0.25;
            assert!(
                (found[0].time_s + offset_s - expected_s).abs() < 1e-3,
                "{head}: {}",
                found[0].time_s
            );
        }
    }
}

#[test]
fn a_serial_console_has_noise() {
    let plain = text(4, 10_000_000);
    let expected = samples(&[&plain.concat()]);
    let noisy: Vec<_> = plain
        .iter()
        .map(|line| {
            let line = line.trim_end();
            format!("\x1b[0;32m\x1b[Klogin: \u{fffd}\0{line}\x1b[0m\r\r\n\x07root@host:~# ls\r\n")
        })
        .collect();
    let noisy = noisy.concat();
    assert!(KernelLog::is_text(noisy.as_bytes()));
    assert_eq!(samples(&[&noisy]), expected);
    // Two lines that were written into each other: of the first one what was whole is left.
    let (first, second) = (plain[0].trim_end(), &plain[1]);
    let cut = first.find(" idle=").unwrap() + 3;
    let found = samples(&[&format!("{}{second}", &first[..cut])]);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].cpu, found[0].memory), (None, None));
    assert_eq!(numbers(&found[1..]), numbers(&expected[1..2]));
}

#[test]
fn others_are_not_taken_for_the_kernel() {
    let line = text(1, 5_000_000).concat();
    let (_, line) = line.split_once("] ").unwrap();
    for head in [
        "Nov 26 20:33:47 myhost fake[77]: ",
        "Nov 26 20:33:47 myhost notkernel: ",
        "[   5.00000] ",
        "[    5.000000 ",
        "x",
    ] {
        let log = log_of(&[format!("{head}{line}").as_bytes()]);
        assert!(log.is_empty(), "{head}");
    }
    // It is the kernel's, but nobody knows when it was.
    let log = log_of(&[line.as_bytes()]);
    assert_eq!((log.is_empty(), log.timeless()), (true, 1));
}

/// What pstore keeps: the newest lines are in part 1.
fn parts(plain: &[String]) -> Vec<String> {
    let count = plain.len().div_ceil(3);
    let parts = plain.rchunks(3).zip(1..=count);
    parts
        .map(|(lines, part)| format!("Panic#1 Part{part}\n{}", lines.concat()))
        .collect()
}

#[test]
fn parts_are_put_in_order() {
    let plain = text(10, 700_000_000);
    let expected = samples(&[&plain.concat()]);
    assert_eq!(expected.len(), 10);
    let parts = parts(&plain);
    assert_eq!(parts.len(), 4);
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let texts = order.map(|at| parts[at].as_str());
        assert_eq!(samples(&texts), expected, "{order:?}");
        // As cat does it.
        assert_eq!(samples(&[&texts.concat()]), expected, "{order:?}");
        // The same again, and a console that had all of it.
        let all = plain.concat();
        assert_eq!(
            samples(&[texts[0], texts[1], &all, texts[2], texts[3], texts[0]]),
            expected
        );
    }
}

#[test]
fn of_a_line_that_was_cut_off_the_longest_counts() {
    let plain = text(3, 9_000_000);
    let expected = samples(&[&plain.concat()]);
    let cut = &plain[1][..plain[1].len() / 2];
    for texts in [
        [format!("{}{cut}", plain[0]), plain[1..].concat()],
        [plain[1..].concat(), format!("{}{cut}", plain[0])],
    ] {
        assert_eq!(samples(&[&texts[0], &texts[1]]), expected);
    }
}

#[test]
fn time_stamps_that_go_back_are_another_boot() {
    let (first, second) = (text(5, 300_000_000).concat(), text(3, 20_000_000).concat());
    let found = samples(&[&format!(
        "{first}[    0.000000] Linux version 7.3.4\n{second}"
    )]);
    let boots: Vec<_> = found
        .iter()
        .map(|sample| sample.from_log.unwrap().boot)
        .collect();
    assert_eq!(boots, [0, 0, 0, 0, 0, 1, 1, 1]);
    assert_eq!(since_boot(&found)[4..6], [304.0, 20.0]);
    assert_eq!(found[5].elapsed_s, None);
    // Nothing of the first boot is in the second one, and the other way round, so in two files they are told
    // apart where they overlap.
    let other = text(5, 302_500_000).concat();
    let found = samples(&[&first, &other]);
    let boots: Vec<_> = found
        .iter()
        .map(|sample| sample.from_log.unwrap().boot)
        .collect();
    assert_eq!(boots, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    // A digit that got lost is none.
    let mut lines = text(5, 300_000_000);
    lines[2] = lines[2].replace("[  302", "[   02");
    let found = samples(&[&lines.concat()]);
    assert_eq!(since_boot(&found), [300.0, 301.0, 303.0, 304.0]);
    let mut lines = text(5, 300_000_000);
    lines[2] = lines[2].replace("[  302", "[99302");
    let found = samples(&[&lines.concat()]);
    assert_eq!(since_boot(&found), [300.0, 301.0, 303.0, 304.0]);
}

#[test]
fn loads_of_the_module_are_told_apart() {
    let loaded = |at| {
        let line = "loaded version=0.1.0 interval=1500ms cpus=2 history_kB=6144";
        stamped(&[line.into()], at)
    };
    let text = [
        loaded(1_000_000),
        text(2, 2_000_000).concat(),
        loaded(6_000_000),
        text(1, 7_000_000).concat(),
    ];
    let found = samples(&[&text.concat()]);
    let loads: Vec<_> = found
        .iter()
        .map(|sample| sample.from_log.unwrap().load)
        .collect();
    assert_eq!(loads, [0, 0, 1]);
    // What was given counts where nothing can be measured.
    let intervals: Vec<_> = found.iter().map(|sample| sample.interval_s).collect();
    assert_eq!(intervals, [Some(1.0), Some(1.0), Some(1.5)]);
    let elapsed: Vec<_> = found.iter().map(|sample| sample.elapsed_s).collect();
    assert_eq!(elapsed, [None, Some(1.0), None]);
}

#[test]
fn alerts_have_their_own_time_or_that_of_a_sample() {
    let alerts = [
        "alert=fs_full begin value=100.0% limit=95.0% for=0.0s fs=/mnt\\040a",
        "alert=oom_kill begin value=1 limit=1 for=0.0s task=a\\040hog pid=12 rss=345kB by=6 by_task=init",
        "alert=fs_full end value=0.1% worst=100.0% limit=95.0% for=11.6s fs=/mnt\\040a",
        "alert=test value=1 limit=1 for=0.0s",
    ];
    let alert = |at: usize, stamp| stamped(&[alerts[at].to_owned()], stamp);
    let all = [
        alert(0, 9_999_900),
        text(1, 10_000_000).concat(),
        alert(1, 15_000_000),
        alert(2, 21_600_000),
        alert(3, 21_600_100),
    ];
    let found = samples(&[&all.concat()]);
    assert_eq!(since_boot(&found), [9.9999, 15.0, 21.6]);
    assert!(found[0].cpu.is_some() && found[1].cpu.is_none());
    let events: Vec<_> = found.iter().flat_map(|sample| &sample.events).collect();
    let states: Vec<_> = events
        .iter()
        .map(|event| (event.number, event.state))
        .collect();
    use EventState::{Begin, End, Moment};
    assert_eq!(states, [(1, Begin), (2, Begin), (1, End), (3, Moment)]);
    assert_eq!(events[0].subject.as_deref(), Some("/mnt a"));
    assert_eq!((events[0].worst, events[2].worst), (None, Some(100.0)));
    assert!(events[1].severe && !events[0].severe);
    let kill = &found[1].oom_kills[0];
    assert_eq!((kill.pid, kill.rss_bytes, kill.by_pid), (12, 345 * 1024, 6));
    assert_eq!(
        kill.comm.as_deref().zip(kill.by_comm.as_deref()),
        Some(("a hog", "init"))
    );
}

#[test]
fn what_is_late_is_incomplete() {
    let lines = [
        "load 1m=0.23 5m=0.05 15m=0.02",
        "disk stale",
        "fs=/tmp/stuck stale",
        "fs=/ error=5",
    ];
    let found = samples(&[&stamped(&lines.map(String::from), 1_000_000)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].incomplete, [resmon::Source::Disk]);
    assert_eq!(found[0].file_systems[0].state, FileSystemState::Stale);
    assert_eq!(
        found[0].file_systems[1].state,
        FileSystemState::Failed { errno: 5 }
    );
    // More disks than have a line do not add up.
    let disk = "disk=sda r=0.00/s w=0.00/s rkB=7.00/s wkB=0.00/s inflight=0 busy=0.0% await=0.00ms d=0.00/s dkB=0.00/s";
    let total = |lines: &[&str]| {
        let lines: Vec<_> = lines.iter().map(|line| line.to_string()).collect();
        let found = samples(&[&stamped(&lines, 1_000_000)]);
        found[0].disk_total(|disk| disk.read_bytes_per_second)
    };
    assert_eq!(total(&[disk]), Some(7168.0));
    assert_eq!(total(&[disk, "disk ... and 3 more"]), None);
}

#[test]
fn years_and_zones_are_asked_for() {
    let line = text(1, 5_000_000).concat();
    let (_, line) = line.split_once("] ").unwrap();
    let mut log = KernelLog::default();
    let text = format!("Feb 29 23:59:60 myhost kernel: {line}");
    log.read(&mut text.as_bytes(), &|civil| {
        assert_eq!((civil.year, civil.month, civil.day), (None, 2, 29));
        assert_eq!((civil.hour, civil.minute, civil.second), (23, 59, 60));
        Some(4.5)
    })
    .unwrap();
    assert_eq!(log.into_samples().next().unwrap().time_s, 4.5);
    let text = format!("Feb 29 25:59:60 myhost kernel: {line}");
    assert!(log_of(&[text.as_bytes()]).is_empty());
    let _ = time_s;
}

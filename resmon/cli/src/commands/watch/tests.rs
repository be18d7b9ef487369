// SPDX-License-Identifier: GPL-2.0-or-later

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use resmon::model::event::{self, Trigger, BEGIN, END, MOMENT, ONGOING};
use tempfile::TempDir;

use super::*;
use crate::events::tests::{kill, raw, record, with_section};

fn args(exec: &[&str]) -> Watch {
    Watch {
        json: false,
        count: None,
        test: false,
        timeout: Duration::from_secs(20),
        exec: exec.iter().map(Into::into).collect(),
    }
}

/// Records of one load of the module, each with these events, as they come from a device.
fn records(events: &[&[event::Event]]) -> Records<io::Cursor<Vec<u8>>> {
    let records = (1..).zip(events);
    let bytes = records.flat_map(|(second, events)| record(second, 1, events).to_bytes());
    Records::new(io::Cursor::new(bytes.collect()))
}

/// What is printed of the text, without the date.
fn printed(watcher: &Watcher<Vec<u8>>) -> Vec<String> {
    let text = String::from_utf8(watcher.out.clone()).unwrap();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap().1);
    lines
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

/// A command that writes what it finds to files of a folder, and then waits until there is `go`.
fn script(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "env | grep ^RESMON_ | sort >{dir}/$RESMON_NUMBER-$RESMON_STATE; cat >{dir}/stdin; \
         echo said; while ! test -e {dir}/go; do sleep 0.01; done"
    )
}

fn files(dir: &TempDir) -> Vec<String> {
    let names = fs::read_dir(dir.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains('-')).collect();
    names.sort();
    names
}

/// Waits until there is a file.
#[track_caller]
fn await_file(path: &Path) {
    await_that(&format!("{} is there", path.display()), || path.exists());
}

#[track_caller]
fn await_that(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    unreachable!("within 20 s it is not so that {what}");
}

/// Fails as a test does whose command has failed.
#[track_caller]
fn assert_fails(watcher: Watcher<Vec<u8>>) {
    let error = watcher.finish().unwrap_err().to_string();
    assert_eq!(error, "the test has failed with its command");
}

#[test]
fn events_are_printed_as_they_come() {
    let begins = [raw(4, Trigger::MemoryFull, BEGIN, "")];
    let goes_on = [
        raw(4, Trigger::MemoryFull, ONGOING, ""),
        raw(5, Trigger::DiskStuck, BEGIN, "vda"),
    ];
    let ends = [
        raw(4, Trigger::MemoryFull, END, ""),
        raw(5, Trigger::DiskStuck, ONGOING, "vda"),
        raw(6, Trigger::Test, MOMENT, ""),
    ];
    let mut watcher = Watcher::new(&args(&[]), Vec::new());
    let mut records = records(&[&begins, &[], &goes_on, &ends]);
    // The first record was the newest one at the start.
    watcher.begin(&mut records, Some(1)).unwrap();
    watcher.read(&mut records).unwrap();
    assert_eq!(
        printed(&watcher),
        [
            "mem_full goes on for 0.0s: 40.1%, worst 50.0%, limit 10.0% for 2.0s",
            "disk_stuck vda begins: 40.0s, limit 10.0s",
            "mem_full ends after 0.0s: 40.1%, worst 50.0%, limit 10.0% for 2.0s",
            "test happens: 5, limit 1",
        ]
    );
}

#[test]
fn what_was_over_at_the_start_is_not_told() {
    let over = [
        raw(4, Trigger::MemoryFull, END, ""),
        raw(5, Trigger::Test, MOMENT, ""),
    ];
    let mut watcher = Watcher::new(&args(&[]), Vec::new());
    let mut records = records(&[&over]);
    watcher.begin(&mut records, Some(1)).unwrap();
    assert_eq!(printed(&watcher), Vec::<String>::new());
}

#[test]
fn count_ends_it_and_json_is_that_of_the_log() {
    let two = [
        raw(1, Trigger::Test, MOMENT, ""),
        raw(2, Trigger::FsFull, BEGIN, "/mnt"),
    ];
    let args = Watch {
        json: true,
        count: Some(2),
        ..args(&[])
    };
    let mut watcher = Watcher::new(&args, Vec::new());
    let mut records = records(&[&two, &two]);
    watcher.read(&mut records).unwrap();
    assert!(watcher.is_done(), "there were two events");
    let lines = String::from_utf8(watcher.out).unwrap();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [first, second] = lines.as_slice() else {
        unreachable!("expected two lines, found {lines:?}");
    };
    assert_eq!(
        (&first["name"], &first["state"]),
        (&"test".into(), &"moment".into())
    );
    assert_eq!(
        (&second["subject"], &second["seq"]),
        (&"/mnt".into(), &1.into())
    );
}

#[test]
fn a_test_event_is_seen_in_its_record_or_later() {
    let test = [raw(1, Trigger::Test, MOMENT, "")];
    let other = [raw(2, Trigger::Late, BEGIN, "")];
    let mut watcher = Watcher::new(&args(&[]), Vec::new());
    watcher.test = Some(Test::AskedFor { seq: 2 });
    let mut records = records(&[&test, &other, &test]);
    for (second, is_done) in [(1, false), (2, false), (3, true)] {
        let record = records.try_next().unwrap().unwrap();
        assert_eq!(record.header().seq, second);
        watcher.see(&record).unwrap();
        assert_eq!(watcher.is_done(), is_done, "after record {second}");
    }
}

#[test]
fn one_command_runs_at_a_time_and_is_told_the_rest() {
    let dir = TempDir::new().unwrap();
    let script = script(dir.path());
    let mut watcher = Watcher::new(&args(&["sh", "-c", &script]), Vec::new());
    let four: Vec<_> = (1..=4)
        .map(|number| raw(number, Trigger::FsFull, BEGIN, "/m\x1b\"nt"))
        .collect();
    watcher.read(&mut records(&[&four])).unwrap();
    await_file(&dir.path().join("stdin"));
    assert_eq!(files(&dir), ["1-begin"]);
    fs::write(dir.path().join("go"), "").unwrap();
    watcher.finish().unwrap();
    // The newest one waited, and those between were counted.
    assert_eq!(files(&dir), ["1-begin", "4-begin"]);
    assert_eq!(fs::read(dir.path().join("stdin")).unwrap(), b"");
    let told = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let first = told("1-begin");
    for line in [
        "RESMON_EVENT=fs_full\n",
        "RESMON_LASTING_S=0\n",
        "RESMON_LIMIT=95\n",
        "RESMON_SEVERE=0\n",
        "RESMON_SKIPPED=0\n",
        "RESMON_STATE=begin\n",
        "RESMON_SUBJECT=/m\u{fffd}\"nt\n",
        "RESMON_UNIT=percent\n",
        "RESMON_VALUE=380.1\n",
        "RESMON_WORST=475\n",
        "RESMON_TEXT=fs_full /m\u{fffd}\"nt begins: 380.1%, limit 95.0%\n",
    ] {
        assert!(first.contains(line), "expected {line:?} in {first:?}");
    }
    let last = told("4-begin");
    assert!(
        last.contains("RESMON_SKIPPED=2\n") && last.contains("RESMON_NUMBER=4\n"),
        "expected that two were skipped in {last:?}"
    );
}

#[test]
fn who_was_killed_is_told_and_a_command_is_run_once() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("go"), "").unwrap();
    let script = script(dir.path());
    let mut watcher = Watcher::new(&args(&["sh", "-c", &script]), Vec::new());
    watcher.left = 2;
    for (second, state, pids) in [
        (1, BEGIN, &[7, 8][..]),
        (2, ONGOING, &[9]),
        (3, ONGOING, &[]),
        (4, END, &[]),
    ] {
        let record = record(second, 1, &[raw(1, Trigger::OomKill, state, "")]);
        let kills: Vec<_> = pids.iter().map(|pid| kill(*pid, b"vm", 2048)).collect();
        watcher.see(&with_section(&record, &kills)).unwrap();
    }
    assert!(watcher.is_done(), "what goes on is not counted");
    let printed = printed(&watcher);
    assert_eq!(printed.len(), 3, "{printed:?}");
    assert_eq!(
        printed[0],
        "oom_kill begins: 5, limit 1: pid 7 vm, 2 MB, asked by pid 9 sh; pid 8 vm, 2 MB, asked by \
         pid 9 sh"
    );
    assert!(printed[1].ends_with("worst 5, limit 1: pid 9 vm, 2 MB, asked by pid 9 sh"));
    watcher.finish().unwrap();
    assert_eq!(files(&dir), ["1-begin", "1-end"]);
    let told = fs::read_to_string(dir.path().join("1-begin")).unwrap();
    for line in [
        "RESMON_VICTIM_PID=7\n",
        "RESMON_VICTIM_COMM=vm\n",
        "RESMON_VICTIMS=2\n",
    ] {
        assert!(told.contains(line), "expected {line:?} in {told:?}");
    }
    let told = fs::read_to_string(dir.path().join("1-end")).unwrap();
    assert!(told.contains("RESMON_VICTIM_PID=\n"), "{told:?}");
}

#[test]
fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let dir = TempDir::new().unwrap();
    let pid = dir.path().join("pid");
    let script = format!(
        "sleep 1000 & echo $! >{0}.new; mv {0}.new {0}; wait",
        pid.display()
    );
    let args = Watch {
        timeout: Duration::from_secs(2),
        ..args(&["sh", "-c", &script])
    };
    let mut watcher = Watcher::new(&args, Vec::new());
    let test = [raw(1, Trigger::Test, MOMENT, "")];
    let record = record(1, 1, &test);
    watcher.test = Some(Test::AskedFor { seq: 1 });
    watcher.see(&record).unwrap();
    await_file(&pid);
    let child = fs::read_to_string(&pid).unwrap();
    assert_fails(watcher);
    // It is gone, or is waited for by whoever has it now.
    let stat = format!("/proc/{}/stat", child.trim());
    let is_gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    await_that("the child is gone", is_gone);
}

#[test]
fn a_command_that_fails_is_no_end() {
    let test = [raw(1, Trigger::Test, MOMENT, "")];
    for command in [
        &["/nowhere/page"][..],
        &["false"],
        &["sh", "-c", "kill -9 $$"],
    ] {
        for is_test in [false, true] {
            let mut watcher = Watcher::new(&args(command), Vec::new());
            watcher.test = is_test.then_some(Test::AskedFor { seq: 1 });
            watcher.read(&mut records(&[&test])).unwrap();
            assert_eq!(printed(&watcher).len(), 1);
            match is_test {
                true => assert_fails(watcher),
                false => watcher.finish().unwrap(),
            }
        }
    }
}

#[test]
fn what_could_not_be_started_is_told_to_the_next() {
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("page");
    let mut watcher = Watcher::new(&args(&[program.to_str().unwrap()]), Vec::new());
    let event = |number| [raw(number, Trigger::Late, BEGIN, "")];
    watcher.see(&record(1, 1, &event(1))).unwrap();
    watcher.see(&record(2, 1, &event(2))).unwrap();
    let text = format!(
        "#!/bin/sh\necho $RESMON_SKIPPED >{}",
        dir.path().join("told").display()
    );
    fs::write(dir.path().join("new"), text).unwrap();
    let may_run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(dir.path().join("new"), may_run).unwrap();
    fs::rename(dir.path().join("new"), &program).unwrap();
    watcher.see(&record(3, 1, &event(3))).unwrap();
    watcher.finish().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("told")).unwrap(), "2\n");
}

/// Where nobody reads.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn with_a_command_it_matters_not_who_reads() {
    let test = [raw(1, Trigger::Test, MOMENT, "")];
    let mut alone = Watcher::new(&args(&[]), Closed);
    let error = alone.read(&mut records(&[&test])).unwrap_err();
    assert!(error.is_closed_pipe(), "{error}");
    let mut watcher = Watcher::new(&args(&["true"]), Closed);
    watcher.read(&mut records(&[&test, &test])).unwrap();
    watcher.finish().unwrap();
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon log`, of a recording.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "util/schema.rs"]
mod schema;
mod util;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use resmon::model::record::{self, Content};
use resmon::model::source::cpu::{Cpu, Times};
use resmon::model::source::memory::Memory;
use resmon::model::source::running::Running;
use resmon::model::source::tcp::Tcp;
use resmon::model::source::{disk::Disk, fs};
use resmon::model::words::Words;
use serde_json::Value;
use util::*;

fn json(args: &[&str]) -> Vec<Value> {
    let text = output(&[&["log", "--json"], args].concat());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    let is_near = (value - expected).abs() <= 1e-9 * expected.abs();
    assert!(is_near, "the value is {value}, expected {expected}");
}

#[test]
fn lines_are_those_that_were_looked_at() {
    let text = output(&["log", "--from", RECORDING]);
    assert_is_file("tests/golden/log.txt", &text);
    let longest = text.lines().max_by_key(|line| line.len()).unwrap();
    assert!(
        longest.len() <= 100,
        "expected at most 100 bytes in a line, found {}: {longest:?}",
        longest.len()
    );
}

#[test]
fn csv_is_that_which_was_looked_at() {
    let text = output(&["log", "--csv", "--from", RECORDING, "--count", "30"]);
    assert_is_file("tests/golden/log.csv", &text);
}

#[test]
fn csv_has_as_many_values_as_names() {
    let text = output(&["log", "--csv", "--from", RECORDING]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    // The reader refuses rows of other lengths.
    let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 61);
    // What the module did not sample has no number in JSON either.
    for (row, sample) in rows.iter().zip(json(&["--from", RECORDING])) {
        for (name, value) in names.iter().zip(row).skip(1) {
            if name == "events" {
                assert_eq!((value, &sample[name]), ("", &Value::Array(Vec::new())));
                continue;
            }
            let is_missing = value.is_empty() && of_column(&sample, name).is_null();
            assert!(
                is_missing || value.parse::<f64>().is_ok(),
                "{name}: expected a number, found {value:?} in {row:?}"
            );
        }
    }
}

#[test]
fn numbers_are_those_of_the_counters() {
    let (records, samples) = (recording(), json(&["--from", RECORDING]));
    assert_eq!(samples.len(), records.len() - 1);
    let mut busiest: f64 = 0.0;
    for (pair, sample) in records.windows(2).zip(&samples) {
        let [before, after] = [&pair[0], &pair[1]].map(|record| record.raw().unwrap());
        let (then, now) = (before.header(), after.header());
        let elapsed_s = (now.taken_mono_ns - then.taken_mono_ns) as f64 / 1e9;
        near(&sample["elapsed_s"], elapsed_s);
        near(&sample["time_s"], now.taken_wall_ns as f64 / 1e9);
        assert_eq!(sample["seq"], now.seq);

        let memory = after.entries::<Memory>().next().unwrap();
        assert_eq!(sample["memory"]["available_bytes"], memory.available * 4096);
        assert_eq!(
            sample["memory"]["used_bytes"],
            (memory.total - memory.available) * 4096
        );

        let spent = |of: fn(&Times) -> u64| {
            let sum = |record: record::Record<'_>| {
                record
                    .entries::<Cpu>()
                    .map(|cpu| of(&cpu.times))
                    .sum::<u64>()
            };
            sum(after).saturating_sub(sum(before)) as f64
        };
        let all =
            spent(|t| t.user + t.nice + t.system + t.softirq + t.irq + t.idle + t.iowait + t.steal);
        let user = spent(|times| times.user) / all * 100.0;
        near(&sample["cpu"]["user_percent"], user);
        near(
            &sample["cpu"]["idle_percent"],
            spent(|times| times.idle) / all * 100.0,
        );
        busiest = busiest.max(user);

        let disk = |record: record::Record<'_>| record.entries::<Disk>().next().unwrap();
        let (then, now) = (disk(before), disk(after));
        let elapsed_s = (now.taken_mono_ns - then.taken_mono_ns) as f64 / 1e9;
        let bytes = (now.writes.sectors - then.writes.sectors) as f64 * 512.0;
        near(
            &sample["disks"][0]["written_bytes_per_second"],
            bytes / elapsed_s,
        );
    }
    // Something happened, so zeros did not agree with zeros.
    assert!(
        busiest > 90.0,
        "user is at most {busiest} %, expected more than 90 % once"
    );
}

#[test]
fn events_are_those_that_were_looked_at() {
    let file = file_of(&events::with_events());
    let text = output(&["log", "events", "--from", path(&file)]);
    assert_is_file("tests/golden/log-events.txt", &text);
    let text = output(&["log", "--from", path(&file)]);
    assert_is_file("tests/golden/log-with-events.txt", &text);
    // But for the lines of events, and where the header comes again, it is the same.
    let without = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("          * "));
        let lines = lines.filter(|line| !line.contains("cpu %") && !line.starts_with("TIME"));
        lines.map(str::to_owned).collect()
    };
    let plain = output(&["log", "--from", RECORDING]);
    assert_eq!(without(&text), without(&plain));
    let csv = output(&["log", "events", "--csv", "--from", path(&file)]);
    assert_is_file("tests/golden/log-events.csv", &csv);
    let csv = output(&["log", "--csv", "--from", path(&file)]);
    let words = csv.lines().map(|line| line.rsplit(',').next().unwrap());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    assert_is_file(
        "tests/golden/log-event-words.txt",
        &(words.join("\n") + "\n"),
    );
}

#[test]
fn events_as_json_and_since() {
    let file = file_of(&events::with_events());
    let events = |args: &[&str]| json(&[&["events", "--from", path(&file)], args].concat());
    let all = events(&[]);
    let short = |events: &[Value]| -> Vec<String> {
        let text =
            |event: &Value| format!("{}:{}", event["number"], event["state"].as_str().unwrap());
        events.iter().map(text).collect()
    };
    let expected = [
        "1:begin", "1:end", "2:moment", "3:begin", "4:begin", "4:end", "5:moment",
    ];
    assert_eq!(short(&all), expected);
    assert_eq!(events(&["-n", "2"]), all[5..]);
    assert_eq!(events(&["--count", "2"]), all[..2]);
    // What began before is told as it is then.
    assert_eq!(
        short(&events(&["--since", "15s"])),
        ["3:ongoing", "5:moment"]
    );
    let since = short(&events(&["--since", "18500ms"]));
    assert_eq!(since, ["3:ongoing", "4:ongoing", "4:end", "5:moment"]);
    let first = &all[0];
    near(&first["value"], 41.0);
    near(&first["limit"], 10.0);
    near(&first["lasting_s"], 2.0);
    near(&first["since_s"], 2.0);
    assert_eq!(first["name"], "mem_full");
    assert_eq!(first["unit"], "percent");
    assert_eq!(
        (&first["subject"], &first["severe"]),
        (&Value::Null, &true.into())
    );
    assert_eq!(all[3]["subject"], "vda");
    near(&all[3]["value"], 10.4);
    near(&all[1]["worst"], 62.2);
    assert_eq!(all[6]["name"], "trigger-99");
    let samples = json(&["--from", path(&file)]);
    assert_eq!(samples[9]["events"][0]["value"], first["value"]);
    assert_eq!(samples[8]["events"], serde_json::json!([]));
}

#[test]
fn no_events() {
    // That is no error.
    let said = |words: &[&str]| {
        let output = resmon(words).output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_contains(
        &said(&["log", "events", "--from", RECORDING]),
        "no events from 2026-11-22 21:44:06 to 2026-11-22 21:45:07",
    );
    let text = said(&["log", "events", "--from", RECORDING, "--since", "5s"]);
    assert_contains(&text, "no events from 2026-11-22 21:45:02 to");
    let text = error(1, &["log", "events", "--from", RECORDING, "--since", "1h"]);
    assert_contains(&text, "--since: nothing from");
    resmon(&["log", "nonsense"]).assert().code(2);
    resmon(&["log", "events", "-f", "--from", RECORDING])
        .assert()
        .code(2);
}

/// Records that show what the recording has not: an error, and what is late.
fn rare() -> Vec<resmon::Record> {
    /// Where a section of a kind begins, from a word on.
    fn kind_at(words: &[u64], kind: u64, from: usize) -> usize {
        let mut at = words[3] as usize / 8;
        while words[at] != kind || at < from {
            at += words[at + 1] as usize / 8;
        }
        at
    }
    let mut records = recording();
    let last = records.last_mut().unwrap();
    *last = changed(last, |words| {
        // Each file system has a section of its own. The state comes after the path, which is at
        // the begin of an entry.
        let path_words = <fs::Path as Words>::LEN;
        let first = kind_at(words, fs::Fs::KIND, 0);
        let second = kind_at(words, fs::Fs::KIND, first + 1);
        let state_at = <record::SectionHeader as Words>::LEN + path_words;
        words[first + state_at] = fs::FAILED;
        words[first + state_at + 1] = 5;
        words[second + state_at] = fs::STALE;
        // A section that could not be taken.
        let disk = kind_at(words, Disk::KIND, 0);
        words[disk + STATE_AT] = record::STALE;
    });
    // Sources that the recording does not have.
    (1..)
        .zip(&records)
        .map(|(n, record)| {
            let tcp = Tcp {
                segments_in: 90 * n,
                segments_out: 80 * n,
                segments_retransmitted: 7 * n,
                syns_retransmitted: 6 * n,
                listen_overflows: 5 * n,
                listen_drops: 4 * n,
                established: 3 * n,
            };
            let running = Running {
                running: 2 * n,
                blocked: n,
                memory_stalled: 1,
            };
            with_section(&with_section(record, &tcp), &running)
        })
        .collect()
}

#[test]
fn json_is_what_the_schema_says() {
    let root = include_str!("../../schema/sample.schema.json");
    let schema = schema::Schema {
        root: serde_json::from_str(root).unwrap(),
    };
    let file = file_of(&rare());
    let samples = json(&["--from", path(&file)]);
    let eventful = file_of(&events::with_events());
    let eventful = json(&["--from", path(&eventful)]);
    let mut seen = BTreeSet::new();
    let layers = json(&["--from", LAYERS]);
    let tasks = file_of(&tasks::with_tasks());
    let tasks = json(&["--from", path(&tasks)]);
    let text = tempfile::NamedTempFile::new().unwrap();
    let line = "[    5.000000] resource_monitor: load 1m=0.23 5m=0.05 15m=0.02\n";
    std::fs::write(text.path(), line).unwrap();
    let from_log = json(&["--from", path(&text)]);
    let others = [&eventful, &layers, &tasks, &from_log];
    for sample in samples.iter().chain(others.into_iter().flatten()) {
        schema.check(sample, &mut seen).unwrap();
    }
    assert_eq!(seen, schema.properties());
    let last = samples.last().unwrap();
    assert_eq!(last["incomplete"], serde_json::json!(["disk"]));
    let states: Vec<_> = [0, 1, 2]
        .map(|at| last["file_systems"][at]["state"].as_str().unwrap())
        .into();
    assert_eq!(states, ["failed", "stale", "absent"]);

    // The checker finds what is wrong.
    let mut wrong = samples[0].clone();
    wrong["memory"]["new_bytes"] = 1.into();
    schema.check(&wrong, &mut seen).unwrap_err();
    let mut wrong = samples[0].clone();
    wrong["cpu"].as_object_mut().unwrap().remove("user_percent");
    schema.check(&wrong, &mut seen).unwrap_err();
    let mut wrong = samples[0].clone();
    wrong["seq"] = "1".into();
    schema.check(&wrong, &mut seen).unwrap_err();
}

#[test]
fn sums_are_of_what_lies_on_nothing() {
    let samples = json(&["--from", LAYERS]);
    let text = output(&["log", "--csv", "--from", LAYERS]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<BTreeMap<String, String>> =
        reader.deserialize().map(|row| row.unwrap()).collect();
    assert_eq!(samples.len(), rows.len());
    assert!(
        rows.len() > 10,
        "{} rows, expected more than 10",
        rows.len()
    );
    let (mut all_written, mut all_received) = (0.0, 0.0);
    for (sample, row) in samples.iter().zip(&rows) {
        let entries = |list: &str| -> Vec<&Value> {
            let list = sample[list].as_array().unwrap().iter();
            list.filter(|entry| entry["in_total"] == true).collect()
        };
        let (disks, nets) = (entries("disks"), entries("nets"));
        let names = |entries: &[&Value]| -> BTreeSet<String> {
            let names = entries.iter().map(|entry| entry["name"].as_str().unwrap());
            names.map(str::to_owned).collect()
        };
        assert_eq!(
            names(&disks),
            BTreeSet::from(["vda", "vdb"].map(str::to_owned))
        );
        let lowest = ["bonded0", "bonded1", "eth0", "lay0", "lay1"];
        assert_eq!(names(&nets), BTreeSet::from(lowest.map(str::to_owned)));
        let sum = |entries: &[&Value], of: fn(&Value) -> &Value| -> f64 {
            entries
                .iter()
                .map(|entry| of(entry).as_f64().unwrap())
                .sum()
        };
        let written = sum(&disks, |disk| &disk["written_bytes_per_second"]);
        let received = sum(&nets, |net| &net["received"]["bytes_per_second"]);
        let column = |name: &str| Value::from(row[name].parse::<f64>().unwrap());
        near(&column("disk_written_bytes_per_second"), written);
        near(&column("net_received_bytes_per_second"), received);
        all_written += written;
        all_received += received;
    }
    // Something went through what does not count, so zeros did not agree with zeros.
    assert!(
        all_written > 0.0 && all_received > 0.0,
        "{all_written} written and {all_received} received, expected more than 0 of each"
    );
    let of = |list: &str, name: &str, value: fn(&Value) -> &Value| -> f64 {
        let all = samples
            .iter()
            .flat_map(|sample| sample[list].as_array().unwrap());
        let named = all.filter(|entry| entry["name"] == name);
        named.map(|entry| value(entry).as_f64().unwrap()).sum()
    };
    let received = |net: &'static str| of("nets", net, |net| &net["received"]["bytes_per_second"]);
    for name in ["br7", "br7.7"] {
        let found = received(name);
        assert!(found > 0.0, "{name} received {found}, expected more than 0");
    }
    let written = |disk: &'static str| of("disks", disk, |disk| &disk["written_bytes_per_second"]);
    for name in ["md_layers", "loop0"] {
        let found = written(name);
        assert!(
            found > 0.0,
            "{found} written to {name}, expected more than 0"
        );
    }
}

#[test]
fn records_say_which_boot_and_load_they_are_of() {
    let samples = json(&["--from", LAYERS]);
    let first = &samples[0];
    for id in ["module_boot_id", "module_load_id"] {
        let text = first[id].as_str().unwrap();
        assert!(
            text.len() == 16 && u64::from_str_radix(text, 16).is_ok_and(|number| number != 0),
            "{id} is {text:?}, expected 16 hexadecimal digits, not all 0"
        );
        for sample in &samples {
            assert_eq!(sample[id], first[id], "{id}");
        }
    }
    assert_ne!(first["module_boot_id"], first["module_load_id"]);
    // The kernel's own is not in records, and this is another machine.
    assert_eq!(first["boot_id"], Value::Null);
    let since_boot_s = first["since_boot_s"].as_f64().unwrap();
    assert!(
        since_boot_s > 0.0,
        "{since_boot_s} s since boot, expected more than 0"
    );
    let read_only = |at: usize| &first["file_systems"][at]["read_only"];
    assert_eq!((read_only(0), read_only(1)), (&false.into(), &true.into()));
    for id in [
        "module_boot_id",
        "module_load_id",
        "since_boot_s",
        "boot_id",
    ] {
        assert_eq!(json(&["--from", RECORDING])[0][id], Value::Null);
    }
}

#[test]
fn count_ends_it() {
    assert_eq!(
        output(&["log", "--from", RECORDING, "--count", "3"])
            .lines()
            .count(),
        2 + 3
    );
    resmon(&["log", "--count", "0"]).assert().code(2);
}

#[test]
fn the_newest_lines() {
    let all = json(&["--from", RECORDING]);
    assert_eq!(json(&["--from", RECORDING, "-n", "2"]), all[59..]);
    assert_eq!(json(&["--from", RECORDING, "-n", "999"]), all);
    assert_eq!(json(&["--from", RECORDING, "-n", "0"]), all[61..]);
    let since = ["--from", RECORDING, "--since", "-9500ms", "-n", "3"];
    assert_eq!(json(&since), all[58..]);
    assert_eq!(json(&[&since[..], &["--count", "1"]].concat()), all[58..59]);
    // A recording has nothing to come.
    resmon(&["log", "-f", "--from", RECORDING]).assert().code(2);
}

/// The samples that are printed, and the line on standard error.
fn incomplete(args: &[&str]) -> (Vec<Value>, String) {
    let assert = resmon(&[&["log", "--json"], args].concat())
        .assert()
        .code(1);
    let output = assert.get_output();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text:?}");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    (
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect(),
        text,
    )
}

#[test]
fn since_counts_back_from_the_end_of_a_recording() {
    let all = json(&["--from", RECORDING]);
    let since = |time: &str| json(&["--from", RECORDING, "--since", time]);
    assert_eq!(since("all"), all);
    assert_eq!(since("boot"), all);
    assert_eq!(since("9500ms"), all[51..]);
    assert_eq!(since("-9500ms"), all[51..]);
    assert_eq!(since("2026-11-22T21:45"), since("2026-11-22T21:45Z"));
    assert_eq!(since("2026-11-22T21:45").len(), 8);
}

#[test]
fn what_is_not_kept_is_said() {
    const THERE: &str = "there are samples from 2026-11-22 21:44:06 to 2026-11-22 21:45:07";
    let (samples, text) = incomplete(&["--from", RECORDING, "--since", "1h"]);
    assert_eq!(samples, json(&["--from", RECORDING]));
    assert_contains(
        &text,
        "nothing from 2026-11-22 20:45:07 to 2026-11-22 21:44:06",
    );
    assert_contains(&text, THERE);
    for time in ["2027-01-01", "2999-01-01"] {
        let (samples, text) = incomplete(&["--from", RECORDING, "--since", time]);
        assert_eq!(samples, Vec::<Value>::new());
        assert_contains(&text, &format!("nothing from {time} 00:00:00 on"));
        assert_contains(&text, THERE);
    }
}

#[test]
fn since_is_local_time() {
    let args = [
        "log",
        "--from",
        RECORDING,
        "--json",
        "--since",
        "2026-11-22T22:45",
    ];
    let assert = resmon(&args).env("TZ", "Europe/Berlin").assert().success();
    let lines = assert
        .get_output()
        .stdout
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    assert_eq!(lines, 8);
}

#[test]
fn times_that_make_no_sense() {
    for time in ["", "soon", "10", "5 s", "2026-02-30", "12:00"] {
        let text = error(2, &["log", "--since", time]);
        assert_contains(&text, &format!("'{time}'"));
        assert_contains(&text, "10min");
    }
    let text = error(2, &["log", "--from", "/dev/null", "--since", "1s"]);
    assert_contains(&text, "a file");
    resmon(&["log", "--json", "--csv"]).assert().code(2);
}

#[test]
fn lost_records_are_said() {
    let mut records = recording();
    records.truncate(4);
    records[2] = changed(&records[2], |words| words[record::LOST_AT] = 12);
    records[3] = changed(&records[3], |words| words[record::LOST_AT] = 1);
    let file = file_of(&records);
    let assert = resmon(&["log", "--json", "--from", path(&file)])
        .assert()
        .success();
    let output = assert.get_output();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "resmon: 12 records were lost: this reader was too slow\n\
         resmon: 1 record was lost: this reader was too slow\n"
    );
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_contains(&printed, "\"lost_records\":12");
}

#[test]
fn recordings_that_were_joined_in_another_order() {
    let records = recording();
    let file = file_of(records[50..].iter().chain(&records[..5]));
    let samples = json(&["--from", path(&file)]);
    let seqs: Vec<_> = samples
        .iter()
        .map(|sample| sample["seq"].as_u64())
        .collect();
    let expected: Vec<_> = records[1..5].iter().chain(&records[50..]).collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|record| Some(record.header().seq))
        .collect();
    assert_eq!(seqs, expected);
    // One of them is of all the time in between.
    let elapsed_s = samples[4]["elapsed_s"].as_f64().unwrap();
    assert_eq!(elapsed_s.round(), 46.0, "{}", samples[4]);
}

/// As after a panic, when a record was half written, and what follows never was.
#[test]
fn what_is_damaged_is_left_out() {
    let whole = std::fs::read(RECORDING).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let all = json(&["--from", RECORDING]);
    let records = recording();
    let size = |count: usize| -> usize {
        let records = records[..count].iter();
        records.map(|record| record.to_bytes().len()).sum()
    };
    let check = |bytes: &[u8], samples: &[Value], expected: &str| {
        std::fs::write(file.path(), bytes).unwrap();
        let assert = resmon(&["log", "--json", "--from", path(&file)]).assert();
        let assert = assert.success();
        let output = assert.get_output();
        let found: Vec<Value> = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(found, samples);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(text, format!("resmon: {}: {expected}\n", path(&file)));
    };
    let cut = &whole[..whole.len() - 1];
    let expected = format!(
        "damaged: {} bytes at byte {} are left out: the recording ends within a record",
        cut.len() - size(61),
        size(61)
    );
    check(cut, &all[..60], &expected);
    let zeros = [&whole[..], &[0; 5000]].concat();
    let expected = format!(
        "damaged: 5000 bytes at byte {} are left out: not a record of resource_monitor: it does not \
         begin as one",
        whole.len()
    );
    check(&zeros, &all, &expected);
    // Pictures and metrics are made of what is whole, too.
    let picture = tempfile::tempdir().unwrap();
    let picture = picture.path().join("a.svg");
    for args in [
        &[
            "plot",
            "--from",
            path(&file),
            "--out",
            picture.to_str().unwrap(),
        ][..],
        &["export", "--once", "--from", path(&file)],
        &["top", "--once", "--from", path(&file)],
    ] {
        let assert = resmon(args).assert().success();
        let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert_contains(&text, "damaged: 5000 bytes");
    }
}

#[test]
fn files_that_are_no_recordings() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let failed = |bytes: &[u8], message: &str| {
        std::fs::write(file.path(), bytes).unwrap();
        let assert = resmon(&["log", "--from", path(&file)]).assert().code(1);
        let output = assert.get_output();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_contains(&text, message);
        assert_contains(&text, path(&file));
        assert_eq!(text.lines().count(), 1, "{text:?}");
        output.stdout.iter().filter(|byte| **byte == b'\n').count()
    };
    assert_eq!(failed(b"", "two records"), 0);
    assert_eq!(failed(b"RSRCMON", "ends within a record"), 0);
    assert_eq!(failed(&[b'x'; 4096], "no recording, and no line"), 0);
    assert_eq!(failed(&[1; 4096], "does not begin as one"), 0);
    let one = recording().remove(0).to_bytes();
    assert_eq!(failed(&one, "two records"), 0);
    assert_contains(&error(1, &["log", "--from", "/nowhere"]), "/nowhere");
}

#[test]
fn nobody_reads_on() {
    // More than a pipe holds, so that a write fails for sure.
    let records = recording();
    let mut many = Vec::new();
    for _ in 0..40 {
        many.extend(&records);
    }
    let file = file_of(many);
    for format in [&[][..], &["--json"], &["--csv"]] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("resmon"))
            .args(["log", "--from", path(&file)])
            .args(format)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let mut errors = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert_eq!(
            (child.wait().unwrap().code(), errors.as_str()),
            (Some(0), ""),
            "{format:?}"
        );
        assert_ne!(line, "", "the first line with {format:?}");
    }
}

#[test]
fn a_disk_that_is_full() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("resmon"));
    let output = command
        .args(["log", "--from", RECORDING])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_contains(&errors, "No space left");
}

/// What a column of the CSV is in JSON.
fn of_column(sample: &Value, column: &str) -> Value {
    let sum = |list: &str, direction: Option<&str>, field: &str| {
        let is_missing = sample["incomplete"]
            .as_array()
            .unwrap()
            .iter()
            .any(|source| format!("{}s", source.as_str().unwrap()) == list);
        if is_missing {
            return Value::Null;
        }
        let entries = sample[list].as_array().unwrap().iter();
        let counted = entries.filter(|entry| entry["in_total"] == true);
        let values = counted.map(|entry| {
            let entry = direction.map_or(entry, |direction| &entry[direction]);
            entry[field].as_f64().unwrap()
        });
        values.fold(0.0, |sum, value| sum + value).into()
    };
    for direction in ["received", "transmitted"] {
        if let Some(field) = column.strip_prefix(&format!("net_{direction}_")) {
            return sum("nets", Some(direction), field);
        }
    }
    if let Some(field) = column.strip_prefix("disk_") {
        return sum("disks", None, field);
    }
    for (source, fields) in sample.as_object().unwrap() {
        if let Some(field) = column.strip_prefix(&format!("{source}_")) {
            return fields[field].clone();
        }
    }
    match &sample[column] {
        // As oom_kills, which is the list of them in the sample itself.
        Value::Null | Value::Array(_) => sample["activity"][column].clone(),
        value => value.clone(),
    }
}

/// The word that CSV has of the events of a sample.
fn event_word(sample: &Value) -> String {
    let events = sample["events"].as_array().unwrap().iter();
    let each = events.map(|event| {
        let of = |field: &str| event[field].as_str().unwrap_or_default();
        let subject = match of("subject") {
            "" => String::new(),
            subject => format!(
                "={}",
                subject
                    .replace(',', "%2C")
                    .replace('"', "%22")
                    .replace(';', "%3B")
            ),
        };
        let subject = subject.replace('\u{1b}', "%1B");
        format!("{}{subject}:{}", of("name"), of("state"))
    });
    each.collect::<Vec<_>>().join(";")
}

/// Whether a value of the text is this one, rounded as there is room.
fn is_shown(text: &str, value: Option<f64>) -> bool {
    let Some(value) = value else {
        return text == "-";
    };
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let scale = match &text[digits.len()..] {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1048576.0 / 1024.0,
        "G" => 1048576.0,
        other => panic!("expected k, M or G, found {other:?} in {text:?}"),
    };
    let decimals = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
    let shown: f64 = digits.parse().unwrap();
    (shown * scale - value).abs() <= scale * 0.5001 * 10_f64.powi(-(decimals as i32))
}

/// Text, CSV and JSON are of the same samples, and say the same of each field of each of them.
#[test]
fn all_formats_agree() {
    let rare = file_of(&rare());
    let eventful = file_of(&events::with_events());
    for file in [RECORDING, LAYERS, path(&rare), path(&eventful)] {
        let samples = json(&["--from", file]);
        let csv = output(&["log", "--csv", "--from", file]);
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let columns = rows.headers().unwrap().clone();
        let text = output(&["log", "--from", file]);
        let is_line = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
        let mut lines = text
            .lines()
            .filter(|line| is_line(line) && !line.contains("cpu %"));
        let mut compared = 0;
        for (sample, row) in samples.iter().zip(rows.records()) {
            let row = row.unwrap();
            for (column, found) in columns.iter().zip(&row).skip(1) {
                if column == "events" {
                    assert_eq!(found, event_word(sample));
                    continue;
                }
                let expected = of_column(sample, column);
                let agrees = match expected.as_f64() {
                    None => found.is_empty(),
                    Some(expected) => {
                        let found: f64 = found.parse().unwrap();
                        (found - expected).abs() <= 1e-9 * expected.abs()
                    }
                };
                assert!(
                    agrees,
                    "{file}: {column} is {found:?}, expected {expected} as in {sample}"
                );
                compared += usize::from(!found.is_empty());
            }
            let words: Vec<_> = lines.next().unwrap().split_whitespace().collect();
            let of = |column: &str| of_column(sample, column).as_f64();
            let sum =
                |columns: &[&str]| columns.iter().map(|column| of(column)).sum::<Option<f64>>();
            let kib = |column: &str| of(column).map(|bytes| bytes / 1024.0);
            let used = of("memory_used_bytes").zip(of("memory_total_bytes"));
            let shown = [
                sum(&["cpu_user_percent", "cpu_nice_percent", "cpu_guest_percent"]),
                sum(&[
                    "cpu_system_percent",
                    "cpu_irq_percent",
                    "cpu_softirq_percent",
                ]),
                of("cpu_idle_percent"),
                of("cpu_iowait_percent"),
                of("cpu_steal_percent"),
                of("load_one_minute"),
                used.map(|(used, total)| used / total * 100.0),
                of("memory_available_bytes").map(|bytes| bytes / 1048576.0),
                kib("swap_in_bytes_per_second"),
                kib("swap_out_bytes_per_second"),
                of("faults_per_second"),
                kib("disk_read_bytes_per_second"),
                kib("disk_written_bytes_per_second"),
                kib("net_received_bytes_per_second"),
                kib("net_transmitted_bytes_per_second"),
                of("pressure_cpu_some_percent"),
                of("pressure_memory_some_percent"),
                of("pressure_io_some_percent"),
            ];
            assert_eq!(words.len(), 1 + shown.len(), "{words:?}");
            for (word, expected) in words[1..].iter().zip(shown) {
                assert!(
                    is_shown(word, expected),
                    "{file}: expected {expected:?}, found {word:?} in {words:?}"
                );
            }
        }
        assert_eq!(lines.next(), None);
        assert!(
            compared > 40 * samples.len(),
            "{compared} values of {} samples were compared, expected more",
            samples.len()
        );
    }
}

/// The number that follows a word on a screen, with thousands and more written out.
fn on_screen(screen: &str, word: &str) -> f64 {
    let words = screen.lines().flat_map(str::split_whitespace);
    let mut words = words.skip_while(|found| *found != word).skip(1);
    let text = words
        .next()
        .unwrap_or_else(|| panic!("expected {word:?} in\n{screen}"));
    let text = text.trim_end_matches('%');
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let scale = match &text[digits.len()..] {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        other => panic!("expected k or M, found {other:?} in {text:?}"),
    };
    digits.parse::<f64>().unwrap() * scale
}

/// The screen shows the same samples as the log: each of its figures about the whole machine, of
/// each sample.
#[test]
fn the_screen_agrees() {
    let mut compared = 0;
    for path_of_all in [RECORDING, LAYERS] {
        let records = resmon::Records::open(path_of_all).unwrap();
        let records: Vec<_> = records.map(|record| record.unwrap()).collect();
        for pair in records.windows(2) {
            let file = file_of(pair);
            let [sample] = &json(&["--from", path(&file)])[..] else {
                panic!("expected one sample of two records");
            };
            let screen = output(&["top", "--once", "200x60", "--from", path(&file)]);
            let of = |column: &str| of_column(sample, column).as_f64();
            for (word, expected) in [
                ("user", of("cpu_user_percent")),
                ("nice", of("cpu_nice_percent")),
                ("system", of("cpu_system_percent")),
                ("steal", of("cpu_steal_percent")),
                ("iowait", of("cpu_iowait_percent")),
                ("irq/s", of("interrupts_per_second")),
                ("softirq/s", of("soft_interrupts_per_second")),
                ("faults/s", of("faults_per_second")),
                ("major/s", of("major_faults_per_second")),
                ("oom", of("oom_kills")),
                ("min", of("load_one_minute")),
            ] {
                let found = on_screen(&screen, word);
                let expected = expected.unwrap();
                // Small numbers have one decimal or none, large ones three digits.
                let slack = 0.5001_f64.max(expected * 0.06);
                assert!(
                    (found - expected).abs() <= slack,
                    "{word} is {found} on the screen, expected {expected} as in {sample}\n{screen}"
                );
                compared += usize::from(expected != 0.0);
            }
        }
    }
    assert!(
        compared > 300,
        "{compared} figures were not 0, expected more"
    );
}
